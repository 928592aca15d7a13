#include "test.h"

#include "spec/diagnostic.h"

static const char text[] = "name: shop\nservices:\n  w\xc3\xa9: {comand: x}\n";
static const struct source source = {
    .name = "tend.yaml", .text = {.at = text, .len = sizeof text - 1}
};

static struct span span_of(const char *part, unsigned line, unsigned column)
{
    size_t at = (size_t)(strstr(text, part) - text);

    return (struct span){.source = &source,
        .at = (uint32_t)at,
        .end = (uint32_t)(at + strlen(part)),
        .line = line,
        .column = column};
}

static const char *rendered(struct diagnostics *d)
{
    static struct buf out = BUF_INIT(1 << 20);

    buf_reset(&out);
    diagnostics_render(d, &out, false);
    return out.at;
}

CASE(a_finding_is_drawn_with_its_line_and_a_caret)
{
    struct diagnostics *d = diagnostics_create();
    struct span key = span_of("comand", 3, 8), name = span_of("shop", 1, 7);

    diagnostic_error(d, "unknown-key", &key, "unknown key '%s'", "comand");
    diagnostic_help(d, "did you mean '%s'?", "command");
    diagnostic_other(d, &name, "in here");
    CHECK_TEXT(rendered(d), "error[unknown-key]: unknown key 'comand'\n"
                            " --> tend.yaml:3:8\n"
                            "  |\n"
                            "3 |   w\xc3\xa9: {comand: x}\n"
                            "  |        ^^^^^^\n"
                            " --> tend.yaml:1:7\n"
                            "  |\n"
                            "1 | name: shop\n"
                            "  |       ---- in here\n"
                            "  = help: did you mean 'command'?\n"
                            "\n");
    diagnostics_destroy(&d);
}

CASE(findings_are_sorted_by_place_and_told_once)
{
    struct diagnostics *d = diagnostics_create();
    struct span late = span_of("comand", 3, 8), early = span_of("shop", 1, 7);

    diagnostic_note(d, "b", &late, "late");
    diagnostic_error(d, "a", &early, "early");
    diagnostic_note(d, "b", &late, "late");
    diagnostic_error(d, "c", &late, "late and worse");
    CHECK_TEXT(diagnostics_at(d, 0)->message, "early");
    CHECK_TEXT(diagnostics_at(d, 1)->message, "late and worse");
    CHECK_TEXT(diagnostics_at(d, 2)->message, "late");
    CHECK(diagnostics_at(d, 3) == NULL);
    CHECK_INT(diagnostics_count(d, SEVERITY_NOTE), 1);
    diagnostics_destroy(&d);
}

CASE(a_hundred_are_shown_and_a_thousand_kept)
{
    struct diagnostics *d = diagnostics_create();

    for (unsigned i = 0; i < 3000; i++) {
        struct span span = {.source = &source, .line = i + 1, .column = 1};
        diagnostic_error(d, "x", &span, "number %u", i);
        diagnostic_help(d, "help");
    }
    CHECK_INT(diagnostics_count(d, SEVERITY_ERROR), 3000);
    CHECK(diagnostics_at(d, 999) != NULL);
    CHECK(diagnostics_at(d, 1000) == NULL);
    CHECK(strstr(rendered(d), "number 99\n") != NULL);
    CHECK(strstr(rendered(d), "number 100\n") == NULL);
    CHECK(strstr(rendered(d), "\nand 2900 more\n") != NULL);
    diagnostics_destroy(&d);
}

CASE(a_source_without_text_shows_no_line)
{
    static const struct source hidden = {
        .name = "document", .text = {.at = "", .len = 0}
    };
    struct diagnostics *d = diagnostics_create();
    struct span span = {.source = &hidden, .at = 500, .end = 510, .line = 1, .column = 501};

    diagnostic_error(d, "x", &span, "wrong");
    diagnostic_warning(d, "y", NULL, "nowhere");
    CHECK_TEXT(rendered(d), "error[x]: wrong\n --> document:1:501\n\nwarning[y]: nowhere\n\n");
    diagnostics_destroy(&d);
}

CASE(control_characters_are_not_sent_to_a_terminal)
{
    static const struct source nasty = {
        .name = "x.yaml", .text = {.at = "a: \x1b[31mred\n", .len = 12}
    };
    struct diagnostics *d = diagnostics_create();
    struct span span = {.source = &nasty, .at = 3, .end = 4, .line = 1, .column = 4};

    diagnostic_error(d, "x", &span, "bad \x1b[0m value");
    CHECK(strchr(rendered(d), '\x1b') == NULL);
    diagnostics_destroy(&d);
}

CASE(places_out_of_the_text_do_no_harm)
{
    struct diagnostics *d = diagnostics_create();
    struct span span = {
        .source = &source, .at = 4000000000u, .end = 4000000001u, .line = 0, .column = 0};

    diagnostic_error(d, "x", &span, "far out");
    CHECK(strstr(rendered(d), "tend.yaml:1:1\n") != NULL);
    diagnostics_destroy(&d);
}

CASE(programs_get_json)
{
    struct diagnostics *d = diagnostics_create();
    struct buf out = BUF_INIT(4096);
    struct span key = span_of("comand", 3, 8);

    diagnostic_error(d, "unknown-key", &key, "unknown key 'comand'");
    diagnostic_help(d, "did you mean 'command'?");
    diagnostics_json(d, &out);
    CHECK_TEXT(out.at,
        "[{\"severity\":\"error\",\"code\":\"unknown-key\",\"file\":\"tend.yaml\",\"line\":3,"
        "\"column\":8,\"end_column\":14,\"message\":\"unknown key 'comand'\","
        "\"help\":\"did you mean 'command'?\"}]");
    buf_fini(&out);
    diagnostics_destroy(&d);
}

TEST_MAIN()
