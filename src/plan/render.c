/* A plan for people. */
#include "plan/plan_private.h"

#include "base/map.h"
#include "base/redact.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS_DEFAULT  80
#define VALUE_COLUMNS    48 /* of one value, unless all is wanted */
#define PATH_COLUMNS_MAX 36 /* what is longer does not push the others */
#define NAMES_SHOWN      6  /* in a sentence, then "and 3 more" */
#define BEFORE_MAX       30 /* columns to which values before are padded */

static const struct {
    const char *sign, *ascii;
} signs[] = {
    [CHANGE_NONE] = {" ",   " "  },
    [CHANGE_CREATE] = {"+",   "+"  },
    [CHANGE_UPDATE] = {"~",   "~"  },
    [CHANGE_REPLACE] = {"-/+", "-/+"},
    [CHANGE_DELETE] = {"-",   "-"  },
    [CHANGE_RESTART] = {"→", "->" },
};

/* What a change of a resource is called; the last row is for all other kinds. */
static const struct {
    const char *kind, *create, *update, *delete;
} words[] = {
    {"service", "is started", "changes without a restart", "is stopped and removed"},
    {NULL,      "is created", "changes",                   "is deleted"            },
};

struct writer {
    const struct plan *plan;
    const struct plan_look *look;
    struct buf *out;
    const char *arrow, *ellipsis;
};

static void pad(struct buf *out, int columns)
{
    static const struct str blanks = {.at = "                                ", .len = 32};

    for (; columns > 0; columns -= (int)blanks.len)
        buf_add(out, blanks.at, (size_t)columns < blanks.len ? (size_t)columns : blanks.len);
}

void plan_write_hunks(struct str hunks, const char *margin, struct buf *out)
{
    while (hunks.len > 0) {
        struct str line = str_cut(&hunks, '\n');

        buf_format(out, "%s%.*s\n", margin, STR_ARG(line));
    }
}

/* ---- one change ---- */

static void write_rolling(const struct change *c, const char *verb, struct buf *out)
{
    if (change_is_down(c) && c->impact.instances > 1)
        buf_format(out, "%s, all %d at once: it is down meanwhile", verb, c->impact.instances);
    else if (change_is_down(c))
        buf_format(out, "%s: it is down meanwhile", verb);
    else if (c->impact.at_once > 0)
        buf_format(out, "%s, %d of %d at a time", verb, c->impact.at_once, c->impact.instances);
    else
        buf_add_text(out, verb);
}

void change_write_summary(const struct change *c, struct buf *out)
{
    size_t w = 0;

    while (words[w].kind != NULL && strcmp(words[w].kind, c->kind->name) != 0)
        w++;
    if (c->reason != NULL) {
        if (c->action == CHANGE_RESTART || c->restarts)
            write_rolling(c, c->reason, out);
        else
            buf_add_text(out, c->reason);
        return;
    }
    switch (c->action) {
    case CHANGE_CREATE:
        buf_add_text(out, words[w].create);
        return;
    case CHANGE_UPDATE:
        buf_add_text(out, words[w].update);
        return;
    case CHANGE_REPLACE:
        write_rolling(c, "is replaced", out);
        return;
    case CHANGE_RESTART:
        write_rolling(c, "is restarted", out);
        return;
    case CHANGE_DELETE:
        buf_add_text(out, words[w].delete);
        return;
    case CHANGE_NONE:
        return;
    }
}

/* The name, what happens, and at the right where it is declared. */
static void write_head(struct writer *w, const struct change *c)
{
    const char *sign = w->look->ascii ? signs[c->action].ascii : signs[c->action].sign;
    struct buf line = BUF_INIT(8192);
    int columns = w->look->columns > 0 ? w->look->columns : COLUMNS_DEFAULT;

    pad(&line, 3 - plan_width(str_from(sign)));
    buf_format(&line, "%s %s %s  ", sign, c->kind->name, c->name);
    change_write_summary(c, &line);
    buf_add_str(w->out, buf_str(&line));
    if (c->at != NULL) {
        columns -= plan_width(buf_str(&line)) + plan_width(str_from(c->at));
        pad(w->out, columns >= 2 ? columns : 2);
        buf_add_text(w->out, c->at);
    }
    buf_add_byte(w->out, '\n');
    buf_fini(&line);
}

/* The row that a path leads to; NULL: a free key. */
static const struct field *find_field(const struct kind *k, const char *path)
{
    const struct field_table *table = k->fields;
    const struct field *f = NULL;
    struct str rest = str_from(path);

    while (rest.len > 0 && table != NULL) {
        f = field_find(table, str_cut(&rest, '.'));
        table = f != NULL && f->type == FIELD_MAP && !f->per_entry ? f->table : NULL;
    }
    return rest.len == 0 ? f : NULL;
}

