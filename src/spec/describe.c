#include "spec/describe.h"

#include "base/must.h"
#include "base/units.h"

#include <string.h>

struct str describe_table_name(const struct field_table *table)
{
    static const char *const articles[] = {"a ", "an ", "the "};
    struct str name = str_from(table->name);

    for (size_t i = 0; i < COUNT(articles); i++)
        if (str_starts(name, articles[i]))
            return str_tail(name, strlen(articles[i]));
    return name;
}

/* Forms. */

static void add_separator(struct buf *out, size_t i, size_t count)
{
    if (i > 0)
        buf_add_text(out, i + 1 == count ? " or " : ", ");
}

static void add_choices(const struct field *f, struct buf *out)
{
    size_t count = 0;

    while (f->choices[count].name != NULL)
        count++;
    if (count > 1)
        buf_add_text(out, "one of ");
    for (size_t i = 0; i < count; i++) {
        add_separator(out, i, count);
        buf_format(out, "'%s'", f->choices[i].name);
    }
}

static void add_bounds(const struct field *f, struct buf *out)
{
    if (f->min != 0 || f->max != 0)
        buf_format(out, " from %g", f->min);
    if (f->max != 0)
        buf_format(out, " to %.0f", f->max);
}

static void add_least(const struct field *f, struct buf *out)
{
    char text[UNITS_TEXT_BYTES];

    if (f->min <= 0)
        return;
    if (f->type == FIELD_DURATION)
        units_format_duration((int64_t)f->min, text);
    else
        units_format_bytes((int64_t)f->min, text);
    buf_format(out, " of at least %s", text);
}

/* A row with its own shape: one name for each form. */
static void add_custom(const struct field *f, struct buf *out)
{
    static const struct {
        unsigned form;
        const char *name;
    } names[] = {
        {FORM_TEXT,   "a text"       },
        {FORM_NUMBER, "a number"     },
        {FORM_BOOL,   "true or false"},
        {FORM_LIST,   "a list"       },
        {FORM_MAP,    "a map"        },
    };
    unsigned words = f->choices != NULL ? FORM_TEXT | FORM_BOOL : 0, rest = f->forms & ~words;
    size_t count = (f->forms & words) != 0, said = 0;

    for (size_t i = 0; i < COUNT(names); i++)
        count += (rest & names[i].form) != 0;
    if (f->forms & words) {
        add_choices(f, out);
        said++;
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!(rest & names[i].form))
            continue;
        add_separator(out, said++, count);
        buf_add_text(out, names[i].name);
    }
}

void describe_forms(const struct field *f, struct buf *out)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "a text",
        [FIELD_BOOL] = "true or false",
        [FIELD_INT] = "a whole number",
        [FIELD_COUNT] = "a whole number",
        [FIELD_NUMBER] = "a number",
        [FIELD_DURATION] = "a duration",
        [FIELD_BYTES] = "a size",
        [FIELD_MAP] = "a map",
        [FIELD_MAP_OF] = "a map by name",
        [FIELD_REFUSED] = "nothing",
        [FIELD_IGNORED] = "anything",
    };

    if (f->type == FIELD_CUSTOM || (f->type >= FIELD_TEXTS && f->type <= FIELD_ENTRIES))
        add_custom(f, out);
    else if (f->type == FIELD_CHOICE)
        add_choices(f, out);
    else
        buf_add_text(out, names[f->type]);
    if (f->type == FIELD_INT || f->type == FIELD_COUNT || f->type == FIELD_NUMBER)
        add_bounds(f, out);
    else if (f->type == FIELD_DURATION || f->type == FIELD_BYTES)
        add_least(f, out);
}

const char *describe_effect(const struct field *f)
{
    static const char *const names[] = {
        [FIELD_RESTARTS] = "restarts",
        [FIELD_UPDATES_LIVE] = "lives on",
        [FIELD_NO_EFFECT] = "nothing",
    };
    bool is_only_word = f->type == FIELD_CUSTOM && f->choices != NULL && f->choices[1].name == NULL;

    if (f->type == FIELD_MAP || f->type == FIELD_MAP_OF || f->type == FIELD_REFUSED ||
        f->type == FIELD_IGNORED)
        return "";
    if (is_only_word && f->input_only) /* it says what is so anyway */
        return names[FIELD_NO_EFFECT];
    return names[f->effect];
}

/* Tables. */

