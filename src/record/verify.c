/* verify.c - recomputing the chain from the files alone. */
#include "base/mem.h"
#include "base/must.h"
#include "record/journal_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW_BYTES   (256u << 10)
#define PROGRESS_BYTES (16u << 20)

struct check {
    int dir_fd;
    struct journal_verdict *verdict;
    struct hash chain;
    struct window window;

    journal_progress_fn progress;
    void *data;
    uint64_t bytes, of_bytes, told_bytes;
};

/* The first damage is the verdict; returns false so that the walk ends. */
static bool broken(struct check *c, uint32_t number, off_t offset, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static bool broken(struct check *c, uint32_t number, off_t offset, const char *fmt, ...)
{
    struct journal_verdict *v = c->verdict;
    va_list args;

    v->ok = false;
    v->broken_seq = v->head_seq + 1;
    v->offset = (uint64_t)offset;
    (void)snprintf(v->file, sizeof v->file, "%08u.seg", number);
    va_start(args, fmt);
    (void)vsnprintf(v->reason, sizeof v->reason, fmt, args);
    va_end(args);
    return false;
}

static bool tell_progress(struct check *c, struct err *err)
{
    if (c->progress == NULL || c->bytes - c->told_bytes < PROGRESS_BYTES)
        return true;
    c->told_bytes = c->bytes;
    if (c->progress(c->data, c->verdict->events, c->bytes, c->of_bytes))
        return true;
    return err_set(err, ERR_CANCELLED, "verification was given up");
}

static bool begin_segment(struct check *c, const struct segment_header *h)
{
    struct journal_verdict *v = c->verdict;

    if (h->first_seq != v->head_seq + 1)
        return broken(c, h->number, 0, "the file begins with event %llu: events are missing",
            (unsigned long long)h->first_seq);
    if (!hash_eq(&h->before, &c->chain))
        return broken(c, h->number, 0, "the file does not follow the one before it (chain)");
    return true;
}

static bool check_record(
    struct check *c, uint32_t number, off_t offset, const unsigned char *record)
{
    struct journal_verdict *v = c->verdict;
    const char *why;

    if (record_seq(record) != v->head_seq + 1)
        return broken(c, number, offset, "event %llu stands in its place",
            (unsigned long long)record_seq(record));
    if (!record_follows(record, &c->chain, &why))
        return broken(c, number, offset, "%s", why);
    v->head_seq++;
    v->events++;
    v->head = c->chain;
    v->erased += record_is_erased(record);
    return true;
}

/* Bytes that are no record: an unfinished write at the very end, or damage. */
static bool judge_rest(struct check *c, uint32_t number, off_t offset, bool is_last,
    enum record_state state, const char *why, struct err *err)
{
    struct stat st;
    off_t next = -1;

    if (state == RECORD_DAMAGED)
        return broken(c, number, offset, "%s", why);
    if (!window_resync(&c->window, offset + 8, &next, err) || fstat(c->window.fd, &st) == -1)
        return err_in(err, "look behind an unfinished event");
    if (!is_last || next != -1)
        return broken(c, number, offset, "it is not whole");
    c->verdict->torn_bytes = (uint64_t)(st.st_size - offset);
    return true;
}

static bool check_records(struct check *c, uint32_t number, bool is_last, struct err *err)
{
    off_t offset = SEGMENT_HEADER_BYTES;

    for (;;) {
        const unsigned char *record;
        enum record_state state;
        const char *why = "";
        TRY(window_record(&c->window, offset, &record, &state, &why, err));
        if (record == NULL)
            return true;
        if (state != RECORD_WHOLE)
            return judge_rest(c, number, offset, is_last, state, why, err);
        if (!check_record(c, number, offset, record))
            return false;
        offset += (off_t)record_bytes(record);
        c->bytes += record_bytes(record);
        TRY(tell_progress(c, err));
    }
}

/* A last file shorter than a header is one that is being made. */
static bool is_unfinished_file(int fd, bool is_last, uint64_t *out_bytes)
{
    struct stat st;

    if (!is_last || fstat(fd, &st) == -1 || st.st_size >= (off_t)SEGMENT_HEADER_BYTES)
        return false;
    *out_bytes = (uint64_t)st.st_size;
    return true;
}

static bool check_open_segment(struct check *c, uint32_t number, bool is_last, struct err *err)
{
    struct segment_header h;
    struct err why;

    if (is_unfinished_file(c->window.fd, is_last, &c->verdict->torn_bytes))
        return true;
    if (!store_read_header(c->window.fd, number, &h, &why)) {
        if (why.kind == ERR_CORRUPT)
            return broken(c, number, 0, "%s", why.text);
        if (err != NULL)
            *err = why;
        return false;
    }
    return begin_segment(c, &h) && check_records(c, number, is_last, err);
}

/* False: damage (the verdict is not ok any more), or an error. */
static bool check_segment(struct check *c, uint32_t number, bool is_last, struct err *err)
{
    int fd;

    TRY(store_open_file(c->dir_fd, number, O_RDONLY, &fd, err));
    window_reset(&c->window, fd);
    bool ok = check_open_segment(c, number, is_last, err);
    (void)close(fd);
    return ok;
}

static uint64_t bytes_of(int dir_fd, const struct segment_numbers *numbers)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < numbers->count; i++) {
        char name[SEGMENT_NAME_BYTES];
        struct stat st;
        segment_name(numbers->at[i], name);
        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            bytes += (uint64_t)st.st_size;
    }
    return bytes;
}

static bool check_all(struct check *c, struct err *err)
{
    struct segment_numbers numbers = {0};
    bool ok = store_list(c->dir_fd, &numbers, err);

    c->of_bytes = bytes_of(c->dir_fd, &numbers);
    for (size_t i = 0; ok && i < numbers.count; i++) {
        bool follows = i == 0 || numbers.at[i] == numbers.at[i - 1] + 1;
        ok = follows ? check_segment(c, numbers.at[i], i + 1 == numbers.count, err)
                     : broken(c, numbers.at[i - 1] + 1, 0, "the file is missing");
    }
    vec_fini(&numbers);
    return ok || !c->verdict->ok;
}

bool journal_verify(const char *dir, journal_progress_fn progress, void *data,
    struct journal_verdict *out, struct err *err)
{
    struct check c = {.verdict = out, .progress = progress, .data = data};

    *out = (struct journal_verdict){.ok = true, .first_seq = 1};
    c.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c.dir_fd == -1)
        return err_sys(err, "verify journal %s", dir);
    window_init(&c.window, -1, WINDOW_BYTES);
    bool ok = check_all(&c, err);
    window_fini(&c.window);
    (void)close(c.dir_fd);
    return ok || err_in(err, "verify journal %s", dir);
}
