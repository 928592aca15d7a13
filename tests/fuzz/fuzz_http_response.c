/* The CLI's reader of HTTP answers: cutting the bytes differently changes nothing. */
#include "cli/http_response.h"

#include "base/must.h"

#define BODY_BYTES_MAX (64u << 10)

/* Feeds all in pieces of `step` bytes; whether it went well. */
static bool feed(struct http_response *r, struct str bytes, size_t step, struct buf *body)
{
    http_response_init(r);
    while (bytes.len > 0 && !http_response_done(r)) {
        struct str part = {bytes.at, bytes.len < step ? bytes.len : step};
        size_t given = part.len;

        if (!http_response_feed(r, &part, body, NULL))
            return false;
        must(part.len == 0 || http_response_done(r));
        bytes = str_tail(bytes, given - part.len);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct str input = {.at = (const char *)bytes, .len = len};
    struct buf whole = BUF_INIT(BODY_BYTES_MAX), pieces = BUF_INIT(BODY_BYTES_MAX);
    struct http_response a, b;
    bool ok;

    if (len > 8192)
        return 0;
    ok = feed(&a, input, len > 0 ? len : 1, &whole);
    must(feed(&b, input, 3, &pieces) == ok);
    if (ok)
        must(a.state == b.state && a.status == b.status &&
             str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_fini(&whole);
    buf_fini(&pieces);
    return 0;
}
