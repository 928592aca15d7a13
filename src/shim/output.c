#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES_BURST (1 << 20)
#define DRAIN_READS_MAX  40 /* what a pipe may hold, and no more: somebody may go on writing */
#define PAGE_BYTES       4096

/* ---- one record: "TIME stdout F text\n" ---- */

static char *two_digits(char *at, int64_t number)
{
    *at++ = (char)('0' + number / 10 % 10);
    *at++ = (char)('0' + number % 10);
    return at;
}

/* Days since 1970 → date: Howard Hinnant, "chrono-compatible low-level date algorithms". */
void output_stamp(int64_t wall_ns, char out[STAMP_BYTES])
{
    int64_t seconds = wall_ns / 1000000000, nanos = wall_ns % 1000000000;
    int64_t days = seconds / 86400 + 719468, of_day = seconds % 86400;
    int64_t era = days / 146097, of_era = days % 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    char *at = two_digits(two_digits(out, year / 100), year);

    *at++ = '-';
    at = two_digits(at, month);
    *at++ = '-';
    at = two_digits(at, of_year - (153 * shifted + 2) / 5 + 1);
    *at++ = 'T';
    at = two_digits(at, of_day / 3600);
    *at++ = ':';
    at = two_digits(at, of_day / 60 % 60);
    *at++ = ':';
    at = two_digits(at, of_day % 60);
    *at++ = '.';
    for (int64_t unit = 100000000; unit > 0; unit /= 10)
        *at++ = (char)('0' + nanos / unit % 10);
    *at = 'Z';
}

void output_emit(struct shim *s, struct stream *stream, char tag, const unsigned char *bytes,
    size_t length, const char *stamp)
{
    unsigned char *at = log_room(&s->log, s->streams, CRI_PREFIX_BYTES + length + 1);

    memcpy(at, stamp, STAMP_BYTES);
    at[STAMP_BYTES] = ' ';
    memcpy(at + STAMP_BYTES + 1, stream->name, 6);
    at[STAMP_BYTES + 7] = ' ';
    at[STAMP_BYTES + 8] = (unsigned char)tag;
    at[STAMP_BYTES + 9] = ' ';
    if (length > 0)
        memcpy(at + CRI_PREFIX_BYTES, bytes, length);
    at[CRI_PREFIX_BYTES + length] = '\n';
    stream->torn = tag == 'P';
}

/* ---- a stream: bytes → records ---- */

static void cut_lines(struct shim *s, struct stream *stream, size_t length, const char *stamp)
{
    unsigned char *at = stream->bytes, *end = at + length, *scan = at + stream->held;

    for (;;) {
        unsigned char *newline = memchr(scan, '\n', (size_t)(end - scan));
        unsigned char *line_end = newline != NULL ? newline : end;
        for (; line_end - at > PIECE_BYTES; at += PIECE_BYTES)
            output_emit(s, stream, 'P', at, PIECE_BYTES, stamp);
        if (newline == NULL)
            break;
        output_emit(s, stream, 'F', at, (size_t)(newline - at), stamp);
        at = scan = newline + 1;
    }
    stream->held = (uint32_t)(end - at);
    if (stream->held > 0 && at != stream->bytes)
        memmove(stream->bytes, at, stream->held);
}

static bool read_once(struct shim *s, struct stream *stream)
{
    char stamp[STAMP_BYTES];
    ssize_t got = read(stream->read_fd, stream->bytes + stream->held, READ_BYTES);

    if (got <= 0)
        return false;
    output_stamp(sys_wall_ns(), stamp);
    cut_lines(s, stream, stream->held + (size_t)got, stamp);
    log_flush(&s->log, s->streams);
    if (got == READ_BYTES && !stream->enlarged) {
        stream->enlarged = true; /* fewer turns in a burst; refused without privilege: as it is */
        (void)fcntl(stream->read_fd, F_SETPIPE_SZ, PIPE_BYTES_BURST);
    }
    return true;
}

void output_read(struct shim *s, struct stream *stream)
{
    if (!read_once(s, stream))
        return;
    int64_t now_ms = sys_boot_ms();
    stream->held_until_ms = stream->held > 0 ? now_ms + HELD_MS : 0;
    s->release_at_ms = now_ms + RELEASE_MS;
}

static void finish_line(struct shim *s, struct stream *stream)
{
    char stamp[STAMP_BYTES];

    if (stream->held == 0 && !stream->torn)
        return;
    output_stamp(sys_wall_ns(), stamp);
    output_emit(s, stream, 'F', stream->bytes, stream->held, stamp);
    stream->held = 0;
    stream->held_until_ms = 0;
    log_flush(&s->log, s->streams);
}

void output_drain(struct shim *s)
{
    for (size_t i = 0; i < 2; i++) {
        for (int reads = 0; reads < DRAIN_READS_MAX && read_once(s, &s->streams[i]); reads++)
            ;
        finish_line(s, &s->streams[i]);
    }
}

/* ---- deadlines ---- */

static void flush_held(struct shim *s, struct stream *stream)
{
    char stamp[STAMP_BYTES];

    output_stamp(sys_wall_ns(), stamp);
    output_emit(s, stream, 'P', stream->bytes, stream->held, stamp);
    stream->held = 0;
    stream->held_until_ms = 0;
    log_flush(&s->log, s->streams);
}

static void release_buffers(struct shim *s)
{
    for (size_t i = 0; i < 2; i++) {
        struct stream *stream = &s->streams[i];
        size_t keep = (stream->held + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
        (void)madvise(stream->bytes + keep, STREAM_BYTES - keep, MADV_DONTNEED);
    }
    (void)madvise(s->log.out, OUT_BYTES, MADV_DONTNEED);
    s->release_at_ms = 0;
}

void output_due(struct shim *s, int64_t now_ms)
{
    for (size_t i = 0; i < 2; i++)
        if (s->streams[i].held_until_ms > 0 && s->streams[i].held_until_ms <= now_ms)
            flush_held(s, &s->streams[i]);
    if (s->log.error != 0 && s->log.retry_at_ms <= now_ms)
        log_flush(&s->log, s->streams);
    if (s->release_at_ms > 0 && s->release_at_ms <= now_ms)
        release_buffers(s);
    if (s->log.report)
        control_tell_log(s);
}

/* ---- pipes ---- */

/* Both ends are open for reading and writing, so that neither we nor the service ever meet an end
 * of file or a broken pipe when the other is replaced. */
static bool open_fifo(struct shim *s, struct stream *stream, const char *path)
{
    if (mkfifoat(s->dir_fd, path, 0600) == -1 && errno != EEXIST)
        return false;
    stream->read_fd = openat(s->dir_fd, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    stream->write_fd = openat(s->dir_fd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (stream->read_fd == -1 || stream->write_fd == -1)
        return false;
    if (s->spec.change_user) /* it may open /dev/stdout */
        (void)fchown(stream->write_fd, s->spec.user.uid, s->spec.user.gid);
    return true;
}

bool output_open(struct shim *s)
{
    size_t total = 2 * (size_t)STREAM_BYTES + OUT_BYTES;
    unsigned char *bytes = mmap(
        NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (bytes == MAP_FAILED)
        return false;
    s->streams[0] = (struct stream){.name = "stdout", .bytes = bytes};
    s->streams[1] = (struct stream){.name = "stderr", .bytes = bytes + STREAM_BYTES};
    s->log.out = bytes + 2 * (size_t)STREAM_BYTES;
    return open_fifo(s, &s->streams[0], "out") && open_fifo(s, &s->streams[1], "err");
}
