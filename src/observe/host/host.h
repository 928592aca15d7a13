/* host.h - what this machine has, and what processes take of it: /proc and cgroup files.
 *
 * One-shot questions take any thread. A `struct usage` keeps its files open, so that asking again
 * costs one pread a file, and so that a recycled pid is never mistaken for the process it was
 * opened for; it belongs to one thread at a time. */
#ifndef TEND_OBSERVE_HOST_HOST_H
#define TEND_OBSERVE_HOST_HOST_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the machine ---- */

/* Processors this process may run on; at least 1. */
int host_cpu_count(void);

struct host_memory {
    int64_t total_bytes;
    int64_t available_bytes; /* without swapping, as the kernel estimates it */
};
MUST_USE bool host_memory(struct host_memory *out, struct err *err);

struct host_disk {
    int64_t total_bytes;
    int64_t free_bytes; /* for those who are not root */
    int64_t free_inodes;
};
/* Of the file system that `path` lies on. */
MUST_USE bool host_disk(const char *path, struct host_disk *out, struct err *err);

/* ---- a process ---- */

struct process_usage {
    int64_t cpu_ns;       /* user and system, since it started */
    int64_t memory_bytes; /* resident, by the kernel's cheap counter, which lags behind by some
                           * 100 kB; of a cgroup: what is charged to it, file cache included */
    int64_t started_ns;   /* CLOCK_BOOTTIME, as exact as the kernel says (10 ms); 0 of a cgroup */
    int threads;          /* 0 of a cgroup */
};
/* ERR_MISSING when there is no such process; a zombie counts as gone. */
MUST_USE bool host_process_usage(pid_t pid, struct process_usage *out, struct err *err);
/* Proportional set size (shared pages divided among their users), which costs the kernel a walk. */
MUST_USE bool host_process_pss(pid_t pid, int64_t *out_bytes, struct err *err);

struct host_self {
    struct process_usage usage;
    int open_fds;
    int max_fds;
};
/* This process. */
MUST_USE bool host_self(struct host_self *out, struct err *err);

/* ---- the same again and again ---- */

/* Where to read: a process, or better the cgroup that holds its children too. */
struct usage_source {
    pid_t pid;               /* used for what no file is named for */
    const char *memory_file; /* …/memory.current or v1's …/memory.usage_in_bytes; NULL: of `pid` */
    const char *cpu_file;    /* …/cpu.stat or v1's …/cpuacct.usage; NULL: of `pid` */
};

struct usage;
MUST_USE bool usage_open(struct usage **out, const struct usage_source *source, struct err *err);
void usage_close(struct usage **u);
/* ERR_MISSING when process or cgroup is gone. */
MUST_USE bool usage_read(struct usage *u, struct process_usage *out, struct err *err);

#endif
