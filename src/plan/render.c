/* A plan for people, and for programs. */
#include "plan/plan.h"

#include "base/json.h"

#define TEXT_BYTES_MAX (4u << 20)

struct look {
    const char *sign, *colour;
};

static const struct look looks[] = {
    [CHANGE_CREATE] = {"+",   "\033[32m"},
    [CHANGE_UPDATE] = {"~",   "\033[33m"},
    [CHANGE_REPLACE] = {"-/+", "\033[35m"},
    [CHANGE_DELETE] = {"-",   "\033[31m"},
    [CHANGE_RESTART] = {"→", "\033[36m"},
};

static const char *summary(const struct change *c)
{
    if (c->reason != NULL)
        return c->reason;
    switch (c->action) {
    case CHANGE_CREATE:
        return "is started";
    case CHANGE_UPDATE:
        return "changes without a restart";
    case CHANGE_REPLACE:
        return "is replaced, batch by batch";
    case CHANGE_RESTART:
        return "is restarted";
    default:
        return "is stopped and removed";
    }
}

/* Hunks of a text, each line behind `margin`. */
static void write_hunks(struct str hunks, const char *margin, struct buf *out)
{
    while (hunks.len > 0) {
        struct str line = str_cut(&hunks, '\n');

        buf_format(out, "%s%.*s\n", margin, STR_ARG(line));
    }
}

static void write_field(const struct change *c, const struct field_change *f, struct buf *out)
{
    static const struct str nothing = {.at = "(default)", .len = 9};

    if (f->hunks.len > 0) {
        buf_format(out, "      %s:\n", f->path);
        write_hunks(f->hunks, "        ", out);
        return;
    }
    if (c->action == CHANGE_CREATE) {
        buf_format(out, "      %s: %.*s\n", f->path, STR_ARG(f->after));
        return;
    }
    buf_format(out, "      %s: %.*s → %.*s%s\n", f->path,
        STR_ARG(f->before.len > 0 ? f->before : nothing),
        STR_ARG(f->after.len > 0 ? f->after : nothing),
        f->effect == FIELD_RESTARTS && c->action == CHANGE_REPLACE ? "  (restarts)" : "");
}

void plan_write_text(const struct plan *p, bool colours, struct buf *out)
{
    const char *off = colours ? "\033[0m" : "";

    VEC_EACH (&p->notes, const char *, note)
        buf_format(out, "  note: %s\n", *note);
    if (plan_is_empty(p)) {
        buf_add_text(out, "No changes. What runs is what is declared.\n");
        return;
    }
    VEC_EACH (&p->changes, const struct change, c) {
        const struct look *l = &looks[c->action];

        buf_format(out, "%s%3s %s %s%s %s\n", colours ? l->colour : "", l->sign, c->kind->name,
            c->name, off, summary(c));
        if (c->drift != NULL)
            buf_format(out, "    ! %s\n", c->drift);
        VEC_EACH (&c->fields, const struct field_change, f)
            write_field(c, f, out);
    }
    buf_format(out, "\nPlan: %d to create, %d to update, %d to replace, %d to delete.\n",
        p->creates, p->updates, p->replaces, p->deletes);
}

void plan_write_diff(const struct plan *p, const char *from, const char *to, struct buf *out)
{
    if (plan_is_empty(p))
        return;
    buf_format(out, "--- %s\n+++ %s\n", from, to);
    VEC_EACH (&p->changes, const struct change, c) {
        buf_format(out, "@@ %s %s: %s @@\n", c->kind->name, c->name,
            c->action == CHANGE_CREATE   ? "is new"
            : c->action == CHANGE_DELETE ? "is gone"
                                         : summary(c));
        VEC_EACH (&c->fields, const struct field_change, f) {
            if (f->hunks.len > 0) {
                buf_format(out, " %s:\n", f->path);
                write_hunks(f->hunks, "", out);
                continue;
            }
            if (f->before.len > 0)
                buf_format(out, "-%s: %.*s\n", f->path, STR_ARG(f->before));
            if (f->after.len > 0)
                buf_format(out, "+%s: %.*s\n", f->path, STR_ARG(f->after));
        }
    }
}

static void write_value(struct json *j, const char *key, struct str value)
{
    if (value.len == 0)
        json_add_null(j, key);
    else
        json_raw(j, key, value);
}

static void write_change(struct json *j, const struct change *c)
{
    json_open_object(j, NULL);
    json_text(j, "action", change_action_name(c->action));
    json_text(j, "kind", c->kind->name);
    json_text(j, "name", c->name);
    json_int(j, "wave", c->wave);
    json_text(j, "reason", c->reason);
    json_text(j, "summary", summary(c));
    json_text(j, "drift", c->drift);
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
    json_end(j);
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
    json_open_object(&j, "counts");
    json_int(&j, "create", p->creates);
    json_int(&j, "update", p->updates);
    json_int(&j, "replace", p->replaces);
    json_int(&j, "delete", p->deletes);
    json_int(&j, "restart", p->restarts);
    json_end(&j);
    json_open_array(&j, "notes");
    VEC_EACH (&p->notes, const char *, note)
        json_text(&j, NULL, *note);
    json_end(&j);
    write_seen(&j, p);
    json_str(&j, "text", text);
    json_end(&j);
}

void plan_write_json(const struct plan *p, struct buf *out)
{
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);

    plan_write_text(p, false, &text);
    write_json(p, buf_str(&text), out);
    buf_fini(&text);
}

void plan_write_diff_json(const struct plan *p, const char *from, const char *to, struct buf *out)
{
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);

    plan_write_diff(p, from, to, &text);
    write_json(p, buf_str(&text), out);
    buf_fini(&text);
}
