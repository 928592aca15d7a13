#include "serve/command_body.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE        "{\"document\":" /* of a plan: else the body is the document */
#define LINES_BYTES_MAX (1u << 20)
#define DEPTH_MAX       64 /* the parser recurses, on a small stack */

enum field_shape { SHAPE_INT, SHAPE_MS, SHAPE_BOOL, SHAPE_TEXT, SHAPE_LINES, SHAPE_DOCUMENT };

#define ON(kind) (1u << (kind))
#define AT(name) offsetof(struct command, name)

/* clang-format off */
static const struct field {
    const char *name;
    enum field_shape shape;
    unsigned kinds; /* commands that take it */
    unsigned required;
    size_t offset;
    int64_t min, max;
} fields[] = {
    {"slot", SHAPE_INT, ON(COMMAND_START) | ON(COMMAND_STOP) | ON(COMMAND_RESTART), 0, AT(slot), 1,
        COMMAND_NUMBER_MAX},
    {"wait", SHAPE_BOOL, ON(COMMAND_START), 0, AT(wait)},
    {"replicas", SHAPE_INT, ON(COMMAND_SCALE), ON(COMMAND_SCALE), AT(replicas), -1,
        COMMAND_NUMBER_MAX},
    {"for_ms", SHAPE_MS, ON(COMMAND_PAUSE), ON(COMMAND_PAUSE), AT(for_ms), 0, COMMAND_FOR_MS_MAX},
    {"shutdown", SHAPE_BOOL, ON(COMMAND_DOWN), 0, AT(shutdown)},
    {"volumes", SHAPE_BOOL, ON(COMMAND_DOWN), 0, AT(volumes)},
    {"document", SHAPE_DOCUMENT, ON(COMMAND_APPLY) | ON(COMMAND_PLAN),
        ON(COMMAND_APPLY) | ON(COMMAND_PLAN), AT(document)},
    {"target", SHAPE_LINES, ON(COMMAND_APPLY) | ON(COMMAND_PLAN), 0, AT(targets)},
    {"exclude", SHAPE_LINES, ON(COMMAND_APPLY) | ON(COMMAND_PLAN), 0, AT(excludes)},
    {"contents", SHAPE_DOCUMENT, ON(COMMAND_APPLY), 0, AT(contents)},
    {"event", SHAPE_MS, ON(COMMAND_UNDO), ON(COMMAND_UNDO), AT(undoes), 1, INT64_MAX},
    {"dry_run", SHAPE_BOOL, ON(COMMAND_UNDO), 0, AT(dry_run)},
    {"plan", SHAPE_TEXT, ON(COMMAND_APPLY) | ON(COMMAND_UNDO), 0, AT(plan)},
    {"rollback_to", SHAPE_INT, ON(COMMAND_APPLY), 0, AT(rollback_to), 1, 1000000},
    {"cause", SHAPE_MS, ON(COMMAND_APPLY), 0, AT(cause), 1, INT64_MAX},
    {"seal", SHAPE_TEXT, ON(COMMAND_APPLY), 0, AT(seal)},
    {"start", SHAPE_BOOL, ON(COMMAND_APPLY), 0, AT(start)},
};
/* clang-format on */

static const struct field *find_field(const char *name, enum command_kind kind)
{
    for (size_t i = 0; i < COUNT(fields); i++)
        if (strcmp(fields[i].name, name) == 0 && (fields[i].kinds & ON(kind)) != 0)
            return &fields[i];
    return NULL;
}

static bool set_number(const struct field *f, void *at, const json_t *value, struct err *err)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < f->min || number > f->max)
        return err_set(err, ERR_INVALID, "%s must be a whole number from %lld to %lld", f->name,
            (long long)f->min, (long long)f->max);
    if (f->shape == SHAPE_MS)
        *(int64_t *)at = number;
    else
        *(int *)at = (int)number;
    return true;
}

