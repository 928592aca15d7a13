#include "process_fixture.h"

CASE(a_killed_service_is_restarted_at_once_and_recorded)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));

    fixture_start(f, &spec);
    CHECK_INT(f->told[0].kind, PROCESS_STARTED);
    CHECK_INT(f->told[0].number, 1);
    CHECK_INT(f->told[0].pid, process_pid(f->process));
    int first = process_pid(f->process);
    CHECK(kill(first, SIGKILL) == 0);
    CHECK(fixture_wait(f, told_so_many, 3));
    CHECK_INT(f->told[1].kind, PROCESS_EXITED);
    CHECK_INT(f->told[1].signal, SIGKILL);
    CHECK_INT(f->told[1].code, -1);
    CHECK_INT(f->told[1].next, PROCESS_NEXT_RESTART);
    CHECK(!f->told[1].oom && !f->told[1].lost && !f->told[1].stopped);
    CHECK_INT(f->told[2].kind, PROCESS_STARTED);
    CHECK_INT(f->told[2].incarnation, 2);
    CHECK_INT(f->told[2].restarts, 1);
    CHECK(process_pid(f->process) != first && process_pid(f->process) > 0);
    CHECK(process_phase(f->process) == PROCESS_RUNNING);
    fixture_free(f);
}

CASE(when_the_lease_is_used_up_the_daemon_decides)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "exit", "3"));

    fixture_start(f, &spec);
    CHECK(fixture_wait(f, told_so_many, 8)); /* 4 starts, 4 exits */
    CHECK_INT(fixture_last(f).kind, PROCESS_EXITED);
    CHECK_INT(fixture_last(f).code, 3);
    CHECK_INT(fixture_last(f).next, PROCESS_NEXT_WAIT);
    fixture_pass(f, 250);
    CHECK_INT(f->told_count, 8);
    CHECK(process_phase(f->process) == PROCESS_WAITING);
    process_resume(f->process);
    CHECK(fixture_wait(f, told_so_many, 10));
    CHECK_INT(f->told[8].kind, PROCESS_STARTED);
    CHECK_INT(f->told[8].incarnation, 5);
    fixture_free(f);
}

CASE(a_lease_that_is_renewed_gives_no_used_restarts_back)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "exit", "3", "50"));

    fixture_start(f, &spec);
    for (size_t told = 1; told <= 7; told += 2) { /* behind each of 4 starts, as the engine does */
        CHECK(fixture_wait(f, told_so_many, told));
        process_lease(f->process, &spec.lease);
    }
    CHECK(fixture_wait(f, told_so_many, 8));
    CHECK_INT(fixture_last(f).next, PROCESS_NEXT_WAIT);
    fixture_free(f);
}

CASE(a_success_and_a_stop_code_are_the_end)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "exit", "7"));
    static const uint8_t codes[] = {7};

    spec.lease.stop_codes = codes;
    spec.lease.stop_code_count = 1;
    fixture_start(f, &spec);
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK_INT(fixture_last(f).next, PROCESS_NEXT_DONE);
    CHECK_INT(fixture_last(f).code, 7);
    process_forget(&f->process);
    f->gone_count = 0;
    spec.argv = ARGV(TINY, "exit", "0");
    fixture_start(f, &spec); /* the name is free again */
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK_INT(fixture_last(f).code, 0);
    fixture_free(f);
}

CASE(without_a_daemon_the_shim_retries_slowly_and_tells_the_next_one_everything_once)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "exit", "1", "20"));

    fixture_start(f, &spec);
    process_ack(f->process, 1);
    fixture_daemon_dies(f);
    (void)poll(NULL, 0, 700); /* 3 tokens, then after 100, 200, 400 ms */
    fixture_daemon_returns(f);
    CHECK_INT(f->found_count, 1);
    CHECK(fixture_wait(f, has_state, 1));
    CHECK(f->told_count >= 9);
    bool retried = false;
    for (int i = 0; i < f->told_count; i++) {
        CHECK_INT(f->told[i].number, i + 2);
        retried = retried || f->told[i].next == PROCESS_NEXT_RETRY;
    }
    CHECK(retried);
    int told = f->told_count;
    process_ack(f->process, fixture_last(f).number);
    fixture_daemon_dies(f);
    fixture_daemon_returns(f);
    CHECK(fixture_wait(f, has_state, 1));
    CHECK(f->told_count < told); /* none of them again */
    CHECK(f->told_count == 0 || f->told[0].number > (uint64_t)told + 1);
    fixture_free(f);
}

CASE(what_was_not_acknowledged_is_told_again)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));

    fixture_start(f, &spec);
    int pid = process_pid(f->process);
    uint64_t run_id = process_run_id(f->process);
    fixture_daemon_dies(f);
    fixture_daemon_returns(f);
    CHECK(fixture_wait(f, has_state, 1));
    CHECK_INT(f->told_count, 1);
    CHECK_INT(f->told[0].number, 1);
    CHECK(f->told[0].run_id == run_id);
    CHECK_INT(process_pid(f->process), pid);
    CHECK(process_phase(f->process) == PROCESS_RUNNING);
    fixture_free(f);
}

CASE(a_polite_stop_is_recorded_as_such)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));

    fixture_start(f, &spec);
    process_stop(f->process, 0, 5000);
    CHECK(process_phase(f->process) == PROCESS_STOPPING);
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK_INT(fixture_last(f).signal, SIGTERM);
    CHECK(fixture_last(f).stopped && !fixture_last(f).killed);
    CHECK_INT(fixture_last(f).next, PROCESS_NEXT_DONE);
    fixture_free(f);
}

CASE(what_ignores_TERM_is_killed_after_the_grace)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep", "ignore-term"));

    fixture_start(f, &spec);
    fixture_pass(f, 50); /* until it ignores */
    int64_t began = clock_boot_ms();
    process_stop(f->process, SIGTERM, 200);
    CHECK(fixture_wait(f, is_gone, 1));
    int64_t took = clock_boot_ms() - began;
    CHECK(took >= 190 && took < 3000);
    CHECK_INT(fixture_last(f).signal, SIGKILL);
    CHECK(fixture_last(f).stopped && fixture_last(f).killed);
    fixture_free(f);
}

TEST_MAIN()
