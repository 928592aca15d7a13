#include "base/base64.h"

#include "test.h"

static bool is_encoded_as(const char *bytes, const char *text)
{
    struct buf there = BUF_INIT(1000), back = BUF_INIT(1000);
    bool ok;

    base64_encode(&there, str_from(bytes));
    ok = str_is(buf_str(&there), text) && base64_decode(&back, str_from(text)) &&
         str_is(buf_str(&back), bytes);
    buf_fini(&there);
    buf_fini(&back);
    return ok;
}

static bool is_refused(const char *text)
{
    struct buf back = BUF_INIT(1000);
    bool ok = base64_decode(&back, str_from(text));

    buf_fini(&back);
    return !ok;
}

CASE(the_vectors_of_the_standard_go_there_and_back)
{
    CHECK(is_encoded_as("", ""));
    CHECK(is_encoded_as("f", "Zg=="));
    CHECK(is_encoded_as("fo", "Zm8="));
    CHECK(is_encoded_as("foo", "Zm9v"));
    CHECK(is_encoded_as("foob", "Zm9vYg=="));
    CHECK(is_encoded_as("fooba", "Zm9vYmE="));
    CHECK(is_encoded_as("foobar", "Zm9vYmFy"));
}

CASE(every_byte_comes_back)
{
    struct buf there = BUF_INIT(1000), back = BUF_INIT(1000);
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    base64_encode(&there, (struct str){all, sizeof all});
    CHECK(base64_decode(&back, buf_str(&there)));
    CHECK(str_eq(buf_str(&back), (struct str){all, sizeof all}));
    buf_fini(&there);
    buf_fini(&back);
}

CASE(what_is_not_base64_is_refused)
{
    CHECK(is_refused("Zg="));
    CHECK(is_refused("Zg"));
    CHECK(is_refused("Z==="));
    CHECK(is_refused("Zh=="));
    CHECK(is_refused("Zm9="));
    CHECK(is_refused("=m9v"));
    CHECK(is_refused("Zg==Zg=="));
    CHECK(is_refused("Zm\n="));
}

TEST_MAIN()
