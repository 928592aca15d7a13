#include "spec/schema.h"

#include "spec/describe.h"
#include "spec/fields.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

/* What tend's own reading takes for a number, a truth, a duration or a size when it is a text; a
 * text with a dollar may become any of them. */
#define VARIABLE "\\$"
#define WHOLE    "^[-+]?[0-9]+$|^0x[0-9a-fA-F]+$|^0o[0-7]+$|" VARIABLE
#define NUMBER \
    "^[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)([eE][-+]?[0-9]+)?$|^0[xo][0-9a-fA-F]+$|" VARIABLE
#define TRUTH       "^(true|True|TRUE|false|False|FALSE)$|" VARIABLE
#define DURATION    "^(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|ms|s|m|h|d|w|y))+$|^0$|" VARIABLE
#define SIZE        "^([0-9]+\\.?[0-9]*|\\.[0-9]+) *([bB]|[kKmMgGtT]([iI]?[bB])?)?$|" VARIABLE

#define PLACE_BYTES 128

/* A name that can stand in a reference: "device_weight". */
static void name_definition(const struct field_table *table, char out[PLACE_BYTES])
{
    (void)snprintf(out, PLACE_BYTES, "%.*s", STR_ARG(describe_table_name(table)));
    for (char *blank = out; (blank = strchr(blank, ' ')) != NULL;)
        *blank = '_';
}

static void add_reference(struct json *j, const struct field_table *table)
{
    char name[PLACE_BYTES];

    name_definition(table, name);
    if (table == &fields_project)
        json_text(j, "$ref", "#");
    else
        json_format(j, "$ref", "#/$defs/%s", name);
}

static void add_bound(struct json *j, const char *key, double bound)
{
    if (bound == (double)(int64_t)bound)
        json_int(j, key, (int64_t)bound);
    else
        json_number(j, key, bound);
}

static void add_bounds(struct json *j, const struct field *f)
{
    if (f->min == 0 && f->max == 0)
        return;
    add_bound(j, "minimum", f->min);
    if (f->max != 0)
        add_bound(j, "maximum", f->max);
}

/* "type" of one or several, with null unless the key is needed. */
static void add_types(struct json *j, const struct field *f, const char *const *types)
{
    json_open_array(j, "type");
    for (; *types != NULL; types++)
        json_text(j, NULL, *types);
    if (!f->required)
        json_text(j, NULL, "null");
    json_end(j);
}

static void add_typed_text(
    struct json *j, const struct field *f, const char *type, const char *pattern)
{
    const char *types[] = {type, "string", NULL};

    add_types(j, f, type != NULL ? types : types + 1);
    json_text(j, "pattern", pattern);
}

static void open_alternative(struct json *j)
{
    json_open_object(j, NULL);
}

static void add_null(struct json *j)
{
    open_alternative(j);
    json_text(j, "type", "null");
    json_end(j);
}

static void add_pattern(struct json *j, const char *pattern)
{
    open_alternative(j);
    json_text(j, "type", "string");
    json_text(j, "pattern", pattern);
    json_end(j);
}

/* The words, as a truth too where they spell one. */
static void add_words(struct json *j, const struct field *f)
{
    open_alternative(j);
    json_open_array(j, "enum");
    for (const struct field_choice *c = f->choices; c->name != NULL; c++) {
        bool is_true = strcmp(c->name, "true") == 0,
             is_truth = is_true || strcmp(c->name, "false") == 0;
        if (is_truth)
            json_bool(j, NULL, is_true);
        json_text(j, NULL, c->name);
        if (f->type == FIELD_CUSTOM && strcmp(c->name, "no") == 0)
            json_bool(j, NULL, false);
    }
    json_end(j);
    json_end(j);
}

static void add_choice(struct json *j, const struct field *f)
{
    json_open_array(j, "anyOf");
    add_words(j, f);
    add_pattern(j, VARIABLE);
    if (!f->required)
        add_null(j);
    json_end(j);
}

