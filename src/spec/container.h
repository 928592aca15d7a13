/* container.h - what only a container has: the keys of a service with `image` or `build`, and the
 * project's networks, volumes, configs and secrets.
 *
 *     service ── container ─┬─ image, build          where its files come from
 *                           ├─ networks, ports       how it is reached
 *                           ├─ mounts, secrets, …    what it sees
 *                           └─ cap_add, devices, …   what it may do
 *
 * What a container has in common with a process (environment, healthcheck, limits, restart …) is in
 * `struct service`. Lists are `struct field_list`, read by FIELD_AT; texts that may be absent are
 * NULL; "names" are name, value, name, value, …, NULL in order of the names, or NULL for none. The
 * meaning of every member is that of Compose's key of its name. All of it lives as the project. */
#ifndef TEND_SPEC_CONTAINER_H
#define TEND_SPEC_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries of one struct, in the order of the file. */
struct field_list {
    const void *at;
    size_t count;
};
#define FIELD_AT(list, type, i) (&((const type *)(list).at)[i])

/* `ports`, one entry a port of the container. */
struct port_mapping {
    const char *name, *host_ip, *app_protocol;
    const char *published; /* "8080", "8000-8010" (any of them), NULL: the engine's choice */
    const char *protocol;  /* "tcp", "udp" or "sctp" */
    const char *mode;      /* "host" or "ingress", which are the same on one machine */
    int target;
};

enum mount_type {
    MOUNT_BIND,    /* source is an absolute path of the machine */
    MOUNT_VOLUME,  /* source names a volume of the project; NULL: an anonymous one */
    MOUNT_TMPFS,   /* memory */
    MOUNT_NPIPE,   /* Windows */
    MOUNT_CLUSTER, /* Swarm */
    MOUNT_IMAGE,   /* source is an image */
};

/* `volumes`, one entry a mount. */
struct mount {
    enum mount_type type;
    const char *source, *target, *consistency;
    bool read_only;
    const char *propagation; /* bind: "rprivate", … */
    const char *selinux;     /* bind: "z" or "Z" */
    const char *recursive;   /* bind: "enabled", "disabled", … */
    bool create_host_path;   /* bind: a missing source is made; true unless declared */
    bool nocopy;             /* volume */
    const char *subpath;     /* volume, image */
    const char *const *volume_labels;
    int64_t tmpfs_bytes; /* -1: no limit */
    int tmpfs_mode;      /* -1: the engine's */
};

/* `networks` of a service, one entry a network. */
struct network_attachment {
    const char *name;
    const char *const *aliases, *const *link_local_ips, *const *driver_opts;
    const char *ipv4_address, *ipv6_address, *mac_address, *interface_name;
    int priority, gw_priority;
};

/* `configs` and `secrets` of a service: a file that it sees. */
struct file_grant {
    const char *source; /* the name at the top of the file */
    const char *target; /* NULL: /NAME for a config, /run/secrets/NAME for a secret */
    const char *uid, *gid;
    int mode; /* -1: 0444 */
};

struct device_mapping {
    const char *source, *target, *permissions;
};

struct device_request {
    const char *driver;
    int count; /* -1: all */
    const char *const *device_ids, *const *capabilities, *const *options;
};

/* blkio_config: a device and its weight, bytes or operations in a second. */
struct blkio_device {
    const char *path;
    int64_t rate;
};

struct blkio {
    int weight; /* 0: none declared */
    struct field_list weight_device, read_bps, write_bps, read_iops, write_iops;
};

/* `post_start` and `pre_stop`, one entry a command. */
struct container_hook {
    const char *const *argv;
    const char *user, *working_dir;
    const char *const *environment; /* names */
    bool privileged;
};

struct build {
    const char *context; /* absolute path, or an address of a repository or archive */
    const char *dockerfile, *dockerfile_inline, *target, *network, *isolation, *provenance, *sbom;
    const char *const *args, *const *labels, *const *additional_contexts; /* names */
    const char *const *cache_from,
        *const *cache_to, *const *extra_hosts, *const *platforms,
                                                   *const *tags, *const *ssh, *const *entitlements;
    struct field_list secrets; /* struct file_grant */
    int64_t shm_size;          /* -1: the engine's */
    bool no_cache, pull, privileged;
};

struct container {
    const char *image;
    const struct build *build;                      /* NULL: none */
    const char *const *command, *const *entrypoint; /* NULL: the image's; empty: none */
    const char *pull_policy, *platform, *runtime, *isolation;
    const char *container_name, *hostname, *domainname, *mac_address;
    const char *network_mode, *ipc, *pid, *uts, *userns_mode, *cgroup, *cgroup_parent;
    struct field_list networks; /* struct network_attachment; none: the project's default */
    struct field_list ports;    /* struct port_mapping */
    const char *const *expose, *const *links, *const *external_links, *const *extra_hosts;
    const char *const *dns, *const *dns_opt, *const *dns_search;
    struct field_list mounts;           /* struct mount */
    struct field_list configs, secrets; /* struct file_grant */
    const char *const *tmpfs, *const *volumes_from;
    struct field_list devices, gpus; /* struct device_mapping, struct device_request */
    const char *const *device_cgroup_rules, *const *group_add;
    const char *const *cap_add, *const *cap_drop, *const *security_opt;
    const char *const *sysctls, *const *storage_opt, *const *annotations; /* names */
    bool privileged, read_only, init, tty, stdin_open, oom_kill_disable;
    int64_t shm_size, mem_reservation; /* -1: not declared */
    int64_t memswap_limit;             /* -1: none; -2: not declared */
    int mem_swappiness;                /* -1: not declared */
    int cpu_shares, cpu_count;         /* 0: not declared */
    double cpu_percent;
    int64_t cpu_period_us, cpu_quota_us, cpu_rt_period_us, cpu_rt_runtime_us; /* 0: not declared */
    struct blkio blkio;
    struct field_list post_start, pre_stop; /* struct container_hook */
};

/* ---- top-level maps ---- */

struct ipam_pool {
    const char *subnet, *ip_range, *gateway;
    const char *const *aux_addresses; /* names */
};

struct network {
    const char *key;       /* as services name it */
    const char *real_name; /* as the engine does; NULL: PROJECT_KEY */
    const char *driver;
    const char *const *driver_opts, *const *labels, *const *ipam_options; /* names */
    const char *ipam_driver;
    struct field_list pools; /* struct ipam_pool */
    bool external, internal, attachable, enable_ipv6, disable_ipv4;
};

struct volume_source {
    const char *key, *real_name, *driver;
    const char *const *driver_opts, *const *labels;
    bool external;
};

/* A config or a secret: what is granted to services as a file. */
struct file_source {
    const char *key, *real_name;
    const char *file;        /* absolute path */
    const char *environment; /* a variable's name */
    const char *content;     /* configs only */
    const char *const *labels;
    bool external;
};

struct shared_lists {
    struct field_list networks, volumes; /* struct network, struct volume_source */
    struct field_list configs, secrets;  /* struct file_source */
};

#endif
