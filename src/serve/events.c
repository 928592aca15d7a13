/* A reader of events is a cursor: it stands at a sequence number, and whenever there is room in its
 * stream and something new, a worker moves it on. So a slow reader costs neither memory nor a
 * thread; it goes on in the journal where it was.
 *
 *     SCAN ──(all that was decided at the request, by the views' index)──▶ FOLLOW ──▶ DONE
 *                                                                          (the journal's reader)
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#include "io/worker.h"

#include "record/views.h"

#include "serve/event_json.h"
#include "serve/serve_private.h"
#include "serve/time_text.h"

#include <stdlib.h>

#define CURSOR_MAGIC   0x63757273u
#define SCAN_LIMIT     512
#define ROOM_FOR_EVENT (EVENT_EVIDENCE_BYTES_MAX + (16u << 10))
#define LINE_BYTES_MAX (HTTP_STREAM_BYTES_MAX)

enum phase { CURSOR_SCAN, CURSOR_FOLLOW, CURSOR_DONE };

struct cursor {
    uint32_t magic;
    int refs; /* the stream's hooks', a running task's, for a moment the request's */
    struct serve *serve;

    /* the request's */
    struct views_filter filter;
    bool follow;
    char *subject, *type; /* what the filter points to */

    /* of the one task that runs; under no lock */
    struct http_stream *stream;
    enum phase phase;
    uint64_t next_seq, scan_end;
    size_t left; /* of the limit */
    struct journal_reader *reader;
    bool full;  /* no room in the stream: on_room goes on */
    bool begun; /* stands at its start */

    pthread_mutex_t lock; /* guards what follows */
    bool running, again, closed;
};

static void unref(struct cursor *c)
{
    if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    (void)pthread_mutex_destroy(&c->lock);
    free(c->subject);
    free(c->type);
    free(c);
}

/* ---- moving on ---- */

static bool send_event(struct cursor *c, const struct event *e)
{
    struct buf line = BUF_INIT(LINE_BYTES_MAX);

    event_json_write(&line, e);
    bool sent = !buf_full(&line) && http_stream_line(c->stream, e->seq, e->type, buf_str(&line));
    buf_fini(&line);
    c->next_seq = e->seq + 1;
    if (c->left > 0 && --c->left == 0 && !c->follow)
        c->phase = CURSOR_DONE;
    return sent;
}

static bool has_room(struct cursor *c)
{
    c->full = http_stream_room(c->stream) < ROOM_FOR_EVENT;
    return !c->full;
}

static bool on_scanned(void *data, const struct event *e)
{
    struct cursor *c = OBJ(cursor, CURSOR_MAGIC, data);

    return has_room(c) && send_event(c, e) && c->phase == CURSOR_SCAN;
}

/* The newest so many are wanted: stand at the first of them. */
static bool note_first(void *data, const struct event *e)
{
    *(uint64_t *)data = e->seq;
    return false;
}

static bool stand_at_newest(struct cursor *c, struct err *err)
{
    struct views_filter filter = c->filter;
    uint64_t first = c->scan_end + 1;

    filter.until_seq = c->scan_end;
    if (c->scan_end > 0) /* 0 would be no bound */
        TRY(views_each_event(c->serve->host.views, &filter, note_first, &first, err));
    c->next_seq = first;
    c->filter.last = false;
    c->left = 0; /* at most so many there are */
    return true;
}

static void end_scan(struct cursor *c)
{
    if (c->next_seq <= c->scan_end)
        c->next_seq = c->scan_end + 1;
    if (!c->follow) {
        c->phase = CURSOR_DONE;
        return;
    }
    c->phase = CURSOR_FOLLOW;
    c->left = 0;
    http_stream_begin(c->stream);
}

