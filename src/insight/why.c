#include "insight/why.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/vec.h"
#include "insight/sentence.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX     40
#define CAUSES_MAX    28  /* of the lines: room is left for what it led to */
#define TOLD_MAX      200 /* events looked at */
#define DEPTH_MAX     8
#define RECENT_EVENTS 200 /* of the subject, among which the decisive one is looked for */
#define HOPS_MAX      8   /* from the newest event back to the decision it came from */
#define EFFECTS_MAX   8
#define COLUMN        88 /* of the event's number, where the text is not longer */

/* What one explanation has read and said. */
struct telling {
    struct arena *arena;
    struct views *views;
    struct journal_reader *hold;
    int64_t now_ns;
    struct {
        VEC_OF(struct why_line);
    } lines;
    struct {
        VEC_OF(uint64_t);
    } told;
};

static void telling_fini(struct telling *t)
{
    journal_reader_destroy(&t->hold);
    vec_fini(&t->lines);
    vec_fini(&t->told);
}

/* ---- events ---- */

/* A copy that lives in the arena. */
static struct event *keep(struct arena *a, const struct event *e)
{
    struct event *kept = arena_new(a, struct event);

    *kept = *e;
    kept->boot_id = arena_copy(a, e->boot_id);
    kept->type = arena_copy(a, e->type);
    kept->actor = arena_copy(a, e->actor);
    kept->subject = arena_copy(a, e->subject);
    kept->evidence = arena_copy_str(a, e->evidence);
    return kept;
}

static const struct event *load(struct telling *t, uint64_t seq, struct err *err)
{
    struct event e;

    if (!journal_read(views_journal(t->views), seq, &t->hold, &e, err))
        return NULL;
    return keep(t->arena, &e);
}

static enum event_role role_of(const struct event *e)
{
    const struct event_type *type = event_type_find(e->type);

    return type != NULL ? type->role : EVENT_SEEN;
}

static bool is_on_the_way(const struct event *e)
{
    enum event_role role = role_of(e);

    return role == EVENT_STEP || role == EVENT_OUTCOME;
}

static bool was_told(const struct telling *t, uint64_t seq)
{
    for (size_t i = 0; i < t->told.count; i++)
        if (t->told.at[i] == seq)
            return true;
    return false;
}

/* ---- lines ---- */

static void add_line(
    struct telling *t, int depth, const char *label, const char *text, uint64_t seq)
{
    if (t->lines.count < LINES_MAX)
        vec_push(
            &t->lines, (struct why_line){.depth = depth, .label = label, .text = text, .seq = seq});
}

/* What a shim did while the daemon was away is appended later than it happened. */
static int64_t happened_ns(const struct event *e)
{
    json_t *evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL);
    const json_t *happened = json_object_get(evidence, "happened_at_ns");
    int64_t ns = json_is_integer(happened) ? json_integer_value(happened) : e->at_ns;

    json_decref(evidence);
    return ns;
}

static const char *tell_sentence(struct telling *t, const struct event *e)
{
    struct buf text = BUF_INIT(4096);
    char at[SENTENCE_TIME_BYTES];

    sentence_render(e, &text);
    sentence_time(happened_ns(e), t->now_ns, at);
    buf_format(&text, " at %s", at);
    const char *kept = arena_copy_str(t->arena, buf_str(&text)).at;
    buf_fini(&text);
    return kept;
}

static void add_params(struct buf *out, const json_t *params)
{
    const char *key;
    json_t *value;
    const char *between = "";

    buf_add_byte(out, '(');
    json_object_foreach((json_t *)params, key, value)
    {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        buf_format(out, "%s%s=%s", between, key, text != NULL ? text : "?");
        free(text);
        between = ", ";
    }
    buf_add_byte(out, ')');
}

static void add_number(struct buf *out, const char *label, const json_t *value)
{
    if (json_is_integer(value))
        buf_format(out, "%s%lld", label, (long long)json_integer_value(value));
    else if (json_is_number(value))
        buf_format(out, "%s%.6g", label, json_number_value(value));
}

static void render_function(const json_t *evidence, const char *function, struct buf *out)
{
    const char *detail = json_string_value(json_object_get(evidence, "detail"));

    buf_add_text(out, function);
    add_params(out, json_object_get(evidence, "params"));
    add_number(out, " was ", json_object_get(evidence, "value"));
    add_number(out, ", its threshold is ", json_object_get(evidence, "threshold"));
    if (detail != NULL && detail[0] != '\0')
        buf_format(out, " (%s)", detail);
}

