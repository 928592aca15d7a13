#include "observe/promql/expression.h"

#include "base/clock.h"
#include "base/fs.h"
#include "observe/promql/functions.h"

#include "test.h"

#include <dirent.h>

static const char *formatted(const char *text)
{
    static struct buf out = BUF_INIT(1 << 16);
    struct err err = ERR_INIT;
    struct expression *e = expression_parse(str_from(text), &err);

    buf_reset(&out);
    CHECK_SAYING(e != NULL, "%s: %s", text, err.text);
    expression_format(e, &out);
    expression_destroy(&e);
    return out.at;
}

static const char *refused(const char *text)
{
    static struct err err;
    struct expression *e = expression_parse(str_from(text), &err);

    CHECK_SAYING(e == NULL, "%s was taken", text);
    return err.text;
}

CASE(every_form_prints_in_normal_form_and_reads_back)
{
    static const char *const pairs[][2] = {
        {"1+2*3^-1",                                "1 + 2 * 3 ^ -1"                            },
        {"-inf^b+Inf",                              "-Inf ^ b + +Inf"                           },
        {"-a^2",                                    "-a ^ 2"                                    },
        {"(1)",                                     "(1)"                                       },
        {"'it\\'s'",                                "\"it's\""                                  },
        {"0x1F + 1e3 + Inf + nan",                  "31 + 1000 + +Inf + NaN"                    },
        {"1h30m",                                   "1h30m"                                     },
        {"foo{b='x',a!~\"y\"}",                     "foo{a!~\"y\",b=\"x\"}"                     },
        {"{__name__=~\"a.+\"}",                     "{__name__=~\"a.+\"}"                       },
        {"{\"odd name\"}",                          "{__name__=\"odd name\"}"                   },
        {"foo[90s] @ 1.5 offset -1d",               "foo[1m30s] @ 1.500 offset -1d"             },
        {"foo offset 1h @ end()",                   "foo @ end() offset 1h"                     },
        {"foo[5m:] @ start()",                      "foo[5m:] @ start()"                        },
        {"rate(foo[5m])[1h:30s] offset 1w",         "rate(foo[5m])[1h:30s] offset 1w"           },
        {"sum(a)by(b,\"c d\")",                     "sum by (b, \"c d\") (a)"                   },
        {"topk without() (3,a)",                    "topk without () (3, a)"                    },
        {"a * on (x) group_left (y) b",             "a * on (x) group_left (y) b"               },
        {"a + ignoring() b",                        "a + b"                                     },
        {"a + fill(0) b",                           "a + fill (0) b"                            },
        {"a - on(x) fill_left(1) fill_right(-2) b", "a - on (x) fill_left (1) fill_right (-2) b"},
        {"a == bool b",                             "a == bool b"                               },
        {"a and b or c unless d",                   "a and b or c unless d"                     },
        {"foo[step()*2]",                           "foo[step() * 2]"                           },
        {"foo[(1m+30s)]",                           "foo[(1m + 30s)]"                           },
        {"foo offset (-step())",                    "foo offset (-step())"                      },
        {"foo[max_of(range(),1m):10s]",             "foo[max_of(range(), 1m):10s]"              },
        {"rate(foo[5m] anchored)",                  "rate(foo[5m] anchored)"                    },
        {"foo smoothed offset 1m",                  "foo smoothed offset 1m"                    },
        {"h </ 2 >/ 1",                             "h </ 2 >/ 1"                               },
        {"sum\n# a comment\n(a)",                   "sum(a)"                                    },
        {"SUM BY (x) (Rate)",                       "sum by (x) (Rate)"                         },
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        CHECK_TEXT(formatted(pairs[i][0]), pairs[i][1]);
        CHECK_TEXT(formatted(pairs[i][1]), pairs[i][1]);
    }
}

