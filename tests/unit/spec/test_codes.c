#include "world.h"

#include "spec/codes.h"

static bool gives(struct world *w, const char *code)
{
    const struct diagnostic *g;

    for (size_t i = 0; (g = diagnostics_at(w->diagnostics, i)) != NULL; i++)
        if (strcmp(g->code, code) == 0)
            return true;
    return false;
}

static struct world *loaded(const char *text)
{
    struct world *w = world_create();

    w->options.project_name = "t";
    put_file(w, "tend.yaml", text);
    (void)load(w); /* NULL where it is wrong: the caller looks */
    return w;
}

CASE(each_wrong_example_gives_its_code_and_nothing_else)
{
    for (size_t i = 0; i < code_count; i++) {
        struct world *w = loaded(codes[i].wrong);
        CHECK_SAYING(gives(w, codes[i].name), "%s: told\n%s", codes[i].name, told(w));
        CHECK_SAYING(diagnostics_at(w->diagnostics, 1) == NULL, "%s: more than that is told\n%s",
            codes[i].name, told(w));
        world_destroy(&w);
    }
}

CASE(each_right_example_loads_without_a_word)
{
    for (size_t i = 0; i < code_count; i++) {
        struct world *w = loaded(codes[i].right);
        CHECK_SAYING(w->project != NULL, "%s: told\n%s", codes[i].name, told(w));
        CHECK_SAYING(
            diagnostics_at(w->diagnostics, 0) == NULL, "%s: told\n%s", codes[i].name, told(w));
        world_destroy(&w);
    }
}

CASE(codes_are_sorted_and_complete)
{
    for (size_t i = 0; i < code_count; i++) {
        CHECK(i == 0 || strcmp(codes[i - 1].name, codes[i].name) < 0);
        CHECK(codes[i].title[0] != '\0' && codes[i].explanation[0] != '\0');
        CHECK(strcmp(codes[i].wrong, codes[i].right) != 0);
    }
}

CASE(a_code_is_found_and_a_near_one_suggested)
{
    CHECK(code_find(STR("unknown-key")) != NULL);
    CHECK(code_find(STR("unknown-keys")) == NULL);
    CHECK_TEXT(code_nearest(STR("unknow-key")), "unknown-key");
    CHECK(code_nearest(STR("zzzzzz")) == NULL);
}

CASE(a_code_is_shown_with_both_examples)
{
    struct buf text = BUF_INIT(1 << 16);

    code_write(code_find(STR("duplicate-key")), &text);
    CHECK(strstr(text.at, "duplicate-key: the same key twice") == text.at);
    CHECK(strstr(text.at, "\nWrong:\n\n    services:\n      web:\n") != NULL);
    CHECK(strstr(text.at, "\nRight:\n\n    services:\n") != NULL);
    buf_fini(&text);
}

TEST_MAIN()
