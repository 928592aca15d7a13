#include "record/views.h"

#include "journal_fixture.h"

#include "base/mem.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

struct world {
    struct fixture f;
    char path[80];
    struct views *views;
    struct views_opened opened;
};

static void open_views(struct world *w)
{
    CHECK_OK(views_open(&w->views, w->path, w->f.journal, &w->opened, &w->f.err), &w->f.err);
}

static void begin(struct world *w)
{
    memset(w, 0, sizeof *w);
    fixture_begin(&w->f);
    (void)snprintf(w->path, sizeof w->path, "%s/state.db", w->f.root);
    open_views(w);
}

static void end(struct world *w)
{
    views_close(&w->views);
    fixture_end(&w->f);
}

static void settle(struct world *w)
{
    fixture_flush(&w->f);
    CHECK(views_wait(w->views, journal_durable(w->f.journal), clock_boot_ms() + 20000));
}

static void tell_a_story(struct world *w)
{
    struct fixture *f = &w->f;
    uint64_t apply = say(f, "apply.requested", "project", 0, "{\"set\":{\"applied\":\"d1\"}}");
    uint64_t web = say(f, "service.declared", "web", apply, "{\"replicas\":2,\"revision\":\"r1\"}");
    (void)say(f, "instance.starting", "web/1", web, "{\"incarnation\":1}");
    (void)say(f, "instance.ready", "web/1", web, "{}");
    uint64_t exit = say(f, "instance.exited", "web/1", 0, "{\"signal\":\"SIGKILL\",\"ran_ms\":9}");
    (void)say(f, "instance.restarted", "web/1", exit, "{\"took_ms\":2,\"incarnation\":2}");
    (void)say(f, "instance.ready", "web/1", exit + 1, "{}");
    (void)say(f, "service.ready", "web", web, "{}");
    (void)say(
        f, "scale.requested", "web", 0, "{\"set\":{\"replicas\":4,\"by\":{\"b\":1,\"a\":[]}}}");
    (void)say(f, "service.declared", "db", apply, "{\"replicas\":1}");
    (void)say(f, "instance.quarantined", "db/1", 0, "{\"set\":{\"quarantine\":true}}");
    (void)say(f, "from.the.future", "web/2", 0, "{\"set\":{\"x\":1}}");
    (void)say(f, "stop.requested", "web", 0, "{\"set\":{\"by\":null}}");
    settle(w);
}

static char *dump(struct world *w)
{
    struct buf out = BUF_INIT(64 << 20);

    CHECK_OK(views_dump(w->views, &out, &w->f.err), &w->f.err);
    return buf_take(&out);
}

/* ---- state ---- */

static bool join_fact(void *data, const struct views_fact *fact)
{
    buf_format(data, "%s.%s=%.*s@%llu ", fact->subject, fact->key, STR_ARG(fact->value),
        (unsigned long long)fact->seq);
    return true;
}

CASE(facts_are_what_was_set_last_and_null_removes_them)
{
    struct world w;
    struct buf text = BUF_INIT(4096);

    begin(&w);
    tell_a_story(&w);
    CHECK_OK(views_fact_get(w.views, "project", "applied", &text, &w.f.err), &w.f.err);
    CHECK_TEXT(text.at, "\"d1\"");
    CHECK(!views_fact_get(w.views, "web", "by", &text, &w.f.err));
    CHECK_INT(w.f.err.kind, ERR_MISSING);
    buf_reset(&text);
    CHECK_OK(views_facts_each(w.views, NULL, NULL, join_fact, &text, &w.f.err), &w.f.err);
    CHECK_TEXT(text.at, "db/1.quarantine=true@11 project.applied=\"d1\"@1 web.replicas=4@9 "
                        "web/2.x=1@12 ");
    buf_reset(&text);
    CHECK_OK(views_facts_each(w.views, "web", "repl", join_fact, &text, &w.f.err), &w.f.err);
    CHECK_TEXT(text.at, "web.replicas=4@9 ");
    buf_fini(&text);
    end(&w);
}

static bool join_instance(void *data, const struct views_instance *i)
{
    buf_format(data, "%s %s#%lld %s i%lld r%lld exit%llu%s\n", i->subject, i->service,
        (long long)i->slot, i->state, (long long)i->incarnation, (long long)i->restarts,
        (unsigned long long)i->last_exit_seq, i->last_exit);
    return true;
}

