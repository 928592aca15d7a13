/* `variables`: what a project is told from outside, with types. Which value a variable has:
 *
 *     --var ▶ --var-file (later ones win) ▶ TEND_VAR_NAME ▶ the environment's overlay ▶ default
 *
 * A value is checked by its type wherever it came from, and what is wrong with it is told there:
 * flags and the process's variables are sources too, named "--var" and "variable TEND_VAR_NAME". */
#include "spec/env_file.h"
#include "spec/load_private.h"
#include "spec/yaml.h"

#include "base/fs.h"
#include "base/must.h"
#include "base/redact.h"
#include "base/units.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_BYTES_MAX 256
#define PATTERN_REPEATS   10000
#define NAMES_MAX         500
#define VARIABLE_PREFIX   "TEND_VAR_"

enum variable_type {
    VARIABLE_STRING,
    VARIABLE_INT,
    VARIABLE_NUMBER,
    VARIABLE_BOOL,
    VARIABLE_DURATION,
    VARIABLE_SIZE,
    VARIABLE_LIST,
    VARIABLE_UNTYPED, /* its default says */
};

struct variable {
    int type;
    const char *description, *pattern;
    const struct node *by_default, *allowed;
    bool required, secret;
    struct span span;         /* of its name */
    const struct node *value; /* NULL: none */
};

static const struct field_choice types[] = {
    {"string",   VARIABLE_STRING  },
    {"int",      VARIABLE_INT     },
    {"number",   VARIABLE_NUMBER  },
    {"bool",     VARIABLE_BOOL    },
    {"duration", VARIABLE_DURATION},
    {"size",     VARIABLE_SIZE    },
    {"list",     VARIABLE_LIST    },
    {NULL,       0                },
};

/* By type. What each takes, for messages, and what stands for a value that is wrong, so that
 * nothing more is told that follows from it. */
static const struct {
    const char *wanted, *stand_in;
} type_words[] = {
    {"a text",                          "x"   },
    {"a whole number",                  "1"   },
    {"a number",                        "1"   },
    {"true or false",                   "true"},
    {"a duration such as 10s or 1h30m", "1s"  },
    {"a size such as 512m or 2gb",      "1m"  },
    {"a list",                          ""    },
    {"",                                "x"   },
};

/* The table. */

static void take_default(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)d;
    (void)f;
    ((struct variable *)into)->by_default = pair->value;
}

static void take_allowed(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    if (pair->value->kind != NODE_LIST || pair->value->count == 0)
        (void)field_wrong(d, f->name, pair->value, "a list of values");
    else
        ((struct variable *)into)->allowed = pair->value;
}

#define AT(member) .offset = offsetof(struct variable, member), .effect = FIELD_NO_EFFECT

static const struct field rows[] = {
    {.name = "type",
     .type = FIELD_CHOICE,
     AT(type),
     .choices = types,
     .default_text = "what its default is",
     .help = "What a value must be; `list` is a list of texts."},
    {.name = "default",
     .type = FIELD_CUSTOM,
     AT(by_default),
     .merge = MERGE_REPLACE,
     .forms = FORM_TEXT | FORM_NUMBER | FORM_BOOL | FORM_LIST,
     .decode = take_default,
     .input_only = true,
     .help = "Its value where nobody gives another one."},
    {.name = "description", .type = FIELD_TEXT,                          AT(description),                    .help = "What it is for."                                                   },
    {.name = "enum",
     .type = FIELD_CUSTOM,
     AT(allowed),
     .merge = MERGE_REPLACE,
     .forms = FORM_LIST,
     .decode = take_allowed,
     .input_only = true,
     .help = "The only values that it may have."},
    {.name = "pattern",
     .type = FIELD_TEXT,
     AT(pattern),
     .help = "An extended regular expression (POSIX) that its value must match."                                                                                      },
    {.name = "secret",
     .type = FIELD_BOOL,
     AT(secret),
     .default_text = "false",
     .help = "true: its value is shown nowhere, and not taken from a command line."                                                       },
    {.name = "required",
     .type = FIELD_BOOL,
     AT(required),
     .default_text = "true",
     .help = "false: without a value it is empty, and that is no error."                                },
};
const struct field_table fields_variable =
    FIELD_TABLE("a variable", "A value that the project is given from outside.", rows, NULL);

