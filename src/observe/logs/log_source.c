#include "observe/logs/log_source.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/regex.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a line may have begun that spans the place one starts at. */
#define REACH_BACK_BYTES ((int64_t)LOG_LINE_BYTES_MAX + (64 << 10))

bool log_source_open(struct log_source *s, const char *path, const struct log_filter *filter,
    size_t block_bytes, struct err *err)
{
    *s = (struct log_source){
        .filter = *filter, .block_bytes = block_bytes, .budget_bytes = INT64_MAX};
    if (log_chain_open(&s->chain, path, err))
        return true;
    log_source_close(s);
    return false;
}

void log_source_close(struct log_source *s)
{
    log_chain_close(&s->chain);
    cri_join_fini(&s->join);
    free(s->block);
    s->block = NULL;
}

void log_source_seek(struct log_source *s, struct log_place place)
{
    s->emit_from = place;
    s->place = log_chain_back(&s->chain, place, REACH_BACK_BYTES);
    s->skipping = s->place.offset > 0;
    s->start = s->end = s->scanned = 0;
    s->in_long = false;
    cri_join_fini(&s->join);
    s->join = (struct cri_join){0};
}

/* ---- lines ---- */

/* Where the record ended that has just been taken out of the block. */
static struct log_place here(const struct log_source *s)
{
    return (struct log_place){s->place.file, s->place.offset - (int64_t)(s->end - s->start)};
}

static bool is_wanted(const struct log_source *s)
{
    const struct log_filter *f = &s->filter;
    const struct log_line *l = &s->line;

    if (l->at_ns < f->since_ns || (f->until_ns != 0 && l->at_ns >= f->until_ns))
        return false;
    if (f->pattern != NULL && !regex_search(f->pattern, l->text))
        return false;
    return f->grep.len == 0 || memmem(l->text.at, l->text.len, f->grep.at, f->grep.len) != NULL;
}

static bool take_record(struct log_source *s, const struct cri_record *r)
{
    if (!cri_join_feed(&s->join, r, &s->line))
        return false;
    return log_place_before(s->emit_from, here(s)) && is_wanted(s);
}

/* A record, or the last part of one that did not fit the block. */
static bool take_bytes(struct log_source *s, struct str bytes)
{
    struct cri_record r;

    if (!s->in_long) {
        r = cri_parse(bytes, &s->clock);
    } else {
        r = s->long_record;
        r.text = bytes;
        s->in_long = false;
    }
    return take_record(s, &r);
}

/* The block is full and has no line end: hand on what is there as a piece of the record. */
static bool take_long(struct log_source *s)
{
    struct str bytes = {s->block + s->start, s->end - s->start};

    if (!s->in_long) {
        s->long_record = cri_parse(bytes, &s->clock);
        bytes = s->long_record.text;
    }
    struct cri_record r = s->long_record;
    r.text = bytes;
    r.partial = true;
    s->in_long = true;
    s->start = s->end = s->scanned = 0;
    return take_record(s, &r);
}

/* True when a wanted line came about from what is in the block. */
static bool take_from_block(struct log_source *s)
{
    while (s->scanned < s->end) {
        char *from = s->block + s->scanned;
        char *line_end = memchr(from, '\n', s->end - s->scanned);
        if (line_end == NULL) {
            s->scanned = s->end;
            return false;
        }
        struct str bytes = {s->block + s->start, (size_t)(line_end - (s->block + s->start))};
        s->start = s->scanned = (size_t)(line_end + 1 - s->block);
        if (s->skipping)
            s->skipping = false;
        else if (take_bytes(s, bytes))
            return true;
    }
    return false;
}

/* ---- bytes ---- */

static void make_room(struct log_source *s)
{
    if (s->block == NULL)
        s->block = mem_alloc(1, s->block_bytes);
    if (s->start == 0)
        return;
    memmove(s->block, s->block + s->start, s->end - s->start);
    s->end -= s->start;
    s->scanned -= s->start;
    s->start = 0;
}

static size_t may_read(const struct log_source *s)
{
    size_t room = s->block_bytes - s->end;

    if (s->limited && s->place.file == s->limit.file &&
        s->limit.offset - s->place.offset < (int64_t)room)
        room = s->limit.offset > s->place.offset ? (size_t)(s->limit.offset - s->place.offset) : 0;
    return room;
}

