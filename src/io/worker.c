#include "io/worker.h"

#include "io/loop.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (512u << 10) /* only what is used of it costs memory */
#define IDLE_S      5            /* a thread without work leaves */

struct cancel {
    int refs;
    bool cancelled; /* atomically */
    int fd;         /* eventfd, -1 where there are none left */
    int64_t deadline_ms;
};

struct job {
    struct worker_task task;
    struct job *next, **link; /* in the queue, or in the list of what runs */
};

struct workers {
    unsigned threads_max;
    size_t queue_max;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;  /* there is some, or it is the end */
    pthread_cond_t left;  /* a thread has left */
    struct job *first, **end;
    struct job *running;
    size_t queued;
    unsigned threads, idle;
    bool closing;
};

/* ---- cancel ---- */

struct cancel *cancel_create(int64_t deadline_ms)
{
    struct cancel *c = mem_new(struct cancel);

    *c = (struct cancel){
        .refs = 1, .deadline_ms = deadline_ms, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    return c;
}

struct cancel *cancel_ref(struct cancel *c)
{
    int before = __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);

    must(before > 0);
    return c;
}

void cancel_unref(struct cancel **c)
{
    if (*c != NULL && __atomic_sub_fetch(&(*c)->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        if ((*c)->fd >= 0)
            (void)close((*c)->fd);
        free(*c);
    }
    *c = NULL;
}

void cancel_now(struct cancel *c)
{
    __atomic_store_n(&c->cancelled, true, __ATOMIC_RELEASE);
    (void)eventfd_write(c->fd, 1); /* without a descriptor, whoever waits looks again in time */
}

bool cancel_due(struct cancel *c)
{
    if (c == NULL)
        return false;
    return __atomic_load_n(&c->cancelled, __ATOMIC_ACQUIRE) ||
           (c->deadline_ms != 0 && clock_boot_ms() >= c->deadline_ms);
}

bool cancel_check(struct cancel *c, struct err *err)
{
    if (!cancel_due(c))
        return true;
    if (__atomic_load_n(&c->cancelled, __ATOMIC_ACQUIRE))
        return err_set(err, ERR_CANCELLED, "cancelled");
    return err_set(err, ERR_TIMEOUT, "took longer than it may");
}

int cancel_wait_ms(struct cancel *c, int most_ms)
{
    if (cancel_due(c))
        return 0;
    if (c == NULL || c->deadline_ms == 0)
        return most_ms;
    int64_t left = c->deadline_ms - clock_boot_ms();
    return left < most_ms ? (int)(left > 0 ? left : 0) : most_ms;
}

int cancel_fd(struct cancel *c)
{
    return c->fd;
}

/* ---- workers ---- */

struct workers *workers_create(unsigned threads_max, size_t queue_max)
{
    struct workers *w = mem_new(struct workers);
    pthread_condattr_t attributes;

    must(threads_max > 0);
    w->threads_max = threads_max;
    w->queue_max = queue_max;
    w->end = &w->first;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->work, &attributes);
    (void)pthread_cond_init(&w->left, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return w;
}

static struct job *take_job(struct workers *w)
{
    struct job *job = w->first;

    w->first = job->next;
    if (w->first == NULL)
        w->end = &w->first;
    w->queued--;
    job->next = w->running;
    job->link = &w->running;
    if (job->next != NULL)
        job->next->link = &job->next;
    w->running = job;
    return job;
}

static void finish_job(struct job *job)
{
    *job->link = job->next;
    if (job->next != NULL)
        job->next->link = job->link;
    cancel_unref(&job->task.cancel);
    free(job);
}

static void run_job(const struct job *job)
{
    const struct worker_task *task = &job->task;

    task->run(task->data, task->cancel);
    if (task->done == NULL)
        return;
    if (task->loop != NULL)
        loop_post(task->loop, task->done, task->data);
    else
        task->done(task->data);
}

/* False when there is nothing to do for long, or it is the end; the lock is held. */
static bool wait_for_work(struct workers *w)
{
    struct timespec until;
    int code = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_S;
    w->idle++;
    while (w->first == NULL && !w->closing && code == 0)
        code = pthread_cond_timedwait(&w->work, &w->lock, &until);
    w->idle--;
    return w->first != NULL;
}

static void *work(void *data)
{
    struct workers *w = data;

    (void)pthread_mutex_lock(&w->lock);
    while (wait_for_work(w)) {
        struct job *job = take_job(w);
        (void)pthread_mutex_unlock(&w->lock);
        run_job(job);
        (void)pthread_mutex_lock(&w->lock);
        finish_job(job);
    }
    w->threads--;
    (void)pthread_cond_broadcast(&w->left);
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Signals stay with the control thread. The lock is held. */
static bool start_thread(struct workers *w)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, work, w) == 0;
    (void)pthread_attr_destroy(&attributes);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        (void)pthread_setname_np(thread, "worker");
        w->threads++;
    }
    return started;
}

static bool add_job(struct workers *w, const struct worker_task *task, struct err *err)
{
    if (w->closing)
        return err_set(err, ERR_CANCELLED, "the daemon is ending");
    if (w->queued >= w->queue_max)
        return err_set(err, ERR_LIMIT, "%zu tasks are waiting already", w->queued);
    if (w->queued >= w->idle && w->threads < w->threads_max && !start_thread(w) && w->threads == 0)
        return err_set(err, ERR_LIMIT, "no thread can be started");

    struct job *job = mem_new(struct job);
    job->task = *task;
    if (task->cancel != NULL)
        (void)cancel_ref(task->cancel);
    *w->end = job;
    w->end = &job->next;
    w->queued++;
    (void)pthread_cond_signal(&w->work);
    return true;
}

bool workers_run(struct workers *w, const struct worker_task *task, struct err *err)
{
    (void)pthread_mutex_lock(&w->lock);
    bool added = add_job(w, task, err);
    (void)pthread_mutex_unlock(&w->lock);
    return added || err_in(err, "workers");
}

static void cancel_list(struct job *job)
{
    for (; job != NULL; job = job->next)
        if (job->task.cancel != NULL)
            cancel_now(job->task.cancel);
}

void workers_destroy(struct workers **w)
{
    if (*w == NULL)
        return;
    (void)pthread_mutex_lock(&(*w)->lock);
    (*w)->closing = true;
    cancel_list((*w)->first);
    cancel_list((*w)->running);
    (void)pthread_cond_broadcast(&(*w)->work);
    while ((*w)->threads > 0)
        (void)pthread_cond_wait(&(*w)->left, &(*w)->lock);
    (void)pthread_mutex_unlock(&(*w)->lock);
    (void)pthread_mutex_destroy(&(*w)->lock);
    (void)pthread_cond_destroy(&(*w)->work);
    (void)pthread_cond_destroy(&(*w)->left);
    free(*w);
    *w = NULL;
}
