#include "record/journal.h"

#include "journal_fixture.h"

#include <pthread.h>

/* ---- append, durable, read back ---- */

CASE(an_event_is_numbered_made_durable_read_back_and_verified)
{
    struct fixture f;
    struct journal_reader *hold = NULL;
    struct event e;

    fixture_begin(&f);
    CHECK_INT(f.opened.head, 0);
    int64_t before = clock_wall_ns();
    CHECK_INT(say(&f, "apply.requested", "project", 0, "{\"file\":\"tend.yaml\"}"), 1);
    CHECK_INT(say(&f, "service.declared", "web", 1, "{}"), 2);
    fixture_flush(&f);
    CHECK_INT(journal_durable(f.journal), 2);
    CHECK_OK(journal_read(f.journal, 2, &hold, &e, &f.err), &f.err);
    CHECK_INT(e.seq, 2);
    CHECK_TEXT(e.type, "service.declared");
    CHECK_TEXT(e.actor, "tend");
    CHECK_TEXT(e.subject, "web");
    CHECK_TEXT(e.boot_id, clock_boot_id());
    CHECK_INT(e.cause_count, 1);
    CHECK_INT(e.causes[0], 1);
    CHECK_STR(e.evidence, "{}");
    CHECK(e.at_ns >= before && e.at_ns <= clock_wall_ns());
    CHECK_OK(journal_read(f.journal, 1, &hold, &e, &f.err), &f.err);
    CHECK_STR(e.evidence, "{\"file\":\"tend.yaml\"}");
    CHECK(!journal_read(f.journal, 3, &hold, &e, &f.err));
    CHECK_INT(f.err.kind, ERR_MISSING);
    journal_reader_destroy(&hold);
    check_verifies(&f, 2);
    fixture_end(&f);
}

CASE(numbers_go_on_behind_a_restart)
{
    struct fixture f;
    uint64_t seq;

    fixture_begin(&f);
    say_many(&f, 1000);
    journal_close(&f.journal);
    fixture_open(&f, NULL);
    CHECK_INT(f.opened.head, 1000);
    CHECK_INT(f.opened.torn_bytes, 0);
    CHECK_INT(say(&f, "daemon.started", "daemon", 0, "{}"), 1001);
    fixture_flush(&f);
    struct hash head = journal_chain(f.journal, &seq);
    struct journal_verdict v;
    CHECK_OK(journal_verify(f.dir, NULL, NULL, &v, &f.err), &f.err);
    CHECK(v.ok && v.head_seq == 1001 && seq == 1001 && hash_eq(&v.head, &head));
    fixture_end(&f);
}

CASE(what_does_not_fit_is_cut_or_replaced)
{
    struct fixture f;
    struct journal_reader *hold = NULL;
    struct event e;
    char long_text[400];
    static char large[EVENT_EVIDENCE_BYTES_MAX + 1];

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    memset(large, ' ', sizeof large);
    large[0] = '{', large[sizeof large - 1] = '}';
    fixture_begin(&f);
    (void)say(&f, long_text, long_text, 0, "not json");
    (void)journal_append(f.journal, &(struct event){
                                        .type = "a", .evidence = {large, sizeof large}
    });
    (void)journal_append(f.journal, &(struct event){
                                        .type = "b", .evidence = {large + 1, sizeof large - 1}
    });
    large[1] = '{';
    (void)journal_append(f.journal, &(struct event){
                                        .type = "c", .evidence = {large + 1, sizeof large - 1}
    });
    fixture_flush(&f);
    CHECK_OK(journal_read(f.journal, 1, &hold, &e, &f.err), &f.err);
    CHECK_INT(strlen(e.type), EVENT_TYPE_BYTES_MAX);
    CHECK_INT(strlen(e.subject), EVENT_SUBJECT_BYTES_MAX);
    CHECK_STR(e.evidence, "{\"invalid_evidence\":8}");
    CHECK_OK(journal_read(f.journal, 2, &hold, &e, &f.err), &f.err);
    CHECK_STR(e.evidence, "{\"invalid_evidence\":65537}");
    CHECK_TEXT(e.subject, "");
    CHECK_OK(journal_read(f.journal, 3, &hold, &e, &f.err), &f.err);
    CHECK_STR(e.evidence, "{\"invalid_evidence\":65536}");
    CHECK_OK(journal_read(f.journal, 4, &hold, &e, &f.err), &f.err);
    CHECK_INT(e.evidence.len, 65536);
    journal_reader_destroy(&hold);
    check_verifies(&f, 4);
    fixture_end(&f);
}

/* ---- readers ---- */

