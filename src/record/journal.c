#include "record/journal.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "base/redact.h"
#include "record/journal_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_BYTES_MAX   (8u << 20)
#define SEGMENT_BYTES_MAX (16u << 20)
#define RETRY_MS          250
#define CLOSE_WAIT_MS     5000
#define STACK_BYTES       (256u << 10)
#define WAIT_MS_MAX       INT64_C(3600000)

/* ---- waiting ---- */

void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *lock, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    ms = ms < 0 ? 0 : ms < WAIT_MS_MAX ? ms : WAIT_MS_MAX;
    int64_t ns = until.tv_nsec + ms * NS_PER_MS;
    until.tv_sec += (time_t)(ns / NS_PER_S);
    until.tv_nsec = (long)(ns % NS_PER_S);
    (void)pthread_cond_timedwait(c, lock, &until);
}

/* ---- open and close ---- */

static void set_options(struct journal *j, const struct journal_options *options)
{
    if (options != NULL)
        j->options = *options;
    if (j->options.queue_bytes_max == 0)
        j->options.queue_bytes_max = QUEUE_BYTES_MAX;
    if (j->options.segment_bytes_max == 0)
        j->options.segment_bytes_max = SEGMENT_BYTES_MAX;
    if (j->options.retry_ms == 0)
        j->options.retry_ms = RETRY_MS;
    must(j->options.segment_bytes_max >= SEGMENT_HEADER_BYTES + RECORD_BYTES_MAX);
    must(j->options.segment_bytes_max <= UINT32_MAX);
    buf_init(&j->queue, j->options.queue_bytes_max);
    buf_init(&j->batch, j->options.queue_bytes_max);
}

static bool take_tail(struct journal *j, const struct tail *t, struct err *err)
{
    j->head = j->durable = t->head;
    j->chain = j->batch_chain = t->chain;
    j->number = t->number;
    j->end = t->end;
    if (t->has_node)
        memcpy(j->node, t->node, sizeof j->node);
    else
        random_secret(j->node, sizeof j->node);
    j->health.broken = t->broken_text[0] != '\0';
    memcpy(j->health.broken_text, t->broken_text, sizeof j->health.broken_text);
    if (t->may_grow)
        return store_open_file(j->store.dir_fd, t->number, O_RDWR, &j->fd, err);
    return true;
}

static bool start_thread(struct journal *j, struct err *err)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the control thread's */
    int code = pthread_create(&j->thread, &attributes, journal_thread, j);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    j->has_thread = code == 0;
    return code == 0 || err_set(err, ERR_LIMIT, "start the journal's thread: %s", strerror(code));
}

static void report(const struct tail *t, struct journal_opened *out)
{
    if (out == NULL)
        return;
    *out = (struct journal_opened){
        .head = t->head,
        .torn_bytes = t->torn_bytes,
        .broken = t->broken_text[0] != '\0',
    };
    if (t->torn_bytes > 0)
        (void)snprintf(out->torn_file, sizeof out->torn_file, "%08u.seg", t->torn_number);
}

bool journal_open(struct journal **out, const char *dir, const struct journal_options *options,
    struct journal_opened *opened, struct err *err)
{
    struct journal *j = mem_new(struct journal);
    struct tail tail;
    struct err why; /* its kind is acted on, whether or not the caller wants it */

    j->fd = -1;
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_mutex_init(&j->readers_lock, NULL);
    cond_init(&j->work);
    cond_init(&j->committed);
    set_options(j, options);
    if (!store_open(&j->store, dir, &tail, &why) || !take_tail(j, &tail, &why) ||
        !start_thread(j, &why)) {
        journal_close(&j);
        if (err != NULL)
            *err = why;
        return err_in(err, "journal");
    }
    report(&tail, opened);
    *out = j;
    return true;
}

static void fail_waiters(struct journal *j)
{
    struct waiters due = j->waiters;
    struct err err;

    j->waiters = (struct waiters){0};
    err_set(&err, ERR_CANCELLED, "the journal was closed: %s",
        j->health.failing ? j->health.text : "not written");
    journal_post_notices(j, &due, &err);
}

