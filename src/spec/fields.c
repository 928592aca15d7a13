#include "spec/fields.h"

#include "base/must.h"
#include "base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DURATION_NS_MAX (100 * 86400 * INT64_C(1000000000)) /* a double holds each nanosecond */
#define BYTES_MAX       (INT64_C(1) << 50)
#define KINDS_MAX       64

/* Looking rows up. */

static const struct field *find_own(const struct field_table *table, struct str name)
{
    for (size_t i = 0; i < table->count; i++)
        if (name.len > 0 && table->fields[i].name[0] == name.at[0] &&
            str_is(name, table->fields[i].name))
            return &table->fields[i];
    return NULL;
}

const struct field *field_find(const struct field_table *table, struct str name)
{
    const struct field *f = find_own(table, name);

    return f == NULL && table->base != NULL ? find_own(table->base, name) : f;
}

/* The first row from `k` on of the base that the table has no row of its own for. */
static const struct field *next_of_base(const struct field_table *table, size_t k)
{
    const struct field_table *base = table->base;

    for (; base != NULL && k < base->count; k++)
        if (find_own(table, str_from(base->fields[k].name)) == NULL)
            return &base->fields[k];
    return NULL;
}

const struct field *fields_next(const struct field_table *table, const struct field *after)
{
    bool in_own = after == NULL || (after >= table->fields && after < table->fields + table->count);

    if (!in_own)
        return next_of_base(table, (size_t)(after - table->base->fields) + 1);
    after = after == NULL ? table->fields : after + 1;
    return after < table->fields + table->count ? after : next_of_base(table, 0);
}

const struct field *field_find_any(const struct field_table *table, struct str name)
{
    const struct field *f = field_find(table, name), *other = NULL;

    if (table->container != NULL && (f == NULL || f->type >= FIELD_REFUSED))
        other = field_find(table->container, name);
    return other != NULL ? other : f;
}

const char *field_nearest(const struct field_table *table, struct str typed)
{
    const char *names[256];
    size_t count = 0;

    for (; table != NULL; table = table->container)
        FIELDS_EACH (table, f)
            if (count < COUNT(names) && f->type != FIELD_REFUSED)
                names[count++] = f->name;
    return str_nearest(typed, names, count);
}

static void report_unknown(
    struct diagnostics *d, const struct field_table *table, const struct node_pair *pair)
{
    const char *nearest = diagnostics_is_full(d) ? NULL : field_nearest(table, pair->key);

    diagnostic_error(d, "unknown-key", &pair->key_span, "unknown key '%.*s' in %s",
        STR_ARG(pair->key), table->name);
    if (nearest != NULL)
        diagnostic_help(d, "did you mean '%s'?", nearest);
    else
        diagnostic_help(d, "keys that start with 'x-' are free for your own use");
}

/* Values. */

bool field_wrong(struct decode *d, const char *name, const struct node *value, const char *wanted)
{
    diagnostic_error(d->diagnostics, "wrong-type", &value->span, "'%s' takes %s, and this is %s",
        name, wanted, node_kind_name(value));
    return false;
}

bool field_wrong_value(
    struct decode *d, const char *name, const struct node *value, const char *wanted)
{
    struct str shown = value->text;

    if (shown.len > 60)
        shown.len = str_utf8_valid((struct str){.at = shown.at, .len = 60});
    diagnostic_error(d->diagnostics, "wrong-value", &value->span, "'%s' takes %s, not '%.*s'", name,
        wanted, STR_ARG(shown));
    return false;
}

void field_refuse(struct decode *d, const struct span *span, const char *fmt, ...)
{
    char text[400];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    diagnostic_error(d->diagnostics, "not-supported", span, "not supported: %s", text);
}

/* Told once; then nothing more is decoded. */
static bool is_too_large(struct decode *d, const struct span *span)
{
    if (d->is_too_large || arena_bytes(d->arena) < FIELD_ALL_BYTES_MAX)
        return d->is_too_large;
    d->is_too_large = true;
    diagnostic_error(d->diagnostics, "limit", span,
        "the project grows to more than %u MiB with its aliases and variables",
        FIELD_ALL_BYTES_MAX >> 20);
    return true;
}