/* The named function by which a decision was made: anybody can compute it again. */
static void tell_function(struct telling *t, const struct event *e, int depth)
{
    json_t *evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL);
    const char *function = json_string_value(json_object_get(evidence, "function"));

    if (function != NULL) {
        struct buf text = BUF_INIT(1024), clean = BUF_INIT(2048);
        render_function(evidence, function, &text);
        sentence_clean(buf_str(&text), 400, &clean);
        add_line(t, depth, "seen", arena_copy_str(t->arena, buf_str(&clean)).at, e->seq);
        buf_fini(&text);
        buf_fini(&clean);
    }
    json_decref(evidence);
}

/* How an event stands to the one that names it as its cause. */
static const char *label_of_cause(const struct event *cause, size_t index)
{
    if (is_on_the_way(cause))
        return "after";
    return index == 0 ? "because" : "and";
}

static void tell_cut(struct telling *t, const struct event *e, const char *label)
{
    add_line(t, DEPTH_MAX, label,
        arena_format(t->arena, "…, and so on: ask for event %llu", (unsigned long long)e->seq),
        e->seq);
    vec_push(&t->told, e->seq);
}

static void tell_event(struct telling *t, const struct event *e, int depth, const char *label)
{
    add_line(t, depth, label, tell_sentence(t, e), e->seq);
    vec_push(&t->told, e->seq);
    tell_function(t, e, depth + 1);
    for (size_t i = 0; i < e->cause_count && t->lines.count < CAUSES_MAX; i++) {
        struct err err;
        if (was_told(t, e->causes[i]))
            continue;
        const struct event *cause = load(t, e->causes[i], &err);
        if (cause == NULL)
            add_line(t, depth + 1, "because",
                arena_format(t->arena, "of an event that cannot be read: %s", err.text),
                e->causes[i]);
        else if (depth + 1 == DEPTH_MAX)
            tell_cut(t, cause, label_of_cause(cause, i));
        else
            tell_event(t, cause, depth + 1, label_of_cause(cause, i));
    }
}

/* What is seen of a thing that runs came after its start, and not of it. */
static bool is_consequence(const struct event *cause, const struct event *e)
{
    return !(is_on_the_way(cause) && role_of(e) == EVENT_SEEN);
}

/* What named this event as its cause, and what named that: only where it led. */
static bool tell_effects(struct telling *t, const struct event *cause, int hops, struct err *err)
{
    uint64_t effects[EFFECTS_MAX];
    size_t count;

    TRY(views_effects(t->views, cause->seq, effects, EFFECTS_MAX, &count, err));
    for (size_t i = 0; i < count && t->told.count < TOLD_MAX; i++) {
        const struct event *e = was_told(t, effects[i]) ? NULL : load(t, effects[i], NULL);
        if (e == NULL || !is_consequence(cause, e))
            continue;
        vec_push(&t->told, e->seq);
        if (role_of(e) != EVENT_STEP)
            add_line(t, 1, "then", tell_sentence(t, e), e->seq);
        if (hops > 1)
            TRY(tell_effects(t, e, hops - 1, err));
    }
    return true;
}

/* ---- where to begin ---- */

static bool is_decisive(const struct event *e)
{
    const struct event_type *type = event_type_find(e->type);

    return type != NULL && (type->role != EVENT_STEP) &&
           (type->fold != EVENT_FOLD_NONE || type->role != EVENT_SEEN ||
               type->severity == EVENT_ERROR);
}

struct newest {
    struct arena *arena;
    const struct event *decisive, *any;
};

static bool keep_newest(void *data, const struct event *e)
{
    struct newest *n = data;

    if (is_decisive(e))
        n->decisive = keep(n->arena, e);
    else if (n->any == NULL)
        n->any = keep(n->arena, e);
    return true;
}

static bool find_newest(
    struct telling *t, const char *subject, const struct event **out, struct err *err)
{
    struct newest n = {.arena = t->arena};
    struct views_filter filter = {.subject = subject, .limit = RECENT_EVENTS, .last = true};

    TRY(views_each_event(t->views, &filter, keep_newest, &n, err));
    *out = n.decisive != NULL ? n.decisive : n.any;
    return true;
}

/* "web/1 is ready" is explained by the restart it came from, if there was one. */
static const struct event *find_headline(struct telling *t, const struct event *newest)
{
    const struct event *e = newest;

    for (int hop = 0; hop < HOPS_MAX && e != NULL && e->cause_count > 0; hop++) {
        if (role_of(e) == EVENT_DECISION)
            return e;
        if (!is_on_the_way(e))
            return newest;
        e = load(t, e->causes[0], NULL);
    }
    return e != NULL && role_of(e) == EVENT_DECISION ? e : newest;
}