/* Bytes read; 0 at the end of the file or the limit; -1. */
static ssize_t read_on(struct log_source *s, struct err *err)
{
    struct log_file *f = &s->chain.files.at[s->place.file];
    size_t room = may_read(s);
    ssize_t n = room > 0 ? pread(f->fd, s->block + s->end, room, s->place.offset) : 0;

    if (n == -1) {
        err_sys(err, "read %s", s->chain.path);
        return -1;
    }
    s->end += (size_t)n;
    s->place.offset += n;
    s->budget_bytes -= s->budget_bytes != INT64_MAX ? n : 0;
    return n;
}

/* Somebody emptied the file in place, which our writer does not do. */
static bool was_emptied(struct log_source *s)
{
    struct stat st;

    if (s->limited || fstat(s->chain.files.at[s->place.file].fd, &st) == -1 ||
        st.st_size >= s->place.offset)
        return false;
    s->place.offset = 0;
    s->start = s->end = s->scanned = 0;
    return true;
}

static bool has_next_file(const struct log_source *s)
{
    return s->place.file + 1 < s->chain.files.count &&
           !(s->limited && s->place.file >= s->limit.file);
}

/* A complete file's last record without a line end, or at the very end what was never ended. */
static bool take_rest(struct log_source *s)
{
    struct str bytes = {s->block + s->start, s->end - s->start};

    if (bytes.len == 0 || s->skipping) {
        s->start = s->end = s->scanned = 0;
        s->skipping = false;
        return false;
    }
    s->start = s->scanned = s->end;
    return take_bytes(s, bytes);
}

static bool take_pending(struct log_source *s)
{
    while (cri_join_flush(&s->join, &s->line))
        if (is_wanted(s))
            return true;
    return false;
}

static void release_block(struct log_source *s)
{
    if (s->start != s->end)
        return;
    free(s->block); /* thousands of idle sources may follow */
    s->block = NULL;
    s->start = s->end = s->scanned = 0;
}

enum step { GO_ON, LINE, DRAINED, STEP_FAILED };

static enum step pass_to_next_file(struct log_source *s)
{
    bool came = take_rest(s);

    s->place = (struct log_place){s->place.file + 1, 0};
    if (s->follows && !s->limited)
        log_chain_forget_before(&s->chain, s->place.file); /* nobody seeks any more */
    return came ? LINE : GO_ON;
}

/* At the end of what is in the current file. */
static enum step pass_end(struct log_source *s, struct err *err)
{
    bool grew = false;

    if (was_emptied(s))
        return GO_ON;
    if (has_next_file(s))
        return pass_to_next_file(s);
    if (s->follows && !s->limited) {
        if (!log_chain_refresh(&s->chain, &grew, err))
            return STEP_FAILED;
        if (grew)
            return GO_ON; /* this file first: it may have grown meanwhile */
    }
    if (!s->follows && (take_rest(s) || take_pending(s)))
        return LINE;
    release_block(s);
    return DRAINED;
}

static enum step read_more(struct log_source *s, struct err *err)
{
    bool grew;

    if (s->chain.files.count == 0) {
        if (!log_chain_refresh(&s->chain, &grew, err))
            return STEP_FAILED;
        return grew ? GO_ON : DRAINED;
    }
    make_room(s);
    if (s->end == s->block_bytes) {
        if (s->skipping)
            s->start = s->end = s->scanned = 0;
        else if (take_long(s))
            return LINE;
    }
    ssize_t n = read_on(s, err);
    if (n == -1)
        return STEP_FAILED;
    return n > 0 ? GO_ON : pass_end(s, err);
}

enum log_next log_source_next(struct log_source *s, struct err *err)
{
    s->line = (struct log_line){.service = s->service, .slot = s->slot};
    for (;;) {
        if (take_from_block(s))
            return LOG_NEXT_LINE;
        if (s->budget_bytes <= 0)
            return LOG_NEXT_PAUSED;
        if (s->cancelled != NULL && *s->cancelled) {
            err_set(err, ERR_CANCELLED, "cancelled");
            return LOG_NEXT_FAILED;
        }
        switch (read_more(s, err)) {
        case LINE:
            return LOG_NEXT_LINE;
        case DRAINED:
            return LOG_NEXT_DRAINED;
        case STEP_FAILED:
            return LOG_NEXT_FAILED;
        case GO_ON:
            break;
        }
    }
}