/* Sizes as people write them; what is not there by what stands for it. */
static struct str shown(const struct field *f, struct str value, char text[UNITS_TEXT_BYTES * 2])
{
    int64_t bytes;

    if (value.len == 0 && f != NULL && f->default_text != NULL) {
        (void)snprintf(text, (size_t)UNITS_TEXT_BYTES * 2, "(default: %s)", f->default_text);
        return str_from(text);
    }
    if (value.len == 0)
        return STR("(not set)");
    if (f != NULL && f->type == FIELD_BYTES && str_to_int(value, &bytes)) {
        units_format_bytes(bytes, text);
        return str_from(text);
    }
    return value;
}

static int value_columns(const struct writer *w)
{
    return w->look->verbose ? INT32_MAX : VALUE_COLUMNS;
}

/* How wide the columns of a change's fields are. */
static void measure(const struct writer *w, const struct change *c, int *out_path, int *out_before)
{
    *out_path = *out_before = 0;
    VEC_EACH (&c->fields, const struct field_change, f) {
        char text[UNITS_TEXT_BYTES * 2];
        int path = plan_width(str_from(f->path)),
            before = plan_width(shown(find_field(c->kind, f->path), f->before, text));

        before = before < value_columns(w) ? before : value_columns(w);
        if (path > *out_path && path <= PATH_COLUMNS_MAX)
            *out_path = path;
        if (before > *out_before && before <= BEFORE_MAX)
            *out_before = before;
    }
}

static void write_field(struct writer *w, const struct change *c, const struct field_change *f,
    int path_columns, int before_columns)
{
    const struct field *field = find_field(c->kind, f->path);
    char was[UNITS_TEXT_BYTES * 2], is[UNITS_TEXT_BYTES * 2];
    struct str before = shown(field, f->before, was), after = shown(field, f->after, is);
    size_t begin;

    if (f->hunks.len > 0) {
        buf_format(w->out, "      %s\n", f->path);
        plan_write_hunks(f->hunks, "        ", w->out);
        return;
    }
    buf_format(w->out, "      %s", f->path);
    pad(w->out, path_columns - plan_width(str_from(f->path)));
    buf_add_text(w->out, "  ");
    if (c->action != CHANGE_CREATE) {
        begin = w->out->len;
        plan_write_value(w->out, before, after, value_columns(w), w->ellipsis);
        pad(w->out, before_columns - plan_width(str_tail(buf_str(w->out), begin)));
        buf_format(w->out, " %s ", w->arrow);
    }
    plan_write_value(w->out, after, before, value_columns(w), w->ellipsis);
    if (c->action == CHANGE_REPLACE && f->effect == FIELD_RESTARTS)
        buf_add_text(w->out, "  (restarts)");
    buf_add_byte(w->out, '\n');
}

static void write_change(struct writer *w, const struct change *c)
{
    int path, before;

    write_head(w, c);
    if (c->drift != NULL)
        buf_format(w->out, "    ! %s\n", c->drift);
    measure(w, c, &path, &before);
    VEC_EACH (&c->fields, const struct field_change, f)
        write_field(w, c, f, path, before);
    if (c->unchanged > 0 && c->action != CHANGE_CREATE)
        buf_format(w->out, "      (%d unchanged)\n", c->unchanged);
}

/* ---- what it comes to ---- */

struct names {
    struct buf *out;
    const char *before;
    int count;
};

static void add_name(struct names *n, const char *name)
{
    n->count++;
    if (n->count > NAMES_SHOWN)
        return;
    buf_format(n->out, "%s%s", n->count == 1 ? n->before : ", ", name);
}

static void end_names(const struct names *n, const char *after)
{
    if (n->count > NAMES_SHOWN)
        buf_format(n->out, " and %d more", n->count - NAMES_SHOWN);
    if (n->count > 0)
        buf_add_text(n->out, after);
}

/* The names of those changes that `is` picks; nothing where there are none. */
static void write_names(const struct plan *p, bool (*is)(const struct change *c),
    const char *before, const char *after, struct buf *out)
{
    struct names n = {.out = out, .before = before};

    VEC_EACH (&p->changes, const struct change, c)
        if (is(c))
            add_name(&n, c->name);
    end_names(&n, after);
}

static bool goes_down(const struct change *c)
{
    return c->action != CHANGE_DELETE && change_is_down(c);
}

static bool goes_on(const struct change *c)
{
    return c->action != CHANGE_DELETE && change_interrupts(c) && !change_is_down(c);
}

static bool is_deleted(const struct change *c)
{
    return c->action == CHANGE_DELETE;
}

static bool is_other_replacement(const struct change *c)
{
    return c->action == CHANGE_REPLACE && !change_interrupts(c);
}

static bool has_no_history(const struct change *c)
{
    return c->impact.expected_ms < 0;
}

