#include "test.h"

#include "base/hash.h"

static char text[HASH_TEXT_BYTES];

static const char *shown(struct hash h)
{
    hash_format(&h, text);
    return text;
}

/* FIPS 180-2, appendix B. */
CASE(sha_256_gives_the_standards_values)
{
    CHECK_TEXT(shown(hash_of("abc", 3)),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_TEXT(
        shown(hash_of("", 0)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_TEXT(shown(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56)),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

CASE(parts_count_as_one_text)
{
    struct str parts[] = {STR("a"), STR(""), STR("bc"), {0}};
    struct hash whole = hash_of("abc", 3), joined = hash_of_parts(parts, 4);

    CHECK(hash_eq(&whole, &joined));
}

/* RFC 4231, case 2. */
CASE(hmac_gives_the_rfcs_value)
{
    CHECK_TEXT(shown(hash_hmac(STR("Jefe"), STR("what do ya want for nothing?"))),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

CASE(text_reads_back)
{
    struct hash h = hash_of("x", 1), again;

    CHECK(hash_parse(str_from(shown(h)), &again));
    CHECK(hash_eq(&h, &again));
}

CASE(what_is_no_hash_is_refused)
{
    struct hash h;

    CHECK(!hash_parse(STR(""), &h));
    CHECK(!hash_parse(STR("ba7816bf"), &h));
    CHECK(!hash_parse(STR("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"), &h));
    CHECK(!hash_parse(STR("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), &h));
    CHECK(
        !hash_parse(STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0"), &h));
}

CASE(secrets_are_the_same_only_whole)
{
    CHECK(hash_same_secret(STR("token"), STR("token")));
    CHECK(!hash_same_secret(STR("token"), STR("tokem")));
    CHECK(!hash_same_secret(STR("token"), STR("toke")));
    CHECK(!hash_same_secret(STR(""), STR("t")));
    CHECK(hash_same_secret(STR(""), STR("")));
}

TEST_MAIN()