/* Any scalar is a text where a text is wanted. */
static void add_any_scalar(struct json *j, bool null_too)
{
    json_open_array(j, "type");
    json_text(j, NULL, "string");
    json_text(j, NULL, "number");
    json_text(j, NULL, "boolean");
    if (null_too)
        json_text(j, NULL, "null");
    json_end(j);
}

/* Alternatives of a row with its own shape, one for each form. */

static void add_numbers(struct json *j, const struct field *f)
{
    open_alternative(j);
    json_text(j, "type", "integer");
    add_bounds(j, f);
    json_end(j);
}

static void add_texts(struct json *j, const struct field *f)
{
    if (f->choices != NULL)
        add_words(j, f);
    if (f->pattern != NULL)
        add_pattern(j, f->pattern);
    if (f->choices != NULL || f->pattern != NULL) {
        add_pattern(j, VARIABLE);
        return;
    }
    open_alternative(j);
    add_any_scalar(j, false);
    json_end(j);
}

static void add_truths(struct json *j, const struct field *f)
{
    if (f->choices != NULL) {
        add_words(j, f);
        add_pattern(j, VARIABLE);
        return;
    }
    open_alternative(j);
    json_text(j, "type", "boolean");
    json_end(j);
    add_pattern(j, TRUTH);
}

static void add_entry(struct json *j, const struct field *f)
{
    open_alternative(j);
    json_text(j, "type", "object");
    if (f->table != NULL) /* else whatever it holds */
        add_reference(j, f->table);
    json_end(j);
}

/* The items of its list: entries by its table, numbers, or texts. */
static void add_items(struct json *j, const struct field *f)
{
    bool has_entries = f->per_entry && f->table != NULL && f->merge != MERGE_BY_NAME;

    json_open_object(j, "items");
    if (has_entries) {
        json_open_array(j, "anyOf");
        open_alternative(j);
        add_any_scalar(j, false);
        json_end(j);
        add_entry(j, f);
        json_end(j);
    } else if (f->forms & FORM_NUMBER && !(f->forms & FORM_TEXT)) {
        json_open_array(j, "type");
        json_text(j, NULL, "integer");
        json_text(j, NULL, "string");
        json_end(j);
        add_bounds(j, f);
        json_text(j, "pattern", WHOLE);
    } else {
        add_any_scalar(j, false);
    }
    json_end(j);
}

static void add_lists(struct json *j, const struct field *f)
{
    open_alternative(j);
    json_text(j, "type", "array");
    add_items(j, f);
    json_end(j);
}

static void add_by_name(struct json *j, const struct field *f)
{
    open_alternative(j);
    json_text(j, "type", "object");
    json_open_object(j, "additionalProperties");
    if (f->table != NULL) {
        json_open_array(j, "anyOf");
        add_entry(j, f);
        add_null(j);
        json_end(j);
    } else {
        add_any_scalar(j, true);
    }
    json_end(j);
    json_end(j);
}

static void add_maps(struct json *j, const struct field *f)
{
    if (f->merge == MERGE_BY_NAME || f->type == FIELD_ENTRIES)
        add_by_name(j, f);
    else
        add_entry(j, f);
}

static void add_forms(struct json *j, const struct field *f)
{
    json_open_array(j, "anyOf");
    if (f->forms & FORM_TEXT)
        add_texts(j, f);
    if (f->forms & FORM_NUMBER) {
        add_numbers(j, f);
        if (!(f->forms & FORM_TEXT))
            add_pattern(j, WHOLE);
    }
    if (f->forms & FORM_BOOL)
        add_truths(j, f);
    if (f->forms & FORM_LIST)
        add_lists(j, f);
    if (f->forms & FORM_LIST && !(f->forms & FORM_TEXT)) /* a list variable */
        add_pattern(j, VARIABLE);
    if (f->forms & FORM_MAP)
        add_maps(j, f);
    if (!f->required)
        add_null(j);
    json_end(j);
}

