/* worker.h - few and long: blocking work, written straight down, on the daemon's own threads.
 *
 * For queries, driver steps and whatever else may wait for a disk or a child: libuv's pool is
 * shared with name lookup and file calls and starves. Threads start when there is work and leave
 * when there was none for a while, so that an idle daemon has none.
 *
 *     any thread ──workers_run──▶ queue ──▶ run(data, cancel) on a worker ──▶ done(data) on `loop`
 *
 * `run` is called exactly once, then `done` is: `data` is theirs. A task that was cancelled while
 * it was queued is run all the same; each task looks at its cancel handle first, and again
 * wherever it would wait. */
#ifndef TEND_IO_WORKER_H
#define TEND_IO_WORKER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct workers;
struct cancel;

/* ---- cancel: a deadline and a request to stop, shared by counting. Any thread ---- */

/* `deadline_ms` is on clock_boot_ms; 0 for none. */
struct cancel *cancel_create(int64_t deadline_ms);
struct cancel *cancel_ref(struct cancel *c);
/* Sets the pointer to NULL; NULL is fine. */
void cancel_unref(struct cancel **c);
void cancel_now(struct cancel *c);
/* It was cancelled, or its deadline has passed; false for NULL. */
bool cancel_due(struct cancel *c);
/* The same as an error: ERR_CANCELLED or ERR_TIMEOUT. */
MUST_USE bool cancel_check(struct cancel *c, struct err *err);
/* Milliseconds until the deadline, at most `most_ms`: for poll(2). 0 when it is due. */
int cancel_wait_ms(struct cancel *c, int most_ms);
/* Readable once cancel_now was called: wait for it beside what a task waits for. */
int cancel_fd(struct cancel *c);

/* ---- workers ---- */
typedef void (*worker_run_fn)(void *data, struct cancel *cancel);
typedef void (*worker_done_fn)(void *data);

struct worker_task {
    worker_run_fn run;
    worker_done_fn done; /* NULL: none */
    void *data;
    struct loop *loop;     /* where `done` runs; NULL: on the worker. Must outlive the workers */
    struct cancel *cancel; /* NULL: none; counted for the task's life */
};

/* At most `threads_max` threads and `queue_max` waiting tasks. */
struct workers *workers_create(unsigned threads_max, size_t queue_max);
/* Cancels what is queued and what runs (tasks that gave a cancel handle), and waits for the end. */
void workers_destroy(struct workers **w);
/* Any thread. ERR_LIMIT when the queue is full: then neither run nor done is called. */
MUST_USE bool workers_run(struct workers *w, const struct worker_task *task, struct err *err);

#endif