static void write_risk(const struct plan *p, struct buf *out)
{
    size_t begin;

    buf_format(out, "  risk      %s", plan_risk_name(p->risk));
    begin = out->len;
    write_names(p, goes_down, "; down meanwhile: ", "", out);
    write_names(p, is_deleted, "; deleted: ", "", out);
    write_names(p, goes_on, "; restarts, a part at a time: ", "", out);
    write_names(p, is_other_replacement, "; replaced: ", "", out);
    if (out->len == begin)
        buf_add_text(out, ": nothing that runs is interrupted");
    else
        out->at[begin] = ':';
    buf_add_byte(out, '\n');
}

static void write_expected(const struct plan *p, struct buf *out)
{
    int unknown;
    int64_t ms = plan_expected_ms(p, &unknown);
    char text[UNITS_TEXT_BYTES];

    if (ms > 10000)
        ms = (ms + 500) / 1000 * 1000;
    else if (ms > 1000)
        ms = (ms + 50) / 100 * 100;
    units_format_duration(ms * 1000000, text);
    buf_add_text(out, "  duration  ");
    if (unknown > 0 && (size_t)unknown == p->changes.count)
        buf_add_text(out, "unknown: there is no history of it");
    else if (unknown > 0) {
        buf_format(out, "at least %s", ms > 0 ? text : "a moment");
        write_names(p, has_no_history, "; nothing is known of ", "", out);
    } else if (ms > 0)
        buf_format(out, "about %s, as starts and stops took before", text);
    else
        buf_add_text(out, "a moment");
    buf_add_byte(out, '\n');
}

static void write_findings(const struct plan *p, struct buf *out)
{
    VEC_EACH (&p->findings, const struct plan_finding, f)
        buf_format(out, "  policy    %s %s: %s%s%s%s\n", f->severity, f->policy, f->text,
            f->at != NULL ? " (" : "", f->at != NULL ? f->at : "", f->at != NULL ? ")" : "");
}

static void write_left_out(const struct plan *p, struct buf *out)
{
    struct names n = {.out = out, .before = "  left out  "};

    VEC_EACH (&p->left_out, const char *, name)
        add_name(&n, *name);
    end_names(&n, "\n");
}

static void write_counts(const struct plan *p, struct buf *out)
{
    const struct {
        int count;
        const char *what;
    } counts[] = {
        {p->creates,  "to create" },
        {p->updates,  "to update" },
        {p->replaces, "to replace"},
        {p->restarts, "to restart"},
        {p->deletes,  "to delete" },
    };
    const char *between = "";

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].count == 0)
            continue;
        buf_format(out, "%s%d %s", between, counts[i].count, counts[i].what);
        between = ", ";
    }
    if (p->unchanged > 0)
        buf_format(out, "%s%d unchanged", between[0] != '\0' ? "; " : "", p->unchanged);
}

static void write_took(const struct writer *w)
{
    if (w->look->took_ns <= 0)
        return;
    if (w->look->took_ns < 10000000)
        buf_format(w->out, "; %.1f ms", (double)w->look->took_ns / 1e6);
    else
        buf_format(w->out, "; %lld ms", (long long)w->look->took_ns / 1000000);
}

static void write_total(struct writer *w)
{
    const struct plan *p = w->plan;
    char digest[HASH_TEXT_BYTES];

    hash_format(&p->digest, digest);
    buf_format(w->out, "\n%s %.8s: ", p->is_partial ? "Partial plan" : "Plan", digest);
    write_counts(p, w->out);
    write_took(w);
    buf_add_byte(w->out, '\n');
    write_left_out(p, w->out);
    write_risk(p, w->out);
    write_expected(p, w->out);
    write_findings(p, w->out);
    if (w->look->next != NULL)
        buf_format(w->out, "  next      %s\n", w->look->next);
}

static void write_nothing(struct writer *w)
{
    buf_add_text(w->out, w->plan->is_partial ? "No changes in this part."
                                             : "No changes. What runs is what is declared.");
    if (w->look->took_ns > 0) {
        buf_add_text(w->out, " (");
        write_counts(w->plan, w->out);
        write_took(w);
        buf_add_byte(w->out, ')');
    }
    buf_add_byte(w->out, '\n');
    write_left_out(w->plan, w->out);
    write_findings(w->plan, w->out);
}

void plan_write_text(const struct plan *p, const struct plan_look *look, struct buf *out)
{
    static const struct plan_look plain;
    size_t start = out->len;
    struct writer w = {.plan = p, .look = look != NULL ? look : &plain, .out = out};

    w.arrow = w.look->ascii ? "->" : "→";
    w.ellipsis = w.look->ascii ? "..." : "…";
    VEC_EACH (&p->notes, const char *, note)
        buf_format(out, "  note: %s\n", *note);
    VEC_EACH (&p->changes, const struct change, c)
        write_change(&w, c);
    if (plan_is_empty(p))
        write_nothing(&w);
    else
        write_total(&w);
    redact_rest(out, start);
}
