#include "observe/metrics/labels.h"

#include "observe/metrics/matcher.h"

#include "test.h"

static struct arena *arena;

static const struct labels *make(size_t count, const char *const *texts)
{
    struct label pairs[8];

    if (arena == NULL)
        arena = arena_create(0);
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct label){symbol_create(arena, str_from(texts[2 * i])),
            symbol_create(arena, str_from(texts[2 * i + 1]))};
    return labels_create(arena, pairs, count);
}

#define LABELS(n, ...) make((n), (const char *const[]){__VA_ARGS__})

static const char *text_of(const struct labels *l)
{
    static struct buf b = BUF_INIT(4096);

    buf_reset(&b);
    labels_format(&b, l);
    return b.at;
}

CASE(a_symbol_of_a_table_is_one_pointer)
{
    struct symbols *s = symbols_create();
    const struct symbol *first = symbols_intern(s, STR("job"));

    for (int i = 0; i < 5000; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        (void)symbols_intern(s, str_from(text));
    }
    CHECK(symbols_intern(s, STR("job")) == first);
    CHECK_STR(symbol_str(first), "job");
    symbols_destroy(&s);
}

CASE(pairs_are_sorted_and_the_last_of_a_name_counts)
{
    const struct labels *l = LABELS(4, "b", "1", "a", "2", "b", "3", "c", "");

    CHECK_TEXT(text_of(l), "{a=\"2\", b=\"3\"}");
    CHECK_STR(labels_get(l, STR("b")), "3");
    CHECK_STR(labels_get(l, STR("c")), "");
    CHECK(labels_eq(l, LABELS(2, "a", "2", "b", "3")));
    CHECK(l->hash == LABELS(2, "b", "3", "a", "2")->hash);
}

CASE(series_are_ordered_name_by_name_and_value_by_value)
{
    const struct labels *order[] = {&labels_none, LABELS(1, "a", "1"),
        LABELS(2, "a", "1", "b", "1"), LABELS(2, "a", "1", "b", "2"), LABELS(1, "a", "2"),
        LABELS(1, "b", "0")};

    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) {
            int got = labels_cmp(order[i], order[k]);
            CHECK((got > 0) - (got < 0) == (i > k) - (i < k));
        }
}

CASE(a_projection_hashes_and_compares_without_being_made)
{
    const struct labels *x = LABELS(3, "a", "1", "b", "2", "c", "3");
    const struct labels *y = LABELS(3, "a", "1", "b", "9", "c", "3");
    const struct str names[] = {
        {"b", 1}
    };

    for (int keep = 0; keep < 2; keep++) {
        const struct labels *p = labels_project(arena, x, names, 1, keep);
        CHECK(p->hash == labels_project_hash(x, names, 1, keep));
        CHECK(labels_project_eq(x, y, names, 1, keep) == !keep);
    }
    CHECK_TEXT(text_of(labels_project(arena, x, names, 1, false)), "{a=\"1\", c=\"3\"}");
    CHECK_TEXT(text_of(labels_with(arena, x, STR("b"), STR(""))), "{a=\"1\", c=\"3\"}");
    CHECK_TEXT(text_of(labels_with(arena, x, STR("bb"), STR("n"))),
        "{a=\"1\", b=\"2\", bb=\"n\", c=\"3\"}");
}

CASE(odd_names_and_values_are_quoted)
{
    CHECK_TEXT(text_of(LABELS(1, "a.b", "x\"\\\n\xff")), "{\"a.b\"=\"x\\\"\\\\\\n\\xff\"}");
}

CASE(prometheus_hashes_label_sets_the_same_way)
{
    /* XXH64 of nothing, seed 0. */
    CHECK(labels_prometheus_hash(&labels_none) == UINT64_C(0xef46db3751d8e999));
}

static bool passes(enum matcher_type type, const char *pattern, const char *value)
{
    struct matcher m;
    struct err err = ERR_INIT;

    if (arena == NULL)
        arena = arena_create(0);
    CHECK_OK(matcher_init(&m, arena, type, STR("x"), str_from(pattern), &err), &err);
    bool ok = matcher_passes(&m, str_from(value));
    matcher_fini(&m);
    return ok;
}

CASE(matchers_of_every_way_agree_with_their_pattern)
{
    CHECK(passes(MATCH_EQUAL, "a", "a") && !passes(MATCH_EQUAL, "a", "b"));
    CHECK(passes(MATCH_NOT_EQUAL, "a", "") && !passes(MATCH_NOT_EQUAL, "a", "a"));
    CHECK(passes(MATCH_REGEX, "a|b|c", "b") && !passes(MATCH_REGEX, "a|b|c", "ab"));
    CHECK(passes(MATCH_REGEX, "(a|bb)", "bb") && !passes(MATCH_REGEX, "(a|bb)", "(a"));
    CHECK(passes(MATCH_REGEX, "a\\.b", "a.b") && !passes(MATCH_REGEX, "a\\.b", "axb"));
    CHECK(passes(MATCH_REGEX, "a.b", "axb") && passes(MATCH_REGEX, "web-.*", "web-1"));
    CHECK(!passes(MATCH_REGEX, "web-.*", "we") && passes(MATCH_REGEX, ".*", ""));
    CHECK(!passes(MATCH_REGEX, ".+", "") && passes(MATCH_REGEX, "", ""));
    CHECK(passes(MATCH_REGEX, "a||b", "") && passes(MATCH_REGEX, "\\d+|x", "12"));
    CHECK(passes(MATCH_NOT_REGEX, "a|b", "c") && !passes(MATCH_NOT_REGEX, "a|b", "a"));
    CHECK(passes(MATCH_REGEX, "(?i)abc", "ABC") && passes(MATCH_REGEX, "(a)(b)", "ab"));
}

TEST_MAIN()
