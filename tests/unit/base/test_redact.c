/* Secrets in every form, within other text; and that nothing else is touched. */
#include "test.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/random.h"
#include "base/redact.h"

static const char *redacted(const struct redactor *r, const char *text)
{
    static struct buf out = BUF_INIT(8 << 20);

    buf_reset(&out);
    redactor_write(r, str_from(text), &out);
    return out.at != NULL ? out.at : "";
}

static struct redactor *of_one(const char *value)
{
    struct str values[] = {str_from(value)};

    return redactor_create(values, 1);
}

CASE(a_value_is_found_wherever_it_stands)
{
    struct redactor *r = of_one("hunter2!");

    CHECK_TEXT(redacted(r, "hunter2!"), "***");
    CHECK_TEXT(redacted(r, "--password=hunter2! -v"), "--password=*** -v");
    CHECK_TEXT(redacted(r, "hunter2!hunter2!"), "***");
    CHECK_TEXT(redacted(r, "hunter2 hunter3!"), "hunter2 hunter3!");
    CHECK_TEXT(redacted(r, ""), "");
    redactor_destroy(&r);
}

CASE(short_values_are_not_looked_for)
{
    struct str values[] = {STR("12345"), STR(""), STR("123456")};
    struct redactor *r = redactor_create(values, COUNT(values));
    size_t which;

    CHECK_TEXT(redacted(r, "12345 1234567"), "12345 ***7");
    CHECK(redactor_find(r, STR("x123456"), &which) && which == 2);
    CHECK(!redactor_find(r, STR("x12345"), &which));
    redactor_destroy(&r);
}

CASE(values_that_overlap_are_covered_together)
{
    struct str values[] = {STR("abcdefgh"), STR("efghijklmn"), STR("abcdef")};
    struct redactor *r = redactor_create(values, COUNT(values));

    CHECK_TEXT(redacted(r, "<abcdefghijklmn>"), "<***>");
    CHECK_TEXT(redacted(r, "<abcdefg>"), "<***g>");
    redactor_destroy(&r);
}

CASE(every_value_in_a_text_is_told)
{
    struct str values[] = {STR("postgres"), STR("postgres-main"), STR("absent"), STR("gres-m")};
    struct redactor *r = redactor_create(values, COUNT(values));
    bool found[4] = {false};

    redactor_find_all(r, STR("a postgres-main"), found);
    CHECK(found[0] && found[1] && !found[2] && found[3]);
    redactor_destroy(&r);
}

CASE(base64_is_found_at_every_alignment_and_with_its_padding)
{
    struct redactor *r = of_one("s3cr3t-v?lue>");

    CHECK_TEXT(redacted(r, "czNjcjN0LXY/bHVlPg=="), "***");
    CHECK_TEXT(redacted(r, "czNjcjN0LXY_bHVlPg"), "***");
    CHECK_TEXT(redacted(r, "dXNlcjpzM2NyM3QtdiBsdWU+"), "dXNlcjpzM2NyM3QtdiBsdWU+"); /* another */
    CHECK(strstr(redacted(r, "Authorization: Basic dXNlcjpzM2NyM3Qtdj9sdWU+"), "zM2NyM3Q") == NULL);
    redactor_destroy(&r);
}

CASE(percent_encoding_is_found_whatever_is_encoded)
{
    struct redactor *r = of_one("p@ss w+rd/x");

    CHECK_TEXT(redacted(r, "u=p%40ss%20w%2Brd%2fx&v=1"), "u=***&v=1");
    CHECK_TEXT(redacted(r, "u=p%40ss+w%2Brd/x"), "u=***");
    CHECK_TEXT(redacted(r, "u=%70%40ss%20w+rd/x%"), "u=***%");
    CHECK_TEXT(redacted(r, "100%+ 5%2"), "100%+ 5%2");
    redactor_destroy(&r);
}

