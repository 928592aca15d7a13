#include "plan/graph.h"

#include "spec/load.h"

#include "test.h"

static const struct project *load(const char *services)
{
    struct diagnostics *d = diagnostics_create();
    struct buf text = BUF_INIT(4u << 20), problems = BUF_INIT(1u << 16);
    const struct project *p;

    buf_format(&text, "{\"name\":\"shop\",\"x-tend-directory\":\"/\",\"services\":{%s}}", services);
    p = spec_load_document(buf_str(&text), (struct str){0}, d);
    diagnostics_render(d, &problems, false);
    CHECK_SAYING(p != NULL, "%s", problems.at);
    buf_fini(&text);
    buf_fini(&problems);
    diagnostics_destroy(&d);
    return p;
}

typedef void (*write_fn)(const struct graph *g, struct buf *out);

static char *written(const char *services, write_fn write)
{
    const struct project *p = load(services);
    struct arena *a = arena_create(0);
    struct buf out = BUF_INIT(8u << 20);
    struct graph g;

    graph_make(&g, a, p);
    write(&g, &out);
    arena_destroy(&a);
    project_unref(&p);
    return buf_take(&out);
}

#define ON(name, condition) "\"" name "\":{\"condition\":\"service_" condition "\"}"
static const char shop[] =
    "\"web\":{\"command\":[\"w\"],\"deploy\":{\"replicas\":2},"
    "\"depends_on\":{" ON("api", "healthy") "," ON("cache",
        "started") "}},"
                   "\"api\":{\"command\":[\"a\"],\"healthcheck\":{\"tcp\":8080},\"depends_on\":"
                   "{" ON("db", "started") "}},"
                                           "\"cache\":{\"command\":[\"c\"],\"depends_on\":{" ON(
                                               "db", "started") "}},"
                                                                "\"db\":{\"command\":[\"d\"]}";

CASE(a_tree_tells_each_need_below_who_has_it)
{
    char *text = written(shop, graph_write_text);

    CHECK_TEXT(text, "web ×2\n"
                     "├─ api (healthy)\n"
                     "│  └─ db\n"
                     "└─ cache\n"
                     "   └─ db\n"
                     "\nshop: 4 services in 3 waves\n");
    free(text);
}

CASE(what_was_told_above_is_told_once)
{
    char *text =
        written("\"a\":{\"command\":[\"x\"],\"depends_on\":{" ON("b", "started") "," ON("c",
                    "started") "}},"
                               "\"b\":{\"command\":[\"x\"],\"depends_on\":{" ON("c",
                                   "started") "}},"
                                              "\"c\":{\"command\":[\"x\"],\"depends_on\":{" ON(
                                                  "d", "started") "}},"
                                                                  "\"d\":{\"command\":[\"x\"]}",
            graph_write_text);

    CHECK(strstr(text, "└─ c (as above)\n") != NULL);
    free(text);
}

CASE(waves_are_the_longest_way_down)
{
    char *text = written(shop, graph_write_json);

    CHECK(strstr(text, "\"name\":\"db\",\"wave\":0") != NULL);
    CHECK(strstr(text, "\"name\":\"api\",\"wave\":1") != NULL);
    CHECK(strstr(text, "\"name\":\"web\",\"wave\":2,\"replicas\":2") != NULL);
    CHECK(strstr(text,
              "{\"from\":\"web\",\"to\":\"api\",\"condition\":\"healthy\",\"required\":true}") !=
          NULL);
    free(text);
}

CASE(dot_names_every_need)
{
    char *text = written(shop, graph_write_dot);

    CHECK(strstr(text, "digraph \"shop\" {") == text);
    CHECK(strstr(text, "\"web\" -> \"api\" [label=\"healthy\"];") != NULL);
    CHECK(strstr(text, "\"cache\" -> \"db\" [label=\"started\"];") != NULL);
    free(text);
}

static int count(const char *text, const char *what)
{
    int found = 0;

    for (; (text = strstr(text, what)) != NULL; text++)
        found++;
    return found;
}

CASE(the_picture_has_a_box_a_service_and_a_curve_a_need)
{
    char *text = written(shop, graph_write_svg);

    CHECK_INT(count(text, "<rect "), 4);
    CHECK_INT(count(text, "<path "), 4);
    CHECK(strstr(text, ">db</text>") != NULL);
    free(text);
}

/* 2^40 ways lead down here. */
CASE(many_ways_down_are_walked_once)
{
    struct buf services = BUF_INIT(1u << 20);

    for (int i = 0; i < 40; i++)
        buf_format(&services,
            "\"a%d\":{\"command\":[\"x\"],\"depends_on\":{" ON("a%d", "started") "," ON(
                "b%d", "started") "}},\"b%d\":{\"command\":[\"x\"],\"depends_on\":{" ON("a%d",
                "started") "," ON("b%d", "started") "}},",
            i, i + 1, i + 1, i, i + 1, i + 1);
    buf_add_text(&services, "\"a40\":{\"command\":[\"x\"]},\"b40\":{\"command\":[\"x\"]}");
    char *text = written(services.at, graph_write_text);
    CHECK(strstr(text, "82 services in 41 waves") != NULL);
    free(text);
    text = written(services.at, graph_write_svg);
    CHECK_INT(count(text, "<path "), 160);
    free(text);
    buf_fini(&services);
}

CASE(nothing_declared_is_an_empty_graph)
{
    char *text = written("", graph_write_svg);

    CHECK_INT(count(text, "<rect "), 0);
    free(text);
    text = written("", graph_write_text);
    CHECK_TEXT(text, "\nshop: 0 services in 0 waves\n");
    free(text);
}

TEST_MAIN()