static void add_key_needed(struct json *j, const char *key)
{
    open_alternative(j);
    json_open_array(j, "required");
    json_text(j, NULL, key);
    json_end(j);
    json_end(j);
}

static void add_entry_of(struct json *j, const char *key, const struct field_table *table)
{
    json_open_object(j, key);
    add_reference(j, table);
    json_end(j);
}

/* A service is a container if it says so; one that extends another may be either. */
static void add_either(struct json *j, const struct field_table *table)
{
    json_open_object(j, "if");
    json_open_array(j, "anyOf");
    add_key_needed(j, "image");
    add_key_needed(j, "build");
    json_end(j);
    json_end(j);
    add_entry_of(j, "then", table->container);
    json_open_object(j, "else");
    json_open_object(j, "if");
    json_open_array(j, "required");
    json_text(j, NULL, "extends");
    json_end(j);
    json_end(j);
    json_open_object(j, "then");
    json_open_array(j, "anyOf");
    add_entry_of(j, NULL, table->container);
    add_entry_of(j, NULL, table);
    json_end(j);
    json_end(j);
    add_entry_of(j, "else", table);
    json_end(j);
}

/* An entry, or a value in its place. */
static void add_entry_or_value(struct json *j, const struct field_table *table)
{
    static const char *const types[] = {"string", "number", "boolean", "array", "null", NULL};

    json_open_array(j, "anyOf");
    open_alternative(j);
    add_reference(j, table);
    json_end(j);
    open_alternative(j);
    json_open_array(j, "type");
    for (size_t i = 0; types[i] != NULL; i++)
        json_text(j, NULL, types[i]);
    json_end(j);
    json_end(j);
    json_end(j);
}

static void add_map_of(
    struct json *j, const struct field_table *table, const char *pattern, bool value_too)
{
    const char *types[] = {"object", NULL};
    static const struct field optional;

    add_types(j, &optional, types);
    if (pattern != NULL) {
        json_open_object(j, "propertyNames");
        json_text(j, "pattern", pattern);
        json_end(j);
    }
    json_open_object(j, "additionalProperties");
    if (table->container != NULL)
        add_either(j, table);
    else if (value_too)
        add_entry_or_value(j, table);
    else
        add_reference(j, table);
    json_end(j);
}

static void add_map(struct json *j, const struct field *f)
{
    json_open_array(j, "anyOf");
    add_entry(j, f);
    if (!f->required)
        add_null(j);
    json_end(j);
}

static void add_shape(struct json *j, const struct field *f)
{
    switch (f->type) {
    case FIELD_CUSTOM:
        add_forms(j, f);
        break;
    case FIELD_TEXT:
        add_any_scalar(j, !f->required);
        break;
    case FIELD_BOOL:
        add_typed_text(j, f, "boolean", TRUTH);
        break;
    case FIELD_INT:
    case FIELD_COUNT:
        add_typed_text(j, f, "integer", WHOLE);
        add_bounds(j, f);
        break;
    case FIELD_NUMBER:
        add_typed_text(j, f, "number", NUMBER);
        add_bounds(j, f);
        break;
    case FIELD_DURATION: /* a bare 0 is one */
        add_typed_text(j, f, "integer", DURATION);
        json_int(j, "maximum", 0);
        json_int(j, "minimum", f->min > 0 ? 1 : 0);
        break;
    case FIELD_BYTES:
        add_typed_text(j, f, "number", SIZE);
        add_bound(j, "minimum", f->min);
        break;
    case FIELD_CHOICE:
        add_choice(j, f);
        break;
    case FIELD_MAP:
        add_map(j, f);
        break;
    case FIELD_MAP_OF:
        add_map_of(j, f->table, f->pattern, f->forms & FORM_TEXT);
        break;
    case FIELD_TEXTS:
    case FIELD_NAMED:
    case FIELD_LIST_OF:
    case FIELD_ENTRIES:
        add_forms(j, f);
        break;
    case FIELD_REFUSED:
        json_text(j, "type", "null");
        json_text(j, "errorMessage", f->help);
        break;
    case FIELD_IGNORED:
        break;
    }
}

