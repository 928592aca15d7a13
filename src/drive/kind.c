#include "drive/kind.h"

#include "base/must.h"
#include "base/redact.h"
#include "base/text_diff.h"
#include "spec/load.h"

#include <string.h>

const char *change_action_name(enum change_action action)
{
    static const char *const names[] = {"none", "create", "update", "replace", "delete", "restart"};

    must((size_t)action < COUNT(names));
    return names[action];
}

const char *kind_subject(struct arena *a, const struct kind *k, const char *name)
{
    bool own = strcmp(k->section, "services") == 0 || strcmp(k->section, "jobs") == 0;

    return own ? arena_copy(a, name) : arena_format(a, "%s.%s", k->section, name);
}

void change_fini(struct change *c)
{
    vec_fini(&c->fields);
}

/* Values longer than this are cut where they are shown. */
enum { VALUE_BYTES_MAX = 4096 };

#define HUNK_BYTES_MAX     (64u << 10)
#define HUNK_LINES_MAX     60
#define HUNK_CONTEXT_LINES 3

/* Where the walk is: the path so far, and what a change of it does. */
struct place {
    struct arena *arena;
    struct change *change;
    const char *path; /* "" at the top */
    enum field_effect effect;
    bool in_environment;
    const char *const *hidden; /* keys that are not shown; NULL: none */
};

static bool is_hidden(const struct place *p, struct str key)
{
    for (size_t i = 0; p->hidden != NULL && p->hidden[i] != NULL; i++)
        if (str_is(key, p->hidden[i]))
            return true;
    return false;
}

static bool has_lines(const struct node *n)
{
    return n != NULL && n->kind == NODE_TEXT && str_find(n->text, '\n') >= 0;
}

/* Texts of several lines differ line by line. */
static struct str show_hunks(
    const struct place *p, struct str key, const struct node *before, const struct node *after)
{
    struct buf out = BUF_INIT(HUNK_BYTES_MAX);
    struct str hunks;

    if (is_hidden(p, key) || p->in_environment || (!has_lines(before) && !has_lines(after)) ||
        (before != NULL && !node_is_scalar(before)) || (after != NULL && !node_is_scalar(after)))
        return (struct str){0};
    text_diff(before != NULL ? before->text : STR(""), after != NULL ? after->text : STR(""),
        HUNK_CONTEXT_LINES, HUNK_LINES_MAX, &out);
    redact_rest(&out, 0);
    hunks = buf_full(&out) ? STR("(too long to show)\n") : arena_copy_str(p->arena, buf_str(&out));
    buf_fini(&out);
    return hunks;
}

static struct str show_value(const struct place *p, struct str key, const struct node *value)
{
    struct buf out = BUF_INIT(VALUE_BYTES_MAX);
    struct str shown;

    if (value == NULL)
        return (struct str){0};
    if (is_hidden(p, key))
        return STR("\"***\"");
    if (p->in_environment && spec_is_secret(key, value->text))
        return STR("\"***\"");
    node_write_json(&out, value);
    redact_rest(&out, 0);
    shown =
        buf_full(&out) ? STR("\"(too long to show)\"") : arena_copy_str(p->arena, buf_str(&out));
    buf_fini(&out);
    return shown;
}

static const char *join_path(struct arena *a, const char *path, struct str key)
{
    size_t len = strlen(path);
    char *joined = arena_alloc(a, len + key.len + 2, 1);

    if (len > 0) {
        memcpy(joined, path, len);
        joined[len++] = '.';
    }
    memcpy(joined + len, key.at, key.len);
    return joined;
}

/* Secrets of a service, without their contents' hashes; where nothing else differs, it is said. */
static void add_secrets(
    struct place *p, const char *path, const struct node *before, const struct node *after)
{
    struct node *was = before != NULL ? spec_conceal_files(p->arena, before) : NULL;
    struct node *is = after != NULL ? spec_conceal_files(p->arena, after) : NULL;
    struct field_change f = {.path = path,
        .before = show_value(p, STR("secrets"), was),
        .after = show_value(p, STR("secrets"), is),
        .effect = p->effect};

