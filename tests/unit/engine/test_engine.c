#include "world.c" /* the world of these tests; it is no program of its own */

#include "test.h"

#include <signal.h>

/* ---- helpers ---- */

static uint64_t intent = 100;

static void declare(struct world *w, const char *text)
{
    const struct project *p = world_project(text);

    world_intend_project(w, p);
    engine_declare(w->engine, p, ++intent, false, world_sink(w));
    project_unref(&p);
}

static void up(struct world *w, const char *text)
{
    world_init(w, 1);
    declare(w, text);
    CHECK_SAYING(world_finish(w), "no result: %s", w->broken_text);
    CHECK_SAYING(w->results_ok == 1, "up failed: %s", w->last_text);
}

static void done(struct world *w)
{
    CHECK_SAYING(!w->broken, "%s", w->broken_text);
    CHECK_INT(world_told(w, "bug.unlisted_transition", NULL), 0);
    world_fini(w);
}

static const struct told *cause_of(const struct world *w, const struct told *t)
{
    return t->cause_count > 0 && t->causes[0] >= 1000 ? &w->journal.at[t->causes[0] - 1000] : NULL;
}

/* ---- starting ---- */

CASE(what_is_declared_becomes_ready)
{
    struct world w;

    up(&w, "web ok 2");
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    CHECK_INT(world_state(&w, "web", 2), INSTANCE_READY);
    CHECK_INT(world_service(&w, "web"), SERVICE_READY);
    done(&w);
}

CASE(a_dependent_starts_when_what_it_needs_is_healthy)
{
    struct world w;
    const struct told *ready, *starting;

    up(&w, "db ok\nweb ok after db");
    ready = world_last(&w, "instance.ready", "db/1");
    starting = world_last(&w, "instance.starting", "web/1");
    CHECK(ready->at_ns <= starting->at_ns);
    CHECK_INT(world_told(&w, "instance.waiting", "web/1"), 1);
    done(&w);
}

CASE(a_dependent_of_a_job_starts_when_it_has_completed)
{
    struct world w;

    up(&w, "setup job\nweb ok afterjob setup");
    CHECK_INT(world_state(&w, "setup", 1), INSTANCE_COMPLETED);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    done(&w);
}

CASE(a_dependent_of_a_failed_job_never_starts_and_the_operation_says_so)
{
    struct world w;

    world_init(&w, 1);
    declare(&w, "setup bad-job\nweb ok afterjob setup");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK_INT(w.last_exit, 1);
    CHECK(strstr(w.last_text, "exited with code 3") != NULL);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_PENDING);
    done(&w);
}

CASE(a_missing_program_fails_the_operation_with_its_reason)
{
    struct world w;

    world_init(&w, 1);
    declare(&w, "web missing");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK(strstr(w.last_text, "not found in PATH") != NULL);
    done(&w);
}

/* ---- healing ---- */

CASE(a_killed_process_is_back_by_its_shim_and_each_event_has_its_cause)
{
    struct world w;
    const struct told *t;

    up(&w, "web ok");
    world_kill(&w, "web", 1);
    world_run(&w, NS_PER_S);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    t = world_last(&w, "instance.ready", "web/1");
    t = cause_of(&w, t);
    CHECK_TEXT(t->type, "instance.restarted");
    t = cause_of(&w, t);
    CHECK_TEXT(t->type, "instance.exited");
    CHECK(strstr(t->evidence, "SIGKILL") != NULL);
    CHECK_INT(world_told(&w, "service.down", "web"), 0); /* it was back before anybody noticed */
    done(&w);
}

CASE(a_crash_loop_backs_off_and_ends_in_a_quarantine_that_goes_on_trying)
{
    struct world w;
    size_t starts;

    world_init(&w, 1);
    declare(&w, "web crash");
    world_run(&w, 30 * NS_PER_S);
    CHECK_INT(world_told(&w, "instance.restarted", "web/1"), BACKOFF_BURST);
    CHECK_INT(world_told(&w, "instance.backing_off", "web/1"), BACKOFF_QUARANTINE_AFTER);
    CHECK_INT(world_told(&w, "instance.quarantined", "web/1"), 1);
    starts = world_told(&w, "instance.starting", "web/1");
    world_run(&w, 3600 * NS_PER_S);
    CHECK(world_told(&w, "instance.starting", "web/1") >= starts + 5);
    CHECK(world_told(&w, "instance.starting", "web/1") <= starts + 60);
    done(&w);
}