static bool scan(struct cursor *c, struct err *err)
{
    struct views_filter filter = c->filter;
    uint64_t before = 0;

    filter.limit = SCAN_LIMIT;
    filter.until_seq = c->scan_end;
    c->full = false;
    while (c->next_seq != before && c->next_seq <= c->scan_end) {
        filter.since_seq = before = c->next_seq;
        TRY(views_each_event(c->serve->host.views, &filter, on_scanned, c, err));
        if (c->full || c->phase != CURSOR_SCAN || http_stream_is_closed(c->stream))
            return true;
    }
    end_scan(c);
    return true;
}

static void kick(void *data);

static bool is_behind_until(const struct cursor *c, const struct event *e)
{
    return (c->filter.until_seq != 0 && e->seq > c->filter.until_seq) ||
           (c->filter.until_ns != 0 && e->at_ns >= c->filter.until_ns);
}

/* What became durable since; the notice kicks the cursor again. */
static bool follow(struct cursor *c, struct err *err)
{
    struct event e;

    if (c->reader == NULL) {
        c->reader = journal_reader_create(c->serve->host.journal, c->next_seq);
        journal_reader_notify(c->reader, kick, c);
    }
    while (has_room(c) && !http_stream_is_closed(c->stream)) {
        switch (journal_reader_next(c->reader, &e, err)) {
        case JOURNAL_END:
            return true;
        case JOURNAL_BROKEN: /* verify tells; whoever follows wants what comes */
            continue;
        case JOURNAL_FAILED:
            return false;
        case JOURNAL_EVENT:
            break;
        }
        if (is_behind_until(c, &e)) {
            c->phase = CURSOR_DONE;
            return true;
        }
        if (views_filter_matches(&c->filter, &e))
            (void)send_event(c, &e); /* a client that has gone is seen above */
    }
    return true;
}

static void send_failure(struct cursor *c, const struct err *err)
{
    struct buf body = BUF_INIT(8 << 10);

    answer_failure_later(c->stream, err, "");
    answer_error_json(&body, err, "");
    (void)http_stream_line(c->stream, 0, "error", str_trim(buf_str(&body)));
    buf_fini(&body);
}

static void stand_at_start(struct cursor *c)
{
    uint64_t durable = journal_durable(c->serve->host.journal);

    c->next_seq = c->filter.since_seq > 0 ? c->filter.since_seq : 1;
    c->scan_end = durable;
    if (c->filter.until_seq != 0 && c->filter.until_seq <= durable) {
        c->scan_end = c->filter.until_seq;
        c->follow = false; /* there is nothing to wait for */
    }
}

static void begin(struct cursor *c)
{
    c->begun = true;
    if (!c->follow)
        answer_catch_up(c->serve); /* who follows gets the rest anyway */
    stand_at_start(c);
}

static void step(struct cursor *c)
{
    struct err err;
    bool fine = true;

    if (!c->begun)
        begin(c);
    if (c->phase == CURSOR_SCAN && c->filter.last)
        fine = stand_at_newest(c, &err);
    if (fine && c->phase == CURSOR_SCAN)
        fine = scan(c, &err);
    if (fine && c->phase == CURSOR_FOLLOW)
        fine = follow(c, &err);
    if (!fine) {
        send_failure(c, &err);
        c->phase = CURSOR_DONE;
    }
}

/* ---- one task at a time ---- */

static void finish(struct cursor *c)
{
    journal_reader_destroy(&c->reader);
    http_stream_end(&c->stream);
}

/* Whether to go round once more; else the next kick starts a task. */
static bool goes_on(struct cursor *c, bool *out_closed)
{
    (void)pthread_mutex_lock(&c->lock);
    *out_closed = c->closed;
    bool again = c->again;
    c->again = false;
    if (!again && !*out_closed)
        c->running = false;
    (void)pthread_mutex_unlock(&c->lock);
    return again || *out_closed;
}