static bool join_service(void *data, const struct views_service *s)
{
    buf_format(data, "%s %s %s %lld by%llu\n", s->subject, s->state, s->revision,
        (long long)s->replicas, (unsigned long long)s->state_seq);
    return true;
}

CASE(instances_and_services_are_folded)
{
    struct world w;
    struct buf text = BUF_INIT(4096);

    begin(&w);
    tell_a_story(&w);
    CHECK_OK(views_instances_each(w.views, NULL, join_instance, &text, &w.f.err), &w.f.err);
    CHECK_TEXT(text.at, "db/1 db#1 quarantined i0 r0 exit0\n"
                        "web/1 web#1 ready i2 r1 exit5{\"signal\":\"SIGKILL\",\"ran_ms\":9}\n");
    buf_reset(&text);
    CHECK_OK(views_services_each(w.views, join_service, &text, &w.f.err), &w.f.err);
    CHECK_TEXT(text.at, "db starting  1 by10\nweb ready r1 2 by8\n");
    (void)say(&w.f, "service.removed", "web", 0, "{}");
    fixture_flush(&w.f); /* queries wait for what is durable */
    buf_reset(&text);
    CHECK_OK(views_services_each(w.views, join_service, &text, &w.f.err), &w.f.err);
    CHECK_OK(views_instances_each(w.views, "web", join_instance, &text, &w.f.err), &w.f.err);
    CHECK_OK(views_facts_each(w.views, "web", NULL, join_fact, &text, &w.f.err), &w.f.err);
    CHECK_TEXT(text.at, "db starting  1 by10\n");
    buf_fini(&text);
    end(&w);
}

/* ---- events ---- */

static bool join_seq(void *data, const struct event *e)
{
    buf_format(data, "%llu ", (unsigned long long)e->seq);
    return true;
}

static void check_found(struct world *w, const struct views_filter *filter, const char *want)
{
    struct buf text = BUF_INIT(4096);

    buf_add_text(&text, "");
    CHECK_OK(views_each_event(w->views, filter, join_seq, &text, &w->f.err), &w->f.err);
    CHECK_TEXT(text.at, want);
    buf_fini(&text);
}

CASE(events_are_found_by_subject_type_severity_number_and_time)
{
    struct world w;
    struct journal_reader *hold = NULL;
    struct event e;

    begin(&w);
    tell_a_story(&w);
    check_found(&w, &(struct views_filter){0}, "1 2 3 4 5 6 7 8 9 10 11 12 13 ");
    check_found(&w, &(struct views_filter){.subject = "web"}, "2 3 4 5 6 7 8 9 12 13 ");
    check_found(&w, &(struct views_filter){.subject = "web/1"}, "3 4 5 6 7 ");
    check_found(&w, &(struct views_filter){.subject = "we"}, "");
    check_found(&w, &(struct views_filter){.type = "instance.r*"}, "4 6 7 ");
    check_found(&w, &(struct views_filter){.severity_min = EVENT_WARN}, "5 11 ");
    check_found(&w, &(struct views_filter){.since_seq = 4, .until_seq = 6}, "4 5 6 ");
    check_found(&w, &(struct views_filter){.limit = 3}, "1 2 3 ");
    check_found(&w, &(struct views_filter){.limit = 3, .last = true}, "11 12 13 ");
    check_found(&w, &(struct views_filter){.subject = "web/1", .limit = 2, .last = true}, "6 7 ");
    CHECK_OK(journal_read(w.f.journal, 12, &hold, &e, &w.f.err), &w.f.err);
    check_found(&w, &(struct views_filter){.since_ns = e.at_ns}, "12 13 ");
    check_found(&w, &(struct views_filter){.subject = "db", .until_ns = e.at_ns}, "10 11 ");
    CHECK(views_filter_matches(&(struct views_filter){.subject = "web", .type = "from.*"}, &e));
    CHECK(!views_filter_matches(&(struct views_filter){.subject = "web/1"}, &e));
    CHECK(!views_filter_matches(&(struct views_filter){.severity_min = EVENT_WARN}, &e));
    journal_reader_destroy(&hold);
    end(&w);
}