bool field_text(struct decode *d, const char *name, const struct node *value, const char **out)
{
    if (!node_is_scalar(value) || value->kind == NODE_NULL)
        return field_wrong(d, name, value, "a text");
    if (is_too_large(d, &value->span))
        return false;
    if (value->text.len > FIELD_TEXT_BYTES_MAX) {
        diagnostic_error(d->diagnostics, "limit", &value->span,
            "'%s' is longer than %u bytes, which cannot be passed to a program", name,
            FIELD_TEXT_BYTES_MAX);
        return false;
    }
    *out = arena_copy_str(d->arena, value->text).at;
    return true;
}

static bool take_whole(struct decode *d, const char *name, const struct node *value, double min,
    double max, int64_t *out)
{
    char wanted[120];
    bool bounded = min != 0 || max != 0;

    if (!node_is_scalar(value))
        return field_wrong(d, name, value, "a whole number");
    if (node_to_int(value, out) && (!bounded || ((double)*out >= min && (double)*out <= max)))
        return true;
    (void)snprintf(wanted, sizeof wanted, "a whole number");
    if (bounded)
        (void)snprintf(wanted, sizeof wanted, "a whole number from %.0f to %.0f", min, max);
    return field_wrong_value(d, name, value, wanted);
}

bool field_int(
    struct decode *d, const char *name, const struct node *value, int min, int max, int *out)
{
    int64_t whole;

    if (!take_whole(d, name, value, min, max, &whole))
        return false;
    *out = (int)whole;
    return true;
}

bool field_texts(struct decode *d, const char *name, const struct node *value,
    const char *const **out, size_t *out_count)
{
    bool is_list = value->kind == NODE_LIST, ok = true;
    size_t count = is_list ? value->count : 1;
    const char **texts = arena_new_array(d->arena, count + 1, const char *);

    if (value->kind == NODE_MAP)
        return field_wrong(d, name, value, "a text or a list of texts");
    for (size_t i = 0; i < count; i++)
        ok = field_text(d, name, is_list ? value->items[i] : value, &texts[i]) && ok;
    *out = (const char *const *)texts;
    *out_count = count;
    return ok;
}

static void put_named(struct arena *a, struct node *map, const struct node *item)
{
    struct str rest = item->text, name = str_cut(&rest, '=');
    bool has_value = name.len < item->text.len;
    struct node *value = has_value ? node_text(a, rest) : node_null(a);

    value->span = item->span;
    value->has_reference = has_value && item->has_reference;
    value->interpolated = true;
    node_put(a, map, name, value)->key_span = item->span;
}

struct node *field_by_name(
    struct arena *a, struct diagnostics *d, const char *name, struct node *value)
{
    struct decode decode = {.arena = a, .diagnostics = d};

    if (value->kind == NODE_MAP)
        return value;
    if (value->kind != NODE_LIST) {
        if (d != NULL)
            (void)field_wrong(&decode, name, value, "a map, or a list of NAME=value");
        return NULL;
    }
    struct node *map = node_map(a);
    map->span = value->span;
    map->tag = value->tag;
    for (size_t i = 0; i < value->count; i++) {
        if (node_is_scalar(value->items[i]) && value->items[i]->kind != NODE_NULL)
            put_named(a, map, value->items[i]);
        else if (d != NULL)
            (void)field_wrong(&decode, name, value->items[i], "NAME=value in its list");
    }
    return map;
}

/* Decoding by type. Each takes one value to where it belongs. */

static void decode_number(
    struct decode *d, const struct field *f, const struct node *value, double *out)
{
    double number;
    char wanted[120];
    bool bounded = f->min != 0 || f->max != 0;

