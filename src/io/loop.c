#include "io/loop.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#include <uv.h>

#include <pthread.h>
#include <stdlib.h>

#define TIMER_MAGIC  0x74696d72u
#define WATCH_MAGIC  0x77617463u
#define SIGNAL_MAGIC 0x73696772u
#define LOOP_MAGIC   0x6c6f6f70u

struct letter {
    struct letter *next;
    inbox_fn fn;
    void *data;
};

struct loop {
    uint32_t magic;
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t timers_done; /* libuv runs timers, then prepare, then waits, then check: */
    uv_check_t events_done;   /* the hook must come behind either kind of callback */
    void (*after_turn)(void *);
    void *after_turn_data;

    pthread_mutex_t lock; /* guards the four below; any thread */
    struct letter *first, **end;
    bool stopping;
};

struct timer {
    uint32_t magic;
    uv_timer_t uv;
    timer_fn fn;
    void *data;
};

struct watch {
    uint32_t magic;
    uv_poll_t uv;
    watch_fn fn;
    void *data;
    int events;
};

struct signal_watch {
    uint32_t magic;
    uv_signal_t uv;
    signal_fn fn;
    void *data;
};

static bool err_uv(struct err *err, int code, const char *what)
{
    return err_set(err, ERR_IO, "%s: %s", what, uv_strerror(code));
}

static struct letter *take_letters(struct loop *l, bool *out_stopping)
{
    (void)pthread_mutex_lock(&l->lock);
    struct letter *first = l->first;
    l->first = NULL;
    l->end = &l->first;
    *out_stopping = l->stopping;
    l->stopping = false; /* one stop ends one run */
    (void)pthread_mutex_unlock(&l->lock);
    return first;
}

static void on_wake(uv_async_t *wake)
{
    struct loop *l = OBJ(loop, LOOP_MAGIC, wake->data);
    bool stopping;

    for (struct letter *letter = take_letters(l, &stopping), *next; letter != NULL; letter = next) {
        next = letter->next;
        letter->fn(letter->data);
        free(letter);
    }
    if (stopping)
        uv_stop(&l->uv);
}

static void end_turn(struct loop *l)
{
    if (l->after_turn != NULL)
        l->after_turn(l->after_turn_data);
}

static void on_timers_done(uv_prepare_t *prepare)
{
    end_turn(OBJ(loop, LOOP_MAGIC, prepare->data));
}

static void on_events_done(uv_check_t *check)
{
    end_turn(OBJ(loop, LOOP_MAGIC, check->data));
}

bool loop_create(struct loop **out, struct err *err)
{
    struct loop *l = mem_new(struct loop);
    int code = uv_loop_init(&l->uv);

    if (code != 0) {
        free(l);
        return err_uv(err, code, "event loop");
    }
    l->magic = LOOP_MAGIC;
    l->end = &l->first;
    (void)pthread_mutex_init(&l->lock, NULL);
    code = uv_async_init(&l->uv, &l->wake, on_wake);
    must(code == 0); /* fails only without descriptors, at start-up */
    l->wake.data = l;
    (void)uv_prepare_init(&l->uv, &l->timers_done);
    l->timers_done.data = l;
    (void)uv_prepare_start(&l->timers_done, on_timers_done);
    (void)uv_check_init(&l->uv, &l->events_done);
    l->events_done.data = l;
    (void)uv_check_start(&l->events_done, on_events_done);
    *out = l;
    return true;
}

void loop_destroy(struct loop **l)
{
    if (*l == NULL)
        return;
    uv_close((uv_handle_t *)&(*l)->wake, NULL);
    uv_close((uv_handle_t *)&(*l)->timers_done, NULL);
    uv_close((uv_handle_t *)&(*l)->events_done, NULL);
    (void)uv_run(&(*l)->uv, UV_RUN_DEFAULT); /* the closing callbacks */
    must(uv_loop_close(&(*l)->uv) == 0);
    bool stopping;
    for (struct letter *letter = take_letters(*l, &stopping), *next; letter != NULL;
         letter = next) {
        next = letter->next;
        free(letter);
    }
    (void)pthread_mutex_destroy(&(*l)->lock);
    free(*l);
    *l = NULL;
}

void loop_run(struct loop *l)
{
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->stopping = true;
    (void)pthread_mutex_unlock(&l->lock);
    (void)uv_async_send(&l->wake);
}

