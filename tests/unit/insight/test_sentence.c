#include "insight/sentence.h"

#include "base/must.h"
#include "record/event_types.h"

#include "test.h"

static const char *render(const char *type, const char *actor, const char *evidence)
{
    static char text[4096];
    struct buf out = BUF_INIT(sizeof text - 1);
    struct event e = {
        .at_ns = INT64_C(1780000000123456789),
        .type = type,
        .actor = actor,
        .subject = "web/1",
        .evidence = str_from(evidence),
    };

    sentence_render(&e, &out);
    (void)snprintf(text, sizeof text, "%s", out.at);
    buf_fini(&out);
    return text;
}

static const char *exited(const char *evidence)
{
    return render("instance.exited", "tend", evidence);
}

CASE(the_first_alternative_whose_fields_are_there_is_taken)
{
    CHECK_TEXT(exited("{\"signal\":\"SIGKILL\",\"ran_ms\":180000}"),
        "web/1 was killed by SIGKILL after 3 min 0 s");
    CHECK_TEXT(exited("{\"code\":1}"), "web/1 exited with code 1");
    CHECK_TEXT(exited("{\"code\":0,\"signal\":null,\"ran_ms\":12}"),
        "web/1 exited with code 0 after 12 ms");
    CHECK_TEXT(exited("{}"), "web/1 ended");
    CHECK_TEXT(exited("not json"), "web/1 ended");
    CHECK_TEXT(exited(""), "web/1 ended");
}

CASE(a_number_is_shown_by_the_unit_in_its_name)
{
    setenv("TZ", "UTC", 1);
    CHECK_TEXT(render("instance.restarted", "shim", "{\"took_ms\":1.84}"),
        "web/1 was restarted (took 1.8 ms)");
    CHECK_TEXT(render("instance.oom_killed", "tend", "{\"limit_bytes\":67108864}"),
        "web/1 needed more memory than its limit of 64 MiB and was killed by the kernel");
    CHECK_TEXT(render("pause.requested", "user:ana", "{\"until_ns\":1780003600000000000}"),
        "ana asked tend to keep its hands off until 21:26:40.000");
    CHECK_TEXT(render("pause.requested", "token", "{\"until_ns\":1790003600000000000}"),
        "somebody with the API token asked tend to keep its hands off until 2026-09-21 "
        "15:13:20.000");
    CHECK_TEXT(render("clock.jumped", "tend", "{\"step_ms\":-7200000}"),
        "the wall clock jumped by -2 h 0 min; times around it cannot be compared");
    CHECK_TEXT(render("storm.limited", "tend", "{\"params\":{\"burst\":50,\"per_second\":2.5}}"),
        "restarts are held back: 50 at once and 2.5 a second are let through");
}

CASE(what_is_counted_is_one_or_many)
{
    CHECK_TEXT(render("apply.requested", "user:ana", "{\"changes\":1}"),
        "ana applied a project (1 change)");
    CHECK_TEXT(render("apply.requested", "user:ana", "{\"file\":\"a.yaml\",\"changes\":0}"),
        "ana applied a.yaml (0 changes)");
}

CASE(an_unknown_type_is_shown_generically)
{
    CHECK_TEXT(render("from.the.future", "tend",
                   "{\"a\":1,\"b\":\"x y\",\"c\":null,\"d\":[1,2],\"set\":{\"k\":1}}"),
        "from.the.future: web/1 a=1 b=x y c= d=[1,2]");
}

CASE(nothing_that_steers_a_terminal_gets_out)
{
    const char *text = render(
        "instance.failed", "tend", "{\"reason\":\"\\u001b[2Jgone\\u0007 \\u009b1m \\u00e4\"}");

    CHECK_TEXT(text, "web/1 failed and stays down:  [2Jgone   1m \xc3\xa4");
    CHECK_TEXT(render("x\xff\x1by", "tend", "{}"), "x\xef\xbf\xbd y: web/1");
}

CASE(long_values_are_cut_at_a_character)
{
    char evidence[1024];
    struct buf long_text = BUF_INIT(1000);

    for (int i = 0; i < 300; i++)
        buf_add_text(&long_text, "\xc3\xa4");
    (void)snprintf(evidence, sizeof evidence, "{\"reason\":\"x%s\"}", long_text.at);
    const char *text = render("instance.failed", "tend", evidence);
    CHECK(strlen(text) < 260);
    CHECK_INT(str_utf8_valid(str_from(text)), strlen(text));
    CHECK(str_ends(str_from(text), "\xc3\xa4…"));
    buf_fini(&long_text);
}

CASE(every_type_reads_well_without_evidence)
{
    size_t count;
    const struct event_type *types = event_types_all(&count);

    for (size_t i = 0; i < count; i++) {
        const char *text = render(types[i].name, "user:ana", "{}");
        CHECK_SAYING(strpbrk(text, "{}[]|=") == NULL && strstr(text, types[i].name) == NULL,
            "%s: %s", types[i].name, text);
    }
}

TEST_MAIN()