CASE(segments_are_read_as_one_journal_both_ways)
{
    struct fixture f;
    struct event e;
    char last[120];

    fixture_init(&f);
    fixture_open(&f, &(struct journal_options){.segment_bytes_max = 80 << 10});
    say_many(&f, 5000);
    fixture_flush(&f);
    (void)snprintf(last, sizeof last, "%s/00000010.seg", f.dir);
    CHECK(fs_exists(last));
    struct journal_reader *r = journal_reader_create(f.journal, 0);
    for (uint64_t seq = 1; seq <= 5000; seq++) {
        CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_EVENT);
        CHECK_INT(e.seq, seq);
    }
    CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_END);
    for (uint64_t seq = 5000; seq >= 1; seq--) {
        CHECK_INT(journal_reader_back(r, &e, &f.err), JOURNAL_EVENT);
        CHECK_INT(e.seq, seq);
    }
    CHECK_INT(journal_reader_back(r, &e, &f.err), JOURNAL_END);
    journal_reader_seek(r, 2500);
    CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_EVENT);
    CHECK_STR(e.evidence, "{\"n\":2500}");
    CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_EVENT);
    CHECK_STR(e.evidence, "{\"n\":2501}");
    journal_reader_destroy(&r);
    check_verifies(&f, 5000);
    fixture_end(&f);
}

static void count_call(void *data)
{
    __atomic_add_fetch((int *)data, 1, __ATOMIC_SEQ_CST);
}

CASE(a_reader_waits_for_what_comes_is_told_and_can_be_woken)
{
    struct fixture f;
    struct event e;
    int calls = 0;

    fixture_begin(&f);
    struct journal_reader *r = journal_reader_create(f.journal, journal_durable(f.journal) + 1);
    journal_reader_notify(r, count_call, &calls);
    CHECK(!journal_reader_wait(r, clock_boot_ms() + 10));
    say_many(&f, 1);
    CHECK(journal_reader_wait(r, clock_boot_ms() + 20000));
    CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_EVENT);
    CHECK_INT(e.seq, 1);
    int64_t began = clock_boot_ms();
    while (__atomic_load_n(&calls, __ATOMIC_SEQ_CST) < 1) /* told right behind the wake-up */
        CHECK(clock_boot_ms() < began + 20000 && usleep(500) == 0);
    journal_reader_wake(r);
    began = clock_boot_ms();
    CHECK(!journal_reader_wait(r, began + 20000));
    CHECK(clock_boot_ms() < began + 10000);
    journal_reader_destroy(&r);
    fixture_end(&f);
}

/* ---- durability ---- */

struct promise {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int kept, failed;
    char text[ERR_TEXT_BYTES];
};

#define PROMISE_INIT                                                           \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
    }

static void on_promise(void *data, const struct err *err)
{
    struct promise *p = data;

    (void)pthread_mutex_lock(&p->lock);
    p->kept += err == NULL;
    p->failed += err != NULL;
    if (err != NULL)
        (void)snprintf(p->text, sizeof p->text, "%s", err->text);
    (void)pthread_cond_signal(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

static void await_promises(struct promise *p, int count)
{
    (void)pthread_mutex_lock(&p->lock);
    while (p->kept + p->failed < count)
        (void)pthread_cond_wait(&p->changed, &p->lock); /* the test's own time bounds it */
    (void)pthread_mutex_unlock(&p->lock);
}

CASE(who_waits_for_an_event_is_told_once_it_is_durable)
{
    struct fixture f;
    struct promise p = PROMISE_INIT;
    uint64_t seq;

    fixture_begin(&f);
    struct event e = {.type = "apply.requested", .actor = "user:ana", .subject = "project"};
    CHECK_OK(journal_append_durable(f.journal, &e, &seq, on_promise, &p, &f.err), &f.err);
    await_promises(&p, 1);
    CHECK_INT(p.kept, 1);
    CHECK(journal_durable(f.journal) >= seq);
    journal_when_durable(f.journal, seq, on_promise, &p); /* is already */
    await_promises(&p, 2);
    CHECK_INT(p.kept, 2);
    fixture_end(&f);
}

static int posted;

static void post_counting(void *host, void (*fn)(void *data), void *data)
{
    (void)host;
    __atomic_add_fetch(&posted, 1, __ATOMIC_SEQ_CST);
    fn(data);
}

CASE(one_write_serves_all_that_came_meanwhile_and_notices_are_posted)
{
    struct fixture f;
    struct promise p = PROMISE_INIT;

    fixture_init(&f);
    fixture_open(&f, &(struct journal_options){.post = post_counting});
    say_many(&f, 20000); /* one sync each would take many seconds */
    journal_when_durable(f.journal, 20000, on_promise, &p);
    journal_when_durable(f.journal, 10000, on_promise, &p);
    await_promises(&p, 2);
    CHECK_INT(p.kept, 2);
    CHECK_INT(__atomic_load_n(&posted, __ATOMIC_SEQ_CST), 2);
    check_verifies(&f, 20000);
    fixture_end(&f);
}

struct appender {
    struct fixture *f;
    int count;
};

static void *append_some(void *data)
{
    struct appender *a = data;

    for (int i = 0; i < a->count; i++)
        if (say(a->f, "instance.exited", "web/1", 0, "{\"code\":1}") == 0)
            abort();
    return NULL;
}

CASE(several_threads_append_without_gap_or_double)
{
    struct fixture f;
    pthread_t threads[4];

    fixture_begin(&f);
    struct appender a = {.f = &f, .count = 2000};
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, append_some, &a), 0);
    for (size_t i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    fixture_flush(&f);
    check_verifies(&f, 8000);
    fixture_end(&f);
}

TEST_MAIN()