static struct node *as_map(struct arena *a, struct node *value)
{
    struct node *map = node_map(a);

    if (value->kind == NODE_MAP || value->kind == NODE_NULL)
        return value;
    map->span = value->span;
    node_put(a, map, STR("default"), value)->key_span = value->span;
    return map;
}

void variables_normalise(struct load *l, struct node *root)
{
    struct node_pair *section = node_find(root, STR("variables"));
    struct node *all = node_map(l->scratch);

    if (section == NULL || section->value->kind != NODE_MAP)
        return;
    all->span = section->value->span;
    all->tag = section->value->tag;
    NODE_EACH (section->value, pair)
        node_put(l->scratch, all, pair->key, as_map(l->scratch, pair->value))->key_span =
            pair->key_span;
    section->value = all;
}

/* Declarations. */

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0 && name.len <= 100;
}

static int type_of(const struct node *value)
{
    /* null, bool, int, float, text, list, map */
    static const int by_kind[] = {VARIABLE_STRING, VARIABLE_BOOL, VARIABLE_INT, VARIABLE_NUMBER,
        VARIABLE_STRING, VARIABLE_LIST, VARIABLE_STRING};

    return value != NULL ? by_kind[value->kind] : VARIABLE_STRING;
}

static void check_pattern(struct load *l, const struct variable *v, const struct span *span)
{
    long repeats = 1;
    regex_t compiled;
    char why[160];

    if (v->pattern == NULL)
        return;
    for (const char *c = v->pattern; *c != '\0'; c++) {
        if (*c == '{' && strtol(c + 1, NULL, 10) > 0 && repeats <= PATTERN_REPEATS)
            repeats *= strtol(c + 1, NULL, 10) <= PATTERN_REPEATS ? strtol(c + 1, NULL, 10)
                                                                  : PATTERN_REPEATS + 1;
        if (*c == '\\' && c[1] >= '0' && c[1] <= '9')
            repeats = PATTERN_REPEATS + 1;
    }
    if (strlen(v->pattern) > PATTERN_BYTES_MAX || repeats > PATTERN_REPEATS) {
        diagnostic_error(l->diagnostics, "limit", span,
            "a pattern has at most %d bytes, no back references and no large repeats",
            PATTERN_BYTES_MAX);
        return;
    }
    int code = regcomp(&compiled, v->pattern, REG_EXTENDED | REG_NOSUB);
    if (code == 0) {
        regfree(&compiled);
        return;
    }
    (void)regerror(code, &compiled, why, sizeof why);
    diagnostic_error(
        l->diagnostics, "wrong-value", span, "'pattern' is no regular expression: %s", why);
}

static bool holds_reference(const struct node *n)
{
    if (n == NULL || node_is_scalar(n))
        return n != NULL && n->has_reference;
    for (size_t i = 0; i < node_count(n); i++)
        if (holds_reference(n->kind == NODE_MAP ? n->pairs[i].value : n->items[i]))
            return true;
    return false;
}

static void declare(struct load *l, const struct node_pair *pair)
{
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};
    struct variable *v = arena_new(l->scratch, struct variable);
    size_t errors = diagnostics_count(l->diagnostics, SEVERITY_ERROR);

    *v = (struct variable){.type = VARIABLE_UNTYPED, .required = true, .span = pair->key_span};
    (void)map_put(&l->variables, pair->key, v);
    if (!is_name(pair->key)) {
        diagnostic_error(l->diagnostics, "wrong-name", &pair->key_span,
            "'%.*s' is no name for a variable", (int)(pair->key.len < 80 ? pair->key.len : 80),
            pair->key.at);
        diagnostic_help(l->diagnostics, "write letters, digits and '_', at most 100");
    }
    if (holds_reference(pair->value)) {
        diagnostic_error(l->diagnostics, "bad-variable", &pair->value->span,
            "a variable's declaration cannot use ${var.…} or ${services.…}");
        return;
    }
    if (pair->value->kind == NODE_MAP)
        fields_decode(&d, &fields_variable, pair->value, v);
    const struct node *pattern = node_get(pair->value, "pattern");
    if (pattern != NULL)
        check_pattern(l, v, &pattern->span);
    if (diagnostics_count(l->diagnostics, SEVERITY_ERROR) > errors)
        v->pattern = NULL; /* told */
    if (v->type == VARIABLE_UNTYPED)
        v->type = type_of(v->by_default);
}