CASE(a_process_that_is_stable_again_starts_its_backoff_anew)
{
    struct world w;

    up(&w, "web ok");
    for (int k = 0; k < 3; k++)
        world_kill(&w, "web", 1);
    world_run(&w, 20 * NS_PER_S);
    CHECK_INT(engine_instance(w.engine, "web", 1)->backoff.row, 0);
    done(&w);
}

CASE(a_hung_process_is_killed_and_started_again)
{
    struct world w;
    const struct told *t;

    up(&w, "web ok");
    world_process(&w, "web", 1)->hangs = true;
    world_run(&w, 30 * NS_PER_S);
    CHECK_INT(world_told(&w, "instance.hung", "web/1"), 1);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    t = world_last(&w, "instance.hung", "web/1");
    CHECK(strstr(t->evidence, "\"function\":\"probe\"") != NULL);
    CHECK(strstr(t->evidence, "\"value\":2,\"threshold\":2") != NULL);
    done(&w);
}

CASE(a_service_is_not_restarted_because_what_it_needs_is_down)
{
    struct world w;

    up(&w, "db ok\nweb ok after db");
    world_process(&w, "db", 1)->sticks_to = "never-ready";
    world_kill(&w, "db", 1);
    world_process(&w, "web", 1)->hangs = true;
    world_run(&w, 5 * NS_PER_S);
    CHECK_INT(world_told(&w, "instance.hung", "web/1"), 0);
    CHECK_INT(world_told(&w, "instance.waiting", "web/1"), 2);
    CHECK(strstr(world_last(&w, "instance.waiting", "web/1")->evidence, "db is not ready") != NULL);
    done(&w);
}

CASE(many_crash_loops_are_limited_together)
{
    struct world w;

    world_init(&w, 1);
    declare(&w, "a crash 400");
    world_run(&w, 10 * NS_PER_S);
    CHECK_INT(world_told(&w, "storm.limited", "project"), 1);
    CHECK(
        world_told(&w, "instance.starting", NULL) <= 400 + STORM_BURST + 10 * STORM_PER_SECOND + 1);
    done(&w);
}

/* ---- what people want ---- */