void journal_close(struct journal **closing)
{
    struct journal *j = *closing;

    if (j == NULL)
        return;
    if (j->has_thread) {
        (void)pthread_mutex_lock(&j->lock);
        j->stopping = true;
        j->stop_by_ms = clock_boot_ms() + CLOSE_WAIT_MS;
        (void)pthread_cond_signal(&j->work);
        (void)pthread_mutex_unlock(&j->lock);
        (void)pthread_join(j->thread, NULL);
    }
    must(j->readers == NULL);
    fail_waiters(j);
    if (j->fd != -1)
        (void)close(j->fd);
    store_close(&j->store);
    buf_fini(&j->queue);
    buf_fini(&j->batch);
    (void)pthread_cond_destroy(&j->work);
    (void)pthread_cond_destroy(&j->committed);
    (void)pthread_mutex_destroy(&j->lock);
    (void)pthread_mutex_destroy(&j->readers_lock);
    free(j);
    *closing = NULL;
}

/* ---- notices: a journal_durable_fn or on_health on its way to the thread it belongs to ---- */

struct notice {
    journal_durable_fn fn;
    void (*on_health)(void *, const struct journal_health *);
    void *data;
    bool failed;
    struct err err;
    struct journal_health health;
};

static void deliver(void *data)
{
    struct notice *n = data;

    if (n->on_health != NULL)
        n->on_health(n->data, &n->health);
    else
        n->fn(n->data, n->failed ? &n->err : NULL);
    free(n);
}

static void post(struct journal *j, const struct notice *notice)
{
    struct notice *n = mem_new(struct notice);

    *n = *notice;
    if (j->options.post != NULL)
        j->options.post(j->options.post_host, deliver, n);
    else
        deliver(n);
}

void journal_post_notices(struct journal *j, struct waiters *due, const struct err *err)
{
    VEC_EACH (due, struct waiter, w) {
        struct notice n = {.fn = w->fn, .data = w->data, .failed = err != NULL};
        if (err != NULL)
            n.err = *err;
        post(j, &n);
    }
    vec_fini(due);
}

void journal_post_health(struct journal *j, const struct journal_health *health)
{
    struct notice n = {
        .on_health = j->options.on_health, .data = j->options.on_health_data, .health = *health};

    if (n.on_health != NULL)
        post(j, &n);
}

void journal_note_broken(struct journal *j, const char *text)
{
    (void)pthread_mutex_lock(&j->lock);
    if (!j->health.broken) {
        j->health.broken = true;
        (void)snprintf(j->health.broken_text, sizeof j->health.broken_text, "%s", text);
    }
    (void)pthread_mutex_unlock(&j->lock);
}

/* ---- append ---- */

/* Cheap signs that it is one line of JSON; the writers use base/json.h. */
static bool looks_like_object(struct str text)
{
    if (text.len < 2 || text.at[0] != '{' || text.at[text.len - 1] != '}')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20)
            return false;
    return true;
}

/* What of an event must be changed so that it can be stored; its texts live here. */
struct fitted {
    struct event event;
    char type[EVENT_TYPE_BYTES_MAX + 1], actor[EVENT_ACTOR_BYTES_MAX + 1],
        subject[EVENT_SUBJECT_BYTES_MAX + 1];
    char evidence[64];
    struct buf clean; /* the evidence without secrets, where there were some */
};

static const char *fit_text(const char *text, char *room, size_t bytes_max)
{
    if (text == NULL || strnlen(text, bytes_max + 1) > bytes_max) {
        (void)snprintf(room, bytes_max + 1, "%s", text != NULL ? text : "");
        return room;
    }
    return text;
}

static void fit(const struct event *e, struct fitted *out)
{
    struct event *f = &out->event;

    *f = *e;
    f->type = fit_text(e->type, out->type, EVENT_TYPE_BYTES_MAX);
    f->actor = fit_text(e->actor, out->actor, EVENT_ACTOR_BYTES_MAX);
    f->subject = fit_text(e->subject, out->subject, EVENT_SUBJECT_BYTES_MAX);
    if (f->cause_count > EVENT_CAUSES_MAX)
        f->cause_count = EVENT_CAUSES_MAX;
    if (f->evidence.len == 0)
        f->evidence = STR("{}");
    if (f->evidence.len > EVENT_EVIDENCE_BYTES_MAX || !looks_like_object(f->evidence)) {
        (void)snprintf(
            out->evidence, sizeof out->evidence, "{\"invalid_evidence\":%zu}", f->evidence.len);
        f->evidence = str_from(out->evidence);
    }
    buf_init(&out->clean, EVENT_EVIDENCE_BYTES_MAX);
    if (!redact_needed(f->evidence))
        return;
    redact_write(f->evidence, &out->clean);
    f->evidence = buf_full(&out->clean) ? STR("{}") : buf_str(&out->clean);
}

static bool has_room(const struct journal *j)
{
    size_t used = j->queue.len + j->batch_bytes;

    return used + RECORD_BYTES_MAX <= j->options.queue_bytes_max;
}

