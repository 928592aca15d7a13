#include "test.h"

#include "spec/yaml.h"

#include "base/mem.h"

static struct arena *arena;
static struct diagnostics *diagnostics;
static struct source source;

static struct node *read_str(struct str text)
{
    arena_destroy(&arena);
    diagnostics_destroy(&diagnostics);
    arena = arena_create(0);
    diagnostics = diagnostics_create();
    source = (struct source){.name = "t.yaml", .text = text};
    return yaml_read(arena, &source, text, diagnostics);
}

static struct node *read_text(const char *text)
{
    return read_str(str_from(text));
}

static const char *json(const struct node *n)
{
    static struct buf out = BUF_INIT(1 << 20);

    buf_reset(&out);
    node_write_json(&out, n);
    return out.at;
}

static const char *first_code(void)
{
    const struct diagnostic *g = diagnostics_at(diagnostics, 0);

    return g != NULL ? g->code : "none";
}

static const char *first_message(void)
{
    const struct diagnostic *g = diagnostics_at(diagnostics, 0);

    return g != NULL ? g->message : "none";
}

CASE(scalars_have_the_types_of_the_core_schema)
{
    static const struct {
        const char *text;
        enum node_kind kind;
    } rows[] = {
        {"~",       NODE_NULL },
        {"null",    NODE_NULL },
        {"nUll",    NODE_TEXT },
        {"true",    NODE_BOOL },
        {"FALSE",   NODE_BOOL },
        {"yes",     NODE_TEXT },
        {"no",      NODE_TEXT },
        {"on",      NODE_TEXT },
        {"0",       NODE_INT  },
        {"-12",     NODE_INT  },
        {"+7",      NODE_INT  },
        {"0o17",    NODE_INT  },
        {"0x1F",    NODE_INT  },
        {"0x",      NODE_TEXT },
        {"1_000",   NODE_TEXT },
        {"1.5",     NODE_FLOAT},
        {"1.",      NODE_FLOAT},
        {".5",      NODE_FLOAT},
        {"1e3",     NODE_FLOAT},
        {"1e",      NODE_TEXT },
        {".inf",    NODE_FLOAT},
        {"1.2.3",   NODE_TEXT },
        {"12:30",   NODE_TEXT },
        {"\"1\"",   NODE_TEXT },
        {"!!str 1", NODE_TEXT },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct node *n = read_text(rows[i].text);
        CHECK(n != NULL);
        CHECK_SAYING(n->kind == rows[i].kind, "%s has kind %d", rows[i].text, n->kind);
        CHECK_INT(diagnostics_count(diagnostics, SEVERITY_ERROR), 0);
    }
}

CASE(a_text_field_can_take_a_number_as_it_was_written)
{
    struct node *n = read_text("{version: 1.10, mode: 0644}");

    CHECK_STR(node_get(n, "version")->text, "1.10");
    CHECK_STR(node_get(n, "mode")->text, "0644");
}

CASE(numbers_come_out_by_value)
{
    struct node *n = read_text("[0x1F, 0o17, +5, 9223372036854775808, 1e3]");
    int64_t whole;
    double number;

    CHECK(node_to_int(n->items[0], &whole) && whole == 31);
    CHECK(node_to_int(n->items[1], &whole) && whole == 15);
    CHECK(node_to_int(n->items[2], &whole) && whole == 5);
    CHECK(!node_to_int(n->items[3], &whole));
    CHECK(node_to_number(n->items[4], &number) && number == 1000);
}

CASE(keys_and_values_know_their_places)
{
    struct node *n = read_text("a: 1\nb:\n  \xc3\xa9: [x, \"yy\"]\n");
    struct node_pair *inner = node_find(node_get(n, "b"), STR("\xc3\xa9"));

    CHECK_INT(node_find(n, STR("b"))->key_span.line, 2);
    CHECK_INT(inner->key_span.column, 3);
    CHECK_INT(inner->value->items[1]->span.line, 3);
    CHECK_INT(inner->value->items[1]->span.column, 10);
    CHECK_INT(inner->value->items[1]->span.end - inner->value->items[1]->span.at, 4);
}

CASE(an_alias_stands_for_what_its_anchor_names)
{
    struct node *n = read_text("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n");

    CHECK_TEXT(
        json(n), "{\"a\":{\"k\":[1,2]},\"b\":{\"k\":[1,2]},\"c\":[{\"k\":[1,2]},{\"k\":[1,2]}]}");
}

CASE(a_later_anchor_of_a_name_wins)
{
    CHECK_TEXT(json(read_text("[&x 1, *x, &x 2, *x]")), "[1,1,2,2]");
}

