#include "world.c" /* the world of these tests; it is no program of its own */

#include "test.h"

#include "base/random.h"

/* ---- helpers ---- */

static uint64_t intent = 100;

/* 2026-01-01T00:00:00Z, a whole minute. */
#define NEW_YEAR_NS (INT64_C(1767225600) * NS_PER_S)
#define MINUTE_NS   (60 * NS_PER_S)

static void declare(struct world *w, const char *text)
{
    const struct project *p = world_project(text);

    world_intend_project(w, p);
    engine_declare(w->engine, p, ++intent, false, world_sink(w));
    project_unref(&p);
}

/* The world begins ten seconds after the new year. */
static void begin(struct world *w, const char *text)
{
    world_init(w, 1);
    w->wall_ahead_ns = NEW_YEAR_NS + 10 * NS_PER_S - w->now_ns;
    declare(w, text);
}

static void up(struct world *w, const char *text)
{
    begin(w, text);
    CHECK_SAYING(world_finish(w), "no result: %s", w->broken_text);
    CHECK_SAYING(w->results_ok == 1, "up failed: %s", w->last_text);
}

static void done(struct world *w)
{
    CHECK_SAYING(!w->broken, "%s", w->broken_text);
    CHECK_INT(world_told(w, "bug.unlisted_transition", NULL), 0);
    world_fini(w);
}

static size_t started(const struct world *w)
{
    return world_told(w, "job.started", "j");
}

static void run_job(struct world *w, bool wait)
{
    engine_run(w->engine, "j", wait, ++intent, world_sink(w));
    CHECK(world_finish(w));
}

/* ---- once ---- */

CASE(a_job_without_a_schedule_runs_once_for_each_revision)
{
    struct world w;

    up(&w, "!j job");
    CHECK_INT(started(&w), 1);
    CHECK_INT(world_told(&w, "job.succeeded", "j"), 1);
    CHECK_INT(world_service(&w, "j"), SERVICE_COMPLETED);
    declare(&w, "!j job");
    CHECK(world_finish(&w));
    world_run(&w, MINUTE_NS);
    CHECK_INT(started(&w), 1);
    declare(&w, "!j job user: nobody");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 3);
    CHECK_INT(started(&w), 2);
    CHECK_INT(world_told(&w, "job.succeeded", "j"), 2);
    done(&w);
}

CASE(a_job_that_fails_fails_the_apply_and_an_unchanged_apply_tries_again)
{
    struct world w;

    begin(&w, "!j bad-job");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK(strstr(w.last_text, "run 1 failed: exited with code 3") != NULL);
    CHECK_INT(world_service(&w, "j"), SERVICE_FAILED);
    declare(&w, "!j bad-job");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK_INT(started(&w), 2);
    done(&w);
}

CASE(a_program_that_is_missing_fails_its_job)
{
    struct world w;

    begin(&w, "!j missing");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK(strstr(w.last_text, "not found") != NULL);
    done(&w);
}

CASE(a_failed_run_is_tried_again_as_often_as_retries_says)
{
    struct world w;
    const struct told *t;

    begin(&w, "!j bad-job retries: 3, retry_delay: 10s");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK_INT(world_told(&w, "instance.starting", "j/1"), 4);
    CHECK_INT(world_told(&w, "instance.backing_off", "j/1"), 3);
    CHECK_INT(world_told(&w, "job.failed", "j"), 1);
    t = world_last(&w, "job.failed", "j");
    CHECK(strstr(t->evidence, "\"failures\":3") != NULL);
    CHECK(w.now_ns > 1000 * NS_PER_S + 35 * NS_PER_S); /* half of 10 + 20 + 40 s at least */
    done(&w);
}

CASE(a_service_waits_for_the_success_of_a_job)
{
    struct world w;

    up(&w, "web ok afterjob j\n!j job");
    CHECK(world_last(&w, "job.succeeded", "j")->at_ns <=
          world_last(&w, "instance.starting", "web/1")->at_ns);
    declare(&w, "web ok afterjob j\n!j bad-job");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 1);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY); /* what runs is left alone */
    done(&w);
}