/* Values. */

static void report_unknown(struct load *l, struct str name, const struct span *span)
{
    const char *names[NAMES_MAX];
    size_t count = 0;

    MAP_EACH (&l->variables, entry)
        if (count < NAMES_MAX)
            names[count++] = arena_copy_str(l->scratch, entry->key).at;
    diagnostic_error(l->diagnostics, "unknown-variable", span, "there is no variable '%.*s'",
        (int)(name.len < 80 ? name.len : 80), name.at);
    const char *nearest = str_nearest(name, names, count);
    if (nearest != NULL)
        diagnostic_help(l->diagnostics, "did you mean '%s'?", nearest);
    else
        diagnostic_help(l->diagnostics, "declare it: variables: {%.*s: {type: string}}",
            (int)(name.len < 80 ? name.len : 80), name.at);
}

/* A text that came from outside, as it would stand in a file. */
static struct node *outside_value(
    struct load *l, const struct variable *v, struct str text, struct span span)
{
    struct node *list = node_list(l->scratch), *value = node_text(l->scratch, text);

    value->span = span;
    list->span = span;
    if (v->type != VARIABLE_LIST)
        return value;
    while (text.len > 0) {
        struct node *item = node_text(l->scratch, str_trim(str_cut(&text, ',')));
        item->span = span;
        node_push(l->scratch, list, item);
    }
    return list;
}

static struct span span_of_outside(
    struct load *l, const char *source_name, struct str text, size_t from)
{
    struct span span = {.source = load_add_source(l, source_name, text),
        .at = (uint32_t)from,
        .end = (uint32_t)text.len,
        .line = 1,
        .column = (uint32_t)from + 1};

    return span;
}

static void refuse_secret_flag(struct load *l, struct str name)
{
    diagnostic_error(l->diagnostics, "exposed-secret", NULL,
        "'%.*s' is secret, and a command line is shown to everybody on the machine", STR_ARG(name));
    diagnostic_help(
        l->diagnostics, "set " VARIABLE_PREFIX "%.*s, or name a --var-file", STR_ARG(name));
}

static void take_flag(struct load *l, const char *flag)
{
    struct str value = str_from(flag), name;
    bool has_value = str_find(value, '=') > 0;
    struct span span = span_of_outside(l, "--var", value, 0);

    name = str_cut(&value, '=');
    if (!has_value) {
        diagnostic_error(l->diagnostics, "wrong-value", &span, "--var takes NAME=VALUE");
        return;
    }
    struct variable *v = map_get(&l->variables, name);
    span.end = (uint32_t)name.len;
    if (v == NULL) {
        report_unknown(l, name, &span);
        return;
    }
    if (v->secret) {
        refuse_secret_flag(l, name);
        return;
    }
    span = span_of_outside(l, "--var", str_from(flag), name.len + 1);
    v->value = outside_value(l, v, value, span);
}

static struct node *read_var_file(struct load *l, const struct found_file *file)
{
    struct buf text = BUF_INIT(YAML_BYTES_MAX);
    struct err err = ERR_INIT;

    if (str_ends(str_from(file->path), ".env")) {
        buf_fini(&text);
        return load_env_file(l, file, NULL, NULL);
    }
    if (!fs_read(file->path, &text, &err)) {
        diagnostic_error(l->diagnostics, "missing-file", NULL, "cannot read --var-file '%s': %s",
            file->shown, err.sys != 0 ? strerror(err.sys) : err.text);
        buf_fini(&text);
        return NULL;
    }
    /* Without its text: another line of it may be a secret. */
    struct source *source = load_add_source(l, file->shown, STR(""));
    struct node *root = yaml_read(l->scratch, source, buf_str(&text), l->diagnostics);
    buf_fini(&text);
    if (root == NULL || root->kind == NODE_MAP || root->kind == NODE_NULL)
        return root;
    diagnostic_error(l->diagnostics, "wrong-type", &root->span,
        "a file of variables is a map from names to values, and this is %s", node_kind_name(root));
    return NULL;
}