CASE(merge_keys_give_way_to_explicit_ones_and_to_earlier_maps)
{
    struct node *n = read_text("base: &b {x: 1, y: 1}\n"
                               "more: &m {y: 2, z: 2}\n"
                               "one: {<<: *b, y: 3}\n"
                               "two: {y: 0, <<: [*b, *m]}\n");

    CHECK_TEXT(json(node_get(n, "one")), "{\"y\":3,\"x\":1}");
    CHECK_TEXT(json(node_get(n, "two")), "{\"y\":0,\"x\":1,\"z\":2}");
}

CASE(a_merge_key_takes_maps_only)
{
    CHECK(read_text("a: {<<: 5}\n") != NULL);
    CHECK_TEXT(first_message(), "'<<' takes a map or a list of maps, and this is a number");
}

CASE(a_key_that_is_there_twice_is_told_with_both_places)
{
    struct node *n = read_text("a: 1\nb: 2\na: 3\n");
    const struct diagnostic *g = diagnostics_at(diagnostics, 0);

    CHECK(n != NULL && g != NULL);
    CHECK_TEXT(g->code, "duplicate-key");
    CHECK_INT(g->where.line, 3);
    CHECK_INT(g->other.line, 1);
    CHECK_TEXT(json(n), "{\"a\":1,\"b\":2}");
}

CASE(duplicates_are_found_in_linear_time)
{
    struct buf text = BUF_INIT(YAML_BYTES_MAX);

    for (int i = 0; i < 100000; i++)
        buf_format(&text, "key%d: 1\n", i);
    buf_add_text(&text, "key5: 2\n");
    CHECK(read_str(buf_str(&text)) != NULL);
    CHECK_TEXT(first_code(), "duplicate-key");
    CHECK_INT(diagnostics_count(diagnostics, SEVERITY_ERROR), 1);
    buf_fini(&text);
}