/* With the lock held and room in the queue. */
static uint64_t enqueue(struct journal *j, struct event *e)
{
    e->seq = j->head + 1;
    e->at_ns = clock_wall_ns();
    e->boot_ns = clock_boot_ns();
    must(record_encode(&j->queue, e) > 0);
    j->head = e->seq;
    (void)pthread_cond_signal(&j->work);
    return e->seq;
}

uint64_t journal_append(struct journal *j, const struct event *e)
{
    struct fitted f;
    uint64_t seq = 0;

    fit(e, &f);
    (void)pthread_mutex_lock(&j->lock);
    if (has_room(j))
        seq = enqueue(j, &f.event);
    else
        j->health.dropped++;
    (void)pthread_mutex_unlock(&j->lock);
    buf_fini(&f.clean);
    return seq;
}

void journal_when_durable(struct journal *j, uint64_t seq, journal_durable_fn fn, void *data)
{
    struct waiters due = {0};
    struct err err;

    (void)pthread_mutex_lock(&j->lock);
    bool is_durable = seq <= j->durable;
    if (!is_durable && j->health.failing)
        err_set(&err, ERR_IO, "journal: %s", j->health.text);
    if (is_durable || j->health.failing)
        vec_push(&due, (struct waiter){.seq = seq, .fn = fn, .data = data});
    else
        vec_push(&j->waiters, (struct waiter){.seq = seq, .fn = fn, .data = data});
    (void)pthread_mutex_unlock(&j->lock);
    journal_post_notices(j, &due, is_durable ? NULL : &err);
}

bool journal_append_durable(struct journal *j, const struct event *e, uint64_t *out_seq,
    journal_durable_fn fn, void *data, struct err *err)
{
    struct fitted f;
    bool ok = false;

    fit(e, &f);
    (void)pthread_mutex_lock(&j->lock);
    if (j->health.failing) {
        err_set(err, ERR_IO, "the journal cannot be written: %s", j->health.text);
    } else if (!has_room(j)) {
        err_set(err, ERR_LIMIT, "the journal cannot keep up: %llu events wait",
            (unsigned long long)(j->head - j->durable));
    } else {
        *out_seq = enqueue(j, &f.event);
        vec_push(&j->waiters, (struct waiter){.seq = *out_seq, .fn = fn, .data = data});
        ok = true;
    }
    (void)pthread_mutex_unlock(&j->lock);
    buf_fini(&f.clean);
    return ok;
}

bool journal_flush(struct journal *j, int64_t deadline_ms, struct err *err)
{
    bool ok = false;

    (void)pthread_mutex_lock(&j->lock);
    uint64_t seq = j->head;
    for (;;) {
        int64_t left_ms = deadline_ms - clock_boot_ms();
        ok = j->durable >= seq;
        if (ok || j->health.failing || left_ms <= 0)
            break;
        cond_wait_ms(&j->committed, &j->lock, left_ms);
    }
    if (!ok && j->health.failing)
        err_set(err, ERR_IO, "the journal cannot be written: %s", j->health.text);
    else if (!ok)
        err_set(err, ERR_TIMEOUT, "the journal is not written yet");
    (void)pthread_mutex_unlock(&j->lock);
    return ok;
}

/* ---- asking ---- */

uint64_t journal_head(struct journal *j)
{
    (void)pthread_mutex_lock(&j->lock);
    uint64_t head = j->head;
    (void)pthread_mutex_unlock(&j->lock);
    return head;
}

uint64_t journal_durable(struct journal *j)
{
    (void)pthread_mutex_lock(&j->lock);
    uint64_t durable = j->durable;
    (void)pthread_mutex_unlock(&j->lock);
    return durable;
}

uint64_t journal_first(struct journal *j)
{
    (void)pthread_mutex_lock(&j->store.lock);
    uint64_t first = j->store.segments.count > 0 ? j->store.segments.at[0].first_seq : 1;
    (void)pthread_mutex_unlock(&j->store.lock);
    return first;
}

struct hash journal_chain(struct journal *j, uint64_t *out_seq)
{
    (void)pthread_mutex_lock(&j->lock);
    struct hash chain = j->chain;
    *out_seq = j->durable;
    (void)pthread_mutex_unlock(&j->lock);
    return chain;
}

void journal_health(struct journal *j, struct journal_health *out)
{
    (void)pthread_mutex_lock(&j->lock);
    *out = j->health;
    out->waiting = j->head - j->durable;
    (void)pthread_mutex_unlock(&j->lock);
}
