/* The field tables as docs/reference/tend-yaml.md. */
#include "spec/describe.h"

#include <ctype.h>
#include <string.h>

static bool is_kept(const struct field *f)
{
    return f->type != FIELD_REFUSED && f->type != FIELD_IGNORED;
}

/* In a table cell a bar would end it. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_add_byte(out, '\\');
        buf_add_byte(out, *text);
    }
}

/* A heading as code hosts make anchors of them: lower case, blanks are dashes, no dots. */
static void add_link(struct buf *out, const struct field_table *table)
{
    struct str name = describe_table_name(table);

    buf_format(out, " ([%.*s](#", STR_ARG(name));
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] != '.')
            buf_add_byte(out, name.at[i] == ' ' ? '-' : (char)tolower((unsigned char)name.at[i]));
    buf_add_text(out, "))");
}

static void add_row(struct buf *out, const struct field *f)
{
    struct buf forms = BUF_INIT(4096);

    describe_forms(f, &forms);
    buf_format(out, "| `%s` | ", f->name);
    add_cell(out, forms.at);
    if (f->table != NULL)
        add_link(out, f->table);
    buf_add_text(out, " | ");
    add_cell(out, f->required ? "needed" : f->default_text != NULL ? f->default_text : "");
    buf_format(out, " | %s | ", describe_effect(f));
    add_cell(out, f->help);
    buf_add_text(out, " |\n");
    buf_fini(&forms);
}

/* Keys that are only told about, with their reasons. */
static void add_told(
    struct buf *out, const struct field_table *table, enum field_type type, const char *title)
{
    bool any = false;

    FIELDS_EACH (table, f) {
        if (f->type != type)
            continue;
        if (!any)
            buf_format(out, "\n%s\n\n| key | why |\n| --- | --- |\n", title);
        any = true;
        buf_format(out, "| `%s` | ", f->name);
        add_cell(out, f->help);
        buf_add_text(out, " |\n");
    }
}

static void add_kinds(struct buf *out)
{
    size_t count;
    const struct field_kind *const *kinds = fields_kinds(&count);

    for (size_t i = 0; i < count; i++) {
        buf_format(out, "| `%s` | a map by name", kinds[i]->name);
        add_link(out, kinds[i]->table);
        buf_format(out, " | | | %s |\n", kinds[i]->help);
    }
}

static void add_section(struct buf *out, const struct field_table *table)
{
    bool any = false;

    buf_format(out, "\n## %.*s\n\n%s\n", STR_ARG(describe_table_name(table)), table->help);
    FIELDS_EACH (table, f) {
        if (!is_kept(f))
            continue;
        if (!any)
            buf_add_text(out, "\n| key | takes | default | a change | what |\n"
                              "| --- | --- | --- | --- | --- |\n");
        any = true;
        add_row(out, f);
    }
    if (table == &fields_project)
        add_kinds(out);
    add_told(out, table, FIELD_REFUSED, "Not supported, an error that says why:");
    add_told(out, table, FIELD_IGNORED, "Without effect, a note that says why:");
}

void describe_reference(struct buf *out)
{
    const struct field_table *tables[DESCRIBE_TABLES_MAX];
    size_t count = describe_tables(tables);

    buf_add_text(out,
        "# Keys of tend.yaml\n\n<!-- Made by `tend __reference keys` from the field tables: change "
        "it there. -->\n\nOne section a mapping, one line a key. A *change* of a key either "
        "restarts the service's instances, or lets\nthem live on, or does nothing to them. A "
        "*duration* is written `500ms`, `10s` or `1m30s`; a *size* `64k`,\n`512m` or `1.5g`. Any "
        "value may hold variables (`${NAME:-default}`), and every mapping may hold keys "
        "that\nstart "
        "with `x-`: they are yours.\n\n[Writing tend.yaml](../guides/writing-tend-yaml.md) says "
        "how it "
        "fits "
        "together, `tend explain KEY` shows one line of\nthis page, and "
        "[tend.schema.json](tend.schema.json) is the same for editors.\n");
    for (size_t i = 0; i < count; i++)
        add_section(out, tables[i]);
}
