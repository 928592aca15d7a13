/* The head of an HTTP answer: whatever the pieces it comes in, the outcome is the same. */
#include "base/must.h"
#include "observe/probe/http_status.h"

static enum http_status_outcome feed_in(
    struct http_status *s, struct str bytes, size_t piece, size_t *out_used)
{
    enum http_status_outcome outcome = HTTP_STATUS_MORE;
    size_t used = 0;

    while (used < bytes.len && outcome == HTTP_STATUS_MORE) {
        size_t len = bytes.len - used < piece ? bytes.len - used : piece;
        outcome = http_status_feed(s, (struct str){bytes.at + used, len});
        used += len;
    }
    *out_used = used;
    return outcome;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct str text = {.at = (const char *)bytes, .len = len};
    struct http_status whole = {0}, pieces = {0};
    size_t used;

    enum http_status_outcome outcome = feed_in(&whole, text, len, &used);
    must(feed_in(&pieces, text, 1 + len % 7, &used) == outcome);
    if (outcome == HTTP_STATUS_DONE)
        must(whole.code == pieces.code && (whole.code >= 200 || whole.code == 101) &&
             whole.code <= 599);
    must(whole.shown <= HTTP_STATUS_SHOWN);
    return 0;
}
