#include "cli/http_response.h"

#include <string.h>
#include <strings.h>

#define CHUNK_DIGITS_MAX 15 /* below 2^60: no overflow */

void http_response_init(struct http_response *r)
{
    memset(r, 0, sizeof *r);
}

/* Collects one line, without its end. True when it is complete; `*failed` when it cannot be one. */
static bool take_line(struct http_response *r, struct str *input, bool *failed, struct err *err)
{
    *failed = false;
    while (input->len > 0) {
        char c = input->at[0];

        *input = str_tail(*input, 1);
        if (c == '\n') {
            if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
                r->line_len--;
            r->line[r->line_len] = '\0';
            return true;
        }
        if (r->line_len + 1 >= sizeof r->line) {
            *failed = !err_set(err, ERR_LIMIT, "a line of the answer is too long");
            return false;
        }
        if (c == '\0') {
            *failed = !err_set(err, ERR_CORRUPT, "the answer is not HTTP");
            return false;
        }
        r->line[r->line_len++] = c;
    }
    return false;
}

static bool read_status_line(struct http_response *r, struct err *err)
{
    const char *c = r->line;
    bool digits;

    if (strncmp(c, "HTTP/1.1 ", 9) != 0 && strncmp(c, "HTTP/1.0 ", 9) != 0)
        return err_set(err, ERR_CORRUPT, "the answer is not HTTP/1.1");
    r->close = c[7] == '0';
    c += 9;
    digits = c[0] >= '1' && c[0] <= '5' && c[1] >= '0' && c[1] <= '9' && c[2] >= '0' && c[2] <= '9';
    if (!digits || (c[3] != ' ' && c[3] != '\0'))
        return err_set(err, ERR_CORRUPT, "the answer has no status");
    r->status = (c[0] - '0') * 100 + (c[1] - '0') * 10 + (c[2] - '0');
    r->state = HTTP_FIELDS;
    return true;
}

static bool read_length(struct http_response *r, struct str value, struct err *err)
{
    uint64_t length;

    if (!str_to_uint(value, &length) || value.at[0] == '+')
        return err_set(err, ERR_CORRUPT, "Content-Length is no number");
    if (r->has_length && length != r->left)
        return err_set(err, ERR_CORRUPT, "the answer has two lengths");
    r->has_length = true;
    r->left = length;
    return true;
}

static void read_content_type(struct http_response *r, struct str value)
{
    value = str_trim(str_cut(&value, ';'));
    if (value.len >= sizeof r->content_type)
        return;
    for (size_t i = 0; i < value.len; i++)
        r->content_type[i] =
            (char)(value.at[i] >= 'A' && value.at[i] <= 'Z' ? value.at[i] + 32 : value.at[i]);
    r->content_type[value.len] = '\0';
}

static bool is_name(struct str name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.at, wanted, name.len) == 0;
}

static bool read_field(struct http_response *r, struct err *err)
{
    struct str value = str_from(r->line), name;

    if (value.at[0] == ' ' || value.at[0] == '\t' || str_find(value, ':') <= 0)
        return err_set(err, ERR_CORRUPT, "the answer has a malformed header");
    name = str_cut(&value, ':');
    value = str_trim(value);
    if (is_name(name, "content-length"))
        return read_length(r, value, err);
    if (is_name(name, "transfer-encoding")) {
        if (!is_name(value, "chunked"))
            return err_set(err, ERR_UNSUPPORTED, "transfer coding \"%.40s\"", value.at);
        r->chunked = true;
    }
    if (is_name(name, "connection") && is_name(value, "close"))
        r->close = true;
    if (is_name(name, "content-type"))
        read_content_type(r, value);
    return true;
}