static void take_file(struct load *l, const char *path)
{
    struct found_file file = load_file_at(l, l->dir, str_from(path));
    struct node *values = read_var_file(l, &file);

    NODE_EACH (values, pair) {
        struct variable *v = map_get(&l->variables, pair->key);
        if (v == NULL) {
            report_unknown(l, pair->key, &pair->key_span);
            continue;
        }
        v->value = node_is_scalar(pair->value) && pair->value->kind != NODE_NULL
                       ? outside_value(l, v, pair->value->text, pair->value->span)
                       : pair->value;
    }
}

static void take_outer(struct load *l, struct str name, struct variable *v)
{
    const char *variable = arena_format(l->scratch, VARIABLE_PREFIX "%.*s", STR_ARG(name));
    const char *text = load_variable(l, variable);

    if (text == NULL)
        return;
    struct str shown = v->secret ? STR("") : arena_copy_str(l->scratch, str_from(text));
    struct span span =
        span_of_outside(l, arena_format(l->scratch, "variable %s", variable), shown, 0);
    v->value = outside_value(l, v, str_from(text), span);
}

/* Checks. */

static bool is_of_type(const struct node *value, int type)
{
    int64_t whole;
    double number;
    bool truth;

    if (type == VARIABLE_LIST) {
        for (size_t i = 0; i < node_count(value); i++)
            if (value->kind == NODE_LIST && !node_is_scalar(value->items[i]))
                return false;
        return value->kind == NODE_LIST;
    }
    if (!node_is_scalar(value))
        return false;
    switch ((enum variable_type)type) {
    case VARIABLE_INT:
        return node_to_int(value, &whole);
    case VARIABLE_NUMBER:
        return node_to_number(value, &number);
    case VARIABLE_BOOL:
        return node_to_bool(value, &truth);
    case VARIABLE_DURATION:
        return units_parse_duration(value->text, &whole);
    case VARIABLE_SIZE:
        return units_parse_bytes(value->text, &whole);
    case VARIABLE_STRING:
    case VARIABLE_LIST:
    case VARIABLE_UNTYPED:
        break;
    }
    return true;
}

static bool is_allowed(const struct variable *v, const struct node *value)
{
    for (size_t i = 0; i < v->allowed->count; i++)
        if (node_is_scalar(v->allowed->items[i]) && str_eq(v->allowed->items[i]->text, value->text))
            return true;
    return false;
}

