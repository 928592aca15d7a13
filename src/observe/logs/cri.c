#include "observe/logs/cri.h"

#include "base/clock.h"

#include <string.h>

/* "2026-11-23T21:06:00.123456789Z stdout F " */
#define TIME_BYTES        30
#define MINUTE_BYTES      17
#define STREAM_BYTES      6
#define TAG_AT            (TIME_BYTES + 1 + STREAM_BYTES + 1)

#define PENDING_BYTES_MAX (2 * LOG_LINE_BYTES_MAX)

const char *log_stream_name(enum log_stream stream)
{
    return stream == LOG_STDERR ? "stderr" : "stdout";
}

static bool digits(const char *at, size_t count, int64_t *out)
{
    int64_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        n = n * 10 + (at[i] - '0');
    }
    *out = n;
    return true;
}

/* "00.123456789Z" of the form that our writer uses. */
static bool parse_within_minute(const char *at, int64_t *out_ns)
{
    int64_t seconds, nanos;

    if (!digits(at + MINUTE_BYTES, 2, &seconds) || seconds > 59 || at[19] != '.' ||
        !digits(at + 20, 9, &nanos) || at[29] != 'Z')
        return false;
    *out_ns = seconds * NS_PER_S + nanos;
    return true;
}

static bool parse_in_minute(const char *at, const struct cri_clock *clock, int64_t *out_ns)
{
    if (clock->minute[0] == 0 || memcmp(at, clock->minute, MINUTE_BYTES) != 0 ||
        !parse_within_minute(at, out_ns))
        return false;
    *out_ns += clock->minute_ns;
    return true;
}

static bool parse_time(struct str text, struct cri_clock *clock, int64_t *out_ns)
{
    int64_t within_ns;

    if (text.len == TIME_BYTES && parse_in_minute(text.at, clock, out_ns))
        return true;
    if (!clock_parse(text, out_ns))
        return false;
    if (text.len == TIME_BYTES && parse_within_minute(text.at, &within_ns)) {
        memcpy(clock->minute, text.at, MINUTE_BYTES);
        clock->minute_ns = *out_ns - within_ns;
    }
    return true;
}

static bool parse_stream(struct str text, enum log_stream *out)
{
    *out = str_is(text, "stderr") ? LOG_STDERR : LOG_STDOUT;
    return *out == LOG_STDERR || str_is(text, "stdout");
}

/* "F", "P", or several with colons between, of which the first counts. */
static bool parse_tag(struct str tag, bool *out_partial)
{
    if (tag.len == 0 || (tag.len > 1 && tag.at[1] != ':'))
        return false;
    *out_partial = tag.at[0] == 'P';
    return tag.at[0] == 'P' || tag.at[0] == 'F';
}

/* Our writer's form has everything at fixed places. */
static bool parse_fixed(struct str bytes, struct cri_clock *clock, struct cri_record *r)
{
    if (bytes.len < TAG_AT + 2 || bytes.at[TIME_BYTES] != ' ' || bytes.at[TAG_AT - 1] != ' ' ||
        bytes.at[TAG_AT + 1] != ' ')
        return false;
    r->text = (struct str){bytes.at + TAG_AT + 2, bytes.len - TAG_AT - 2};
    return parse_in_minute(bytes.at, clock, &r->at_ns) &&
           parse_stream((struct str){bytes.at + TIME_BYTES + 1, STREAM_BYTES}, &r->stream) &&
           parse_tag((struct str){bytes.at + TAG_AT, 1}, &r->partial);
}

struct cri_record cri_parse(struct str bytes, struct cri_clock *clock)
{
    struct cri_record r = {0};

    if (parse_fixed(bytes, clock, &r))
        return r;
    r.text = bytes;
    struct str time = str_cut(&r.text, ' '), stream = str_cut(&r.text, ' ');
    struct str tag = str_cut(&r.text, ' ');
    if (parse_stream(stream, &r.stream) && parse_tag(tag, &r.partial) &&
        parse_time(time, clock, &r.at_ns))
        return r;
    return (struct cri_record){.malformed = true, .text = bytes};
}

void cri_join_fini(struct cri_join *j)
{
    buf_fini(&j->pending[0].text);
    buf_fini(&j->pending[1].text);
}

static struct cri_pending *pending_of(struct cri_join *j, enum log_stream stream)
{
    struct cri_pending *p = &j->pending[stream];

    if (p->text.bytes_max == 0)
        buf_init(&p->text, PENDING_BYTES_MAX);
    if (p->given) {
        buf_reset(&p->text);
        p->given = false;
    }
    return p;
}

static void describe(struct log_line *out, const struct cri_record *r, int64_t at_ns)
{
    out->at_ns = at_ns;
    out->stream = r->stream;
    out->text = r->text;
    out->continues = r->partial;
    out->malformed = r->malformed;
}

bool cri_join_feed(struct cri_join *j, const struct cri_record *r, struct log_line *out)
{
    if (r->malformed) {
        describe(out, r, j->last_ns);
        return true;
    }
    j->last_ns = r->at_ns;
    struct cri_pending *p = pending_of(j, r->stream);
    if (!p->open && (!r->partial || r->text.len >= LOG_LINE_BYTES_MAX)) {
        p->open = r->partial;
        p->at_ns = r->at_ns;
        describe(out, r, r->at_ns);
        return true; /* the common case: nothing is copied */
    }
    if (!p->open)
        p->at_ns = r->at_ns;
    p->open = r->partial;
    buf_add_str(&p->text, r->text);
    if (r->partial && p->text.len < LOG_LINE_BYTES_MAX)
        return false;
    describe(out, r, p->at_ns);
    out->text = buf_str(&p->text);
    p->given = true;
    return true;
}

bool cri_join_flush(struct cri_join *j, struct log_line *out)
{
    for (int stream = LOG_STDOUT; stream <= LOG_STDERR; stream++) {
        struct cri_pending *p = pending_of(j, stream);
        p->open = false;
        if (p->text.len == 0)
            continue;
        *out = (struct log_line){.service = out->service,
            .slot = out->slot,
            .at_ns = p->at_ns,
            .stream = stream,
            .text = buf_str(&p->text),
            .continues = true};
        p->given = true;
        return true;
    }
    return false;
}