    if (!node_is_scalar(value)) {
        (void)field_wrong(d, f->name, value, "a number");
    } else if (node_to_number(value, &number) &&
               (!bounded || (number >= f->min && number <= f->max))) {
        *out = number;
    } else {
        (void)snprintf(
            wanted, sizeof wanted, bounded ? "a number from %g to %g" : "a number", f->min, f->max);
        (void)field_wrong_value(d, f->name, value, wanted);
    }
}

static void decode_duration(
    struct decode *d, const struct field *f, const struct node *value, int64_t *out_ns)
{
    int64_t ns;

    if (!node_is_scalar(value)) {
        (void)field_wrong(d, f->name, value, "a duration");
    } else if (!units_parse_duration(value->text, &ns)) {
        (void)field_wrong_value(d, f->name, value, "a duration such as 500ms, 10s or 1m30s");
        if (node_to_int(value, &ns) && ns > 0)
            diagnostic_help(d->diagnostics, "with its unit: %llds", (long long)ns);
    } else if (ns > DURATION_NS_MAX) {
        (void)field_wrong_value(d, f->name, value, "a duration of at most 2400h");
    } else if ((double)ns < f->min) {
        char least[UNITS_TEXT_BYTES], wanted[80];
        units_format_duration((int64_t)f->min, least);
        (void)snprintf(wanted, sizeof wanted, "a duration of at least %s", least);
        (void)field_wrong_value(d, f->name, value, wanted);
    } else {
        *out_ns = ns;
    }
}

static void decode_bytes(
    struct decode *d, const struct field *f, const struct node *value, int64_t *out)
{
    int64_t bytes;

    if (!node_is_scalar(value))
        (void)field_wrong(d, f->name, value, "a size");
    else if (!units_parse_bytes(value->text, &bytes) || bytes > BYTES_MAX)
        (void)field_wrong_value(d, f->name, value, "a size such as 64k, 512m or 1.5g");
    else if ((double)bytes < f->min)
        (void)field_wrong_value(d, f->name, value, "a larger size");
    else
        *out = bytes;
}

static void decode_bool(
    struct decode *d, const struct field *f, const struct node *value, bool *out)
{
    if (node_to_bool(value, out))
        return;
    if (!node_is_scalar(value)) {
        (void)field_wrong(d, f->name, value, "true or false");
        return;
    }
    (void)field_wrong_value(d, f->name, value, "true or false");
    if (str_is(value->text, "yes") || str_is(value->text, "on"))
        diagnostic_help(d->diagnostics, "in YAML 1.2 '%s' is a text: write true", value->text.at);
    else if (str_is(value->text, "no") || str_is(value->text, "off"))
        diagnostic_help(d->diagnostics, "in YAML 1.2 '%s' is a text: write false", value->text.at);
}

static void list_choices(const struct field *f, char *out, size_t bytes)
{
    size_t len = 0;

    for (const struct field_choice *c = f->choices; c->name != NULL && len < bytes; c++) {
        const char *between = c == f->choices ? "" : c[1].name == NULL ? " or " : ", ";
        len += (size_t)snprintf(out + len, bytes - len, "%s'%s'", between, c->name);
    }
}

static void decode_choice(
    struct decode *d, const struct field *f, const struct node *value, int *out)
{
    const char *names[32];
    char wanted[200];
    size_t count = 0;

    for (const struct field_choice *c = f->choices; c->name != NULL; c++) {
        if (node_is_scalar(value) && str_is(value->text, c->name)) {
            *out = c->value;
            return;
        }
        names[count++] = c->name;
    }
    list_choices(f, wanted, sizeof wanted);
    if (!node_is_scalar(value)) {
        (void)field_wrong(d, f->name, value, wanted);
        return;
    }
    (void)field_wrong_value(d, f->name, value, wanted);
    const char *nearest = str_nearest(value->text, names, count);
    if (nearest != NULL)
        diagnostic_help(d->diagnostics, "did you mean '%s'?", nearest);
}

static void decode_by_type(
    struct decode *d, const struct field *f, const struct node_pair *pair, char *into)
{
    const struct node *value = pair->value;
    void *at = into + f->offset;
    int64_t whole;