static bool count_event(void *data, const struct event *e)
{
    (void)e;
    return ++*(int *)data != 2500;
}

CASE(many_events_come_in_pages_and_the_caller_may_stop)
{
    struct world w;
    int count = 0;

    begin(&w);
    say_many(&w.f, 3000);
    settle(&w);
    CHECK_OK(views_each_event(
                 w.views, &(struct views_filter){.type = "*"}, count_event, &count, &w.f.err),
        &w.f.err);
    CHECK_INT(count, 2500);
    end(&w);
}

CASE(a_pattern_longer_than_any_type_is_refused)
{
    struct world w;
    char pattern[200];

    memset(pattern, '*', sizeof pattern - 1);
    pattern[sizeof pattern - 1] = '\0';
    begin(&w);
    CHECK(!views_each_event(
        w.views, &(struct views_filter){.type = pattern}, join_seq, NULL, &w.f.err));
    CHECK_INT(w.f.err.kind, ERR_INVALID);
    end(&w);
}

CASE(effects_are_found_from_their_cause)
{
    struct world w;
    uint64_t seqs[8];
    size_t count;

    begin(&w);
    tell_a_story(&w);
    CHECK_OK(views_effects(w.views, 2, seqs, 8, &count, &w.f.err), &w.f.err);
    CHECK_INT(count, 3);
    CHECK(seqs[0] == 3 && seqs[1] == 4 && seqs[2] == 8);
    CHECK_OK(views_effects(w.views, 2, seqs, 2, &count, &w.f.err), &w.f.err);
    CHECK_INT(count, 2);
    CHECK_OK(views_effects(w.views, 13, seqs, 8, &count, &w.f.err), &w.f.err);
    CHECK_INT(count, 0);
    end(&w);
}

/* ---- folding again ---- */

/* A seeded stream over all types and a few subjects. */
static void say_anything(struct fixture *f, size_t count)
{
    static const char *const subjects[] = {"web", "web/1", "web/2", "db", "db/1", "project"};
    static const char *const evidences[] = {"{}", "{\"set\":{\"a\":1}}", "{\"set\":{\"a\":null}}",
        "{\"revision\":\"r2\",\"replicas\":3}", "{\"incarnation\":7,\"code\":1}",
        "{\"set\":{\"b\":{\"z\":1,\"y\":[true]},\"c\":\"\\u00e4\"}}"};
    size_t type_count;
    const struct event_type *types = event_types_all(&type_count);
    uint64_t state = 7;

    for (size_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t dice = state >> 33;
        uint64_t head = journal_head(f->journal);
        CHECK(say(f, types[dice % type_count].name, subjects[dice / 64 % 6],
                  head > 0 ? dice % head + 1 : 0, evidences[dice / 512 % 6]) != 0);
        if (i % 700 == 0)
            fixture_flush(f); /* so that it is folded in several batches */
    }
}

CASE(folding_again_gives_the_same_rows)
{
    struct world w;

    begin(&w);
    say_anything(&w.f, 4000);
    settle(&w);
    char *before = dump(&w);
    views_close(&w.views);
    CHECK_INT(unlink(w.path), 0);
    open_views(&w);
    CHECK(w.opened.rebuilt);
    CHECK_INT(w.opened.folded, 4000);
    char *after = dump(&w);
    CHECK(strcmp(before, after) == 0);
    CHECK(strlen(after) > 100000);
    free(before);
    free(after);
    end(&w);
}

CASE(opening_again_folds_only_what_is_new)
{
    struct world w;

    begin(&w);
    tell_a_story(&w);
    views_close(&w.views);
    (void)say(&w.f, "daemon.stopped", "daemon", 0, "{}");
    fixture_flush(&w.f);
    open_views(&w);
    CHECK(!w.opened.rebuilt);
    CHECK_INT(w.opened.folded, 1);
    CHECK_INT(views_folded(w.views), 14);
    end(&w);
}

/* ---- damage ---- */

