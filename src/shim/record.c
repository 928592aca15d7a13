#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_TRIES   100
#define LOCK_WAIT_MS 10

bool record_open(struct shim *s)
{
    s->state_fd = openat(s->dir_fd, "state", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->state_fd == -1)
        return false;
    /* A shim that was just killed may still be going. */
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(s->state_fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        (void)poll(NULL, 0, LOCK_WAIT_MS);
    }
    return false;
}

struct shim_record record_make(const struct shim *s, enum shim_record_kind kind)
{
    return (struct shim_record){
        .magic = SHIM_MAGIC,
        .version = SHIM_VERSION,
        .kind = (uint16_t)kind,
        .bytes = sizeof(struct shim_record),
        .run_id = s->state.run_id,
        .incarnation = s->state.incarnation,
        .boot_ns = sys_boot_ns(),
        .wall_ns = sys_wall_ns(),
        .start_ticks = s->state.start_ticks,
        .pid = s->state.pid,
        .restarts = s->state.restarts,
    };
}

static void record_path(char out[PATH_BYTES], uint64_t number)
{
    (void)text_number(text_add(out, "r."), number);
}

static void write_file(struct shim *s, const struct shim_record *r)
{
    char path[PATH_BYTES];

    record_path(path, r->number);
    int fd = openat(s->dir_fd, "r.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1)
        return; /* a full disk: the connected daemon still hears of it */
    bool whole = write(fd, r, sizeof *r) == (ssize_t)sizeof *r;
    (void)close(fd);
    if (whole)
        (void)renameat(s->dir_fd, "r.tmp", s->dir_fd, path);
    else
        (void)unlinkat(s->dir_fd, "r.tmp", 0);
}

/* The older half makes place; the newest of it says how many they were. */
static void merge_old(struct shim *s)
{
    uint64_t last = s->record_low + SHIM_RECORDS_MAX / 2 - 1;
    struct shim_record merged = record_make(s, SHIM_MERGED);
    char path[PATH_BYTES];

    for (uint64_t number = s->record_low; number < last; number++) {
        struct shim_record old;
        record_path(path, number);
        if (sys_read_file(s->dir_fd, path, (char *)&old, sizeof old) > 0 && old.kind == SHIM_MERGED)
            merged.merged += old.merged;
        else
            merged.merged++;
        (void)unlinkat(s->dir_fd, path, 0);
    }
    merged.merged++;
    merged.number = last;
    write_file(s, &merged);
    s->record_low = last;
}

void record_write(struct shim *s, struct shim_record *r)
{
    if (s->state.record_high + 1 - s->record_low >= SHIM_RECORDS_MAX)
        merge_old(s);
    r->number = ++s->state.record_high;
    write_file(s, r);
}

void state_write(struct shim *s)
{
    s->state.flags = (s->policy.held ? SHIM_STATE_HELD : 0) |
                     (s->adopted ? SHIM_STATE_ADOPTED : 0) |
                     (s->log.error != 0 ? SHIM_STATE_LOG_DROPPING : 0);
    s->state.log_dropped_bytes = s->log.gap_bytes_total + s->log.gap_bytes;
    (void)!pwrite(s->state_fd, &s->state, sizeof s->state, 0); /* full disk: only a copy */
}