    switch (f->type) {
    case FIELD_CUSTOM:
        f->decode(d, f, pair, into);
        break;
    case FIELD_TEXT:
        (void)field_text(d, f->name, value, at);
        break;
    case FIELD_BOOL:
        decode_bool(d, f, value, at);
        break;
    case FIELD_INT:
        if (take_whole(d, f->name, value, f->min, f->max, &whole))
            *(int *)at = (int)whole;
        break;
    case FIELD_COUNT:
        (void)take_whole(d, f->name, value, f->min, f->max, at);
        break;
    case FIELD_NUMBER:
        decode_number(d, f, value, at);
        break;
    case FIELD_DURATION:
        decode_duration(d, f, value, at);
        break;
    case FIELD_BYTES:
        decode_bytes(d, f, value, at);
        break;
    case FIELD_CHOICE:
        decode_choice(d, f, value, at);
        break;
    case FIELD_MAP:
        if (value->kind != NODE_MAP)
            (void)field_wrong(d, f->name, value, "a map");
        else
            fields_decode(d, f->table, value, at);
        break;
    case FIELD_MAP_OF:
        if (f->decode != NULL)
            f->decode(d, f, pair, into);
        break;
    case FIELD_TEXTS:
    case FIELD_NAMED:
    case FIELD_LIST_OF:
    case FIELD_ENTRIES:
        field_decode_list(d, f, value, at);
        break;
    case FIELD_REFUSED:
        field_refuse(d, &pair->key_span, "'%s': %s", f->name, f->help);
        break;
    case FIELD_IGNORED:
        diagnostic_note(d->diagnostics, "no-effect", &pair->key_span, "'%s' has no effect: %s",
            f->name, f->help);
        break;
    }
}

static void check_required(
    struct decode *d, const struct field_table *table, const struct node *map)
{
    FIELDS_EACH (table, f) {
        const struct node *value = f->required ? node_get(map, f->name) : map;
        if (value == NULL || value->kind == NODE_NULL)
            diagnostic_error(d->diagnostics, "missing-key", &map->span, "'%s' is missing in %s",
                f->name, table->name);
    }
}

static bool is_extension(struct str key)
{
    return str_starts(key, "x-");
}

void fields_decode_over(struct decode *d, const struct field_table *first, void *first_into,
    const struct field_table *table, const struct node *map, void *into)
{
    must(map->kind == NODE_MAP);
    NODE_EACH (map, pair) {
        const struct field *over = first != NULL ? field_find(first, pair->key) : NULL;
        const struct field *f = over != NULL ? over : field_find(table, pair->key);
        if (is_too_large(d, &pair->key_span))
            return;
        if (f != NULL && pair->value->kind != NODE_NULL)
            decode_by_type(d, f, pair, over != NULL ? first_into : into);
        else if (f == NULL && !is_extension(pair->key))
            report_unknown(d->diagnostics, table, pair);
    }
    check_required(d, table, map);
}

void fields_decode(
    struct decode *d, const struct field_table *table, const struct node *map, void *into)
{
    fields_decode_over(d, NULL, NULL, table, map, into);
}

void fields_check_keys(
    struct diagnostics *d, const struct field_table *table, const struct node *map)
{
    NODE_EACH (map, pair) {
        const struct field *f = field_find(table, pair->key);
        if (f != NULL && f->table != NULL && !f->per_entry && f->type != FIELD_MAP_OF)
            fields_check_keys(d, f->table, pair->value);
        else if (f == NULL && !is_extension(pair->key))
            report_unknown(d, table, pair);
    }
}

/* Encoding: NULL for what equals its default. */

static struct node *encode_duration(struct arena *a, int64_t ns)
{
    char text[UNITS_TEXT_BYTES];

    units_format_duration(ns, text);
    return node_text(a, str_from(text));
}

static struct node *encode_choice(struct arena *a, const struct field *f, int value)
{
    for (const struct field_choice *c = f->choices; c->name != NULL; c++)
        if (c->value == value)
            return node_text(a, str_from(c->name));
    return NULL;
}