CASE(a_service_does_not_start_behind_a_job_that_failed)
{
    struct world w;

    begin(&w, "web ok afterjob j\n!j bad-job");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 0);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_PENDING);
    declare(&w, "web ok afterjob j\n!j job");
    CHECK(world_finish(&w));
    CHECK_INT(w.results_ok, 1);
    CHECK_INT(world_state(&w, "web", 1), INSTANCE_READY);
    done(&w);
}

CASE(a_job_waits_for_the_services_that_it_needs)
{
    struct world w;

    up(&w, "db ok\n!j job depends_on: {db: {condition: service_healthy}}");
    CHECK(world_last(&w, "instance.ready", "db/1")->at_ns <=
          world_last(&w, "instance.starting", "j/1")->at_ns);
    CHECK_INT(world_told(&w, "instance.waiting", "j/1"), 1);
    done(&w);
}

/* ---- schedules ---- */

CASE(a_schedule_begins_runs_at_its_times_with_cause_and_evidence)
{
    struct world w;
    const struct told *t;

    up(&w, "!j job schedule: '*/5 * * * *'");
    CHECK_INT(started(&w), 0);
    CHECK_INT(world_service(&w, "j"), SERVICE_SCHEDULED);
    world_run(&w, 5 * MINUTE_NS);
    CHECK_INT(started(&w), 1);
    t = world_last(&w, "job.started", "j");
    CHECK(strstr(t->evidence, "\"trigger\":\"schedule\"") != NULL);
    CHECK(strstr(t->evidence, "\"scheduled_at\":\"2026-01-01T00:05:00Z\"") != NULL);
    CHECK(strstr(t->evidence, "\"late_ms\":0") != NULL);
    world_run(&w, 60 * MINUTE_NS);
    CHECK_INT(started(&w), 13);
    CHECK_INT(world_told(&w, "job.succeeded", "j"), 13);
    CHECK_INT(world_told(&w, "job.missed", "j"), 0);
    done(&w);
}

CASE(every_counts_from_its_declaration)
{
    struct world w;

    up(&w, "!j job schedule: '@every 90s'");
    world_run(&w, 89 * NS_PER_S);
    CHECK_INT(started(&w), 0);
    world_run(&w, 2 * NS_PER_S);
    CHECK_INT(started(&w), 1);
    world_run(&w, 900 * NS_PER_S);
    CHECK_INT(started(&w), 11);
    done(&w);
}

CASE(a_suspended_job_begins_nothing_and_catches_nothing_up)
{
    struct world w;

    up(&w, "!j job schedule: '* * * * *', suspend: true");
    CHECK_INT(world_service(&w, "j"), SERVICE_SUSPENDED);
    world_run(&w, 10 * MINUTE_NS);
    CHECK_INT(started(&w), 0);
    declare(&w, "!j job schedule: '* * * * *'");
    world_run(&w, NS_PER_S);
    CHECK_INT(started(&w), 0);
    world_run(&w, MINUTE_NS);
    CHECK_INT(started(&w), 1);
    done(&w);
}

CASE(allow_runs_side_by_side)
{
    struct world w;

    up(&w, "!j slow-job schedule: '* * * * *'");
    world_run(&w, 2 * MINUTE_NS);
    CHECK_INT(started(&w), 2);
    CHECK_INT(world_state(&w, "j", 1), INSTANCE_READY);
    CHECK_INT(world_state(&w, "j", 2), INSTANCE_READY);
    world_run(&w, 10 * MINUTE_NS);
    CHECK_INT(started(&w), 12);
    CHECK(engine_instance_count(w.engine) <= 2);
    done(&w);
}

CASE(forbid_leaves_a_run_out_while_another_is_under_way)
{
    struct world w;

    up(&w, "!j slow-job schedule: '* * * * *', concurrency: forbid");
    world_run(&w, 4 * MINUTE_NS);
    CHECK_INT(started(&w), 2);
    CHECK_INT(world_told(&w, "job.skipped", "j"), 2);
    done(&w);
}

