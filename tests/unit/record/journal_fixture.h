/* journal_fixture.h - a journal in a directory of its own, for tests of this folder and of why. */
#ifndef TEND_TESTS_UNIT_RECORD_JOURNAL_FIXTURE_H
#define TEND_TESTS_UNIT_RECORD_JOURNAL_FIXTURE_H

#include "base/clock.h"
#include "base/fs.h"
#include "record/journal.h"

#include "test.h"

#include <stdlib.h>
#include <unistd.h>

struct fixture {
    char root[64];
    char dir[80]; /* ROOT/journal */
    struct journal *journal;
    struct journal_opened opened;
    struct err err;
};

static void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    (void)snprintf(f->root, sizeof f->root, "/tmp/tend-test-XXXXXX");
    CHECK(mkdtemp(f->root) != NULL);
    (void)snprintf(f->dir, sizeof f->dir, "%s/journal", f->root);
}

static void fixture_open(struct fixture *f, const struct journal_options *options)
{
    CHECK_OK(journal_open(&f->journal, f->dir, options, &f->opened, &f->err), &f->err);
}

static void fixture_begin(struct fixture *f)
{
    fixture_init(f);
    fixture_open(f, NULL);
}

static void fixture_end(struct fixture *f)
{
    journal_close(&f->journal);
    CHECK_OK(fs_remove_tree(f->root, &f->err), &f->err);
}

static void fixture_flush(struct fixture *f)
{
    CHECK_OK(journal_flush(f->journal, clock_boot_ms() + 20000, &f->err), &f->err);
}

/* An event by tend; `cause` 0 for none. */
static uint64_t say(
    struct fixture *f, const char *type, const char *subject, uint64_t cause, const char *evidence)
{
    struct event e = {
        .type = type,
        .actor = "tend",
        .subject = subject,
        .causes = {cause},
        .cause_count = cause != 0,
        .evidence = str_from(evidence),
    };
    return journal_append(f->journal, &e);
}

/* `count` events of which the n-th from now has {"n":SEQ} as evidence. */
static void say_many(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char evidence[40];
        (void)snprintf(evidence, sizeof evidence, "{\"n\":%llu}",
            (unsigned long long)journal_head(f->journal) + 1);
        CHECK(say(f, "instance.started", "web/1", 0, evidence) != 0);
    }
}

static void check_verifies(struct fixture *f, uint64_t events)
{
    struct journal_verdict v;

    CHECK_OK(journal_verify(f->dir, NULL, NULL, &v, &f->err), &f->err);
    CHECK_SAYING(v.ok, "event %llu: %s", (unsigned long long)v.broken_seq, v.reason);
    CHECK_INT(v.events, events);
    CHECK_INT(v.head_seq, events);
}

#endif
