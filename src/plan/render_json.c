/* A plan for programs, and as a diff. docs/reference/plan.schema.json says the same. */
#include "plan/plan_private.h"

#include "base/json.h"
#include "base/redact.h"

#define TEXT_BYTES_MAX (16u << 20)

/* ---- as a diff ---- */

static void write_diff_head(const struct change *c, struct buf *out)
{
    buf_format(out, "@@ %s %s: ", c->kind->name, c->name);
    if (c->action == CHANGE_CREATE || c->action == CHANGE_DELETE)
        buf_add_text(out, c->action == CHANGE_CREATE ? "is new" : "is gone");
    else
        change_write_summary(c, out);
    buf_add_text(out, " @@\n");
}

void plan_write_diff(const struct plan *p, const char *from, const char *to, struct buf *out)
{
    size_t start = out->len;

    if (plan_is_empty(p))
        return;
    buf_format(out, "--- %s\n+++ %s\n", from, to);
    VEC_EACH (&p->changes, const struct change, c) {
        if (c->action == CHANGE_RESTART && c->fields.count == 0)
            continue; /* it follows from the others */
        write_diff_head(c, out);
        VEC_EACH (&c->fields, const struct field_change, f) {
            if (f->hunks.len > 0) {
                buf_format(out, " %s:\n", f->path);
                plan_write_hunks(f->hunks, "", out);
                continue;
            }
            if (f->before.len > 0)
                buf_format(out, "-%s: %.*s\n", f->path, STR_ARG(f->before));
            if (f->after.len > 0)
                buf_format(out, "+%s: %.*s\n", f->path, STR_ARG(f->after));
        }
    }
    redact_rest(out, start);
}

/* ---- as JSON ---- */

static void write_value(struct json *j, const char *key, struct str value)
{
    if (value.len == 0)
        json_add_null(j, key);
    else
        json_raw(j, key, value);
}

static void write_fields(struct json *j, const struct change *c)
{
    json_open_array(j, "fields");
    VEC_EACH (&c->fields, const struct field_change, f) {
        json_open_object(j, NULL);
        json_text(j, "path", f->path);
        write_value(j, "before", f->before);
        write_value(j, "after", f->after);
        if (f->hunks.len > 0)
            json_str(j, "diff", f->hunks);
        json_bool(j, "restarts", f->effect == FIELD_RESTARTS && c->action == CHANGE_REPLACE);
        json_end(j);
    }
    json_end(j);
}

static void write_expected(struct json *j, int64_t ms)
{
    if (ms < 0)
        json_add_null(j, "expected_ms");
    else
        json_int(j, "expected_ms", ms);
}

static void write_impact(struct json *j, const struct change *c)
{
    json_open_object(j, "impact");
    json_int(j, "instances", c->impact.instances);
    json_int(j, "at_once", c->impact.at_once);
    json_bool(j, "down", change_is_down(c));
    write_expected(j, c->impact.expected_ms);
    json_end(j);
}

static void write_change(struct json *j, const struct change *c)
{
    struct buf summary = BUF_INIT(4096);

    change_write_summary(c, &summary);
    json_open_object(j, NULL);
    json_text(j, "action", change_action_name(c->action));
    json_text(j, "kind", c->kind->name);
    json_text(j, "name", c->name);
    json_text(j, "at", c->at);
    json_int(j, "wave", c->wave);
    json_text(j, "reason", c->reason);
    json_text(j, "drift", c->drift);
    json_str(j, "summary", buf_str(&summary));
    json_int(j, "unchanged", c->unchanged);
    json_bool(j, "restarts", c->restarts || c->action == CHANGE_RESTART);
    write_fields(j, c);
    write_impact(j, c);
    json_end(j);
    buf_fini(&summary);
}