CASE(replace_stops_the_run_before)
{
    struct world w;

    up(&w, "!j slow-job schedule: '* * * * *', concurrency: replace");
    world_run(&w, 4 * MINUTE_NS);
    CHECK_INT(started(&w), 4);
    CHECK_INT(world_told(&w, "job.cancelled", "j"), 3);
    CHECK_INT(world_told(&w, "job.succeeded", "j"), 0);
    done(&w);
}

CASE(a_run_that_takes_too_long_is_stopped_and_has_failed)
{
    struct world w;

    up(&w, "!j slow-job schedule: '@hourly', active_deadline: 20s, retries: 5");
    world_run(&w, 61 * MINUTE_NS);
    CHECK_INT(world_told(&w, "job.failed", "j"), 1);
    CHECK(strstr(world_last(&w, "job.failed", "j")->evidence, "active_deadline of 20s") != NULL);
    CHECK_INT(world_told(&w, "instance.starting", "j/1"), 1); /* no retry has time */
    done(&w);
}

CASE(what_a_run_needs_must_come_within_its_starting_deadline)
{
    struct world w;

    begin(&w, "db never-ready\n!j job schedule: '@hourly', starting_deadline: 30s, "
              "depends_on: {db: {condition: service_healthy}}");
    world_run(&w, 61 * MINUTE_NS);
    CHECK_INT(started(&w), 1);
    CHECK_INT(world_told(&w, "job.missed", "j"), 1);
    CHECK_INT(world_told(&w, "instance.starting", "j/1"), 0);
    done(&w);
}

/* ---- people ---- */

CASE(a_person_runs_a_job_now_and_may_wait_for_its_end)
{
    struct world w;

    up(&w, "!j slow-job schedule: '@daily'");
    run_job(&w, false);
    CHECK_INT(w.results_ok, 2);
    CHECK_INT(world_service(&w, "j"), SERVICE_RUNNING);
    world_run(&w, 2 * MINUTE_NS);
    run_job(&w, true);
    CHECK_INT(w.results_ok, 3);
    CHECK_INT(world_told(&w, "job.succeeded", "j"), 2);
    CHECK(strstr(world_last(&w, "job.started", "j")->evidence, "\"person\"") != NULL);
    done(&w);
}

CASE(the_result_of_a_run_that_was_waited_for_is_that_of_the_command)
{
    struct world w;

    up(&w, "!j bad-job schedule: '@daily'");
    run_job(&w, true);
    CHECK_INT(w.last_exit, 1);
    CHECK(strstr(w.last_text, "exited with code 3") != NULL);
    done(&w);
}

