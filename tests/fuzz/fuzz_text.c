/* The small parsers of base/: whatever they accept they also write back, and read again the same.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/must.h"
#include "base/str.h"
#include "base/units.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

static void read_duration(struct str text)
{
    char out[UNITS_TEXT_BYTES];
    int64_t ns, again;

    if (!units_parse_duration(text, &ns))
        return;
    must(ns >= 0);
    units_format_duration(ns, out);
    must(units_parse_duration(str_from(out), &again));
    must(llabs(again - ns) <= ns / 1000000000000);
}

static void read_time(struct str text)
{
    char out[CLOCK_TEXT_BYTES];
    int64_t ns, again;

    if (!clock_parse(text, &ns))
        return;
    clock_format(ns, 9, out);
    must(clock_parse(str_from(out), &again) && again == ns);
}

static void read_numbers(struct str text)
{
    char out[UNITS_TEXT_BYTES];
    int64_t number;
    uint64_t positive;

    if (units_parse_bytes(text, &number)) {
        must(number >= 0);
        units_format_bytes(number, out);
    }
    if (str_to_int(text, &number) && text.at[0] != '-')
        must(str_to_uint(text, &positive) && positive == (uint64_t)number);
}

static void quote(struct str text)
{
    struct buf out = BUF_INIT(1 << 20);

    json_quote(&out, text);
    json_t *back = json_loadb(out.at, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    must(back != NULL && json_is_string(back));
    if (str_utf8_valid(text) == text.len)
        must(json_string_length(back) == text.len &&
             (text.len == 0 || memcmp(json_string_value(back), text.at, text.len) == 0));
    json_decref(back);
    buf_fini(&out);
}

static void make_path(struct str text)
{
    char *path = fs_absolute("/base/dir", text);
    char *again = fs_absolute("/elsewhere", str_from(path));

    must(path[0] == '/' && strstr(path, "//") == NULL);
    must(memchr(text.at, '\0', text.len) != NULL || strcmp(path, again) == 0);
    free(path);
    free(again);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct str text = {.at = (const char *)bytes, .len = len};
    struct hash h;

    if (len > 4096)
        return 0;
    read_duration(text);
    read_time(text);
    read_numbers(text);
    quote(text);
    make_path(text);
    (void)hash_parse(text, &h);
    (void)str_distance(text, STR("healthcheck"));
    return 0;
}