CASE(json_escapes_are_found)
{
    struct redactor *r = of_one("li\"ne\none \\ \xc3\xa4");

    CHECK_TEXT(redacted(r, "{\"x\":\"li\\\"ne\\none \\\\ \xc3\xa4\"}"), "{\"x\":\"***\"}");
    CHECK_TEXT(redacted(r, "{\"x\":\"li\\u0022ne\\u000aone \\\\ \\u00e4\"}"), "{\"x\":\"***\"}");
    redactor_destroy(&r);
}

CASE(lines_of_a_longer_value_are_values_and_a_cut_one_is_found)
{
    struct redactor *r =
        of_one("-----BEGIN KEY-----\nMIIEowIBAAKCAQEAx7\nshort\n-----END KEY-----\n");
    char value[200], text[200];

    CHECK_TEXT(redacted(r, "line MIIEowIBAAKCAQEAx7 short -----BEGIN KEY-----"),
        "line *** short -----BEGIN KEY-----");
    redactor_destroy(&r);
    for (size_t i = 0; i < sizeof value - 1; i++)
        value[i] = (char)('!' + i * 7 % 90);
    value[sizeof value - 1] = '\0';
    r = of_one(value);
    (void)snprintf(text, sizeof text, "x %.100s", value);
    CHECK_TEXT(redacted(r, text), "x ***");
    redactor_destroy(&r);
}

/* ---- property: nothing of a planted secret is left, and nothing else is gone ---- */

static void add_hex(struct buf *out, struct str value, bool upper)
{
    for (size_t i = 0; i < value.len; i++)
        buf_format(out, upper ? "%02X" : "%02x", (unsigned char)value.at[i]);
}

static void add_percent(struct buf *out, struct str value, struct random *random)
{
    for (size_t i = 0; i < value.len; i++)
        if (random_below(random, 2) == 0 || strchr("%+&=", value.at[i]) != NULL)
            buf_format(out, random_below(random, 2) == 0 ? "%%%02X" : "%%%02x",
                (unsigned char)value.at[i]);
        else
            buf_add_byte(out, value.at[i]);
}

static void add_base64(struct buf *out, struct str value, struct random *random)
{
    struct buf whole = BUF_INIT(1 << 16);
    size_t from = out->len;

    for (size_t k = random_below(random, 5); k > 0; k--)
        buf_add_byte(&whole, (char)('a' + random_below(random, 26)));
    buf_add_str(&whole, value);
    for (size_t k = random_below(random, 5); k > 0; k--)
        buf_add_byte(&whole, (char)('a' + random_below(random, 26)));
    base64_encode(out, buf_str(&whole));
    bool url = random_below(random, 2) == 0;
    for (size_t i = from; url && i < out->len; i++)
        out->at[i] = out->at[i] == '+' ? '-' : out->at[i] == '/' ? '_' : out->at[i];
    while (url && out->at[out->len - 1] == '=')
        out->at[--out->len] = '\0';
    buf_fini(&whole);
}

static void add_form(struct buf *out, struct str value, struct random *random)
{
    switch (random_below(random, 5)) {
    case 0:
        buf_add_str(out, value);
        break;
    case 1:
        add_hex(out, value, false);
        break;
    case 2:
        add_hex(out, value, true);
        break;
    case 3:
        add_percent(out, value, random);
        break;
    default:
        add_base64(out, value, random);
    }
}

/* Whether eight bytes of the planted form are still there. */
static bool is_left(struct str form, struct str text)
{
    for (size_t i = 1; i + 10 < form.len; i++) /* base64's edges hold bits of what stands beside */
        if (str_find_text(text, (struct str){form.at + i, 8}) >= 0)
            return true;
    return false;
}

