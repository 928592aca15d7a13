#include "insight/why.h"

#include "../record/journal_fixture.h"

struct world {
    struct fixture f;
    struct views *views;
    struct arena *arena;
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

/* " at 12:00:01.250" behind a sentence. */
static int sentence_length(const char *text)
{
    const char *at = text;

    for (const char *next = text; (next = strstr(next, " at ")) != NULL; next++)
        at = next;
    return (int)(at != text ? (size_t)(at - text) : strlen(text));
}

/* Lines without their times: "1 because: web/1 was … #5". */
static void check_tells(struct world *w, const struct why *why, const char *want)
{
    struct buf got = BUF_INIT(1 << 16);

    for (size_t i = 0; i < why->count; i++) {
        const struct why_line *line = &why->lines[i];
        bool timed = strcmp(line->label, "seen") != 0;
        int length = timed ? sentence_length(line->text) : (int)strlen(line->text);
        buf_format(&got, "%d %s: %.*s #%llu\n", line->depth, line->label, length, line->text,
            (unsigned long long)line->seq);
    }
    const char *text = arena_copy_str(w->arena, buf_str(&got)).at;
    buf_fini(&got);
    CHECK_TEXT(text, want);
}

static void ask(struct world *w, const char *subject, struct why *out)
{
    fixture_flush(&w->f);
    CHECK_OK(why_subject(w->arena, w->views, subject, out, &w->f.err), &w->f.err);
}

static uint64_t say_by(struct fixture *f, const char *actor, const char *type, const char *subject)
{
    return journal_append(f->journal, &(struct event){.type = type,
                                          .actor = actor,
                                          .subject = subject,
                                          .evidence = STR("{\"file\":\"tend.yaml\"}")});
}

/* web/1 runs, declared by ana. */
static uint64_t start_web(struct fixture *f)
{
    uint64_t apply = say_by(f, "user:ana", "apply.requested", "project");
    uint64_t web = say(f, "service.declared", "web", apply, "{\"replicas\":2}");
    uint64_t starting = say(f, "instance.starting", "web/1", web, "{}");
    uint64_t started = say(f, "instance.started", "web/1", starting, "{\"pid\":901}");
    return say(f, "instance.ready", "web/1", started, "{\"took_ms\":12}");
}

static uint64_t kill_web(struct fixture *f, uint64_t ready)
{
    uint64_t exit =
        say(f, "instance.exited", "web/1", ready, "{\"signal\":\"SIGKILL\",\"ran_ms\":5000}");
    uint64_t again = say(f, "instance.restarted", "web/1", exit, "{\"took_ms\":2}");
    return say(f, "instance.ready", "web/1", again, "{}");
}

CASE(a_healed_instance_is_explained_down_to_who_declared_it)
{
    struct world w;
    struct why why;

    begin(&w);
    (void)kill_web(&w.f, start_web(&w.f));
    ask(&w, "web/1", &why);
    CHECK_TEXT(why.subject, "web/1");
    check_tells(&w, &why,
        "0 : web/1 was restarted (took 2.0 ms) #7\n"
        "1 because: web/1 was killed by SIGKILL after 5.0 s #6\n"
        "2 after: web/1 is ready (12 ms after its start) #5\n"
        "3 after: web/1 was started (pid 901) #4\n"
        "4 after: web/1 is being started #3\n"
        "5 after: web was declared with 2 instances #2\n"
        "6 because: ana applied tend.yaml #1\n"
        "1 then: web/1 is ready #8\n");
    ask(&w, "web", &why); /* the service's newest is its instance's */
    CHECK_INT(why.lines[0].seq, 7);
    end(&w);
}

CASE(a_decision_shows_the_function_and_values_it_was_made_on)
{
    struct world w;
    struct why why;

    begin(&w);
    uint64_t ready = start_web(&w.f);
    (void)say(&w.f, "instance.hung", "web/1", ready,
        "{\"function\":\"probe\",\"params\":{\"retries\":3,\"timeout_ms\":500},\"value\":3,"
        "\"threshold\":3,\"detail\":\"timed out\\u001b[1m\"}");
    ask(&w, "web/1", &why);
    CHECK(why.count > 2);
    CHECK_TEXT(why.lines[1].label, "seen");
    CHECK_TEXT(why.lines[1].text,
        "probe(retries=3, timeout_ms=500) was 3, its threshold is 3 (timed out [1m)");
    end(&w);
}

CASE(the_time_shown_is_when_it_happened_not_when_it_was_told)
{
    struct world w;
    struct why why;

    setenv("TZ", "UTC", 1);
    begin(&w);
    (void)say(
        &w.f, "instance.exited", "web/1", 0, "{\"code\":1,\"happened_at_ns\":1780000000123456789}");
    ask(&w, "web/1", &why);
    CHECK_TEXT(why.lines[0].text, "web/1 exited with code 1 at 2026-05-28 20:26:40.123");
    end(&w);
}

CASE(a_newborn_is_explained_by_its_declaration)
{
    struct world w;
    struct why why;

    begin(&w);
    (void)start_web(&w.f);
    ask(&w, "web/1", &why);
    CHECK_INT(why.lines[0].seq, 5);
    CHECK_INT(why.lines[why.count - 1].seq, 1);
    end(&w);
}

CASE(one_event_is_explained_with_what_followed)
{
    struct world w;
    struct why why;

    begin(&w);
    (void)kill_web(&w.f, start_web(&w.f));
    fixture_flush(&w.f);
    CHECK_OK(why_event(w.arena, w.views, 6, &why, &w.f.err), &w.f.err);
    CHECK_TEXT(why.subject, "web/1");
    CHECK_INT(why.lines[0].seq, 6);
    CHECK_INT(why.lines[why.count - 1].seq, 8);
    CHECK_TEXT(why.lines[why.count - 1].label, "then");
    CHECK(!why_event(w.arena, w.views, 99, &why, &w.f.err));
    CHECK_INT(w.f.err.kind, ERR_MISSING);
    end(&w);
}

/* That it died later is told by its death, which names no reason in its start. */
CASE(what_was_seen_later_is_no_consequence_of_a_start)
{
    struct world w;
    struct why why;

    begin(&w);
    (void)kill_web(&w.f, start_web(&w.f));
    fixture_flush(&w.f);
    CHECK_OK(why_event(w.arena, w.views, 4, &why, &w.f.err), &w.f.err);
    check_tells(&w, &why,
        "0 : web/1 was started (pid 901) #4\n"
        "1 after: web/1 is being started #3\n"
        "2 after: web was declared with 2 instances #2\n"
        "3 because: ana applied tend.yaml #1\n"
        "1 then: web/1 is ready (12 ms after its start) #5\n");
    end(&w);
}

/* A hundred services of one apply are not a hundred lines, nor a hundred thousand reads. */
CASE(an_event_with_many_effects_is_cut_too)
{
    struct world w;
    struct why why;

    begin(&w);
    uint64_t apply = say_by(&w.f, "user:ana", "apply.requested", "project");
    for (int i = 0; i < 100; i++) {
        uint64_t web = say(&w.f, "service.declared", "web", apply, "{}");
        for (int k = 0; k < 20; k++)
            (void)say(&w.f, "instance.starting", "web/1", web, "{}");
    }
    fixture_flush(&w.f);
    CHECK_OK(why_event(w.arena, w.views, apply, &why, &w.f.err), &w.f.err);
    CHECK(why.count > 8 - 1 && why.count <= 40);
    end(&w);
}

CASE(what_is_not_known_is_said_with_what_is)
{
    struct world w;
    struct why why;

    begin(&w);
    CHECK(!why_subject(w.arena, w.views, "wbe", &why, &w.f.err));
    CHECK_TEXT(w.f.err.text, "nothing is known of wbe: no service was declared yet");
    (void)start_web(&w.f);
    fixture_flush(&w.f);
    CHECK(!why_subject(w.arena, w.views, "wbe", &why, &w.f.err));
    CHECK_INT(w.f.err.kind, ERR_MISSING);
    CHECK_TEXT(w.f.err.text, "nothing is known of wbe; did you mean web?");
    CHECK(!why_subject(w.arena, w.views, "postgres", &why, &w.f.err));
    CHECK_TEXT(w.f.err.text, "nothing is known of postgres; known are: web, web/1");
    end(&w);
}

/* A thousand restarts, each caused by the one before, are not a thousand lines. */
CASE(a_long_chain_is_cut_and_says_where_to_go_on)
{
    struct world w;
    struct why why;
    uint64_t ready;

    begin(&w);
    ready = start_web(&w.f);
    for (int i = 0; i < 300; i++)
        ready = kill_web(&w.f, ready);
    ask(&w, "web/1", &why);
    CHECK(why.count <= 40);
    const struct why_line *last = &why.lines[why.count - 2];
    CHECK_INT(last->depth, 8);
    CHECK(strstr(last->text, "ask for event") != NULL);
    end(&w);
}

/* Causes and effects as a net: each event is told once. */
CASE(nothing_is_told_twice)
{
    struct world w;
    struct why why;

    begin(&w);
    for (uint64_t i = 1; i <= 60; i++) {
        struct event e = {.type = "instance.exited", .actor = "tend", .subject = "web/1"};
        for (uint64_t c = i > 4 ? i - 4 : 1; c < i; c++)
            e.causes[e.cause_count++] = c;
        (void)journal_append(w.f.journal, &e);
    }
    ask(&w, "web/1", &why);
    for (size_t i = 0; i < why.count; i++)
        for (size_t k = 0; k < i; k++)
            CHECK(why.lines[i].seq != why.lines[k].seq);
    end(&w);
}

CASE(it_has_a_form_for_programs_and_one_for_people)
{
    struct world w;
    struct why why;
    struct buf out = BUF_INIT(1 << 16);
    static const struct why_line lines[] = {
        {0, "",        "web/1 was restarted \"twice\" ä", 7},
        {1, "because", "it was killed",                    6}
    };

    begin(&w);
    why = (struct why){.subject = "web/1", .lines = lines, .count = 2};
    why_json(&why, &out);
    CHECK_TEXT(out.at,
        "{\"v\":1,\"subject\":\"web/1\",\"sentences\":["
        "{\"depth\":0,\"label\":\"\",\"text\":\"web/1 was restarted \\\"twice\\\" ä\",\"seq\":7},"
        "{\"depth\":1,\"label\":\"because\",\"text\":\"it was killed\",\"seq\":6}]}");
    buf_reset(&out);
    why_text(&why, &out);
    CHECK_TEXT(out.at,
        "web/1 was restarted \"twice\" ä                                                          "
        "  [#7]\n"
        "  because  it was killed                                                                 "
        "[#6]\n");
    buf_fini(&out);
    end(&w);
}

TEST_MAIN()
