#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t); /* cannot fail for these clocks */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t sys_boot_ns(void)
{
    return clock_ns(CLOCK_BOOTTIME);
}

int64_t sys_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

char *text_number(char *at, uint64_t number)
{
    char digits[20];
    int count = 0;

    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

char *text_add(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
    *at = '\0';
    return at;
}

ssize_t sys_read_file(int dir_fd, const char *path, char *out, size_t capacity)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return -1;
    size_t length = 0;
    ssize_t got = 0;
    while (length < capacity - 1 && (got = read(fd, out + length, capacity - 1 - length)) > 0)
        length += (size_t)got;
    int error = errno;
    (void)close(fd);
    errno = error;
    out[length] = '\0';
    return got < 0 ? -1 : (ssize_t)length;
}

bool sys_write_file(int dir_fd, const char *path, const char *text)
{
    int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);

    if (fd == -1)
        return false;
    size_t length = strlen(text);
    bool ok = write(fd, text, length) == (ssize_t)length;
    (void)close(fd);
    return ok;
}

static const char *read_number(const char *at, int64_t *out)
{
    bool minus = *at == '-';
    uint64_t value = 0;

    for (at += minus; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    *out = (int64_t)(minus ? 0 - value : value); /* too large a number wraps, as unsigned ones do */
    return at;
}

bool process_stat_parse(const char *text, struct process_stat *out)
{
    const char *name_end = strrchr(text, ')'); /* the name may hold anything, ')' too */

    if (name_end == NULL || name_end[1] != ' ' || name_end[2] == '\0')
        return false;
    memset(out, 0, sizeof *out);
    out->state = name_end[2];
    const char *at = name_end + 3;
    for (int field = 4; field <= 52 && *at == ' '; field++) {
        int64_t value;
        at = read_number(at + 1, &value);
        if (field == 4)
            out->parent = (int)value;
        else if (field == 6)
            out->session = (int)value;
        else if (field == 22)
            out->start_ticks = (uint64_t)value;
        else if (field == 52)
            out->exit_code = (int)value;
    }
    return out->start_ticks > 0;
}

bool process_stat_read(int pid, struct process_stat *out)
{
    char path[PATH_BYTES], text[1024];

    if (pid <= 0)
        return false;
    (void)text_add(text_number(text_add(path, "/proc/"), (uint64_t)pid), "/stat");
    return sys_read_file(AT_FDCWD, path, text, sizeof text) > 0 && process_stat_parse(text, out);
}
