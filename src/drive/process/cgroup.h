/* cgroup.h - control groups, v1, v2 or both: limits, tracking, killing, usage.
 *
 * Each instance has a group tend/PROJECT/SERVICE.SLOT below the daemon's own, in every hierarchy
 * that is useful: where v2 is mounted, for tracking and killing (even without controllers), and
 * where memory, cpu, cpuacct, pids and freezer live. /proc/self/mountinfo is read once.
 *
 * The daemon makes and removes groups; a service enters its own at birth, by its shim.
 * One thread at a time. */
#ifndef TEND_DRIVE_PROCESS_CGROUP_H
#define TEND_DRIVE_PROCESS_CGROUP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct cgroup_world; /* what this machine offers */
struct cgroup;       /* the groups of one instance */

enum cgroup_controller {
    CGROUP_MEMORY,
    CGROUP_CPU,
    CGROUP_CPUACCT, /* v2: a part of cpu */
    CGROUP_PIDS,
    CGROUP_FREEZER, /* v2: always there */
    CGROUP_CONTROLLERS,
};

struct cgroup_limits {
    int64_t memory_bytes;      /* -1 none */
    double cpus;               /* 0 none */
    int64_t pids;              /* -1 none */
    int64_t reserved_bytes;    /* 0 none */
    int64_t memory_swap_bytes; /* memory and swap together; -1 no limit, 0 not said */
    int cpu_shares;            /* v1's measure; 0 not said */
};

struct cgroup_usage {
    int64_t memory_bytes; /* -1: not known */
    int64_t cpu_us;       /* since the group was made; -1: not known */
    int64_t pids;         /* -1: not known */
    int64_t oom_kills;    /* -1: not known */
    int64_t throttled_us; /* -1: not known */
};

/* Never fails: a world without usable groups is a world, see cgroup_degraded. `name` is the
 * project's folder, a file name. */
struct cgroup_world *cgroup_world_create(const char *name);
/* As above from a mountinfo and a /proc/self/cgroup text, touching nothing: for tests. */
struct cgroup_world *cgroup_world_parse(const char *name, const char *mountinfo, const char *own);
/* Removes the project's folders if they are empty. */
void cgroup_world_destroy(struct cgroup_world **w);
/* Why a limit cannot be set here, or NULL if it can. */
const char *cgroup_degraded(const struct cgroup_world *w, enum cgroup_controller c);
/* The project's folder in the hierarchy that owns the controller; NULL: none. */
const char *cgroup_world_dir(const struct cgroup_world *w, enum cgroup_controller c);

/* Makes the groups (existing ones are taken over) and sets the limits; a limit that cannot be set
 * is an error, groups for mere tracking that cannot be made are left out. */
MUST_USE bool cgroup_open(struct cgroup **out, struct cgroup_world *w, const char *name,
    const struct cgroup_limits *limits, struct err *err);
/* The groups stay. */
void cgroup_close(struct cgroup **g);
/* Removes the groups; false while processes are in them. */
bool cgroup_remove(struct cgroup *g);
/* SIGKILL to everything in them. */
void cgroup_kill(struct cgroup *g);
void cgroup_read(const struct cgroup *g, struct cgroup_usage *out);

/* Absolute folders for the shim. */
const char *cgroup_v2_dir(const struct cgroup *g);         /* NULL: none */
const char *const *cgroup_v1_dirs(const struct cgroup *g); /* NULL-terminated */
const char *cgroup_freezer_dir(const struct cgroup *g);    /* v1 only; NULL: none */
const char *cgroup_oom_file(const struct cgroup *g);       /* NULL: none */

#endif