/* ---- nothing known ---- */

#define KNOWN_MAX 64

struct known {
    struct arena *arena;
    const char *names[KNOWN_MAX];
    size_t count;
};

static void know(struct known *k, const char *name)
{
    if (k->count < KNOWN_MAX)
        k->names[k->count++] = arena_copy(k->arena, name);
}

static bool know_service(void *data, const struct views_service *service)
{
    know(data, service->subject);
    return true;
}

static bool know_instance(void *data, const struct views_instance *instance)
{
    know(data, instance->subject);
    return true;
}

static bool say_unknown(struct telling *t, const char *subject, struct err *err)
{
    struct known k = {.arena = t->arena};
    struct buf names = BUF_INIT(ERR_TEXT_BYTES / 2);

    TRY(views_services_each(t->views, know_service, &k, err));
    TRY(views_instances_each(t->views, NULL, know_instance, &k, err));
    const char *nearest = str_nearest(str_from(subject), k.names, k.count);
    for (size_t i = 0; i < k.count && i < 8; i++)
        buf_format(&names, "%s%s", i > 0 ? ", " : "", k.names[i]);
    if (nearest != NULL)
        err_set(
            err, ERR_MISSING, "nothing is known of %.80s; did you mean %.160s?", subject, nearest);
    else if (k.count > 0)
        err_set(err, ERR_MISSING, "nothing is known of %.80s; known are: %s", subject, names.at);
    else
        err_set(
            err, ERR_MISSING, "nothing is known of %.80s: no service was declared yet", subject);
    buf_fini(&names);
    return false;
}

/* ---- telling ---- */

static bool tell(struct telling *t, const struct event *headline, struct why *out, struct err *err)
{
    tell_event(t, headline, 0, "");
    TRY(tell_effects(t, headline, HOPS_MAX, err));
    struct why_line *lines = arena_new_array(t->arena, t->lines.count, struct why_line);
    memcpy(lines, t->lines.at, t->lines.count * sizeof *lines);
    out->lines = lines;
    out->count = t->lines.count;
    return true;
}

static bool tell_subject(struct telling *t, const char *subject, struct why *out, struct err *err)
{
    const struct event *newest;

    TRY(find_newest(t, subject, &newest, err));
    if (newest == NULL)
        return say_unknown(t, subject, err);
    return tell(t, find_headline(t, newest), out, err);
}

bool why_subject(
    struct arena *a, struct views *v, const char *subject, struct why *out, struct err *err)
{
    struct telling t = {.arena = a, .views = v, .now_ns = clock_wall_ns()};

    *out = (struct why){.subject = arena_copy(a, subject)};
    bool ok = tell_subject(&t, subject, out, err);
    telling_fini(&t);
    return ok;
}

bool why_event(struct arena *a, struct views *v, uint64_t seq, struct why *out, struct err *err)
{
    struct telling t = {.arena = a, .views = v, .now_ns = clock_wall_ns()};
    const struct event *e = load(&t, seq, err);
    bool ok = e != NULL;

    *out = (struct why){0};
    if (ok) {
        out->subject = e->subject;
        ok = tell(&t, e, out, err);
    }
    telling_fini(&t);
    return ok;
}

/* ---- forms ---- */

void why_json(const struct why *w, struct buf *out)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_text(&j, "subject", w->subject);
    json_open_array(&j, "sentences");
    for (size_t i = 0; i < w->count; i++) {
        json_open_object(&j, NULL);
        json_int(&j, "depth", w->lines[i].depth);
        json_text(&j, "label", w->lines[i].label);
        json_text(&j, "text", w->lines[i].text);
        json_int(&j, "seq", (int64_t)w->lines[i].seq);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
}

static size_t columns_of(const char *text)
{
    size_t columns = 0;

    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static void add_text_line(const struct why_line *line, struct buf *out)
{
    size_t before = out->len;

    if (line->depth > 0)
        buf_format(out, "%*s%-8s ", 2 * line->depth, "", line->label);
    buf_add_text(out, line->text);
    if (line->seq != 0 && out->at != NULL && !buf_full(out)) {
        size_t columns = columns_of(out->at + before);
        buf_format(out, "%*s [#%llu]", columns < COLUMN ? (int)(COLUMN - columns) : 0, "",
            (unsigned long long)line->seq);
    }
    buf_add_byte(out, '\n');
}

void why_text(const struct why *w, struct buf *out)
{
    for (size_t i = 0; i < w->count; i++)
        add_text_line(&w->lines[i], out);
}