/* The empty line behind the head: what follows? */
static bool end_head(struct http_response *r, struct err *err)
{
    if (r->chunked && r->has_length)
        return err_set(err, ERR_CORRUPT, "the answer has a length and is chunked");
    if (r->status / 100 == 1) { /* interim: another head follows */
        http_response_init(r);
        return true;
    }
    if (r->status == 204 || r->status == 304)
        r->state = HTTP_DONE;
    else if (r->chunked)
        r->state = HTTP_CHUNK_SIZE;
    else if (r->has_length)
        r->state = r->left > 0 ? HTTP_BODY_LENGTH : HTTP_DONE;
    else
        r->state = HTTP_BODY_CLOSE;
    if (r->state == HTTP_BODY_CLOSE)
        r->close = true;
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_chunk_size(struct http_response *r, struct err *err)
{
    int i;

    r->left = 0;
    for (i = 0; digit(r->line[i]) >= 0; i++) {
        if (i >= CHUNK_DIGITS_MAX)
            return err_set(err, ERR_LIMIT, "a chunk of the answer is too long");
        r->left = r->left << 4 | (unsigned)digit(r->line[i]);
    }
    if (i == 0 || (r->line[i] != '\0' && r->line[i] != ';' && r->line[i] != ' '))
        return err_set(err, ERR_CORRUPT, "the answer has a malformed chunk");
    r->state = r->left > 0 ? HTTP_CHUNK_DATA : HTTP_TRAILERS;
    return true;
}

static bool read_line(struct http_response *r, struct err *err)
{
    switch (r->state) {
    case HTTP_STATUS_LINE:
        return read_status_line(r, err);
    case HTTP_FIELDS:
        return r->line_len == 0 ? end_head(r, err) : read_field(r, err);
    case HTTP_CHUNK_SIZE:
        return read_chunk_size(r, err);
    case HTTP_CHUNK_END:
        if (r->line_len > 0)
            return err_set(err, ERR_CORRUPT, "a chunk of the answer is longer than it says");
        r->state = HTTP_CHUNK_SIZE;
        return true;
    case HTTP_TRAILERS:
        if (r->line_len == 0)
            r->state = HTTP_DONE;
        return true;
    case HTTP_BODY_LENGTH:
    case HTTP_BODY_CLOSE:
    case HTTP_CHUNK_DATA:
    case HTTP_DONE:
        break;
    }
    return true;
}

static bool in_head(const struct http_response *r)
{
    return r->state <= HTTP_FIELDS || r->state == HTTP_TRAILERS;
}

static bool feed_line(struct http_response *r, struct str *input, struct err *err)
{
    size_t before = input->len;
    bool failed, complete = take_line(r, input, &failed, err);

    if (in_head(r)) {
        r->head_bytes += before - input->len;
        if (r->head_bytes > HTTP_HEAD_BYTES_MAX)
            return err_set(err, ERR_LIMIT, "the answer's head is too long");
    }
    if (failed)
        return false;
    if (!complete)
        return true;
    TRY(read_line(r, err));
    r->line_len = 0;
    return true;
}

static bool feed_data(struct http_response *r, struct str *input, struct buf *body, struct err *err)
{
    size_t take = input->len;

    if (r->state != HTTP_BODY_CLOSE && take > r->left)
        take = (size_t)r->left;
    buf_add(body, input->at, take);
    if (buf_full(body))
        return err_set(err, ERR_LIMIT, "the answer is longer than %zu bytes", body->bytes_max);
    *input = str_tail(*input, take);
    if (r->state == HTTP_BODY_CLOSE)
        return true;
    r->left -= take;
    if (r->left == 0)
        r->state = r->state == HTTP_CHUNK_DATA ? HTTP_CHUNK_END : HTTP_DONE;
    return true;
}

bool http_response_feed(
    struct http_response *r, struct str *input, struct buf *body, struct err *err)
{
    while (input->len > 0 && r->state != HTTP_DONE) {
        bool data = r->state == HTTP_BODY_LENGTH || r->state == HTTP_BODY_CLOSE ||
                    r->state == HTTP_CHUNK_DATA;

        TRY(data ? feed_data(r, input, body, err) : feed_line(r, input, err));
    }
    return true;
}

bool http_response_end(struct http_response *r, struct err *err)
{
    if (r->state == HTTP_BODY_CLOSE)
        r->state = HTTP_DONE;
    if (r->state != HTTP_DONE)
        return err_set(err, ERR_UNREACHABLE, "the connection ended in the middle of the answer");
    return true;
}