CASE(scaling_up_and_down_leaves_the_others_alone)
{
    struct world w;
    int run;

    up(&w, "web ok");
    run = world_process(&w, "web", 1)->run;
    engine_scale(w.engine, "web", 4, ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK_INT(world_state(&w, "web", 4), INSTANCE_READY);
    engine_scale(w.engine, "web", 1, ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK(engine_instance(w.engine, "web", 2) == NULL);
    CHECK_INT(world_process(&w, "web", 1)->run, run);
    CHECK_INT(w.results_ok, 3);
    done(&w);
}

CASE(down_stops_dependents_first_and_leaves_nothing)
{
    struct world w;

    up(&w, "db ok\nweb ok after db");
    engine_declare(w.engine, NULL, ++intent, false, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 2);
    CHECK(world_last(&w, "instance.stopped", "web/1")->at_ns <=
          world_last(&w, "instance.stopping", "db/1")->at_ns);
    CHECK_INT(engine_instance_count(w.engine), 0);
    CHECK_INT(world_told(&w, "service.removed", NULL), 2);
    done(&w);
}

CASE(a_stopped_service_stays_down_until_somebody_starts_it)
{
    struct world w;

    up(&w, "web ok");
    engine_stop(w.engine, "web", 0, ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    world_run(&w, 60 * NS_PER_S);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_STOPPED);
    CHECK_INT(world_service(&w, "web"), SERVICE_STOPPED);
    engine_start(w.engine, "web", 0, ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    done(&w);
}

CASE(one_instance_can_be_stopped_alone)
{
    struct world w;

    up(&w, "web ok 2");
    engine_stop(w.engine, "web", 2, ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    CHECK_INT(world_state(&w, "web", 2), INSTANCE_STOPPED);
    done(&w);
}

CASE(a_restart_replaces_each_instance_once_and_is_no_healing)
{
    struct world w;

    up(&w, "web ok 3");
    engine_restart(w.engine, "web", 0, ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 2);
    CHECK_INT(world_told(&w, "instance.started", NULL), 6);
    CHECK_INT(engine_instance(w.engine, "web", 1)->restarts, 0);
    done(&w);
}

CASE(while_paused_nothing_is_restarted_and_afterwards_it_is)
{
    struct world w;

    up(&w, "web ok");
    engine_pause(w.engine, w.now_ns + 60 * NS_PER_S, w.now_ns + 60 * NS_PER_S, ++intent);
    world_kill(&w, "web", 1);
    world_run(&w, 50 * NS_PER_S);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_BACKING_OFF);
    CHECK_INT(world_told(&w, "instance.exited", "web/1"), 1);
    world_run(&w, 20 * NS_PER_S);
    CHECK_INT(world_told(&w, "pause.ended", "project"), 1);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    done(&w);
}

/* ---- replacement ---- */

CASE(a_change_replaces_one_instance_at_a_time)
{
    struct world w;
    int not_ready_most = 0;

    up(&w, "web ok 3");
    declare(&w, "web stubborn 3");
    for (int k = 0; k < 4000 && w.results < 2; k++) {
        int not_ready = 0;

        world_run(&w, 10 * NS_PER_MS);
        for (int slot = 1; slot <= 3; slot++)
            not_ready += world_state(&w, "web", slot) != INSTANCE_READY;
        not_ready_most = not_ready > not_ready_most ? not_ready : not_ready_most;
    }
    CHECK_INT(w.results_ok, 2);
    CHECK_INT(not_ready_most, 1);
    CHECK_INT(world_told(&w, "update.finished", "web"), 1);
    done(&w);
}

CASE(a_new_revision_that_does_not_become_ready_is_taken_back)
{
    struct world w;

    up(&w, "web ok 3");
    declare(&w, "web never-ready 3");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 1);
    CHECK(strstr(w.last_text, "taken back") != NULL);
    CHECK_INT(world_service(&w, "web"), SERVICE_READY);
    for (int slot = 1; slot <= 3; slot++) {
        CHECK_TEXT(world_behaviour(&w, "web", slot), "ok");
        CHECK_INT(world_state(&w, "web", slot), INSTANCE_READY);
    }
    CHECK_INT(world_told(&w, "update.reverted", "web"), 1);
    done(&w);
}

CASE(a_new_revision_that_crashes_is_taken_back_and_held_until_retry)
{
    struct world w;
    size_t starts;

    up(&w, "web ok");
    declare(&w, "web crash");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 1);
    starts = world_told(&w, "instance.starting", NULL);
    declare(&w, "web crash"); /* the same again: it is held */
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 1);
    CHECK_INT(world_told(&w, "instance.starting", NULL), starts);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    engine_retry(w.engine, "web", ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK(world_told(&w, "instance.starting", NULL) > starts);
    CHECK_TEXT(world_behaviour(&w, "web", 1), "ok"); /* taken back once more */
    done(&w);
}

CASE(without_a_health_check_a_revision_that_dies_at_once_is_taken_back_too)
{
    struct world w;

    up(&w, "web ok 2");
    declare(&w, "web flash 2");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 1);
    CHECK(strstr(w.last_text, "taken back") != NULL);
    CHECK_TEXT(world_behaviour(&w, "web", 1), "ok");
    done(&w);
}

CASE(without_a_health_check_what_dies_again_and_again_is_not_up)
{
    struct world w;

    world_init(&w, 1);
    declare(&w, "web flash");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK(strstr(w.last_text, "exited with code 1") != NULL);
    done(&w);
}

CASE(a_third_revision_over_a_failed_second_goes_on_from_the_first)
{
    struct world w;

    up(&w, "web ok 2");
    declare(&w, "web never-ready 2");
    world_run(&w, 3 * NS_PER_S); /* in the middle of it */
    declare(&w, "web stubborn 2");
    world_run(&w, 200 * NS_PER_S);
    CHECK_INT(world_service(&w, "web"), SERVICE_READY);
    CHECK_TEXT(world_behaviour(&w, "web", 1), "stubborn");
    CHECK_TEXT(world_behaviour(&w, "web", 2), "stubborn");
    done(&w);
}

