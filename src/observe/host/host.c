#include "observe/host/host.h"

#include "base/fs.h"
#include "observe/host/host_private.h"

#include <dirent.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CPUS_MAX          8192
#define MEMINFO_BYTES_MAX (64u << 10)

int host_cpu_count(void)
{
    cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
    size_t bytes = CPU_ALLOC_SIZE(CPUS_MAX);
    int count = 0;

    if (set != NULL && sched_getaffinity(0, bytes, set) == 0)
        count = CPU_COUNT_S(bytes, set);
    CPU_FREE(set);
    return count > 0 ? count : 1;
}

bool host_memory(struct host_memory *out, struct err *err)
{
    struct buf text = BUF_INIT(MEMINFO_BYTES_MAX);
    bool ok = fs_read("/proc/meminfo", &text, err);

    if (ok && !(host_proc_find_kilobytes(buf_str(&text), "MemTotal", &out->total_bytes) &&
                  host_proc_find_kilobytes(buf_str(&text), "MemAvailable", &out->available_bytes)))
        ok = err_set(err, ERR_CORRUPT, "/proc/meminfo has another form");
    buf_fini(&text);
    return ok;
}

bool host_disk(const char *path, struct host_disk *out, struct err *err)
{
    struct statvfs st;

    if (statvfs(path, &st) == -1)
        return err_sys(err, "statvfs %s", path);
    *out = (struct host_disk){
        .total_bytes = (int64_t)(st.f_blocks * st.f_frsize),
        .free_bytes = (int64_t)(st.f_bavail * st.f_frsize),
        .free_inodes = (int64_t)st.f_favail,
    };
    return true;
}

static bool count_fds(int *out, struct err *err)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -1; /* the folder's own */

    if (dir == NULL)
        return err_sys(err, "/proc/self/fd");
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    (void)closedir(dir);
    *out = count;
    return true;
}

bool host_self(struct host_self *out, struct err *err)
{
    struct rlimit limit;

    TRY(host_process_usage(getpid(), &out->usage, err));
    TRY(count_fds(&out->open_fds, err));
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return err_sys(err, "getrlimit");
    out->max_fds = limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
    return true;
}