static size_t add_table(const struct field_table *tables[DESCRIBE_TABLES_MAX], size_t count,
    const struct field_table *t)
{
    for (size_t i = 0; i < count; i++)
        if (tables[i] == t)
            return count;
    must(count < DESCRIBE_TABLES_MAX);
    tables[count++] = t;
    FIELDS_EACH (t, f)
        if (f->table != NULL)
            count = add_table(tables, count, f->table);
    return t->container != NULL ? add_table(tables, count, t->container) : count;
}

size_t describe_tables(const struct field_table *out[DESCRIBE_TABLES_MAX])
{
    size_t kind_count, count = add_table(out, 0, &fields_project);
    const struct field_kind *const *kinds = fields_kinds(&kind_count);

    for (size_t i = 0; i < kind_count; i++)
        count = add_table(out, count, kinds[i]->table);
    return count;
}

/* Paths. */

static bool has_entry_names(const struct field *f)
{
    return f->type == FIELD_MAP_OF || f->type == FIELD_ENTRIES ||
           (f->per_entry && f->merge == MERGE_BY_NAME);
}

/* Follow `path` from `table`. */
static bool walk(const struct field_table *table, struct str path, struct field_place *out,
    const char **out_nearest)
{
    while (table != NULL) {
        struct str key = str_cut(&path, '.');
        const struct field *f = field_find_any(table, key);
        *out_nearest = f == NULL ? field_nearest(table, key) : NULL;
        if (f == NULL)
            return false;
        *out = (struct field_place){
            .table = field_find(table, key) == f ? table : table->container, .field = f};
        if (path.len == 0)
            return true;
        table = f->table;
        if (table != NULL && has_entry_names(f) && field_find_any(table, path) == NULL)
            (void)str_cut(&path, '.');
        if (path.len == 0)
            return true;
    }
    return false;
}

static bool walk_kinds(struct str path, struct field_place *out, const char **out_nearest)
{
    struct str rest = path;
    const struct field_kind *kind = fields_kind(str_cut(&rest, '.'));

    if (kind == NULL)
        return false;
    (void)str_cut(&rest, '.'); /* the entry's name */
    return walk(kind->table, rest, out, out_nearest);
}

bool describe_find(struct str path, struct field_place *out, const char **out_nearest)
{
    const char *nearest_in_project;

    const char *nearest_in_job;

    if (walk(&fields_service, path, out, out_nearest) || walk_kinds(path, out, out_nearest) ||
        walk(&fields_job, path, out, &nearest_in_job))
        return true;
    if (walk(&fields_project, path, out, &nearest_in_project))
        return true;
    if (*out_nearest == NULL)
        *out_nearest = nearest_in_project;
    return false;
}

/* A single row. */

void describe_field(const char *path, const struct field_place *place, struct buf *out)
{
    const struct field *f = place->field;
    const char *effect = describe_effect(f);

    buf_format(out, "%s (in %s)\n\n", path, place->table->name);
    if (f->type == FIELD_REFUSED || f->type == FIELD_IGNORED) {
        buf_format(out, "    %s %s\n",
            f->type == FIELD_REFUSED ? "Not supported:" : "Has no effect:", f->help);
        return;
    }
    buf_format(out, "    %s\n\n    takes     ", f->help);
    describe_forms(f, out);
    buf_format(out, "\n    default   %s\n",
        f->required               ? "none: it is needed"
        : f->default_text != NULL ? f->default_text
                                  : "none");
    if (effect[0] != '\0')
        buf_format(out, "    a change  %s\n",
            strcmp(effect, "restarts") == 0   ? "restarts the service's instances"
            : strcmp(effect, "lives on") == 0 ? "restarts nothing: running instances take it over"
                                              : "does nothing to what runs");
    if (f->table == NULL)
        return;
    buf_add_text(out, "    holds    ");
    FIELDS_EACH (f->table, held)
        if (held->type < FIELD_REFUSED)
            buf_format(out, " %s", held->name);
    buf_add_byte(out, '\n');
}

void describe_field_json(const char *path, const struct field_place *place, struct buf *out)
{
    const struct field *f = place->field;
    struct json j = json_begin(out);
    struct buf forms = BUF_INIT(4096);

    describe_forms(f, &forms);
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_text(&j, "path", path);
    json_text(&j, "table", place->table->name);
    json_text(&j, "support",
        f->type == FIELD_REFUSED   ? "refused"
        : f->type == FIELD_IGNORED ? "ignored"
                                   : "yes");
    json_str(&j, "takes", buf_str(&forms));
    json_text(&j, "default", f->default_text);
    json_bool(&j, "required", f->required);
    json_text(&j, "change", describe_effect(f));
    json_text(&j, "help", f->help);
    json_text(&j, "since", f->since != NULL ? f->since : "0.1.0");
    json_end(&j);
    buf_fini(&forms);
}