static bool matches(const struct variable *v, const struct node *value)
{
    regex_t compiled;

    if (regcomp(&compiled, v->pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool is_match = regexec(&compiled, value->text.at, 0, NULL, 0) == 0;
    regfree(&compiled);
    return is_match;
}

static void report_choices(struct load *l, const struct variable *v)
{
    struct buf list = BUF_INIT(400);

    for (size_t i = 0; i < v->allowed->count; i++)
        if (node_is_scalar(v->allowed->items[i]))
            buf_format(&list, "%s'%.*s'", i == 0 ? "" : ", ", STR_ARG(v->allowed->items[i]->text));
    diagnostic_help(l->diagnostics, "one of %s", list.at != NULL ? list.at : "its enum");
    buf_fini(&list);
}

static struct str shown_value(const struct variable *v, const struct node *value)
{
    struct str text = value->text;

    if (v->secret)
        return STR(REDACT_MARK);
    text.len = text.len < 60 ? text.len : 60;
    return text;
}

/* One value, or one item of a list. */
static bool check_item(
    struct load *l, struct str name, const struct variable *v, const struct node *value)
{
    struct str shown = shown_value(v, value);

    if (v->allowed != NULL && !is_allowed(v, value)) {
        diagnostic_error(l->diagnostics, "wrong-value", &value->span,
            "variable '%.*s' cannot be '%.*s'", STR_ARG(name), STR_ARG(shown));
        report_choices(l, v);
    } else if (v->pattern != NULL && !matches(v, value)) {
        diagnostic_error(l->diagnostics, "wrong-value", &value->span,
            "variable '%.*s' cannot be '%.*s': it must match %s", STR_ARG(name), STR_ARG(shown),
            v->pattern);
    } else {
        return true;
    }
    diagnostic_other(l->diagnostics, &v->span, "declared here");
    return false;
}

static bool check_value(struct load *l, struct str name, const struct variable *v)
{
    const struct node *value = v->value;
    bool ok = true;

    if (!is_of_type(value, v->type)) {
        if (node_is_scalar(value))
            diagnostic_error(l->diagnostics, "wrong-type", &value->span,
                "variable '%.*s' takes %s, not '%.*s'", STR_ARG(name), type_words[v->type].wanted,
                STR_ARG(shown_value(v, value)));
        else
            diagnostic_error(l->diagnostics, "wrong-type", &value->span,
                "variable '%.*s' takes %s, and this is %s", STR_ARG(name),
                type_words[v->type].wanted, node_kind_name(value));
        diagnostic_other(l->diagnostics, &v->span, "declared here");
        return false;
    }
    if (v->type != VARIABLE_LIST)
        return check_item(l, name, v, value);
    for (size_t i = 0; i < value->count; i++)
        ok = check_item(l, name, v, value->items[i]) && ok;
    return ok;
}

static void report_unset(struct load *l, struct str name, const struct variable *v)
{
    struct buf list = BUF_INIT(400);

    for (size_t i = 0; i < l->overlays.count; i++)
        NODE_EACH (l->overlays.at[i].by_name, pair)
            if (node_find(node_get(pair->value, "variables"), name) != NULL)
                buf_format(&list, "%s%s", list.len > 0 ? " or --env " : "--env ", pair->key.at);
    diagnostic_error(l->diagnostics, "required-variable", &v->span,
        "variable '%.*s' must be set%s%s", STR_ARG(name), v->description != NULL ? ": " : "",
        v->description != NULL ? v->description : "");
    diagnostic_help(l->diagnostics,
        "%s%sset it with --var %.*s=VALUE, a --var-file or " VARIABLE_PREFIX "%.*s",
        list.at != NULL ? list.at : "", list.at != NULL ? " sets it; or " : "", STR_ARG(name),
        STR_ARG(name));
    buf_fini(&list);
}

static void keep_secret(struct load *l, const struct node *value)
{
    if (l->secret_values == NULL)
        l->secret_values = node_list(l->scratch);
    for (size_t i = 0; value->kind == NODE_LIST && i < value->count; i++)
        keep_secret(l, value->items[i]);
    if (!node_is_scalar(value) || value->text.len == 0)
        return;
    node_push(l->scratch, l->secret_values, node_copy(l->scratch, value));
    if (value->text.len >= REDACT_BYTES_MIN)
        return;
    diagnostic_warning(l->diagnostics, "weak-secret", &value->span,
        "a secret of less than %u bytes is not hidden where it stands within something else",
        REDACT_BYTES_MIN);
    diagnostic_help(l->diagnostics, "take a longer one");
}

/* What it is in the end: a value that fits its type, or a stand-in after a diagnostic. */
static void settle(struct load *l, struct str name, struct variable *v)
{
    struct node *stand_in = v->type == VARIABLE_LIST
                                ? node_list(l->scratch)
                                : node_text(l->scratch, str_from(type_words[v->type].stand_in));

    stand_in->span = v->span;
    if (v->value == NULL)
        v->value = v->by_default;
    if (v->value != NULL && v->value->kind == NODE_NULL)
        v->value = NULL;
    if (v->value != NULL && v->secret)
        keep_secret(l, v->value);
    if (v->value != NULL) {
        if (!check_value(l, name, v))
            v->value = stand_in;
        return;
    }
    v->value = stand_in;
    if (v->required)
        report_unset(l, name, v);
    else
        stand_in->text = STR("");
}

/* Putting in. */

/* The value of "NAME" where it stands in `n`; NULL after a diagnostic. */
static const struct node *value_at(
    struct load *l, const struct node *n, struct str name, bool is_whole)
{
    const struct variable *v = map_get(&l->variables, name);
    const char *shown = arena_format(l->scratch, "${var.%.*s}", STR_ARG(name));
    struct span span = load_narrow(&n->span, str_from(shown));

    if (v == NULL) {
        report_unknown(l, name, &span);
        return NULL;
    }
    if (is_whole || node_is_scalar(v->value))
        return v->value;
    diagnostic_error(l->diagnostics, "wrong-type", &span,
        "variable '%.*s' is a list, which can only be a whole value", STR_ARG(name));
    return NULL;
}

/* The text is one variable and nothing else: what it stands for takes its place, list or text. */
static bool put_whole(struct load *l, struct node *n)
{
    struct str rest = str_tail(n->text, 1), name = str_cut(&rest, REFERENCE_CLOSE);

    if (n->text.at[0] != REFERENCE_OPEN || rest.len > 0 || !str_starts(name, "var."))
        return false;
    const struct node *value = value_at(l, n, str_tail(name, strlen("var.")), true);
    n->has_reference = false;
    n->text = value == NULL ? STR("1") : node_is_scalar(value) ? value->text : STR("");
    if (value != NULL && !node_is_scalar(value)) {
        n->kind = NODE_LIST;
        n->count = 0;
        n->capacity = 0;
        n->items = NULL;
        for (size_t i = 0; i < value->count; i++)
            node_push(l->scratch, n, value->items[i]);
    }
    return true;
}

/* Variables in a text; what else it refers to stays. */
static void put_parts(struct load *l, struct node *n)
{
    struct buf out = BUF_INIT(INTERPOLATE_TEXT_BYTES_MAX);
    struct str rest = n->text;
    bool others = false;

    while (str_find(rest, REFERENCE_OPEN) >= 0) {
        buf_add_str(&out, str_cut(&rest, REFERENCE_OPEN));
        struct str name = str_cut(&rest, REFERENCE_CLOSE);
        if (!str_starts(name, "var.")) {
            buf_format(&out, "%c%.*s%c", REFERENCE_OPEN, STR_ARG(name), REFERENCE_CLOSE);
            others = true;
            continue;
        }
        const struct node *value = value_at(l, n, str_tail(name, strlen("var.")), false);
        if (value != NULL)
            buf_add_str(&out, value->text);
    }
    buf_add_str(&out, rest);
    l->run.bytes += out.len;
    if (buf_full(&out) || l->run.bytes > INTERPOLATE_ALL_BYTES_MAX)
        diagnostic_error(
            l->diagnostics, "limit", &n->span, "too long after its variables were replaced");
    else
        n->text = arena_copy_str(l->scratch, buf_str(&out));
    n->has_reference = others;
    buf_fini(&out);
}

static void put_in(struct load *l, struct node *n)
{
    if (node_is_scalar(n) && n->has_reference && !put_whole(l, n))
        put_parts(l, n);
    for (size_t k = 0; k < node_count(n); k++)
        put_in(l, n->kind == NODE_MAP ? n->pairs[k].value : n->items[k]);
}

void variables_apply(struct load *l, struct node *root)
{
    struct node_pair *section = node_find(root, STR("variables"));
    const struct load_options *o = l->options;

    NODE_EACH (section != NULL ? section->value : NULL, pair)
        declare(l, pair);
    for (size_t i = 0; i < o->var_file_count; i++)
        take_file(l, o->var_files[i]);
    for (size_t i = 0; i < o->var_count; i++)
        take_flag(l, o->vars[i]);
    MAP_EACH (&l->variables, entry) {
        struct variable *v = entry->value;
        if (v->value == NULL)
            take_outer(l, entry->key, v);
        settle(l, entry->key, v);
    }
    if (section != NULL && section->value->kind == NODE_MAP) {
        struct span span = section->value->span;
        section->value = node_null(l->scratch); /* taken out */
        section->value->span = span;
    }
    put_in(l, root);
}
