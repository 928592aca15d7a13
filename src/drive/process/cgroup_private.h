/* cgroup_private.h - what cgroup_world.c finds and cgroup.c uses. */
#ifndef TEND_DRIVE_PROCESS_CGROUP_PRIVATE_H
#define TEND_DRIVE_PROCESS_CGROUP_PRIVATE_H

#include "drive/process/cgroup.h"

#define CGROUP_WHY_BYTES 200

struct cgroup_world {
    char *dirs[CGROUP_CONTROLLERS]; /* the project's folder where that controller is; NULL: none */
    bool is_v2[CGROUP_CONTROLLERS]; /* … which is the v2 hierarchy */
    char *v2_dir;                   /* the project's folder in v2; NULL: none */
    char why[CGROUP_CONTROLLERS][CGROUP_WHY_BYTES]; /* "" when usable */
    char *own_v2;  /* the daemon's own v2 group, where controllers are handed on */
    bool has_kill; /* v2 with cgroup.kill */
};

const char *cgroup_controller_name(enum cgroup_controller c);

#endif
