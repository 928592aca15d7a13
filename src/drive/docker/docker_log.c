/* A container's output into tend's log file: CRI records, as the shim writes a process's.
 *
 * The engine keeps each line with its time. Where following begins again (another daemon, another
 * engine, a restart) it is asked for what came since the last time that the file holds, and what
 * the file holds already is passed over: so many records of exactly that time. */
#include "drive/docker/docker_private.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_BYTES_MAX (1u << 20)
#define TAIL_BYTES      65536
#define STAMP_BYTES     64

struct docker_log {
    struct docker_container *container;
    char *path;
    int fd;
    int64_t bytes, bytes_max;
    int files_max;
    struct call *call;
    struct timer *timer;
    struct frames frames;
    struct buf entry; /* "TIME TEXT\n" of the frame under way */
    struct buf out;
    char last[STAMP_BYTES]; /* the time of the last record in the file */
    size_t at_last;         /* so many records have it */
    size_t skip;            /* of them so many come again */
    bool failing;
};

static void follow(void *data);

/* ---- the file ---- */

static void open_file(struct docker_log *log)
{
    struct stat st;

    log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    log->bytes = log->fd != -1 && fstat(log->fd, &st) == 0 ? st.st_size : 0;
}

static void rotate(struct docker_log *log)
{
    for (int n = log->files_max; n > 0; n--) {
        char *from = n > 1 ? mem_format("%s.%d", log->path, n - 1) : mem_format("%s", log->path);
        char *to = mem_format("%s.%d", log->path, n);
        (void)rename(from, to); /* not all are there yet */
        free(from);
        free(to);
    }
    if (log->files_max == 0) {
        if (ftruncate(log->fd, 0) == 0)
            log->bytes = 0;
        return;
    }
    (void)close(log->fd);
    open_file(log);
}

static void write_out(struct docker_log *log)
{
    struct err err = ERR_INIT;

    if (log->out.len == 0)
        return;
    if (log->bytes_max > 0 && log->bytes > 0 && log->bytes + (int64_t)log->out.len > log->bytes_max)
        rotate(log);
    if (log->fd == -1)
        open_file(log);
    bool ok = log->fd != -1 && fs_write_all(log->fd, buf_str(&log->out), &err);
    if (ok)
        log->bytes += (int64_t)log->out.len;
    else if (!log->failing)
        log_warn(
            "container.logs_dropped", "container=%s err=\"%s\"", log->container->name, err.text);
    log->failing = !ok;
    buf_reset(&log->out);
}

/* ---- where it ends ---- */

static void count_stamp(struct docker_log *log, struct str stamp)
{
    if (stamp.len == 0 || stamp.len >= STAMP_BYTES)
        return;
    if (str_is(stamp, log->last)) {
        log->at_last++;
        return;
    }
    (void)snprintf(log->last, sizeof log->last, "%.*s", STR_ARG(stamp));
    log->at_last = 1;
}

/* The times of the records at the file's end. */
static void read_end(struct docker_log *log)
{
    char *tail = mem_new_array(TAIL_BYTES, char);
    off_t from = log->bytes > TAIL_BYTES ? log->bytes - TAIL_BYTES : 0;
    ssize_t n = log->fd != -1 ? pread(log->fd, tail, TAIL_BYTES, from) : 0;
    struct str rest = {tail, n > 0 ? (size_t)n : 0};

    if (from > 0)
        (void)str_cut(&rest, '\n');
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        count_stamp(log, str_cut(&line, ' '));
    }
    free(tail);
}

/* ---- records ---- */

static void add_record(struct docker_log *log, int stream, struct str entry)
{
    struct str text = entry, stamp = str_cut(&text, ' ');
    bool full = text.len > 0 && text.at[text.len - 1] == '\n';
    int order = str_cmp(stamp, str_from(log->last));

    if (stamp.len < 20 || stamp.len >= STAMP_BYTES)
        return;
    if (log->last[0] != '\0' && order < 0 && log->skip > 0)
        return; /* the engine's `since` is coarser */
    if (order == 0 && log->skip > 0) {
        log->skip--;
        return;
    }
    if (order > 0)
        log->skip = 0;
    if (full)
        text.len--;
    count_stamp(log, stamp);
    buf_format(&log->out, "%.*s %s %c ", STR_ARG(stamp), stream == 2 ? "stderr" : "stdout",
        full ? 'F' : 'P');
    buf_add_str(&log->out, text);
    buf_add_byte(&log->out, '\n');
    if (log->out.len > TAIL_BYTES)
        write_out(log);
}