CASE(errors_name_line_and_column)
{
    static const char *const pairs[][2] = {
        {"",                          "1:1: parse error: no expression found in input"                               },
        {"1 +",                       "1:4: parse error: unexpected end of input"                                    },
        {"foo\n  bar",                "2:3: parse error: unexpected identifier \"bar\""                              },
        {"(1",                        "1:3: parse error: unclosed left parenthesis"                                  },
        {"1)",                        "1:2: parse error: unexpected right parenthesis ')'"                           },
        {"foo{a}",                    "1:6: parse error: unexpected \"}\" in label matching, expected label matching "
                   "operator"                                                                      },
        {"foo{a=1}",                  "1:7: parse error: unexpected character inside braces: '1'"                    },
        {"foo{a=\"b\"",               "1:10: parse error: unexpected end of input inside braces"                     },
        {"foo{",                      "1:5: parse error: unexpected end of input inside braces"                      },
        {"foo[",                      "1:5: parse error: unexpected end of input in duration expression"             },
        {"foo[5]x",                   "1:7: parse error: unexpected identifier \"x\""                                },
        {"foo[0]",                    "1:5: parse error: duration must be greater than 0"                            },
        {"foo[5m:1x]",                "1:8: parse error: bad number or duration syntax: \"1x\""                      },
        {"foo[1m1h]",                 "1:5: parse error: not a valid duration string: \"1m1h\""                      },
        {"'a",                        "1:1: parse error: unterminated quoted string"                                 },
        {"nope(1)",                   "1:1: parse error: unknown function with name \"nope\""                        },
        {"rate(foo)",
         "1:6: parse error: expected type range vector in call to function \"rate\", got "
            "instant vector"                                                                                         },
        {"abs()",                     "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"           },
        {"round(a, 1, 2)",
         "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"                              },
        {"label_join(a)",
         "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", "
            "got 1"                                                                                                  },
        {"sum(1)",
         "1:5: parse error: expected type instant vector in aggregation expression, got scalar"                      },
        {"1 == 1",                    "1:3: parse error: comparisons between scalars must use BOOL modifier"         },
        {"a + bool b",                "1:3: parse error: bool modifier can only be used on comparison operators"     },
        {"a + on(x) group_left(x) b",
         "1:3: parse error: label \"x\" must not occur in ON and GROUP "
            "clause at once"                                                                                         },
        {"a and 1",
         "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"                            },
        {"{}",                        "1:1: parse error: vector selector must contain at least one non-empty matcher"},
        {"a{__name__=\"b\"}",
         "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""                                       },
        {"a{b=~\"(\"}",               "1:3: parse error: error parsing regexp: missing ): ("                         },
        {"1 offset 5m",
         "1:1: parse error: offset modifier must be preceded by an instant vector selector "
            "or range vector selector or a subquery"                                                                 },
        {"a offset 1m offset 2m",     "1:1: parse error: offset may not be set multiple times"                       },
        {"a @ 1 @ 2",                 "1:1: parse error: @ <timestamp> may not be set multiple times"                },
        {"a @ Inf",                   "1:1: parse error: timestamp out of bounds for @ modifier: inf"                },
        {"1[5m:]",
         "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"                          },
        {"foo[5m][5m]",               "1:8: parse error: ranges only allowed for vector selectors"                   },
        {"sum by (a,,b) (c)",
         "1:11: parse error: unexpected \",\" in grouping opts, expected label"                                      },
        {"abs(a,)",                   "1:6: parse error: trailing commas not allowed in function call args"          },
        {"a &",                       "1:3: parse error: unexpected character: '&'"                                  },
        {"a != ~",                    "1:6: parse error: unexpected character: '~'"                                  },
        {"\"\\q\"",                   "1:1: parse error: unknown escape sequence U+0071 'q'"                         },
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        CHECK_TEXT(refused(pairs[i][0]), pairs[i][1]);
}

static void repeat(struct buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_add_text(out, text);
}

CASE(hostile_texts_are_refused_at_once)
{
    static const char *const units[] = {"(", "-", "abs(", "sum by (a) (", "a + (", "1 ^ ",
        "foo[5m:][", "{", "{a=~\"", "!", "\"", "[", "a offset ", "a@"};
    int64_t start = clock_boot_ms();
    struct err err = ERR_INIT;

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct buf text = BUF_INIT(4 << 20);
        repeat(&text, units[i], 40000);
        struct expression *e = expression_parse(buf_str(&text), &err);
        CHECK_SAYING(e == NULL, "%s", units[i]);
        buf_fini(&text);
    }
    CHECK_SAYING(clock_boot_ms() - start < 3000, "%lld ms", (long long)(clock_boot_ms() - start));
}

CASE(limits_are_errors_of_their_own)
{
    struct err err = ERR_INIT;
    struct buf deep = BUF_INIT(1 << 20), wide = BUF_INIT(1 << 20), regexes = BUF_INIT(1 << 20);

    repeat(&deep, "(", 600);
    buf_add_text(&deep, "1");
    repeat(&deep, ")", 600);
    CHECK(expression_parse(buf_str(&deep), &err) == NULL);
    CHECK_INT(err.kind, ERR_LIMIT);
    repeat(&wide, "1+", 600);
    buf_add_text(&wide, "1");
    CHECK(expression_parse(buf_str(&wide), &err) == NULL);
    CHECK_INT(err.kind, ERR_LIMIT);
    CHECK(strstr(err.text, "nested more than 500 levels deep") != NULL);
    buf_add_text(&regexes, "a{b=~\"x.y\"");
    repeat(&regexes, ",b=~\"x.y\"", 300);
    buf_add_text(&regexes, "}");
    CHECK(expression_parse(buf_str(&regexes), &err) == NULL);
    CHECK_INT(err.kind, ERR_LIMIT);
    buf_fini(&deep);
    buf_fini(&wide);
    buf_fini(&regexes);
}

CASE(what_is_wide_is_laid_out_over_lines)
{
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT(1 << 16);
    struct expression *e = expression_parse(
        STR("sum by (job) (rate(some_long_metric_name_total{code=~\"5..\",handler=\"/api\"}[5m])) "
            "/ sum "
            "by (job) (rate(some_long_metric_name_total[5m]))"),
        &err);

    expression_format_pretty(e, &out);
    CHECK_TEXT(out.at,
        "  sum by (job) (rate(some_long_metric_name_total{code=~\"5..\",handler=\"/api\"}[5m]))\n"
        "/\n"
        "  sum by (job) (rate(some_long_metric_name_total[5m]))");
    expression_destroy(&e);
    buf_fini(&out);
}

CASE(the_table_is_sorted_and_every_function_has_an_eval)
{
    size_t count;
    const struct function *all = functions_all(&count);
    struct buf text = BUF_INIT(1 << 20);
    struct err err = ERR_INIT;

    CHECK_OK(fs_read(TESTS_DIR "/../conformance/promql/functions.test", &text, &err), &err);
    for (size_t i = 0; i < count; i++) {
        char call[64];
        CHECK_SAYING(i == 0 || strcmp(all[i - 1].name, all[i].name) < 0, "%s", all[i].name);
        CHECK(all[i].help != NULL && function_find(str_from(all[i].name)) == &all[i]);
        (void)snprintf(call, sizeof call, "%s(", all[i].name);
        CHECK_SAYING(
            str_find_text(buf_str(&text), str_from(call)) >= 0, "no eval of %s", all[i].name);
    }
    buf_fini(&text);
}

CASE(arities_follow_from_the_argument_letters)
{
    struct function_arity a = function_arity(function_find(STR("histogram_quantiles")));

    CHECK(a.min == 3 && a.max == 12);
    a = function_arity(function_find(STR("label_join")));
    CHECK(a.min == 3 && a.max == SIZE_MAX);
    a = function_arity(function_find(STR("hour")));
    CHECK(a.min == 0 && a.max == 1);
    CHECK_INT(function_arg_type(function_find(STR("label_join")), 7), TYPE_STRING);
}

TEST_MAIN()
