#include "base/decimal.h"

#include "base/random.h"

#include "test.h"

#include <math.h>
#include <string.h>

static const char *text_of(size_t (*format)(double, char *), double value)
{
    static char text[DECIMAL_TEXT_BYTES];

    size_t len = format(value, text);
    return len == strlen(text) ? text : "(wrong length)";
}

CASE(the_api_writes_exponents_only_for_very_small_and_very_large_numbers)
{
    CHECK_TEXT(text_of(decimal_format_api, 0), "0");
    CHECK_TEXT(text_of(decimal_format_api, -0.0), "-0");
    CHECK_TEXT(text_of(decimal_format_api, 1), "1");
    CHECK_TEXT(text_of(decimal_format_api, -1.5), "-1.5");
    CHECK_TEXT(text_of(decimal_format_api, 0.1), "0.1");
    CHECK_TEXT(text_of(decimal_format_api, 0.1 + 0.2), "0.30000000000000004");
    CHECK_TEXT(text_of(decimal_format_api, 1e-6), "0.000001");
    CHECK_TEXT(text_of(decimal_format_api, 9.9e-7), "9.9e-07");
    CHECK_TEXT(text_of(decimal_format_api, 123456789012345680000.0), "123456789012345680000");
    CHECK_TEXT(text_of(decimal_format_api, 1e21), "1e+21");
    CHECK_TEXT(text_of(decimal_format_api, 1.7976931348623157e308), "1.7976931348623157e+308");
    CHECK_TEXT(text_of(decimal_format_api, 5e-324), "5e-324");
    CHECK_TEXT(text_of(decimal_format_api, NAN), "NaN");
    CHECK_TEXT(text_of(decimal_format_api, -INFINITY), "-Inf");
    CHECK_TEXT(text_of(decimal_format_api, INFINITY), "+Inf");
}

CASE(f_has_no_exponent_and_g_has_one_where_Go_has_it)
{
    CHECK_TEXT(text_of(decimal_format_f, 1.5e22), "15000000000000000000000");
    CHECK_TEXT(text_of(decimal_format_f, 1.25e-9), "0.00000000125");
    CHECK_TEXT(text_of(decimal_format_g, 0.0001), "0.0001");
    CHECK_TEXT(text_of(decimal_format_g, 0.00001), "1e-05");
    CHECK_TEXT(text_of(decimal_format_g, 1e20), "100000000000000000000");
    CHECK_TEXT(text_of(decimal_format_g, 1e21), "1e+21");
    CHECK_TEXT(text_of(decimal_format_e, 1000), "1e+03");
}

CASE(every_number_reads_back_the_same)
{
    struct random r = {.state = 42};

    for (int i = 0; i < 20000; i++) {
        uint64_t bits = random_next(&r);
        double value, back = 0;
        char text[DECIMAL_TEXT_BYTES];
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        size_t len = (i % 2 == 0 ? decimal_format_f : decimal_format_api)(value, text);
        CHECK_SAYING(decimal_parse((struct str){text, len}, &back), "%s", text);
        CHECK_SAYING(memcmp(&value, &back, sizeof value) == 0, "%s", text);
    }
}

CASE(what_Go_reads_is_read_and_nothing_else)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"1",         1        },
        {"+1",        1        },
        {"-1.5e3",    -1500    },
        {".5",        0.5      },
        {"5.",        5        },
        {"Inf",       INFINITY },
        {"-inf",      -INFINITY},
        {"+Infinity", INFINITY },
        {"0x1p-2",    0.25     },
        {"1e-400",    0        }
    };
    static const char *const bad[] = {
        "", "+", "-", "1a", "--1", "1e", "e5", "0x10", "1e400", "+nan", " 1", "1 ", "1_0", "0x"};
    double value;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_SAYING(decimal_parse(str_from(good[i].text), &value), "%s", good[i].text);
        CHECK_SAYING(value == good[i].value, "%s", good[i].text);
    }
    CHECK(decimal_parse(STR("NaN"), &value) && isnan(value));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_SAYING(!decimal_parse(str_from(bad[i]), &value), "%s", bad[i]);
}

TEST_MAIN()