CASE(an_alias_bomb_is_refused)
{
    struct buf text = BUF_INIT(1 << 16);

    buf_add_text(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_format(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_format(&text, "%s*a%d", k > 0 ? ", " : "", i - 1);
        buf_add_text(&text, "]\n");
    }
    CHECK(read_str(buf_str(&text)) == NULL);
    CHECK_TEXT(first_code(), "limit");
    buf_fini(&text);
}

CASE(a_bomb_of_merge_keys_is_refused)
{
    struct buf text = BUF_INIT(1 << 20);

    buf_add_text(&text, "a0: &a0 {");
    for (int k = 0; k < 1000; k++)
        buf_format(&text, "k%d: 1, ", k);
    buf_add_text(&text, "}\n");
    for (int i = 1; i < 2000; i++)
        buf_format(&text, "a%d: {<<: *a0}\n", i);
    CHECK(read_str(buf_str(&text)) == NULL);
    CHECK_TEXT(first_code(), "limit");
    buf_fini(&text);
}

CASE(an_anchor_cannot_hold_itself)
{
    CHECK(read_text("a: &x [1, *x]\n") == NULL);
    CHECK_TEXT(first_code(), "recursive-alias");
    CHECK(read_text("a: &x {<<: *x}\n") == NULL);
    CHECK_TEXT(first_code(), "recursive-alias");
}

CASE(depth_is_bounded_with_and_without_aliases)
{
    struct buf text = BUF_INIT(1 << 16);

    for (int i = 0; i < 65; i++)
        buf_add_byte(&text, '[');
    for (int i = 0; i < 65; i++)
        buf_add_byte(&text, ']');
    CHECK(read_str(buf_str(&text)) == NULL);
    buf_reset(&text);
    buf_add_text(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 80; i++)
        buf_format(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    CHECK(read_str(buf_str(&text)) == NULL);
    CHECK_TEXT(first_message(), "more than 64 levels of nesting");
    buf_fini(&text);
}

CASE(a_file_over_4_mib_is_refused)
{
    char *text = mem_alloc(1, YAML_BYTES_MAX + 2);

    memset(text, ' ', YAML_BYTES_MAX + 1);
    text[0] = 'a';
    CHECK(read_str((struct str){.at = text, .len = YAML_BYTES_MAX + 1}) == NULL);
    CHECK_TEXT(first_code(), "limit");
    CHECK(read_str((struct str){.at = text, .len = YAML_BYTES_MAX}) != NULL);
    free(text);
}

CASE(bytes_that_are_not_utf_8_are_told_with_their_place)
{
    CHECK(read_text("a: 1\nb: \xc3\xa9\xff\n") == NULL);
    const struct diagnostic *g = diagnostics_at(diagnostics, 0);
    CHECK_INT(g->where.line, 2);
    CHECK_INT(g->where.column, 5);
    CHECK(read_str(STR("a: \0b")) == NULL);
    CHECK_TEXT(first_message(), "a zero byte in the file");
    CHECK(read_text("a: \"x\\0y\"\n") != NULL);
    CHECK_TEXT(first_message(), "a text cannot hold a zero byte");
}

CASE(broken_yaml_is_told_with_its_place)
{
    static const struct {
        const char *text;
        int line;
    } rows[] = {
        {"a: 1\n\tb: 2\n",   1},
        {"a: \"x\n",         1},
        {"a: [1, 2\nb: 3\n", 3},
        {"a: b: c\n",        1},
        {"x\n---\ny\n",      2},
        {"a: *nowhere\n",    1},
        {"a: !unknown 1\n",  1},
        {"a: !!int x\n",     1},
        {"? [a]\n: 1\n",     1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)read_text(rows[i].text);
        const struct diagnostic *g = diagnostics_at(diagnostics, 0);
        CHECK_SAYING(g != NULL, "nothing told about %s", rows[i].text);
        CHECK_SAYING((int)g->where.line == rows[i].line, "line %u: %s", g->where.line, g->message);
    }
}

CASE(texts_of_many_pieces_are_put_together)
{
    struct buf text = BUF_INIT(1 << 16);
    struct node *n =
        read_text("a: \"x\n  y\\\n  z\\u00e9\"\nb: >\n  q\n  r\n\n  s\nc: |\n  t\n   u\n"
                  "d: 'it''s\n  w'\ne: plain\n  more\n");

    CHECK_STR(node_get(n, "a")->text, "x yz\xc3\xa9");
    CHECK_STR(node_get(n, "b")->text, "q r\ns\n");
    CHECK_STR(node_get(n, "c")->text, "t\n u\n");
    CHECK_STR(node_get(n, "d")->text, "it's w");
    CHECK_STR(node_get(n, "e")->text, "plain more");
    buf_add_text(&text, "\"");
    for (int i = 0; i < 3000; i++)
        buf_add_text(&text, "\\n");
    buf_add_text(&text, "\"");
    CHECK_INT(read_str(buf_str(&text))->text.len, 3000);
    buf_fini(&text);
}

CASE(an_open_bracket_is_shown)
{
    CHECK(read_text("a: 1\nb: [1, 2\nc: 3\n") == NULL);
    const struct diagnostic *g = diagnostics_at(diagnostics, 0);
    CHECK_INT(g->other.line, 2);
    CHECK_INT(g->other.column, 4);
}

CASE(composes_tags_are_kept)
{
    struct node *n = read_text("a: !reset null\nb: !override [1]\nc: !!str 5\n");

    CHECK_INT(node_get(n, "a")->tag, NODE_TAG_RESET);
    CHECK_INT(node_get(n, "b")->tag, NODE_TAG_OVERRIDE);
    CHECK_INT(diagnostics_count(diagnostics, SEVERITY_ERROR), 0);
}

CASE(an_empty_file_is_a_null)
{
    CHECK_INT(read_text("")->kind, NODE_NULL);
    CHECK_INT(read_text("# only a comment\n")->kind, NODE_NULL);
    CHECK_INT(read_text("---\n...\n")->kind, NODE_NULL);
}

CASE(json_is_yaml)
{
    const char *text = "{\"a\":[1,2.5,true,null,\"x\\u00e9\\n\\\"\"],\"b\":{\"c\":\"\"}}";

    CHECK_TEXT(
        json(read_text(text)), "{\"a\":[1,2.5,true,null,\"x\xc3\xa9\\n\\\"\"],\"b\":{\"c\":\"\"}}");
}

CASE(carriage_returns_and_a_byte_order_mark_are_fine)
{
    CHECK_TEXT(json(read_text("\xef\xbb\xbf"
                              "a: 1\r\nb: [x]\r\n")),
        "{\"a\":1,\"b\":[\"x\"]}");
}

CASE(equal_trees_are_equal_whatever_the_order_of_keys)
{
    struct arena *a = arena_create(0);
    struct diagnostics *d = diagnostics_create();
    struct source s = {.name = "x"};
    struct node *x = yaml_read(a, &s, STR("{a: [1, {b: c}], d: null}"), d);
    struct node *y = yaml_read(a, &s, STR("d: ~\na:\n- 1\n- b: c\n"), d);
    struct node *z = yaml_read(a, &s, STR("{a: [{b: c}, 1], d: null}"), d);

    CHECK(node_equal(x, y));
    CHECK(!node_equal(x, z));
    diagnostics_destroy(&d);
    arena_destroy(&a);
}

TEST_MAIN()