int64_t loop_now_ms(struct loop *l)
{
    (void)l;
    return clock_boot_ms(); /* not uv_now: CLOCK_MONOTONIC stands still during suspend */
}

void loop_after_turn(struct loop *l, void (*hook)(void *data), void *data)
{
    l->after_turn = hook;
    l->after_turn_data = data;
}

void loop_post(struct loop *l, inbox_fn fn, void *data)
{
    struct letter *letter = mem_new(struct letter);

    *letter = (struct letter){.fn = fn, .data = data};
    (void)pthread_mutex_lock(&l->lock);
    *l->end = letter;
    l->end = &letter->next;
    (void)pthread_mutex_unlock(&l->lock);
    (void)uv_async_send(&l->wake);
}

static void on_timer(uv_timer_t *uv)
{
    struct timer *t = OBJ(timer, TIMER_MAGIC, uv->data);

    t->fn(t->data);
}

struct timer *timer_create_on(struct loop *l, timer_fn fn, void *data)
{
    struct timer *t = mem_new(struct timer);

    *t = (struct timer){.magic = TIMER_MAGIC, .fn = fn, .data = data};
    (void)uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
    return t;
}

static void free_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void timer_destroy(struct timer **t)
{
    if (*t == NULL)
        return;
    uv_close((uv_handle_t *)&(*t)->uv, free_closed);
    *t = NULL;
}

void timer_set(struct timer *t, int64_t delay_ms)
{
    uv_update_time(t->uv.loop); /* a long callback has made the loop's time old */
    (void)uv_timer_start(&t->uv, on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

void timer_clear(struct timer *t)
{
    (void)uv_timer_stop(&t->uv);
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct watch *w = OBJ(watch, WATCH_MAGIC, uv->data);
    int ready = 0;

    if (status < 0)
        ready = w->events;
    if (events & UV_READABLE)
        ready |= WATCH_READ;
    if (events & UV_WRITABLE)
        ready |= WATCH_WRITE;
    if (events & UV_DISCONNECT)
        ready |= WATCH_HANGUP;
    w->fn(w->data, ready);
}

static int uv_events(int events)
{
    return ((events & WATCH_READ) ? UV_READABLE : 0) | ((events & WATCH_WRITE) ? UV_WRITABLE : 0) |
           ((events & WATCH_HANGUP) ? UV_DISCONNECT : 0);
}

bool watch_create(struct watch **out, struct loop *l, int fd, int events, watch_fn fn, void *data,
    struct err *err)
{
    struct watch *w = mem_new(struct watch);
    *w = (struct watch){.magic = WATCH_MAGIC, .fn = fn, .data = data, .events = events};
    int code = uv_poll_init(&l->uv, &w->uv, fd);

    if (code != 0) {
        free(w);
        return err_uv(err, code, "watch descriptor");
    }
    w->uv.data = w;
    (void)uv_poll_start(&w->uv, uv_events(events), on_poll);
    *out = w;
    return true;
}

void watch_set(struct watch *w, int events)
{
    if (events == w->events)
        return;
    w->events = events;
    if (events == 0)
        (void)uv_poll_stop(&w->uv);
    else
        (void)uv_poll_start(&w->uv, uv_events(events), on_poll);
}

void watch_destroy(struct watch **w)
{
    if (*w == NULL)
        return;
    uv_close((uv_handle_t *)&(*w)->uv, free_closed);
    *w = NULL;
}

static void on_signal(uv_signal_t *uv, int signo)
{
    struct signal_watch *s = OBJ(signal_watch, SIGNAL_MAGIC, uv->data);

    s->fn(s->data, signo);
}

bool signal_watch_create(
    struct signal_watch **out, struct loop *l, int signo, signal_fn fn, void *data, struct err *err)
{
    struct signal_watch *s = mem_new(struct signal_watch);

    *s = (struct signal_watch){.magic = SIGNAL_MAGIC, .fn = fn, .data = data};
    (void)uv_signal_init(&l->uv, &s->uv);
    s->uv.data = s;
    int code = uv_signal_start(&s->uv, on_signal, signo);
    if (code != 0) {
        uv_close((uv_handle_t *)&s->uv, free_closed);
        return err_uv(err, code, "watch signal");
    }
    *out = s;
    return true;
}

void signal_watch_destroy(struct signal_watch **s)
{
    if (*s == NULL)
        return;
    uv_close((uv_handle_t *)&(*s)->uv, free_closed);
    *s = NULL;
}
