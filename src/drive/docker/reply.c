#include "drive/docker/reply.h"

#include "base/must.h"

#include <string.h>
#include <strings.h>

static bool is_corrupt(struct err *err, const char *what)
{
    return err_set(err, ERR_CORRUPT, "the engine's answer is no HTTP: %s", what);
}

/* "HTTP/1.1 200 OK" */
static bool take_status(struct reply *r, struct str line, struct err *err)
{
    int64_t status;
    struct str rest = line;

    if (!str_starts(line, "HTTP/1."))
        return is_corrupt(err, "no status line");
    (void)str_cut(&rest, ' ');
    if (!str_to_int(str_cut(&rest, ' '), &status) || status < 100 || status > 599)
        return is_corrupt(err, "no status");
    r->status = (int)status;
    r->state = REPLY_FIELDS;
    return true;
}

static bool is_named(struct str name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.at, wanted, name.len) == 0;
}

static bool take_length(struct reply *r, struct str value, struct err *err)
{
    uint64_t length;

    if (!str_to_uint(value, &length) || (r->counted && length != r->left))
        return is_corrupt(err, "Content-Length");
    r->counted = true;
    r->left = length;
    return true;
}

static bool take_field(struct reply *r, struct str line, struct err *err)
{
    struct str value = line, name = str_cut(&value, ':');

    if (name.len == line.len || name.len == 0)
        return is_corrupt(err, "a field without a name");
    value = str_trim(value);
    if (is_named(name, "Content-Length"))
        return take_length(r, value, err);
    if (is_named(name, "Transfer-Encoding")) {
        if (!is_named(value, "chunked"))
            return is_corrupt(err, "Transfer-Encoding");
        r->chunked = true;
    }
    return true;
}

/* Behind the head: what kind of body follows. */
static bool begin_body(struct reply *r, struct err *err)
{
    if (r->chunked && r->counted)
        return is_corrupt(err, "both chunked and counted");
    if (r->status >= 100 && r->status < 200 && r->status != 101) {
        r->state = REPLY_STATUS; /* 100 Continue: the real one follows */
        r->status = 0;
        return true;
    }
    if (r->status == 204 || r->status == 304)
        r->state = REPLY_DONE;
    else if (r->chunked)
        r->state = REPLY_CHUNK_SIZE;
    else if (r->counted)
        r->state = r->left > 0 ? REPLY_COUNTED : REPLY_DONE;
    else
        r->state = REPLY_TO_END;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_chunk_size(struct reply *r, struct str line, struct err *err)
{
    struct str rest = line, size = str_trim(str_cut(&rest, ';'));
    uint64_t bytes = 0;

    if (size.len == 0 || size.len > 15)
        return is_corrupt(err, "a chunk's size");
    for (size_t i = 0; i < size.len; i++) {
        int digit = hex_value(size.at[i]);
        if (digit < 0)
            return is_corrupt(err, "a chunk's size");
        bytes = bytes * 16 + (uint64_t)digit;
    }
    r->left = bytes;
    r->state = bytes > 0 ? REPLY_CHUNK : REPLY_TRAILER;
    return true;
}

static bool take_line(struct reply *r, struct str line, struct err *err)
{
    switch (r->state) {
    case REPLY_STATUS:
        return take_status(r, line, err);
    case REPLY_FIELDS:
        return line.len > 0 ? take_field(r, line, err) : begin_body(r, err);
    case REPLY_CHUNK_SIZE:
        return take_chunk_size(r, line, err);
    case REPLY_CHUNK_END:
        r->state = REPLY_CHUNK_SIZE;
        return line.len == 0 || is_corrupt(err, "a chunk's end");
    case REPLY_TRAILER:
        if (line.len == 0)
            r->state = REPLY_DONE;
        return true;
    default:
        must(false);
    }
}

/* Bytes up to the end of a line; the line is taken when it is complete. */
static bool feed_line(struct reply *r, struct str *bytes, struct err *err)
{
    ptrdiff_t end = str_find(*bytes, '\n');
    size_t count = end < 0 ? bytes->len : (size_t)end;

    r->head_bytes += count + 1;
    if (r->line_len + count > sizeof r->line ||
        (r->state <= REPLY_FIELDS && r->head_bytes > REPLY_HEAD_BYTES_MAX))
        return err_set(err, ERR_LIMIT, "the engine's answer has too long a head");
    if (count > 0)
        memcpy(r->line + r->line_len, bytes->at, count);
    r->line_len += count;
    *bytes = str_tail(*bytes, end < 0 ? bytes->len : (size_t)end + 1);
    if (end < 0)
        return true;
    struct str line = {.at = r->line, .len = r->line_len};
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    r->line_len = 0;
    return take_line(r, line, err);
}

static void feed_body(struct reply *r, struct str *bytes, reply_body_fn on_body, void *data)
{
    struct str piece = *bytes;

    if (r->state != REPLY_TO_END && piece.len > r->left)
        piece.len = (size_t)r->left;
    *bytes = str_tail(*bytes, piece.len);
    if (r->state != REPLY_TO_END) {
        r->left -= piece.len;
        if (r->left == 0)
            r->state = r->state == REPLY_COUNTED ? REPLY_DONE : REPLY_CHUNK_END;
    }
    on_body(data, piece);
}

bool reply_feed(
    struct reply *r, struct str bytes, reply_body_fn on_body, void *data, struct err *err)
{
    while (bytes.len > 0) {
        if (r->state == REPLY_DONE)
            return is_corrupt(err, "bytes behind its end");
        if (r->state == REPLY_COUNTED || r->state == REPLY_TO_END || r->state == REPLY_CHUNK)
            feed_body(r, &bytes, on_body, data);
        else
            TRY(feed_line(r, &bytes, err));
    }
    return true;
}

bool reply_end(struct reply *r, struct err *err)
{
    if (r->state == REPLY_TO_END)
        r->state = REPLY_DONE;
    return r->state == REPLY_DONE ||
           err_set(err, ERR_UNREACHABLE, "the engine closed the connection in its answer");
}