CASE(a_change_of_the_number_alone_restarts_nothing)
{
    struct world w;
    int run;

    up(&w, "web ok");
    run = world_process(&w, "web", 1)->run;
    declare(&w, "web ok 3");
    CHECK(world_finish(&w));
    CHECK_INT(world_process(&w, "web", 1)->run, run);
    CHECK_INT(world_state(&w, "web", 3), INSTANCE_READY);
    CHECK_INT(world_told(&w, "update.started", NULL), 0);
    done(&w);
}

/* ---- the daemon's own death ---- */

CASE(the_next_daemon_touches_nothing_that_runs)
{
    struct world w;
    int run;
    size_t told;

    up(&w, "db ok\nweb ok after db\njob job");
    run = world_process(&w, "web", 1)->run;
    told = w.journal.count;
    world_restart_daemon(&w);
    world_run(&w, 60 * NS_PER_S);
    CHECK_INT(world_process(&w, "web", 1)->run, run);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    CHECK_INT(world_state(&w, "job", 1), INSTANCE_COMPLETED);
    CHECK_INT(w.journal.count, told); /* and it is no news */
    done(&w);
}

CASE(the_next_daemon_carries_an_update_on_and_can_still_take_it_back)
{
    struct world w;

    up(&w, "web ok 3");
    declare(&w, "web never-ready 3");
    world_run(&w, 3 * NS_PER_S);
    world_restart_daemon(&w);
    world_run(&w, 120 * NS_PER_S);
    CHECK_INT(world_told(&w, "update.reverted", "web"), 1);
    for (int slot = 1; slot <= 3; slot++)
        CHECK_TEXT(world_behaviour(&w, "web", slot), "ok");
    world_restart_daemon(&w); /* and it stays taken back */
    world_run(&w, 60 * NS_PER_S);
    CHECK_TEXT(world_behaviour(&w, "web", 1), "ok");
    CHECK_INT(world_service(&w, "web"), SERVICE_READY);
    done(&w);
}

CASE(the_next_daemon_knows_what_people_decided)
{
    struct world w;

    up(&w, "a ok\nb ok 2");
    world_intend(&w, "a", "stopped", "true");
    engine_stop(w.engine, "a", 0, ++intent, NULL);
    world_intend(&w, "b", "replicas", "3");
    engine_scale(w.engine, "b", 3, ++intent, NULL);
    world_run(&w, NS_PER_S);
    world_restart_daemon(&w);
    world_run(&w, 10 * NS_PER_S);
    CHECK_INT(world_service(&w, "a"), SERVICE_STOPPED);
    CHECK_INT(world_state(&w, "b", 3), INSTANCE_READY);
    done(&w);
}

/* ---- any order of events ---- */

static void scale(struct world *w, const char *name, int replicas)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%d", replicas);
    world_intend(w, name, "replicas", replicas >= 0 ? text : "null");
    engine_scale(w->engine, name, replicas, ++intent, NULL);
}

static void start(struct world *w, const char *name)
{
    world_intend(w, name, "stopped", "null");
    for (int slot = 1; slot <= 5; slot++) {
        char subject[32];

        (void)snprintf(subject, sizeof subject, "%s/%d", name, slot);
        world_intend(w, subject, "held_down", "null");
    }
    engine_start(w->engine, name, 0, ++intent, NULL);
}

static void restart(struct world *w, const char *name)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%d", engine_generation(w->engine, name) + 1);
    world_intend(w, name, "generation", text);
    world_intend(w, name, "stopped", "null");
    engine_restart(w->engine, name, 0, ++intent, NULL);
}

static void retry(struct world *w, const char *name)
{
    world_intend(w, name, "held", "null");
    world_intend(w, name, "paused_update", "null");
    engine_retry(w->engine, name, ++intent, NULL);
}