static void run_cursor(void *data, struct cancel *cancel)
{
    struct cursor *c = OBJ(cursor, CURSOR_MAGIC, data);
    struct serve *s = c->serve;
    bool closed = false;

    (void)cancel;
    do {
        if (!closed)
            step(c);
        if (closed || c->phase == CURSOR_DONE) {
            finish(c); /* `running` stays: nothing starts it again */
            break;
        }
    } while (goes_on(c, &closed));
    unref(c);
    serve_task_end(s);
}

static bool start_task(struct cursor *c)
{
    struct worker_task work = {.run = run_cursor, .data = c};

    (void)__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    serve_task_begin(c->serve);
    if (workers_run(c->serve->queries, &work, NULL))
        return true;
    serve_task_end(c->serve);
    unref(c);
    return false;
}

/* Any thread. There is room, or something new, or nobody reads any more. Tasks are fewer than the
 * queue holds; where not even one thread can be started, the next kick tries again. */
static void kick(void *data)
{
    struct cursor *c = OBJ(cursor, CURSOR_MAGIC, data);

    (void)pthread_mutex_lock(&c->lock);
    if (c->running)
        c->again = true;
    else
        c->running = start_task(c);
    (void)pthread_mutex_unlock(&c->lock);
}

static void on_room(void *data)
{
    kick(data);
}

/* The last that the stream tells: if no task can end the cursor, this thread does. */
static void on_closed(void *data)
{
    struct cursor *c = OBJ(cursor, CURSOR_MAGIC, data);

    (void)pthread_mutex_lock(&c->lock);
    c->closed = true;
    (void)pthread_mutex_unlock(&c->lock);
    kick(c);
    (void)pthread_mutex_lock(&c->lock);
    bool here = !c->running;
    c->running = true;
    (void)pthread_mutex_unlock(&c->lock);
    if (here)
        finish(c);
    unref(c);
}

/* ---- the request ---- */

/* A number is a sequence number, anything else a time. */
static bool read_bound(
    const struct call *call, const char *name, uint64_t *seq, int64_t *at_ns, struct err *err)
{
    struct str text = http_target_parameter(http_request_target(call->request), name);

    if (text.len == 0 || str_to_uint(text, seq))
        return true;
    return time_text_parse(text, name, clock_wall_ns(), at_ns, err);
}

static bool read_query(const struct call *call, struct cursor *c, struct err *err)
{
    const struct http_target *target = http_request_target(call->request);
    struct str last_id = http_request_header(call->request, "Last-Event-ID");
    uint64_t last_seq;
    int64_t limit;

    TRY(read_bound(call, "since", &c->filter.since_seq, &c->filter.since_ns, err));
    TRY(read_bound(call, "until", &c->filter.until_seq, &c->filter.until_ns, err));
    TRY(call_number(call, "limit", 0, &limit, err));
    if (last_id.len > 0 && str_to_uint(last_id, &last_seq))
        c->filter.since_seq = last_seq + 1;
    c->subject = call_parameter(call, "subject");
    c->type = call_parameter(call, "type");
    c->filter.subject = c->subject;
    c->filter.type = c->type;
    c->filter.limit = c->left = (size_t)limit;
    c->filter.last = limit > 0 && c->filter.since_seq == 0 && c->filter.since_ns == 0;
    c->follow = str_is(http_target_parameter(target, "follow"), "1");
    return true;
}

void answer_events(struct call *call)
{
    struct cursor *c = mem_new(struct cursor);
    struct err err;

    c->magic = CURSOR_MAGIC;
    c->refs = 2; /* the hooks', and this function's */
    c->serve = call->serve;
    (void)pthread_mutex_init(&c->lock, NULL);
    if (!read_query(call, c, &err)) {
        c->refs = 1;
        unref(c);
        answer_failure(call, &err, "/tend/v1/openapi.json shows what the route takes");
        return;
    }
    c->stream = http_stream_open(call->request, answer_framing(call));
    struct http_stream_hooks hooks = {.data = c, .room = on_room, .closed = on_closed};
    http_stream_hook(c->stream, &hooks);
    kick(c);
    unref(c);
}
