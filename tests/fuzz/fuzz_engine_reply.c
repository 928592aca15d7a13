/* A container engine's HTTP and frames: cutting the bytes differently changes nothing. */
#include "drive/docker/frames.h"
#include "drive/docker/reply.h"

#include "base/buf.h"
#include "base/must.h"

#define BODY_BYTES_MAX (64u << 10)

static void keep(void *data, struct str bytes)
{
    buf_add_str(data, bytes);
}

static void keep_frame(void *data, int stream, struct str piece, bool last)
{
    must(stream >= 0 && stream <= 2);
    (void)last;
    buf_add_str(data, piece);
}

static bool feed(struct str bytes, size_t step, struct buf *body, int *out_status)
{
    struct reply r = {0};
    bool ok = true;

    while (bytes.len > 0 && ok) {
        struct str part = {bytes.at, bytes.len < step ? bytes.len : step};
        ok = reply_feed(&r, part, keep, body, NULL);
        bytes = str_tail(bytes, part.len);
    }
    *out_status = r.status;
    return ok;
}

static bool feed_frames(struct str bytes, size_t step, struct buf *out)
{
    struct frames f = {0};

    while (bytes.len > 0) {
        struct str part = {bytes.at, bytes.len < step ? bytes.len : step};
        if (!frames_feed(&f, part, keep_frame, out, NULL))
            return false;
        bytes = str_tail(bytes, part.len);
    }
    return true;
}

static void check_same(struct str input, bool frames)
{
    struct buf whole = BUF_INIT(BODY_BYTES_MAX), pieces = BUF_INIT(BODY_BYTES_MAX);
    size_t all = input.len > 0 ? input.len : 1;
    int a = 0, b = 0;
    bool ok = frames ? feed_frames(input, all, &whole) : feed(input, all, &whole, &a);
    bool same = frames ? feed_frames(input, 3, &pieces) : feed(input, 3, &pieces, &b);

    must(ok == same && (!ok || (a == b && str_eq(buf_str(&whole), buf_str(&pieces)))));
    buf_fini(&whole);
    buf_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct str input = {.at = (const char *)bytes, .len = len};

    if (len > 8192)
        return 0;
    check_same(input, false);
    check_same(input, true);
    return 0;
}
