/* A plan that somebody else made, from its JSON. What is missing or of another type is left empty:
 * an older or newer daemon is shown as well as it can be. */
#include "plan/plan_private.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 1000000000

/* NULL where it is missing or null. */
static const char *text_of(struct arena *a, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? arena_copy(a, text) : NULL;
}

static int number_of(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(object, key));

    return n < 0 || n > NUMBER_MAX ? 0 : (int)n;
}

static struct str value_of(struct arena *a, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    char *text = value == NULL || json_is_null(value)
                     ? NULL
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
    struct str kept = {0};

    if (text != NULL)
        kept = arena_copy_str(a, str_from(text));
    free(text);
    return kept;
}

static enum change_action action_of(const json_t *change)
{
    const char *name = json_string_value(json_object_get(change, "action"));

    for (int action = CHANGE_CREATE; name != NULL && action <= CHANGE_RESTART; action++)
        if (strcmp(name, change_action_name((enum change_action)action)) == 0)
            return (enum change_action)action;
    return CHANGE_UPDATE;
}

static const struct kind *kind_of(
    struct arena *a, const json_t *change, const struct kind *const *kinds, size_t kind_count)
{
    const char *name = text_of(a, change, "kind");
    struct kind *unknown;

    for (size_t k = 0; name != NULL && k < kind_count; k++)
        if (strcmp(kinds[k]->name, name) == 0)
            return kinds[k];
    unknown = arena_new(a, struct kind);
    unknown->name = name != NULL ? name : "resource";
    unknown->section = "";
    return unknown;
}

static void read_fields(struct change *c, struct arena *a, const json_t *fields)
{
    size_t i;
    json_t *field;

    json_array_foreach(fields, i, field)
    {
        const char *path = text_of(a, field, "path");
        bool restarts = json_is_true(json_object_get(field, "restarts"));

        vec_push(&c->fields, (struct field_change){
                                 .path = path != NULL ? path : "",
                                 .before = value_of(a, field, "before"),
                                 .after = value_of(a, field, "after"),
                                 .hunks = str_from(text_of(a, field, "diff")),
                                 .effect = restarts ? FIELD_RESTARTS : FIELD_UPDATES_LIVE,
                             });
    }
}

static struct change_impact read_impact(const json_t *impact)
{
    const json_t *expected = json_object_get(impact, "expected_ms");

    return (struct change_impact){
        .instances = number_of(impact, "instances"),
        .at_once = number_of(impact, "at_once"),
        .expected_ms = json_is_integer(expected) ? json_integer_value(expected) : -1,
    };
}

static void read_changes(struct plan *p, struct arena *a, const json_t *changes,
    const struct kind *const *kinds, size_t kind_count)
{
    size_t i;
    json_t *change;

    json_array_foreach(changes, i, change)
    {
        const char *name = text_of(a, change, "name");
        struct change c = {
            .action = action_of(change),
            .kind = kind_of(a, change, kinds, kind_count),
            .name = name != NULL ? name : "",
            .at = text_of(a, change, "at"),
            .reason = text_of(a, change, "reason"),
            .drift = text_of(a, change, "drift"),
            .unchanged = number_of(change, "unchanged"),
            .wave = number_of(change, "wave"),
            .restarts = json_is_true(json_object_get(change, "restarts")) &&
                        action_of(change) == CHANGE_UPDATE,
            .impact = read_impact(json_object_get(change, "impact")),
        };

        read_fields(&c, a, json_object_get(change, "fields"));
        vec_push(&p->changes, c);
    }
}

static void read_counts(struct plan *p, const json_t *counts)
{
    p->creates = number_of(counts, "create");
    p->updates = number_of(counts, "update");
    p->replaces = number_of(counts, "replace");
    p->restarts = number_of(counts, "restart");
    p->deletes = number_of(counts, "delete");
    p->unchanged = number_of(counts, "unchanged");
}

static void read_seen(struct plan *p, struct arena *a, const json_t *observed)
{
    size_t i;
    json_t *one;

    json_array_foreach(observed, i, one)
    {
        struct plan_seen seen = {.kind = text_of(a, one, "kind"), .name = text_of(a, one, "name")};
        const char *digest = json_string_value(json_object_get(one, "digest"));

        if (seen.kind != NULL && seen.name != NULL && digest != NULL &&
            hash_parse(str_from(digest), &seen.digest))
            vec_push(&p->seen, seen);
    }
}

static void read_findings(struct plan *p, struct arena *a, const json_t *policy)
{
    size_t i;
    json_t *one;

    json_array_foreach(policy, i, one)
    {
        struct plan_finding f = {
            .severity = text_of(a, one, "severity"),
            .policy = text_of(a, one, "policy"),
            .text = text_of(a, one, "text"),
            .at = text_of(a, one, "at"),
        };

        if (f.severity != NULL && f.policy != NULL && f.text != NULL)
            vec_push(&p->findings, f);
    }
}

static enum plan_risk read_risk(const json_t *risk)
{
    const char *level = json_string_value(json_object_get(risk, "level"));

    for (int r = PLAN_RISK_LOW; level != NULL && r <= PLAN_RISK_HIGH; r++)
        if (strcmp(level, plan_risk_name((enum plan_risk)r)) == 0)
            return (enum plan_risk)r;
    return PLAN_RISK_LOW;
}

bool plan_read_json(struct plan *out, struct arena *a, const json_t *value,
    const struct kind *const *kinds, size_t kind_count)
{
    const char *project = text_of(a, value, "project"),
               *digest = json_string_value(json_object_get(value, "digest"));
    size_t i;
    json_t *one;

    *out = (struct plan){.project = project != NULL ? project : ""};
    if (number_of(value, "v") != 1 || digest == NULL || !hash_parse(str_from(digest), &out->digest))
        return false;
    read_changes(out, a, json_object_get(value, "changes"), kinds, kind_count);
    read_counts(out, json_object_get(value, "counts"));
    read_seen(out, a, json_object_get(value, "observed"));
    read_findings(out, a, json_object_get(value, "policy"));
    out->risk = read_risk(json_object_get(value, "risk"));
    out->is_partial = json_is_true(json_object_get(value, "partial"));
    out->seal = text_of(a, value, "seal");
    json_array_foreach(json_object_get(value, "notes"), i, one) if (json_is_string(one))
        vec_push(&out->notes, arena_copy(a, json_string_value(one)));
    json_array_foreach(json_object_get(value, "left_out"), i, one) if (json_is_string(one))
        vec_push(&out->left_out, arena_copy(a, json_string_value(one)));
    return true;
}
