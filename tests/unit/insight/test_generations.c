#include "insight/generations.h"

#include "../record/journal_fixture.h"

struct world {
    struct fixture f;
    struct views *views;
    struct arena *arena;
    struct generations all;
};

static void begin(struct world *w)
{
    char path[80];

    memset(w, 0, sizeof *w);
    fixture_begin(&w->f);
    (void)snprintf(path, sizeof path, "%s/state.db", w->f.root);
    CHECK_OK(views_open(&w->views, path, w->f.journal, NULL, &w->f.err), &w->f.err);
    w->arena = arena_create(0);
}

static void end(struct world *w)
{
    arena_destroy(&w->arena);
    views_close(&w->views);
    fixture_end(&w->f);
}

static uint64_t apply(struct world *w, const char *document, const char *rest)
{
    char evidence[200];

    (void)snprintf(evidence, sizeof evidence, "{\"changes\":2%s,\"set\":{\"document\":\"%s\"}}",
        rest, document);
    return say(&w->f, "apply.requested", "project", 0, evidence);
}

static void ask(struct world *w)
{
    fixture_flush(&w->f);
    CHECK_OK(generations_read(w->arena, w->views, &w->all, &w->f.err), &w->f.err);
}

CASE(a_new_journal_has_none)
{
    struct world w;

    begin(&w);
    ask(&w);
    CHECK_INT(w.all.count, 0);
    CHECK(!w.all.is_down);
    CHECK(generations_find(&w.all, 1) == NULL);
    end(&w);
}

CASE(the_same_document_again_is_no_generation)
{
    struct world w;

    begin(&w);
    apply(&w, "aa", "");
    apply(&w, "aa", "");
    (void)say(&w.f, "down.requested", "project", 0, "{\"set\":{\"document\":null}}");
    apply(&w, "aa", "");
    apply(&w, "bb", "");
    apply(&w, "aa", ",\"rollback_to\":1");
    ask(&w);
    CHECK_INT(w.all.count, 3);
    CHECK_INT(generations_find(&w.all, 1)->number, 1);
    CHECK_TEXT(w.all.at[1].document, "bb");
    CHECK_INT(w.all.at[1].changes, 2);
    CHECK_INT(w.all.at[2].rollback_to, 1);
    CHECK(!w.all.is_down);
    end(&w);
}

CASE(the_end_that_names_the_request_tells_the_result)
{
    struct world w;
    uint64_t first, second;

    begin(&w);
    first = apply(&w, "aa", "");
    second = apply(&w, "bb", "");
    apply(&w, "cc", "");
    (void)say(&w.f, "operation.failed", "project", second, "{\"operation\":\"apply\"}");
    (void)say(&w.f, "operation.finished", "project", first, "{\"operation\":\"apply\"}");
    (void)say(&w.f, "operation.finished", "project", 0, "{\"operation\":\"apply\"}");
    (void)say(&w.f, "down.requested", "project", 0, "{}");
    ask(&w);
    CHECK_TEXT(w.all.at[0].result, "done");
    CHECK_TEXT(w.all.at[1].result, "failed");
    CHECK_TEXT(w.all.at[2].result, "unfinished");
    CHECK(w.all.is_down);
    end(&w);
}

TEST_MAIN()
