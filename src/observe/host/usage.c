#include "base/mem.h"
#include "observe/host/host_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct usage {
    int stat_fd, memory_fd, cpu_fd; /* -1: not asked */
};

bool usage_parse_number(struct str text, int64_t *out)
{
    if (str_to_int(str_trim(text), out))
        return *out >= 0;
    while (text.len > 0) {
        struct str value = str_cut(&text, '\n');
        if (!str_is(str_cut(&value, ' '), "usage_usec"))
            continue;
        if (!str_to_int(value, out) || *out < 0 || *out > INT64_MAX / 1000)
            return false;
        *out *= 1000;
        return true;
    }
    return false;
}

static bool open_file(const char *path, int *out_fd, struct err *err)
{
    if (path == NULL)
        return true;
    *out_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *out_fd != -1 || err_sys(err, "open %s", path);
}

bool usage_open(struct usage **out, const struct usage_source *source, struct err *err)
{
    struct usage *u = mem_new(struct usage);

    *u = (struct usage){.stat_fd = -1, .memory_fd = -1, .cpu_fd = -1};
    if (!open_file(source->memory_file, &u->memory_fd, err) ||
        !open_file(source->cpu_file, &u->cpu_fd, err))
        goto fail;
    if (u->memory_fd == -1 || u->cpu_fd == -1) {
        u->stat_fd = host_proc_open(source->pid, "stat", err);
        if (u->stat_fd == -1)
            goto fail;
    }
    *out = u;
    return true;
fail:
    usage_close(&u);
    return err_in(err, "usage");
}

static void close_file(int fd)
{
    if (fd != -1)
        (void)close(fd);
}

void usage_close(struct usage **u)
{
    if (*u == NULL)
        return;
    close_file((*u)->stat_fd);
    close_file((*u)->memory_fd);
    close_file((*u)->cpu_fd);
    free(*u);
    *u = NULL;
}

static bool read_number(int fd, int64_t *out, struct err *err)
{
    char text[1024];
    ssize_t n = pread(fd, text, sizeof text, 0);

    if (n == -1 && errno == ENODEV)
        return err_set(err, ERR_MISSING, "the cgroup is gone");
    if (n == -1)
        return err_sys(err, "read a cgroup file");
    if (!usage_parse_number((struct str){text, (size_t)n}, out))
        return err_set(err, ERR_CORRUPT, "a cgroup file has another form");
    return true;
}

bool usage_read(struct usage *u, struct process_usage *out, struct err *err)
{
    *out = (struct process_usage){0};
    if (u->stat_fd != -1)
        TRY(host_proc_read_stat(u->stat_fd, out, err));
    if (u->memory_fd != -1)
        TRY(read_number(u->memory_fd, &out->memory_bytes, err));
    if (u->cpu_fd != -1)
        TRY(read_number(u->cpu_fd, &out->cpu_ns, err));
    return true;
}