static void write_seen(struct json *j, const struct plan *p)
{
    char digest[HASH_TEXT_BYTES];

    json_open_array(j, "observed");
    VEC_EACH (&p->seen, const struct plan_seen, seen) {
        hash_format(&seen->digest, digest);
        json_open_object(j, NULL);
        json_text(j, "kind", seen->kind);
        json_text(j, "name", seen->name);
        json_text(j, "digest", digest);
        json_end(j);
    }
    json_end(j);
    json_text(j, "seal", p->seal);
}

static void write_counts(struct json *j, const struct plan *p)
{
    json_open_object(j, "counts");
    json_int(j, "create", p->creates);
    json_int(j, "update", p->updates);
    json_int(j, "replace", p->replaces);
    json_int(j, "restart", p->restarts);
    json_int(j, "delete", p->deletes);
    json_int(j, "unchanged", p->unchanged);
    json_end(j);
}

static void write_picked(
    struct json *j, const char *key, const struct plan *p, bool (*is)(const struct change *c))
{
    json_open_array(j, key);
    VEC_EACH (&p->changes, const struct change, c)
        if (is(c))
            json_format(j, NULL, "%s.%s", c->kind->name, c->name);
    json_end(j);
}

static bool is_down(const struct change *c)
{
    return c->action != CHANGE_DELETE && change_is_down(c);
}

static bool is_deleted(const struct change *c)
{
    return c->action == CHANGE_DELETE;
}

static bool is_unknown(const struct change *c)
{
    return c->impact.expected_ms < 0;
}

static void write_outlook(struct json *j, const struct plan *p)
{
    int unknown;
    int64_t ms = plan_expected_ms(p, &unknown);

    json_open_object(j, "risk");
    json_text(j, "level", plan_risk_name(p->risk));
    write_picked(j, "interrupted", p, change_interrupts);
    write_picked(j, "down", p, is_down);
    write_picked(j, "deleted", p, is_deleted);
    json_end(j);
    json_open_object(j, "duration");
    json_int(j, "expected_ms", ms);
    write_picked(j, "unknown", p, is_unknown);
    json_end(j);
}

static void write_findings(struct json *j, const struct plan *p)
{
    json_open_array(j, "policy");
    VEC_EACH (&p->findings, const struct plan_finding, f) {
        json_open_object(j, NULL);
        json_text(j, "severity", f->severity);
        json_text(j, "policy", f->policy);
        json_text(j, "text", f->text);
        json_text(j, "at", f->at);
        json_end(j);
    }
    json_end(j);
}

static void write_texts(struct json *j, const char *key, const char *const *at, size_t count)
{
    json_open_array(j, key);
    for (size_t i = 0; i < count; i++)
        json_text(j, NULL, at[i]);
    json_end(j);
}

static void write_json(const struct plan *p, struct str text, struct buf *out)
{
    char digest[HASH_TEXT_BYTES];
    struct json j = json_begin(out);

    hash_format(&p->digest, digest);
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_text(&j, "project", p->project);
    json_text(&j, "digest", digest);
    json_open_array(&j, "changes");
    VEC_EACH (&p->changes, const struct change, c)
        write_change(&j, c);
    json_end(&j);
    write_counts(&j, p);
    write_outlook(&j, p);
    write_findings(&j, p);
    json_bool(&j, "partial", p->is_partial);
    write_texts(&j, "left_out", (const char *const *)p->left_out.at, p->left_out.count);
    write_texts(&j, "notes", (const char *const *)p->notes.at, p->notes.count);
    write_seen(&j, p);
    json_str(&j, "text", text);
    json_end(&j);
}

void plan_write_json(const struct plan *p, struct buf *out)
{
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    size_t start = out->len;

    plan_write_text(p, NULL, &text);
    write_json(p, buf_str(&text), out);
    buf_fini(&text);
    redact_rest(out, start);
}

void plan_write_diff_json(const struct plan *p, const char *from, const char *to, struct buf *out)
{
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    size_t start = out->len;

    plan_write_diff(p, from, to, &text);
    write_json(p, buf_str(&text), out);
    buf_fini(&text);
    redact_rest(out, start);
}
