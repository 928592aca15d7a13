#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 160

/* ---- the file and its rotated ones ---- */

static bool open_file(struct log_file *log)
{
    struct stat st;

    log->fd = openat(
        log->dir_fd, log->name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log->fd == -1)
        return false;
    log->bytes = fstat(log->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    return true;
}

bool log_open(struct log_file *log, const struct spec *spec)
{
    log->name = spec->log_name;
    log->bytes_max = spec->log_bytes;
    log->files_max = spec->log_files;
    log->fd = -1;
    log->dir_fd = open(spec->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dir_fd == -1)
        return false;
    (void)open_file(log); /* a full or broken disk: output is dropped and counted */
    return true;
}

static void rotated_name(const struct log_file *log, uint32_t number, char out[NAME_BYTES])
{
    char *at = text_add(out, log->name);

    if (number > 0)
        (void)text_number(text_add(at, "."), number);
}

static void rotate(struct log_file *log)
{
    char from[NAME_BYTES], to[NAME_BYTES];

    if (log->files_max == 0) {
        if (log->fd != -1 && ftruncate(log->fd, 0) == 0)
            log->bytes = 0;
        return;
    }
    for (uint32_t number = log->files_max; number > 0; number--) {
        rotated_name(log, number - 1, from);
        rotated_name(log, number, to);
        (void)renameat(log->dir_fd, from, log->dir_fd, to); /* not all are there yet */
    }
    if (log->fd != -1)
        (void)close(log->fd);
    (void)open_file(log);
}

/* Somebody may have removed or emptied the file: then a new one, or from its start. */
static void look_again(struct log_file *log)
{
    struct stat st;

    if (log->fd != -1 && fstat(log->fd, &st) == 0) {
        log->bytes = (uint64_t)st.st_size;
        if (st.st_nlink > 0)
            return;
        (void)close(log->fd);
    }
    (void)open_file(log);
}

/* ---- gaps ---- */

/* What the service wrote in these records, without what we put before it. */
static uint64_t content_bytes(const unsigned char *records, size_t length)
{
    uint64_t total = 0;

    for (size_t at = 0; at + CRI_PREFIX_BYTES < length;) {
        const unsigned char *newline =
            memchr(records + at + CRI_PREFIX_BYTES, '\n', length - at - CRI_PREFIX_BYTES);
        if (newline == NULL)
            break;
        size_t end = (size_t)(newline - records) + 1;
        total += end - at - CRI_PREFIX_BYTES - (records[at + STAMP_BYTES + 8] == 'P');
        at = end;
    }
    return total;
}

static void drop(struct log_file *log, const unsigned char *records, size_t length, int error)
{
    log->report = log->report || log->error == 0;
    log->error = error;
    log->gap_bytes += content_bytes(records, length);
    log->retry_at_ms = sys_boot_ms() + LOG_RETRY_MS;
}

/* 0, or the errno; then the file ends with a whole record again, and out_put says where. */
static int write_records(
    struct log_file *log, const unsigned char *records, size_t length, size_t *out_put)
{
    size_t put = 0;
    int error = 0;

    while (put < length && error == 0) {
        ssize_t got = log->fd == -1 ? -1 : write(log->fd, records + put, length - put);
        if (got >= 0)
            put += (size_t)got;
        else if (log->fd == -1 || errno != EINTR)
            error = log->fd == -1 ? ENOENT : errno;
    }
    if (error != 0 && put > 0) {
        size_t torn = 0;
        while (torn < put && records[put - torn - 1] != '\n')
            torn++;
        if (torn > 0 && ftruncate(log->fd, (off_t)(log->bytes + put - torn)) == 0)
            put -= torn;
    }
    log->bytes += put;
    *out_put = put;
    return error;
}

static const char *name_error(int error)
{
    switch (error) {
    case ENOSPC:
        return "no space left on device";
    case EDQUOT:
        return "disk quota exceeded";
    case EIO:
        return "input/output error";
    case EROFS:
        return "read-only file system";
    case EFBIG:
        return "file too large";
    default:
        return "the log could not be written";
    }
}

static size_t put_record(char *at, const char *stream, const char *text)
{
    char *start = at;

    output_stamp(sys_wall_ns(), at);
    at = text_add(at + STAMP_BYTES, " ");
    at = text_add(text_add(at, stream), " F ");
    at = text_add(text_add(at, text), "\n");
    return (size_t)(at - start);
}

/* When there is space again: end what was cut off, then say what is missing. */
static bool write_gap(struct log_file *log, struct stream streams[2])
{
    char text[128], records[4 * sizeof text + 4 * CRI_PREFIX_BYTES];
    char *at = records;
    size_t put;

    for (size_t i = 0; i < 2; i++)
        if (streams[i].torn)
            at += put_record(at, streams[i].name, "");
    (void)text_add(text_add(text_number(text_add(text, "tend: "), log->gap_bytes),
                       " bytes of output were dropped: "),
        name_error(log->error));
    at += put_record(at, "stderr", text);
    if (write_records(log, (const unsigned char *)records, (size_t)(at - records), &put) != 0)
        return false;
    streams[0].torn = streams[1].torn = false;
    return true;
}

static bool recover(struct log_file *log, struct stream streams[2])
{
    if (sys_boot_ms() < log->retry_at_ms)
        return false;
    look_again(log);
    if (log->gap_bytes > 0 && !write_gap(log, streams))
        return false;
    log->gap_bytes_total += log->gap_bytes;
    log->error = 0;
    log->report = true;
    return true;
}

/* ---- writing ---- */

void log_flush(struct log_file *log, struct stream streams[2])
{
    size_t length = log->out_used, put = 0;

    log->out_used = 0;
    if (log->error != 0 && !recover(log, streams)) {
        int64_t retry_at_ms = log->retry_at_ms;
        drop(log, log->out, length, log->error);
        if (retry_at_ms > sys_boot_ms())
            log->retry_at_ms = retry_at_ms;
        return;
    }
    if (length == 0)
        return;
    look_again(log);
    int error = write_records(log, log->out, length, &put);
    if (error != 0)
        drop(log, log->out + put, length - put, error);
}

unsigned char *log_room(struct log_file *log, struct stream streams[2], size_t bytes)
{
    bool full = log->bytes_max > 0 && log->bytes + log->out_used + bytes > log->bytes_max;

    if (log->out_used + bytes > OUT_BYTES || full)
        log_flush(log, streams);
    if (full && log->bytes > 0 && log->error == 0)
        rotate(log);
    unsigned char *at = log->out + log->out_used;
    log->out_used += (uint32_t)bytes;
    return at;
}