    if (was != NULL && is != NULL && node_equal(was, is)) {
        f.before = STR("\"(other contents)\"");
        f.after = STR("\"(new contents)\"");
    }
    vec_push(&p->change->fields, f);
}

static void add_change(struct place *p, const char *path, struct str key, const struct node *before,
    const struct node *after)
{
    struct field_change f = {
        .path = path,
        .before = show_value(p, key, before),
        .after = show_value(p, key, after),
        .effect = p->effect,
        .hunks = show_hunks(p, key, before, after),
    };

    vec_push(&p->change->fields, f);
}

static int count_leaves(const struct node *n)
{
    int leaves = n->kind != NODE_MAP;

    NODE_EACH (n, pair)
        leaves += count_leaves(pair->value);
    return leaves;
}

static void diff_maps(const struct place *at, const struct field_table *table,
    const struct node *before, const struct node *after);

static void diff_key(const struct place *at, const struct field_table *table, struct str key,
    const struct node *before, const struct node *after)
{
    const struct field *field = table != NULL ? field_find(table, key) : NULL;
    const struct node *some = after != NULL ? after : before;
    struct place here = *at;

    if (before != NULL && after != NULL && node_equal(before, after)) {
        at->change->unchanged += count_leaves(after);
        return;
    }
    here.path = join_path(at->arena, at->path, key);
    if (field != NULL)
        here.effect = field->effect;
    if (field != NULL && str_is(key, "environment"))
        here.in_environment = true;
    if (some->kind == NODE_MAP && !at->in_environment &&
        node_count(before) + node_count(after) > 0) {
        diff_maps(&here, field != NULL ? field->table : NULL, before, after);
        return;
    }
    if (table == &fields_service && str_is(key, "secrets"))
        add_secrets(&here, here.path, before, after);
    else
        add_change(&here, here.path, key, before, after);
}

static void diff_maps(const struct place *at, const struct field_table *table,
    const struct node *before, const struct node *after)
{
    NODE_EACH (before, pair)
        diff_key(at, table, pair->key, pair->value, node_get(after, pair->key.at));
    NODE_EACH (after, pair)
        if (node_get(before, pair->key.at) == NULL)
            diff_key(at, table, pair->key, NULL, pair->value);
}

static enum change_action judge_fields(const struct change *c)
{
    for (size_t i = 0; i < c->fields.count; i++)
        if (c->fields.at[i].effect == FIELD_RESTARTS)
            return CHANGE_REPLACE;
    return c->fields.count > 0 ? CHANGE_UPDATE : CHANGE_NONE;
}

static bool is_sensitive(const struct node *n)
{
    const struct node *said = node_get(n, "sensitive");
    bool truth = false;

    return said != NULL && node_to_bool(said, &truth) && truth;
}

void kind_diff(struct arena *a, const struct kind *k, const struct node *declared,
    const struct observed *observed, struct change *out)
{
    struct place top = {.arena = a, .change = out, .path = "", .effect = FIELD_UPDATES_LIVE};

    out->kind = k;
    if (declared == NULL) {
        out->action = CHANGE_DELETE;
        return;
    }
    if (k->declares != NULL &&
        (is_sensitive(declared) || (observed != NULL && is_sensitive(observed->node))))
        top.hidden = k->declares->secret_keys;
    diff_maps(&top, k->fields, observed != NULL ? observed->node : NULL, declared);
    out->action = observed == NULL ? CHANGE_CREATE : judge_fields(out);
    if (observed != NULL)
        out->drift = observed->drift;
    if (observed != NULL && observed->trouble != NULL) {
        out->reason = observed->trouble;
        if (out->action == CHANGE_NONE)
            out->action = CHANGE_REPLACE;
    }
}
