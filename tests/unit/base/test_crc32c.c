#include "base/crc32c.h"

#include "test.h"

/* RFC 3720, B.4 */
CASE(the_examples_of_the_rfc_come_out)
{
    unsigned char zeros[32] = {0}, ones[32], up[32];

    memset(ones, 0xff, sizeof ones);
    for (size_t i = 0; i < sizeof up; i++)
        up[i] = (unsigned char)i;
    CHECK_INT(crc32c(zeros, 32), 0x8a9136aa);
    CHECK_INT(crc32c(ones, 32), 0x62a8ab43);
    CHECK_INT(crc32c(up, 32), 0x46dd794e);
    CHECK_INT(crc32c("123456789", 9), 0xe3069283);
    CHECK_INT(crc32c("", 0), 0);
}

CASE(each_flipped_bit_changes_it_at_any_length)
{
    unsigned char bytes[40];

    for (size_t len = 1; len <= sizeof bytes; len++) {
        memset(bytes, 0x5a, sizeof bytes);
        uint32_t before = crc32c(bytes, len);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            CHECK(crc32c(bytes, len) != before);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
}

TEST_MAIN()