static void stop_one(struct world *w, const char *name, int slot)
{
    char subject[32];

    (void)snprintf(subject, sizeof subject, "%s/%d", name, slot);
    world_intend(w, subject, "held_down", "true");
    engine_stop(w->engine, name, slot, ++intent, NULL);
}

static void do_something(struct world *w, struct random *r)
{
    static const char *const projects[] = {"a ok 2\nb ok after a", "a stubborn 3\nb ok after a",
        "a never-ready 2\nb ok", "a crash 2\nb stubborn", "b ok\nc crash-ready",
        "a ok\nc job\nb ok afterjob c"};
    static const char *const names[] = {"a", "b", "c"};
    const char *name = names[random_below(r, COUNT(names))];
    bool exists = engine_check(w->engine, name, 0, 0, NULL);
    int slot = (int)random_below(r, 3) + 1;

    switch (random_below(r, 12)) {
    case 0:
        declare(w, projects[random_below(r, COUNT(projects))]);
        return;
    case 1:
        if (exists)
            scale(w, name, (int)random_below(r, 5));
        return;
    case 2:
        if (exists) {
            world_intend(w, name, "stopped", "true");
            engine_stop(w->engine, name, 0, ++intent, NULL);
        }
        return;
    case 3:
        if (exists)
            start(w, name);
        return;
    case 4:
        if (exists)
            restart(w, name);
        return;
    case 5:
        if (exists)
            retry(w, name);
        return;
    case 6:
        if (engine_check(w->engine, name, slot, 0, NULL))
            stop_one(w, name, slot);
        return;
    case 7:
        engine_pause(w->engine, engine_is_paused(w->engine) ? 0 : w->now_ns + 10 * NS_PER_S,
            w->now_ns + 10 * NS_PER_S, ++intent);
        return;
    case 8:
        if (world_process(w, name, slot) != NULL)
            world_process(w, name, slot)->hangs = true;
        return;
    case 9:
    case 10:
        world_restart_daemon(w);
        return;
    default:
        if (world_process(w, name, slot) != NULL && world_process(w, name, slot)->alive)
            world_kill(w, name, slot);
    }
}

static void check_at_rest(struct world *w, uint64_t seed)
{
    CHECK_SAYING(!w->broken, "seed %llu: %s", (unsigned long long)seed, w->broken_text);
    CHECK_SAYING(world_told(w, "bug.unlisted_transition", NULL) == 0, "seed %llu: %s %s",
        (unsigned long long)seed, world_last(w, "bug.unlisted_transition", NULL)->subject,
        world_last(w, "bug.unlisted_transition", NULL)->evidence);
}

/* TEND_SEEDS=N lives more of them. */
static uint64_t seeds(void)
{
    const char *wanted = getenv("TEND_SEEDS");

    return wanted != NULL ? strtoull(wanted, NULL, 10) : 300;
}

CASE(whatever_happens_it_comes_to_what_is_declared)
{
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        struct random r = {.state = seed};
        struct world w;

        intent = 100;
        world_init(&w, seed);
        declare(&w, "a ok 2\nb ok after a");
        for (int k = 0; k < 40; k++) {
            do_something(&w, &r);
            world_run(&w, (int64_t)random_below(&r, 3000) * NS_PER_MS);
            check_at_rest(&w, seed);
        }
        engine_pause(w.engine, 0, 0, ++intent);
        declare(&w, "a ok 2\nb ok after a");
        for (const char *const *name = (const char *const[]){"a", "b", NULL}; *name != NULL;
             name++) {
            start(&w, *name);
            scale(&w, *name, -1);
            retry(&w, *name);
        }
        world_run(&w, 300 * NS_PER_S);
        check_at_rest(&w, seed);
        CHECK_SAYING(
            world_service(&w, "a") == SERVICE_READY && world_service(&w, "b") == SERVICE_READY,
            "seed %llu: a is %s, b is %s", (unsigned long long)seed,
            service_state_name(world_service(&w, "a")), service_state_name(world_service(&w, "b")));
        CHECK(
            engine_instance(w.engine, "a", 3) == NULL && engine_instance(w.engine, "c", 1) == NULL);
        world_fini(&w);
    }
}

TEST_MAIN()