static void overwrite(const char *path, off_t offset, size_t bytes)
{
    char garbage[512];
    int fd = open(path, O_WRONLY);

    memset(garbage, 0xa5, sizeof garbage);
    CHECK(fd != -1);
    for (; bytes > 0; bytes -= sizeof garbage, offset += (off_t)sizeof garbage)
        CHECK_INT(pwrite(fd, garbage, sizeof garbage, offset), sizeof garbage);
    (void)close(fd);
}

CASE(a_damaged_file_is_built_anew_and_reported)
{
    static const struct {
        off_t offset;
        off_t cut_to;
        size_t bytes;
    } damages[] = {
        {0,    -1,   512     },
        {4096, -1,   4096 * 8},
        {0,    5000, 0       },
        {0,    0,    0       },
        {100,  100,  512     }
    };

    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct world w;
        begin(&w);
        tell_a_story(&w);
        char *before = dump(&w);
        views_close(&w.views);
        if (damages[i].cut_to >= 0)
            CHECK_INT(truncate(w.path, damages[i].cut_to), 0);
        overwrite(w.path, damages[i].offset, damages[i].bytes);
        open_views(&w);
        CHECK_SAYING(w.opened.rebuilt && w.opened.reason[0] != '\0', "damage %zu: \"%s\"", i,
            w.opened.reason);
        char *after = dump(&w);
        CHECK_TEXT(after, before);
        free(before);
        free(after);
        end(&w);
    }
}

CASE(a_file_of_another_journal_is_built_anew)
{
    struct world w, other;

    begin(&w);
    tell_a_story(&w);
    begin(&other);
    tell_a_story(&other);
    views_close(&w.views);
    views_close(&other.views);
    CHECK_INT(rename(other.path, w.path), 0);
    open_views(&w);
    CHECK(w.opened.rebuilt);
    CHECK_TEXT(w.opened.reason, "folded from another journal");
    end(&w);
    end(&other);
}

CASE(deleting_the_file_meanwhile_is_healed)
{
    struct world w;
    struct buf text = BUF_INIT(4096);

    begin(&w);
    tell_a_story(&w);
    CHECK_INT(unlink(w.path), 0);
    (void)say(&w.f, "pause.requested", "project", 0, "{\"set\":{\"paused\":1}}");
    fixture_flush(&w.f);
    CHECK(views_wait(w.views, 14, clock_boot_ms() + 20000));
    CHECK(fs_exists(w.path));
    CHECK_OK(views_fact_get(w.views, "project", "paused", &text, &w.f.err), &w.f.err);
    CHECK_OK(views_fact_get(w.views, "web", "replicas", &text, &w.f.err), &w.f.err);
    CHECK_TEXT(text.at, "14");
    buf_fini(&text);
    end(&w);
}

/* The journal has room, the views have not: they lag, say why, and catch up. */
CASE(a_full_disk_is_told_and_caught_up_with)
{
    struct world w;
    char trouble[160] = "";
    int64_t deadline_ms = clock_boot_ms() + 20000;

    memset(&w, 0, sizeof w);
    fixture_begin(&w.f);
    (void)snprintf(w.path, sizeof w.path, "%s/small", w.f.root);
    CHECK_INT(mkdir(w.path, 0700), 0);
    if (unshare(CLONE_NEWNS) == -1 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount("tmpfs", w.path, "tmpfs", 0, "size=256k") == -1) {
        fixture_end(&w.f);
        SKIP("needs to mount a file system");
    }
    char *small = mem_copy_string(w.path);
    (void)snprintf(w.path, sizeof w.path, "%s/state.db", small);
    open_views(&w);
    say_many(&w.f, 5000);
    fixture_flush(&w.f);
    while (trouble[0] == '\0') {
        CHECK(clock_boot_ms() < deadline_ms && usleep(1000) == 0);
        views_trouble(w.views, trouble);
    }
    CHECK_SAYING(strstr(trouble, "full") != NULL, "%s", trouble);
    CHECK(views_folded(w.views) < 5000);
    CHECK_INT(mount("tmpfs", small, "tmpfs", MS_REMOUNT, "size=32m"), 0);
    CHECK(views_wait(w.views, 5000, clock_boot_ms() + 20000));
    views_trouble(w.views, trouble);
    CHECK_TEXT(trouble, "");
    views_close(&w.views);
    CHECK_INT(umount(small), 0);
    free(small);
    end(&w);
}

TEST_MAIN()