static void on_frame(void *data, int stream, struct str piece, bool last)
{
    struct docker_log *log = data;

    buf_add_str(&log->entry, piece);
    if (!last)
        return;
    add_record(log, stream, buf_str(&log->entry));
    buf_reset(&log->entry);
}

/* With a terminal there are no frames: lines as they are. */
static void take_lines(struct docker_log *log, struct str piece)
{
    while (piece.len > 0) {
        ptrdiff_t end = str_find(piece, '\n');
        struct str part = {piece.at, end < 0 ? piece.len : (size_t)end + 1};
        on_frame(log, 1, part, end >= 0);
        piece = str_tail(piece, part.len);
    }
}

static void on_piece(void *data, struct str piece)
{
    struct docker_log *log = data;
    struct err err = ERR_INIT;

    if (log->container->instance.service->container->tty)
        take_lines(log, piece);
    else if (!frames_feed(&log->frames, piece, on_frame, log, &err))
        log_warn(
            "container.logs_broken", "container=%s err=\"%s\"", log->container->name, err.text);
    write_out(log);
}

static void on_done(void *data, int status, struct str body, const struct err *err)
{
    struct docker_log *log = data;

    (void)status;
    (void)body;
    (void)err; /* the container's life is watched elsewhere */
    log->call = NULL;
    log->frames = (struct frames){0};
    buf_reset(&log->entry);
    if (log->container->state == CONTAINER_RUNNING)
        timer_set(log->timer, RETRY_MS / 4);
}

/* "SECONDS.NANOSECONDS" of the last record, as the engine takes it; 0 for all. */
static void since(const struct docker_log *log, char *out, size_t bytes)
{
    int64_t wall_ns;

    if (log->last[0] == '\0' || !clock_parse(str_from(log->last), &wall_ns))
        (void)snprintf(out, bytes, "0");
    else
        (void)snprintf(out, bytes, "%lld.%09lld", (long long)(wall_ns / NS_PER_S),
            (long long)(wall_ns % NS_PER_S));
}

static void follow(void *data)
{
    struct docker_log *log = data;
    char target[700], from[64];

    if (log->call != NULL || log->container->docker->api == 0)
        return;
    log->skip = log->at_last;
    since(log, from, sizeof from);
    (void)snprintf(target, sizeof target,
        "/containers/%s/logs?follow=1&stdout=1&stderr=1&timestamps=1&since=%s",
        log->container->name, from);
    log->call = docker_call(
        log->container->docker, "GET", target, STR(""), INT64_MAX, on_piece, on_done, log);
}

struct docker_log *docker_log_open(struct docker_container *c)
{
    struct docker_log *log = mem_new(struct docker_log);
    char *dir = mem_format("%s/%s", c->docker->logs_dir, c->instance.service->name);
    struct err err = ERR_INIT;

    log->container = c;
    log->path = mem_format("%s/%d.log", dir, c->instance.slot);
    log->bytes_max = c->instance.service->logging.file_bytes_max;
    log->files_max = c->instance.service->logging.files_max;
    log->entry = (struct buf)BUF_INIT(ENTRY_BYTES_MAX);
    log->out = (struct buf)BUF_INIT(4 * ENTRY_BYTES_MAX);
    log->timer = timer_create_on(c->docker->loop, follow, log);
    if (!fs_make_dirs(dir, 0700, &err))
        log_warn("container.logs_dropped", "container=%s err=\"%s\"", c->name, err.text);
    free(dir);
    open_file(log);
    read_end(log);
    return log;
}

void docker_log_follow(struct docker_log *log)
{
    follow(log);
}

void docker_log_close(struct docker_log **pointer)
{
    struct docker_log *log = *pointer;

    if (log == NULL)
        return;
    *pointer = NULL;
    call_cancel(&log->call);
    timer_destroy(&log->timer);
    write_out(log);
    if (log->fd != -1)
        (void)close(log->fd);
    buf_fini(&log->entry);
    buf_fini(&log->out);
    free(log->path);
    free(log);
}