static void add_default(struct json *j, const struct field *f)
{
    const char *text = f->default_text;
    int64_t whole;

    if (text == NULL)
        return;
    if (f->type == FIELD_BOOL)
        json_bool(j, "default", strcmp(text, "true") == 0);
    else if ((f->type == FIELD_INT || f->type == FIELD_COUNT) && str_to_int(str_from(text), &whole))
        json_int(j, "default", whole);
    else if (f->type == FIELD_DURATION || f->type == FIELD_BYTES || f->choices != NULL)
        json_text(j, "default", text);
}

static void add_description(struct json *j, const struct field *f)
{
    const char *effect = describe_effect(f);
    struct buf text = BUF_INIT(4096);

    if (f->type == FIELD_REFUSED || f->type == FIELD_IGNORED)
        buf_add_text(&text, f->type == FIELD_REFUSED ? "Not supported: " : "Has no effect: ");
    buf_add_text(&text, f->help);
    if (f->default_text != NULL)
        buf_format(&text, " Default: %s.", f->default_text);
    if (strcmp(effect, "restarts") == 0)
        buf_add_text(&text, " A change restarts its instances.");
    else if (strcmp(effect, "lives on") == 0)
        buf_add_text(&text, " A change restarts nothing.");
    json_str(j, "description", buf_str(&text));
    if (f->type == FIELD_REFUSED || f->type == FIELD_IGNORED)
        json_bool(j, "deprecated", true);
    buf_fini(&text);
}

static void add_property(struct json *j, const struct field *f)
{
    json_open_object(j, f->name);
    add_description(j, f);
    add_shape(j, f);
    add_default(j, f);
    json_end(j);
}

static void add_required(struct json *j, const struct field_table *table)
{
    bool any = false;

    FIELDS_EACH (table, f) {
        if (!f->required)
            continue;
        if (!any)
            json_open_array(j, "required");
        any = true;
        json_text(j, NULL, f->name);
    }
    if (any)
        json_end(j);
}

static void add_kinds(struct json *j)
{
    size_t count;
    const struct field_kind *const *kinds = fields_kinds(&count);

    for (size_t i = 0; i < count; i++) {
        json_open_object(j, kinds[i]->name);
        json_text(j, "description", kinds[i]->help);
        add_map_of(j, kinds[i]->table, NULL, false);
        json_end(j);
    }
}

/* What a container has in common with a process. */
static void add_shared(struct json *j)
{
    for (size_t i = 0; i < fields_service.count; i++)
        if (field_find(&fields_container, str_from(fields_service.fields[i].name)) == NULL)
            add_property(j, &fields_service.fields[i]);
}

static void add_table(struct json *j, const struct field_table *table)
{
    json_text(j, "description", table->help);
    json_text(j, "type", "object");
    json_open_object(j, "properties");
    FIELDS_EACH (table, f)
        add_property(j, f);
    if (table == &fields_project)
        add_kinds(j);
    if (table == &fields_container)
        add_shared(j);
    json_end(j);
    json_open_object(j, "patternProperties");
    json_bool(j, "^x-", true);
    json_end(j);
    add_required(j, table);
    json_bool(j, "additionalProperties", false);
}

void schema_write(struct buf *out)
{
    const struct field_table *tables[DESCRIBE_TABLES_MAX];
    size_t count = describe_tables(tables);
    struct json j = json_begin(out);
    char name[PLACE_BYTES];

    json_open_object(&j, NULL);
    json_text(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_text(&j, "$id", SCHEMA_ID);
    json_text(&j, "$comment", "Made by `tend schema` from the field tables: change it there.");
    json_text(&j, "title", "tend.yaml");
    add_table(&j, &fields_project);
    json_open_object(&j, "$defs");
    for (size_t i = 0; i < count; i++) {
        if (tables[i] == &fields_project)
            continue;
        name_definition(tables[i], name);
        json_open_object(&j, name);
        add_table(&j, tables[i]);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
}
