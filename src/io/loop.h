/* loop.h - the control thread's event loop: timers, descriptors, an inbox, signals.
 *
 * io/ is the only folder that includes uv.h. One `struct loop` belongs to the thread that runs it;
 * everything here is called from that thread, except loop_post and loop_stop (any thread). Objects
 * are created on the loop and destroyed on it; destroying one inside its own callback is fine, and
 * no callback comes after the destroy.
 *
 *     other threads ──loop_post──▶ inbox ──┐
 *     descriptors ───────────────▶ watch  ─┼─▶ one callback at a time, on the control thread
 *     time ──────────────────────▶ timer  ─┘         └─▶ after_turn hook, once per loop turn
 */
#ifndef TEND_IO_LOOP_H
#define TEND_IO_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

MUST_USE bool loop_create(struct loop **out, struct err *err);
/* All its objects must be gone. */
void loop_destroy(struct loop **l);
/* Until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* CLOCK_BOOTTIME in milliseconds. */
int64_t loop_now_ms(struct loop *l);
/* Called behind the callbacks of each turn, at least once before the loop waits again (it may be
 * called when nothing happened: make that cheap); NULL for none. */
void loop_after_turn(struct loop *l, void (*hook)(void *data), void *data);

/* ---- timers: one shot, milliseconds ---- */
struct timer;
typedef void (*timer_fn)(void *data);
struct timer *timer_create_on(struct loop *l, timer_fn fn, void *data);
void timer_destroy(struct timer **t);
/* In `delay_ms` from now (0: next turn); replaces a time set before. */
void timer_set(struct timer *t, int64_t delay_ms);
void timer_clear(struct timer *t);

/* ---- descriptors: level-triggered readiness ---- */
enum watch_events { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_HANGUP = 4 };
struct watch;
/* `events` is what is ready; on a failed descriptor all that were asked for. */
typedef void (*watch_fn)(void *data, int events);
/* The descriptor stays the caller's; destroy the watch before closing it. */
MUST_USE bool watch_create(struct watch **out, struct loop *l, int fd, int events, watch_fn fn,
    void *data, struct err *err);
void watch_set(struct watch *w, int events);
void watch_destroy(struct watch **w);

/* ---- inbox: a function to be run on the loop's thread, in the order posted ---- */
typedef void (*inbox_fn)(void *data);
/* Any thread. Takes over nothing: `data` is the function's business. */
void loop_post(struct loop *l, inbox_fn fn, void *data);

/* ---- signals of this process (SIGTERM, SIGHUP, …) ---- */
typedef void (*signal_fn)(void *data, int signo);
struct signal_watch;
MUST_USE bool signal_watch_create(struct signal_watch **out, struct loop *l, int signo,
    signal_fn fn, void *data, struct err *err);
void signal_watch_destroy(struct signal_watch **s);

#endif