static struct node *encode_text(struct arena *a, const char *text, const char *by_default)
{
    if (text == NULL || (by_default != NULL && strcmp(text, by_default) == 0))
        return NULL;
    return node_text(a, str_from(text));
}

static struct node *encode_map(struct encode *e, const struct field *f, const void *at)
{
    struct node *map = fields_encode(e, f->table, at);

    return map->count > 0 ? map : NULL;
}

static struct node *encode_by_type(
    struct encode *e, const struct field *f, const char *from, const char *defaults)
{
    static const size_t sizes[] = {
        [FIELD_BOOL] = sizeof(bool),
        [FIELD_INT] = sizeof(int),
        [FIELD_COUNT] = sizeof(int64_t),
        [FIELD_NUMBER] = sizeof(double),
        [FIELD_DURATION] = sizeof(int64_t),
        [FIELD_BYTES] = sizeof(int64_t),
        [FIELD_CHOICE] = sizeof(int),
    };
    const void *at = from + f->offset;
    const char *by_default = defaults != NULL ? defaults + f->offset : NULL;

    if (f->type < COUNT(sizes) && sizes[f->type] > 0 && by_default != NULL &&
        memcmp(at, by_default, sizes[f->type]) == 0)
        return NULL;
    switch (f->type) {
    case FIELD_CUSTOM:
        return f->encode(e, f, from);
    case FIELD_TEXT:
        return encode_text(e->arena, *(const char *const *)at,
            by_default != NULL ? *(const char *const *)(const void *)by_default : NULL);
    case FIELD_BOOL:
        return node_bool(e->arena, *(const bool *)at);
    case FIELD_INT:
        return node_int(e->arena, *(const int *)at);
    case FIELD_COUNT:
    case FIELD_BYTES:
        return node_int(e->arena, *(const int64_t *)at);
    case FIELD_NUMBER:
        return node_number(e->arena, *(const double *)at);
    case FIELD_DURATION:
        return encode_duration(e->arena, *(const int64_t *)at);
    case FIELD_CHOICE:
        return encode_choice(e->arena, f, *(const int *)at);
    case FIELD_MAP:
        return encode_map(e, f, at);
    case FIELD_MAP_OF:
        return f->encode != NULL ? f->encode(e, f, from) : NULL;
    case FIELD_TEXTS:
    case FIELD_NAMED:
    case FIELD_LIST_OF:
    case FIELD_ENTRIES:
        return field_encode_list(e, f, at);
    case FIELD_REFUSED:
    case FIELD_IGNORED:
        break;
    }
    return NULL;
}

/* A map's own rows say what restarts: the row that leads to it does not. */
static bool is_left_out(const struct encode *e, const struct field *f)
{
    return f->input_only ||
           (e->restarting_only && f->effect != FIELD_RESTARTS && f->type != FIELD_MAP);
}

struct node *fields_encode(struct encode *e, const struct field_table *table, const void *from)
{
    struct node *map = node_map(e->arena);

    FIELDS_EACH (table, f) {
        struct node *value = is_left_out(e, f) ? NULL : encode_by_type(e, f, from, table->defaults);
        if (value != NULL)
            (void)node_put(e->arena, map, str_from(f->name), value);
    }
    return map;
}

/* Other top-level maps. */

static const struct field_kind *kinds[KINDS_MAX];
static size_t kind_count;

const struct field_kind *fields_kind(struct str name)
{
    for (size_t i = 0; i < kind_count; i++)
        if (str_is(name, kinds[i]->name))
            return kinds[i];
    return NULL;
}

bool fields_register(const struct field_kind *kind)
{
    struct str name = str_from(kind->name);

    if (kind_count == KINDS_MAX || fields_kind(name) != NULL ||
        field_find(&fields_project, name) != NULL)
        return false;
    kinds[kind_count++] = kind;
    return true;
}

const struct field_kind *const *fields_kinds(size_t *out_count)
{
    *out_count = kind_count;
    return kinds;
}