/* A document may come as text (YAML or JSON) or as the JSON value itself. */
static bool set_text(const struct field *f, char **at, const json_t *value, struct err *err)
{
    if (json_is_null(value) && f->shape == SHAPE_TEXT)
        return true;
    if (json_is_string(value)) {
        *at = mem_copy_string(json_string_value(value));
        return true;
    }
    if (f->shape != SHAPE_DOCUMENT || !json_is_object(value))
        return err_set(err, ERR_INVALID, "%s must be %s", f->name,
            f->shape == SHAPE_DOCUMENT ? "an object or text" : "text");
    *at = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17));
    must(*at != NULL);
    return true;
}

/* A list of names, kept one a line. */
static bool set_lines(const struct field *f, char **at, const json_t *value, struct err *err)
{
    struct buf lines = BUF_INIT(LINES_BYTES_MAX);
    size_t i;
    json_t *one;
    bool ok = json_is_array(value);

    json_array_foreach(value, i, one)
    {
        const char *name = json_string_value(one);

        ok = ok && name != NULL && name[0] != '\0' && strchr(name, '\n') == NULL;
        if (ok)
            buf_format(&lines, "%s%s", i > 0 ? "\n" : "", name);
    }
    ok = ok && !buf_full(&lines);
    if (ok)
        *at = buf_take(&lines);
    buf_fini(&lines);
    return ok || err_set(err, ERR_INVALID, "%s must be a list of names", f->name);
}

static bool set_field(
    struct command *c, const struct field *f, const json_t *value, struct err *err)
{
    void *at = (char *)c + f->offset;

    switch (f->shape) {
    case SHAPE_INT:
    case SHAPE_MS:
        return set_number(f, at, value, err);
    case SHAPE_BOOL:
        if (!json_is_boolean(value))
            return err_set(err, ERR_INVALID, "%s must be true or false", f->name);
        *(bool *)at = json_is_true(value);
        return true;
    case SHAPE_LINES:
        return set_lines(f, at, value, err);
    case SHAPE_TEXT:
    case SHAPE_DOCUMENT:
        return set_text(f, at, value, err);
    }
    return true;
}

static bool read_object(struct command *c, json_t *object, struct err *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        const struct field *f = find_field(name, c->kind);
        if (f == NULL)
            return err_set(err, ERR_INVALID, "unknown field \"%.100s\"", name);
        TRY(set_field(c, f, value, err));
    }
    for (size_t i = 0; i < COUNT(fields); i++)
        if ((fields[i].required & ON(c->kind)) != 0 &&
            json_object_get(object, fields[i].name) == NULL)
            return err_set(err, ERR_INVALID, "%s is missing", fields[i].name);
    return true;
}

/* Brackets outside of texts, counted before the parser recurses into them. */
static bool is_shallow(struct str text)
{
    int depth = 0;
    bool in_text = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '{' || c == '[') && ++depth > DEPTH_MAX)
            return false;
        else if (!in_text && (c == '}' || c == ']'))
            depth--;
    }
    return true;
}

bool command_read_body(struct command *c, struct str body, struct err *err)
{
    json_error_t wrong;

    if (memchr(body.at, '\0', body.len) != NULL)
        return err_set(err, ERR_INVALID, "the body holds a zero byte");
    if (c->kind == COMMAND_DIFF || (c->kind == COMMAND_PLAN && !str_starts(body, ENVELOPE))) {
        if (str_trim(body).len == 0)
            return err_set(err, ERR_INVALID, "the body must be a document");
        c->document = mem_format("%.*s", STR_ARG(body));
        return true;
    }
    if (str_trim(body).len == 0)
        body = STR("{}");
    if (!is_shallow(body))
        return err_set(err, ERR_INVALID, "the body nests deeper than %d", DEPTH_MAX);
    json_t *object = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, &wrong);
    if (object == NULL)
        return err_set(err, ERR_INVALID, "the body is not JSON: %s", wrong.text);
    bool read = json_is_object(object) ? read_object(c, object, err)
                                       : err_set(err, ERR_INVALID, "the body must be an object");
    json_decref(object);
    return read;
}