CASE(nothing_of_a_planted_secret_is_left)
{
    const char *seed = getenv("TEND_SEEDS");
    size_t rounds = seed != NULL ? strtoul(seed, NULL, 10) : 3000;

    for (size_t round = 0; round < rounds; round++) {
        struct random random = {round};
        char values[4][41];
        struct str all[4];
        struct buf text = BUF_INIT(1 << 16), form = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
        for (size_t v = 0; v < 4; v++) {
            size_t len = 12 + random_below(&random, 28);
            for (size_t i = 0; i < len; i++)
                values[v][i] = (char)('!' + random_below(&random, 94));
            values[v][len] = '\0';
            all[v] = (struct str){values[v], len};
        }
        struct redactor *r = redactor_create(all, 4);
        add_form(&form, all[random_below(&random, 4)], &random);
        buf_format(&text, "before %s after", buf_str(&form).at);
        redactor_write(r, buf_str(&text), &out);
        CHECK_SAYING(!is_left(buf_str(&form), buf_str(&out)), "seed %zu: %s became %s", round,
            text.at, out.at);
        CHECK_SAYING(str_starts(buf_str(&out), "before ") && str_ends(buf_str(&out), " after"),
            "seed %zu: %s became %s", round, text.at, out.at);
        redactor_destroy(&r);
        buf_fini(&text);
        buf_fini(&form);
        buf_fini(&out);
    }
}

/* ---- time ---- */

static int64_t time_of(const struct redactor *r, struct str text)
{
    struct buf out = BUF_INIT(64 << 20);
    int64_t best_ns = INT64_MAX;

    for (int i = 0; i < 3; i++) {
        int64_t from_ns = clock_boot_ns();
        buf_reset(&out);
        redactor_write(r, text, &out);
        int64_t took_ns = clock_boot_ns() - from_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    buf_fini(&out);
    return best_ns;
}

/* Values that begin alike, and a text that is made of their beginnings. */
CASE(hostile_values_and_texts_take_linear_time)
{
    struct buf value = BUF_INIT(1 << 20), text = BUF_INIT(16 << 20);

    for (int i = 0; i < 60000; i++)
        buf_add_byte(&value, 'a');
    buf_add_byte(&value, 'b');
    for (int i = 0; i < 800000; i++)
        buf_add_byte(&text, 'a');
    struct str values[] = {buf_str(&value), STR("aaaaaaaaaaaaaaaaaaaab"), STR("aaaaaac")};
    struct redactor *r = redactor_create(values, COUNT(values));
    int64_t small_ns = time_of(r, (struct str){text.at, 100000}),
            large_ns = time_of(r, buf_str(&text));
    CHECK_SAYING(large_ns < 30 * small_ns + 50000000, "8 times the text: %lld and %lld ns",
        (long long)small_ns, (long long)large_ns);
    redactor_destroy(&r);
    values[0].len = 2000;
    r = redactor_create(values, COUNT(values));
    int64_t short_ns = time_of(r, buf_str(&text));
    CHECK_SAYING(large_ns < 6 * short_ns + 50000000, "30 times the value: %lld and %lld ns",
        (long long)short_ns, (long long)large_ns);
    redactor_destroy(&r);
    buf_fini(&value);
    buf_fini(&text);
}

CASE(what_the_process_learned_is_found_and_grows)
{
    struct str first[] = {STR("first-secret")}, second[] = {STR("second-secret"), STR("no")};
    char text[20] = "a first-secret!";
    struct buf out = BUF_INIT(1000);

    CHECK(!redact_needed(STR("a first-secret")));
    CHECK(redact_learn(first, 1) && redact_learn(first, 1));
    CHECK(redact_needed(STR("a first-secret")) && !redact_needed(STR("a second-secret")));
    CHECK(redact_learn(second, 2));
    redact_text(text, sizeof text);
    CHECK_TEXT(text, "a ***!");
    buf_add_text(&out, "kept first-secret, ");
    redact_rest(&out, out.len);
    buf_add_text(&out, "second-secret");
    redact_rest(&out, 19);
    CHECK_TEXT(out.at, "kept first-secret, ***");
    buf_fini(&out);
}

TEST_MAIN()
