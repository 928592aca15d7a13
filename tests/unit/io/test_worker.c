#include "io/worker.h"

#include "io/loop.h"

#include "base/clock.h"

#include "test.h"

#include <poll.h>
#include <pthread.h>

struct probe {
    struct loop *loop;
    int runs, dones;
    pthread_t ran_on, done_on;
    struct err err;
};

static void run_probe(void *data, struct cancel *cancel)
{
    struct probe *p = data;

    p->ran_on = pthread_self();
    p->runs++;
    if (cancel_check(cancel, &p->err))
        p->err = (struct err)ERR_INIT;
}

static void end_probe(void *data)
{
    struct probe *p = data;

    p->done_on = pthread_self();
    p->dones++;
    if (p->loop != NULL)
        loop_stop(p->loop);
}

CASE(a_task_runs_on_a_worker_and_its_done_on_the_loop)
{
    struct workers *w = workers_create(1, 4);
    struct probe p = {0};
    struct err err;

    CHECK_OK(loop_create(&p.loop, &err), &err);
    struct worker_task task = {.run = run_probe, .done = end_probe, .data = &p, .loop = p.loop};
    CHECK_OK(workers_run(w, &task, &err), &err);
    loop_run(p.loop);
    CHECK_INT(p.runs, 1);
    CHECK_INT(p.dones, 1);
    CHECK(!pthread_equal(p.ran_on, pthread_self()));
    CHECK(pthread_equal(p.done_on, pthread_self()));
    workers_destroy(&w);
    loop_destroy(&p.loop);
}

CASE(a_task_that_was_cancelled_before_it_began_is_told_so)
{
    struct workers *w = workers_create(1, 4);
    struct cancel *cancel = cancel_create(0);
    struct probe p = {0};
    struct err err;

    cancel_now(cancel);
    struct worker_task task = {.run = run_probe, .done = end_probe, .data = &p, .cancel = cancel};
    CHECK_OK(workers_run(w, &task, &err), &err);
    workers_destroy(&w);
    CHECK_INT(p.runs, 1);
    CHECK_INT(p.dones, 1);
    CHECK_INT(p.err.kind, ERR_CANCELLED);
    cancel_unref(&cancel);
}

CASE(a_deadline_that_has_passed_is_a_timeout)
{
    struct cancel *cancel = cancel_create(clock_boot_ms() - 1);
    struct err err;

    CHECK(cancel_due(cancel));
    CHECK(!cancel_check(cancel, &err));
    CHECK_INT(err.kind, ERR_TIMEOUT);
    CHECK_INT(cancel_wait_ms(cancel, 100), 0);
    cancel_unref(&cancel);
    CHECK(cancel == NULL);
    CHECK(!cancel_due(NULL));
    CHECK_INT(cancel_wait_ms(NULL, 100), 100);
}

static void wait_for_cancel(void *data, struct cancel *cancel)
{
    struct pollfd fd = {.fd = cancel_fd(cancel), .events = POLLIN};

    *(int *)data = poll(&fd, 1, cancel_wait_ms(cancel, 10000));
}

CASE(the_end_cancels_what_runs_and_waits_for_it)
{
    struct workers *w = workers_create(2, 4);
    struct cancel *cancel = cancel_create(0);
    int got = 0;
    struct err err;

    struct worker_task task = {.run = wait_for_cancel, .data = &got, .cancel = cancel};
    CHECK_OK(workers_run(w, &task, &err), &err);
    int64_t began = clock_boot_ms();
    workers_destroy(&w);
    CHECK_INT(got, 1);
    CHECK(clock_boot_ms() - began < 5000);
    cancel_unref(&cancel);
}

CASE(a_full_queue_refuses_and_calls_nothing)
{
    struct workers *w = workers_create(1, 1);
    struct cancel *cancel = cancel_create(0);
    int got[3] = {0};
    struct err err = ERR_INIT;
    bool refused = false;

    for (int i = 0; i < 3; i++) {
        struct worker_task task = {.run = wait_for_cancel, .data = &got[i], .cancel = cancel};
        refused = !workers_run(w, &task, &err) || refused;
    }
    CHECK(refused);
    CHECK_INT(err.kind, ERR_LIMIT);
    cancel_now(cancel);
    workers_destroy(&w);
    cancel_unref(&cancel);
}

static void count_up(void *data, struct cancel *cancel)
{
    (void)cancel;
    (void)__atomic_add_fetch((int *)data, 1, __ATOMIC_RELAXED);
}

CASE(many_tasks_each_run_once)
{
    struct workers *w = workers_create(4, 1000);
    int count = 0;
    struct err err;

    for (int i = 0; i < 1000; i++) {
        struct worker_task task = {.run = count_up, .data = &count};
        CHECK_OK(workers_run(w, &task, &err), &err);
    }
    workers_destroy(&w);
    CHECK_INT(count, 1000);
}

TEST_MAIN()
