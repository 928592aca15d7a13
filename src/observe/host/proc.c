#include "base/clock.h"
#include "base/fs.h"
#include "observe/host/host.h"
#include "observe/host/host_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SMAPS_BYTES_MAX (64u << 10)

/* proc(5), /proc/PID/stat: fields count from 1; the first two are cut off with the name. */
enum { FIELD_STATE = 3, FIELD_UTIME = 14, FIELD_STIME = 15, FIELD_THREADS = 20, FIELD_START = 22 };
enum { FIELD_RSS = 24, FIELD_LAST = FIELD_RSS };

static int64_t ticks_to_ns(int64_t ticks)
{
    return ticks * (NS_PER_S / sysconf(_SC_CLK_TCK));
}

/* The name stands in parentheses and may hold any byte, parentheses too: the last one counts. */
static bool split_fields(struct str text, int64_t fields[FIELD_LAST + 1], char *out_state)
{
    const char *end = text.len > 0 ? memrchr(text.at, ')', text.len) : NULL;

    if (end == NULL)
        return false;
    struct str rest = str_trim(str_tail(text, (size_t)(end + 1 - text.at)));
    struct str state = str_cut(&rest, ' ');
    if (state.len != 1)
        return false;
    *out_state = state.at[0];
    for (int i = FIELD_STATE + 1; i <= FIELD_LAST; i++) {
        uint64_t beyond; /* rsslim and the like do not fit a signed number */
        struct str field = str_cut(&rest, ' ');
        if (!str_to_int(field, &fields[i]) && !str_to_uint(field, &beyond))
            return false;
    }
    return true;
}

bool host_proc_parse_stat(struct str text, struct process_usage *out, struct err *err)
{
    int64_t fields[FIELD_LAST + 1] = {0};
    char state;

    if (!split_fields(text, fields, &state))
        return err_set(err, ERR_CORRUPT, "/proc/…/stat has another form");
    if (state == 'Z' || state == 'X')
        return err_set(err, ERR_MISSING, "no such process: it has ended");
    *out = (struct process_usage){
        .cpu_ns = ticks_to_ns(fields[FIELD_UTIME] + fields[FIELD_STIME]),
        .memory_bytes = fields[FIELD_RSS] * sysconf(_SC_PAGESIZE),
        .started_ns = ticks_to_ns(fields[FIELD_START]),
        .threads = (int)fields[FIELD_THREADS],
    };
    return true;
}

int host_proc_open(pid_t pid, const char *file, struct err *err)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 && (errno == ENOENT || errno == ESRCH))
        err_set(err, ERR_MISSING, "no such process: %d", (int)pid);
    else if (fd == -1)
        err_sys(err, "open %s", path);
    return fd;
}

bool host_proc_read_stat(int fd, struct process_usage *out, struct err *err)
{
    char text[1024];
    ssize_t n = pread(fd, text, sizeof text, 0);

    if (n == -1 && errno == ESRCH)
        return err_set(err, ERR_MISSING, "no such process: it has ended");
    if (n == -1)
        return err_sys(err, "read /proc/…/stat");
    return host_proc_parse_stat((struct str){text, (size_t)n}, out, err);
}

bool host_process_usage(pid_t pid, struct process_usage *out, struct err *err)
{
    int fd = host_proc_open(pid, "stat", err);

    if (fd == -1)
        return false;
    bool ok = host_proc_read_stat(fd, out, err);
    (void)close(fd);
    return ok;
}

/* "Pss:      1234 kB" and the like, in bytes. */
bool host_proc_find_kilobytes(struct str text, const char *name, int64_t *out_bytes)
{
    while (text.len > 0) {
        struct str value = str_cut(&text, '\n');
        if (!str_is(str_cut(&value, ':'), name))
            continue;
        value = str_trim(value);
        if (!str_to_int(str_cut(&value, ' '), out_bytes) || *out_bytes > INT64_MAX / 1024)
            return false;
        *out_bytes *= 1024;
        return true;
    }
    return false;
}

bool host_process_pss(pid_t pid, int64_t *out_bytes, struct err *err)
{
    char path[64];
    struct buf text = BUF_INIT(SMAPS_BYTES_MAX);

    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    bool ok = fs_read(path, &text, err);
    if (ok && !host_proc_find_kilobytes(buf_str(&text), "Pss", out_bytes))
        ok = err_set(err, ERR_MISSING, "%s names no Pss", path);
    else if (!ok && err != NULL && (err->sys == ENOENT || err->sys == ESRCH))
        err->kind = ERR_MISSING;
    buf_fini(&text);
    return ok;
}