CASE(stop_cancels_a_run_and_the_schedule_goes_on)
{
    struct world w;

    up(&w, "!j slow-job schedule: '* * * * *'");
    world_run(&w, 70 * NS_PER_S);
    CHECK_INT(started(&w), 1);
    engine_stop(w.engine, "j", 0, ++intent, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK_INT(world_told(&w, "job.cancelled", "j"), 1);
    CHECK_INT(world_service(&w, "j"), SERVICE_SCHEDULED);
    world_run(&w, MINUTE_NS);
    CHECK_INT(started(&w), 2);
    done(&w);
}

CASE(forbid_refuses_a_person_too)
{
    struct world w;
    struct err err = ERR_INIT;

    up(&w, "!j slow-job schedule: '@daily', concurrency: forbid");
    CHECK(engine_check_start(w.engine, "j", &err));
    run_job(&w, false);
    CHECK(!engine_check_start(w.engine, "j", &err));
    CHECK_INT(err.kind, ERR_CONFLICT);
    CHECK(!engine_check(w.engine, "j", 0, 3, &err));
    done(&w);
}

CASE(a_dependency_that_never_ran_runs_now)
{
    struct world w;

    up(&w, "web ok afterjob j\n!j job schedule: '@daily'");
    CHECK_INT(started(&w), 1);
    CHECK(strstr(world_last(&w, "job.started", "j")->evidence, "\"dependency\"") != NULL);
    done(&w);
}

CASE(down_stops_a_run_that_is_under_way)
{
    struct world w;

    up(&w, "!j slow-job schedule: '@daily'");
    run_job(&w, false);
    world_intend_project(&w, NULL);
    engine_declare(w.engine, NULL, ++intent, false, world_sink(&w));
    CHECK(world_finish(&w));
    CHECK_INT(engine_instance_count(w.engine), 0);
    CHECK_INT(world_told(&w, "job.cancelled", "j"), 1);
    done(&w);
}

CASE(a_service_may_become_a_job_and_a_job_a_service)
{
    struct world w;

    up(&w, "j ok");
    declare(&w, "!j slow-job schedule: '@daily'");
    world_run(&w, MINUTE_NS);
    CHECK_INT(world_service(&w, "j"), SERVICE_SCHEDULED);
    run_job(&w, false);
    declare(&w, "j ok");
    world_run(&w, 5 * MINUTE_NS);
    CHECK_INT(world_service(&w, "j"), SERVICE_READY);
    done(&w);
}

CASE(a_run_that_is_being_stopped_has_no_deadline_any_more)
{
    struct world w;

    up(&w, "!j stubborn schedule: '@daily', active_deadline: 5s");
    run_job(&w, false);
    engine_stop(w.engine, "j", 0, ++intent, world_sink(&w));
    CHECK(world_finish(&w)); /* its grace is longer */
    CHECK_INT(world_told(&w, "job.cancelled", "j"), 1);
    done(&w);
}

/* ---- the clock jumps ---- */

CASE(a_jump_forwards_is_one_run_and_the_rest_is_told_as_missed)
{
    struct world w;
    const struct told *t;

    up(&w, "!j job schedule: '*/5 * * * *'");
    w.wall_ahead_ns += 60 * MINUTE_NS;
    world_run(&w, 30 * NS_PER_S);
    CHECK_INT(started(&w), 1);
    CHECK_INT(world_told(&w, "job.missed", "j"), 1);
    t = world_last(&w, "job.missed", "j");
    CHECK(strstr(t->evidence, "\"count\":11") != NULL);
    world_run(&w, 10 * MINUTE_NS);
    CHECK_INT(started(&w), 3);
    done(&w);
}

CASE(a_jump_beyond_the_starting_deadline_is_no_run)
{
    struct world w;

    up(&w, "!j job schedule: '0 * * * *', starting_deadline: 1m");
    w.wall_ahead_ns += 90 * MINUTE_NS;
    world_run(&w, 10 * NS_PER_S);
    CHECK_INT(started(&w), 0);
    CHECK_INT(world_told(&w, "job.missed", "j"), 1);
    done(&w);
}

CASE(what_ran_is_not_run_again_when_the_clock_is_set_back)
{
    struct world w;

    up(&w, "!j job schedule: '*/5 * * * *'");
    world_run(&w, 10 * MINUTE_NS);
    CHECK_INT(started(&w), 2);
    w.wall_ahead_ns -= 8 * MINUTE_NS;
    world_run(&w, 7 * MINUTE_NS);
    CHECK_INT(started(&w), 2);
    world_run(&w, 7 * MINUTE_NS);
    CHECK_INT(started(&w), 3);
    done(&w);
}

CASE(a_clock_that_is_set_back_by_much_is_followed)
{
    struct world w;

    up(&w, "!j job schedule: '*/5 * * * *'");
    w.wall_ahead_ns -= 86400 * NS_PER_S;
    world_run(&w, 5 * MINUTE_NS);
    CHECK_INT(started(&w), 1);
    CHECK_INT(world_told(&w, "job.rescheduled", "j"), 1);
    done(&w);
}

CASE(every_does_not_care_for_the_wall_clock)
{
    struct world w;

    up(&w, "!j job schedule: '@every 60s'");
    w.wall_ahead_ns += 100 * MINUTE_NS;
    world_run(&w, 30 * NS_PER_S);
    CHECK_INT(started(&w), 0);
    w.wall_ahead_ns -= 500 * MINUTE_NS;
    world_run(&w, 31 * NS_PER_S);
    CHECK_INT(started(&w), 1);
    done(&w);
}

/* ---- the daemon dies ---- */

CASE(a_run_outlives_the_daemon)
{
    struct world w;

    up(&w, "!j slow-job schedule: '* * * * *', concurrency: forbid");
    world_run(&w, 60 * NS_PER_S);
    world_restart_daemon(&w);
    CHECK_INT(world_service(&w, "j"), SERVICE_RUNNING);
    world_run(&w, 100 * NS_PER_S);
    CHECK_INT(started(&w), 1);
    CHECK_INT(world_told(&w, "job.succeeded", "j"), 1);
    done(&w);
}

CASE(a_job_that_ran_is_not_run_again_by_the_next_daemon)
{
    struct world w;

    up(&w, "!j job");
    world_restart_daemon(&w);
    world_run(&w, MINUTE_NS);
    CHECK_INT(started(&w), 1);
    CHECK_INT(world_service(&w, "j"), SERVICE_COMPLETED);
    done(&w);
}

CASE(what_a_dead_daemon_missed_is_caught_up_once)
{
    struct world w;

    up(&w, "!j job schedule: '*/5 * * * *'");
    world_run(&w, 6 * MINUTE_NS);
    CHECK_INT(started(&w), 1);
    w.now_ns += 33 * MINUTE_NS; /* nobody looked */
    world_restart_daemon(&w);
    world_run(&w, NS_PER_S);
    CHECK_INT(started(&w), 2);
    CHECK(strstr(world_last(&w, "job.missed", "j")->evidence, "\"count\":5") != NULL);
    done(&w);
}

CASE(a_catch_up_keeps_to_the_starting_deadline)
{
    struct world w;

    up(&w, "!j job schedule: '0 * * * *', starting_deadline: 10m");
    w.now_ns += 75 * MINUTE_NS;
    world_restart_daemon(&w);
    world_run(&w, NS_PER_S);
    CHECK_INT(started(&w), 0);
    CHECK_INT(world_told(&w, "job.missed", "j"), 1);
    done(&w);
}

CASE(a_run_that_was_lost_counts_as_a_failure)
{
    struct world w;

    up(&w, "!j slow-job schedule: '@daily', retries: 1, retry_delay: 1s");
    run_job(&w, false);
    world_process(&w, "j", 1)->shim = world_process(&w, "j", 1)->alive = false; /* a power cut */
    world_restart_daemon(&w);
    world_run(&w, 10 * NS_PER_S);
    CHECK_INT(world_told(&w, "instance.lost", "j/1"), 1);
    CHECK_INT(world_told(&w, "instance.starting", "j/1"), 2);
    world_run(&w, 100 * NS_PER_S);
    CHECK_INT(world_told(&w, "job.succeeded", "j"), 1);
    done(&w);
}

CASE(a_deadline_goes_on_over_the_death_of_the_daemon)
{
    struct world w;

    up(&w, "!j slow-job schedule: '@daily', active_deadline: 30s");
    run_job(&w, false);
    world_run(&w, 20 * NS_PER_S);
    world_restart_daemon(&w);
    world_run(&w, 11 * NS_PER_S);
    CHECK_INT(world_told(&w, "job.failed", "j"), 1);
    done(&w);
}

/* ---- lives ---- */

static const char *const declarations[] = {
    "!j job schedule: '* * * * *'",
    "!j slow-job schedule: '* * * * *', concurrency: forbid",
    "!j slow-job schedule: '* * * * *', concurrency: replace, starting_deadline: 20s",
    "!j bad-job schedule: '*/2 * * * *', retries: 2, retry_delay: 5s, active_deadline: 40s",
    "!j slow-job schedule: '@every 45s'",
    "!j job schedule: '@every 45s', jitter: 20s, suspend: true",
    "!j job",
    "!j slow-job active_deadline: 50s",
    "web ok afterjob j\n!j job",
    "db ok\n!j job schedule: '* * * * *', depends_on: {db: {condition: service_healthy}}",
    "j ok 2",
};

static void check_invariants(const struct world *w, const char *text, uint64_t seed)
{
    const struct control *c = control_find(w->engine, "j");
    int active = 0;

    CHECK_SAYING(!w->broken, "seed %llu: %s", (unsigned long long)seed, w->broken_text);
    CHECK_SAYING(world_told(w, "bug.unlisted_transition", NULL) == 0, "seed %llu: %s",
        (unsigned long long)seed, world_last(w, "bug.unlisted_transition", NULL)->evidence);
    if (c == NULL || c->spec == NULL || !c->spec->is_job)
        return;
    for (size_t k = 0; k < c->slots.count; k++)
        active += c->slots.at[k]->run.active && c->slots.at[k]->run.begun;
    CHECK_SAYING(active <= 1 || strstr(text, "concurrency: forbid") == NULL || c->job.runs < 3 ||
                     world_told(w, "service.declared", "j") > 1,
        "seed %llu: %d runs at once", (unsigned long long)seed, active);
}

/* Nothing starts without a run, and each run has one end. */
static void check_story(const struct world *w, uint64_t seed)
{
    size_t ended = world_told(w, "job.succeeded", "j") + world_told(w, "job.failed", "j") +
                   world_told(w, "job.cancelled", "j");
    const struct control *c = control_find(w->engine, "j");
    size_t active = c != NULL ? (size_t)job_active(c) : 0, missed = 0;

    VEC_EACH (&w->journal, const struct told, t)
        missed += strcmp(t->type, "job.missed") == 0 && strncmp(t->evidence, "{\"run\"", 6) == 0;
    CHECK_SAYING(started(w) == ended + active + missed,
        "seed %llu: %zu began, %zu ended, %zu missed, %zu active", (unsigned long long)seed,
        started(w), ended, missed, active);
}

static void act(struct world *w, struct random *r, const char **text)
{
    struct err err = ERR_INIT;

    switch (random_below(r, 9)) {
    case 0:
        *text = declarations[random_below(r, COUNT(declarations))];
        declare(w, *text);
        return;
    case 1:
        if (engine_check(w->engine, "j", 0, 0, &err) && engine_check_start(w->engine, "j", &err))
            engine_start(w->engine, "j", 0, ++intent, world_sink(w));
        return;
    case 2:
        if (strchr(*text, '!') != NULL && engine_check(w->engine, "j", 0, 0, &err))
            engine_stop(w->engine, "j", 0, ++intent, world_sink(w));
        return;
    case 3:
        w->wall_ahead_ns += (int64_t)random_below(r, 7200) * NS_PER_S;
        return;
    case 4:
        w->wall_ahead_ns -= (int64_t)random_below(r, 20000) * NS_PER_S;
        return;
    case 5:
        w->now_ns += (int64_t)random_below(r, 600) * NS_PER_S;
        world_restart_daemon(w);
        return;
    case 6:
        world_restart_daemon(w);
        return;
    case 7:
        if (world_process(w, "j", 1) != NULL && world_process(w, "j", 1)->alive)
            world_kill(w, "j", 1);
        return;
    default:
        world_run(w, (int64_t)random_below(r, 100) * NS_PER_S);
        return;
    }
}

static void live(uint64_t seed)
{
    struct random r = {.state = seed};
    const char *text = declarations[random_below(&r, COUNT(declarations))];
    struct world w;

    intent = 100;
    begin(&w, text);
    for (int k = 0; k < 30; k++) {
        world_run(&w, (int64_t)random_below(&r, 90000) * NS_PER_MS);
        act(&w, &r, &text);
        check_invariants(&w, text, seed);
    }
    world_run(&w, 5 * MINUTE_NS);
    check_invariants(&w, text, seed);
    check_story(&w, seed);
    world_fini(&w);
}

CASE(any_life_of_a_job_keeps_to_its_rules)
{
    const char *seeds = getenv("TEND_SEEDS");
    uint64_t count = seeds != NULL ? strtoull(seeds, NULL, 10) : 150;

    for (uint64_t seed = 1; seed <= count; seed++)
        live(seed);
}

TEST_MAIN()
