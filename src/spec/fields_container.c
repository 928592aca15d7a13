/* The rows of a service that is a container. What it shares with a process is in fields_service. */
#include "spec/container_private.h"

#include "base/must.h"

#include <stddef.h>

#define AT(member) offsetof(struct container, member)

const struct container container_defaults = {
    .shm_size = -1,
    .mem_reservation = -1,
    .memswap_limit = -2,
    .mem_swappiness = -1,
};

/* What equals these is not written down. */
static const struct device_request no_request;
static const struct blkio_device no_device;
static const struct container_hook no_hook;
static const struct network_attachment no_attachment;

/* gpus */

static const struct field request_rows[] = {
    ROW_TEXT("driver", struct device_request, driver, "Whose devices: nvidia, …"),
    {.name = "count",
                                                                             .type = FIELD_CUSTOM,
                                                                             .offset = offsetof(struct device_request, count),
                                                                             .forms = FORM_NUMBER | FORM_TEXT,
                                                                             .pattern = "^(all|[0-9]+)$",
                                                                             .decode = decode_device_count,
                                                                             .encode = encode_device_count,
                                                                             .help = "How many, or 'all'."},
    ROW_TEXTS("device_ids", struct device_request, device_ids, "Which ones."),
    ROW_TEXTS("capabilities", struct device_request, capabilities, "What they must be able to do."),
    ROW_NAMED("options", struct device_request, options, "Options of the driver."),
};
const struct field_table fields_device_request =
    FIELD_TABLE("a gpu", "Devices that a container asks for.", request_rows, &no_request);

/* devices */

static const struct device_mapping device_defaults = {.permissions = "rwm"};

static const struct field device_rows[] = {
    ROW_TEXT_NEEDED("source", struct device_mapping, source, "The device on the machine."),
    ROW_TEXT("target", struct device_mapping, target, "The device in the container."),
    ROW_TEXT("permissions", struct device_mapping, permissions,
        "Read (r), write (w) and make (m), of which it may."),
};
static const struct field_table device_table =
    FIELD_TABLE("a device", "A device that a container sees.", device_rows, &device_defaults);

/* blkio_config */

static const struct field weight_rows[] = {
    ROW_TEXT_NEEDED("path", struct blkio_device, path, "The device."),
    {.name = "weight",
                                                        .type = FIELD_COUNT,
                                                        .offset = offsetof(struct blkio_device, rate),
                                                        .min = 10,
                                                        .max = 1000,
                                                        .required = true,
                                                        .help = "Its share."},
};
static const struct field_table weight_table =
    FIELD_TABLE("a device weight", "The share of a device's time.", weight_rows, &no_device);

static const struct field bytes_rows[] = {
    ROW_TEXT_NEEDED("path", struct blkio_device, path, "The device."),
    {.name = "rate",
                                                        .type = FIELD_BYTES,
                                                        .offset = offsetof(struct blkio_device, rate),
                                                        .required = true,
                                                        .help = "Bytes in a second."},
};
static const struct field_table bytes_table =
    FIELD_TABLE("a device bandwidth", "Bytes in a second.", bytes_rows, &no_device);

static const struct field operations_rows[] = {
    ROW_TEXT_NEEDED("path", struct blkio_device, path, "The device."),
    {.name = "rate",
                                                        .type = FIELD_COUNT,
                                                        .offset = offsetof(struct blkio_device, rate),
                                                        .min = 1,
                                                        .max = 1e12,
                                                        .required = true,
                                                        .help = "Operations in a second."},
};
static const struct field_table operations_table =
    FIELD_TABLE("a device operation rate", "Operations in a second.", operations_rows, &no_device);

#define BLKIO(key, member, rows, text) \
    ROW_LIST(key, struct container, blkio.member, struct blkio_device, rows, NULL, FORM_LIST, text)

static const struct field blkio_rows[] = {
    ROW_INT("weight", struct container, blkio.weight, 10, 1000, "Its share of the disks' time."),
    BLKIO("weight_device", weight_device, weight_table, "Its share of single disks."),
    BLKIO("device_read_bps", read_bps, bytes_table, "Bytes that it may read in a second."),
    BLKIO("device_write_bps", write_bps, bytes_table, "Bytes that it may write in a second."),
    BLKIO("device_read_iops", read_iops, operations_table, "Reads in a second."),
    BLKIO("device_write_iops", write_iops, operations_table, "Writes in a second."),
};
static const struct field_table blkio_table = FIELD_TABLE(
    "blkio_config", "How much of the disks it may use.", blkio_rows, &container_defaults);

/* post_start, pre_stop */

static const struct field hook_rows[] = {
    {.name = "command",
     .type = FIELD_CUSTOM,
     .offset = offsetof(struct container_hook, argv),
     .forms = FORM_TEXT | FORM_LIST,
     .merge = MERGE_REPLACE,
     .required = true,
     .decode = decode_words,
     .encode = encode_words,
     .help = "What is run inside the container."},
    ROW_TEXT("user", struct container_hook, user, "Who runs it; without it the container's user."),
    ROW_TEXT("working_dir", struct container_hook, working_dir, "Directory in which it runs."),
    ROW_NAMED("environment", struct container_hook, environment, "More environment variables."),
    ROW_BOOL("privileged", struct container_hook, privileged, "With all rights."),
};
static const struct field_table hook_table =
    FIELD_TABLE("a hook of a container", "A command at a moment of its life.", hook_rows, &no_hook);

/* networks */

static const struct field attachment_rows[] = {
    ROW_TEXTS("aliases", struct network_attachment, aliases, "More names in this network."),
    ROW_TEXT("ipv4_address", struct network_attachment, ipv4_address, "A fixed address."),
    ROW_TEXT("ipv6_address", struct network_attachment, ipv6_address, "A fixed address."),
    ROW_TEXTS(
        "link_local_ips", struct network_attachment, link_local_ips, "Addresses without a router."),
    ROW_TEXT("mac_address", struct network_attachment, mac_address, "A fixed hardware address."),
    ROW_TEXT("interface_name", struct network_attachment, interface_name,
        "What the interface is called inside."),
    ROW_NAMED("driver_opts", struct network_attachment, driver_opts, "Options of the driver."),
    ROW_INT("priority", struct network_attachment, priority, -1e6, 1e6,
        "The network with the highest is connected first."),
    ROW_INT("gw_priority", struct network_attachment, gw_priority, -1e6, 1e6,
        "The network with the highest has the default route."),
};
static const struct field_table attachment_table = FIELD_TABLE("a network of a service",
    "How a service is connected to a network.", attachment_rows, &no_attachment);

/* the service */

static const struct field_choice no_words[] = {
    {"all", 0},
    {NULL,  0}
};

#define C struct container
static const struct field container_rows[] = {
    {.name = "image",
     .type = FIELD_CUSTOM,
     .offset = AT(image),
     .forms = FORM_TEXT,
     .decode = decode_image,
     .encode = encode_plain_text,
     .help = "The image that it runs: NAME[:TAG][@DIGEST], with its registry in front if it is "
                "not Docker Hub's."},
    {.name = "build",
     .type = FIELD_CUSTOM,
     .table = &fields_build,
     .forms = FORM_TEXT | FORM_MAP,
     .decode = decode_build,
     .encode = encode_build,
     .help = "How its image is made: the folder of its context, or a map."},
    {.name = "command",
     .type = FIELD_CUSTOM,
     .offset = AT(command),
     .merge = MERGE_REPLACE,
     .forms = FORM_TEXT | FORM_LIST,
     .default_text = "the image's",
     .decode = decode_words,
     .encode = encode_words,
     .help =
            "What is run: a list of words, or a text that is split into words without a shell."},
    {.name = "entrypoint",
     .type = FIELD_CUSTOM,
     .offset = AT(entrypoint),
     .merge = MERGE_REPLACE,
     .forms = FORM_TEXT | FORM_LIST,
     .default_text = "the image's",
     .decode = decode_words,
     .encode = encode_words,
     .help = "Words that stand before `command`; with it the image's command no longer holds."},
    {.name = "pull_policy",
     .type = FIELD_CUSTOM,
     .offset = AT(pull_policy),
     .effect = FIELD_NO_EFFECT,
     .forms = FORM_TEXT,
     .pattern = PULL_POLICY_PATTERN,
     .default_text = "missing",
     .decode = decode_pull_policy,
     .encode = encode_plain_text,
     .help =
            "When its image is fetched: always, never, missing, build, daily, weekly, every_3h."},
    ROW_TEXT("platform", C, platform, "The platform of its image: linux/amd64, …"),
    ROW_TEXT("runtime", C, runtime, "The engine's runtime that runs it."),
    ROW_TEXT("isolation", C, isolation, "How it is isolated, where the engine has a choice."),
    ROW_PATTERN("container_name", C, container_name, "^[a-zA-Z0-9][a-zA-Z0-9_.-]+$",
        "What the engine calls it; without it PROJECT-SERVICE-NUMBER."),
    ROW_TEXT("hostname", C, hostname, "Its host name."),
    ROW_TEXT("domainname", C, domainname, "Its domain name."),
    ROW_TEXT("mac_address", C, mac_address, "Its hardware address in the first network."),
    ROW_PATTERN("network_mode", C, network_mode,
        "^(none|host|bridge|default|(service|container):.+|[a-zA-Z0-9][a-zA-Z0-9_.-]*)$",
        "In place of `networks`: none, host, bridge, service:NAME or container:NAME."),
    ROW_PATTERN("ipc", C, ipc, "^(|none|private|shareable|host|(service|container):.+)$",
        "Whose shared memory it sees: private, shareable, host, service:NAME, container:NAME."),
    ROW_PATTERN("pid", C, pid, "^(|host|(service|container):.+)$",
        "Whose processes it sees: host, service:NAME or container:NAME."),
    ROW_PATTERN("uts", C, uts, "^(|host)$", "'host': it has the machine's host name."),
    ROW_PATTERN("userns_mode", C, userns_mode, "^(|host)$", "'host': users are the machine's."),
    ROW_PATTERN("cgroup", C, cgroup, "^(host|private)$", "Whose control groups it sees."),
    ROW_TEXT("cgroup_parent", C, cgroup_parent, "The control group above its own."),
    ROW_ENTRIES("networks", C, networks, struct network_attachment, attachment_table,
        FORM_LIST | FORM_MAP, "Networks of the project that it is in; without it the default one."),
    ROW_LIST("ports", C, ports, struct port_mapping, fields_port_mapping, expand_port, FORM_LIST,
        "Ports that are reached from outside: [[IP:]PUBLISHED:]TARGET[/PROTOCOL], ranges too."),
    {.name = "expose",
     .type = FIELD_CUSTOM,
     .offset = AT(expose),
     .effect = FIELD_RESTARTS,
     .merge = MERGE_UNIQUE,
     .forms = FORM_LIST,
     .decode = decode_expose,
     .encode = encode_words,
     .help = "Ports that other services reach anyway, written down for people and tools."},
    ROW_TEXTS("links", C, links, "Services that it also reaches by another name: SERVICE:ALIAS."),
    ROW_TEXTS("external_links", C, external_links,
        "Containers outside of the project that it reaches: CONTAINER:ALIAS."),
    {.name = "extra_hosts",
     .type = FIELD_CUSTOM,
     .offset = AT(extra_hosts),
     .merge = MERGE_BY_NAME,
     .forms = FORM_LIST | FORM_MAP,
     .decode = decode_extra_hosts,
     .encode = encode_words,
     .help = "Names and addresses in its /etc/hosts; 'host-gateway' is this machine."},
    ROW_TEXTS_OR_ONE("dns", C, dns, "Its DNS servers."),
    ROW_TEXTS("dns_opt", C, dns_opt, "Options of its resolver."),
    ROW_TEXTS_OR_ONE("dns_search", C, dns_search, "Domains in which names are looked for."),
    ROW_LIST("volumes", C, mounts, struct mount, fields_mount, expand_mount, FORM_LIST,
        "What is mounted: [SOURCE:]TARGET[:MODE]; SOURCE is a folder or names a volume."),
    ROW_LIST("configs", C, configs, struct file_grant, fields_file_grant, expand_grant, FORM_LIST,
        "Configs of the project that it sees as files."),
    ROW_LIST("secrets", C, secrets, struct file_grant, fields_file_grant, expand_grant, FORM_LIST,
        "Secrets of the project that it sees as files below /run/secrets."),
    ROW_TEXTS_OR_ONE("tmpfs", C, tmpfs, "Folders in memory: PATH[:OPTIONS]."),
    ROW_TEXTS("volumes_from", C, volumes_from,
        "Services or containers whose mounts it has too: NAME[:ro], container:NAME[:ro]."),
    ROW_LIST("devices", C, devices, struct device_mapping, device_table, expand_device, FORM_LIST,
        "Devices that it sees: SOURCE[:TARGET[:PERMISSIONS]]."),
    {.name = "gpus",
     .type = FIELD_CUSTOM,
     .table = &fields_device_request,
     .per_entry = true,
     .offset = AT(gpus),
     .choices = no_words,
     .forms = FORM_TEXT | FORM_LIST,
     .decode = decode_gpus,
     .encode = encode_gpus,
     .help = "Graphics processors that it may use: 'all', or a list."},
    ROW_TEXTS("device_cgroup_rules", C, device_cgroup_rules, "Rules of the device control group."),
    ROW_TEXTS("group_add", C, group_add, "More groups of its user."),
    ROW_TEXTS("cap_add", C, cap_add, "Capabilities that it has besides the engine's usual ones."),
    ROW_TEXTS("cap_drop", C, cap_drop, "Capabilities that it has not."),
    ROW_TEXTS("security_opt", C, security_opt,
        "Options of the security modules: no-new-privileges:true, seccomp=FILE, apparmor=…"),
    ROW_NAMED("sysctls", C, sysctls, "Settings of the kernel, as far as they are its own."),
    ROW_NAMED("storage_opt", C, storage_opt, "Options of the storage driver."),
    ROW_NAMED("annotations", C, annotations, "Annotations for the container's runtime."),
    ROW_BOOL("privileged", C, privileged, "All rights of the machine's root."),
    ROW_BOOL("read_only", C, read_only, "Its own files cannot be changed."),
    ROW_BOOL("init", C, init, "A small first process passes signals on and reaps."),
    ROW_BOOL("tty", C, tty, "It has a terminal."),
    ROW_BOOL("stdin_open", C, stdin_open, "Its standard input stays open."),
    ROW_BOOL("oom_kill_disable", C, oom_kill_disable, "The kernel does not kill it for memory."),
    {.name = "shm_size",
     .type = FIELD_BYTES,
     .offset = AT(shm_size),
     .default_text = "64m",
     .help = "Size of its /dev/shm."},
    {.name = "mem_reservation",
     .type = FIELD_BYTES,
     .offset = AT(mem_reservation),
     .help = "Memory that it keeps when memory is short."},
    {.name = "memswap_limit",
     .type = FIELD_CUSTOM,
     .offset = AT(memswap_limit),
     .forms = FORM_TEXT | FORM_NUMBER,
     .decode = decode_memswap,
     .encode = encode_memswap,
     .help = "Memory and swap together; -1 is no limit."},
    {.name = "mem_swappiness",
     .type = FIELD_INT,
     .offset = AT(mem_swappiness),
     .min = 0,
     .max = 100,
     .help = "How readily the kernel swaps it out."},
    ROW_INT("cpu_shares", C, cpu_shares, 0, 262144, "Its weight where processors are short."),
    ROW_INT("cpu_count", C, cpu_count, 0, 4096, "Processors that it may use (Windows)."),
    {.name = "cpu_percent",
     .type = FIELD_NUMBER,
     .offset = AT(cpu_percent),
     .max = 100,
     .help = "Percentage of the processors (Windows)."},
    ROW_MICROSECONDS("cpu_period", cpu_period_us, "Period of the kernel's scheduler."),
    ROW_MICROSECONDS("cpu_quota", cpu_quota_us, "Time of a processor in each period."),
    ROW_MICROSECONDS("cpu_rt_period", cpu_rt_period_us, "Period for real-time tasks."),
    ROW_MICROSECONDS("cpu_rt_runtime", cpu_rt_runtime_us, "Real-time tasks' time in a period."),
    {.name = "blkio_config",
     .type = FIELD_MAP,
     .table = &blkio_table,
     .help = "How much of the disks it may use."},
    ROW_LIST("post_start", C, post_start, struct container_hook, hook_table, NULL, FORM_LIST,
        "Commands that are run inside when it has started."),
    ROW_LIST("pre_stop", C, pre_stop, struct container_hook, hook_table, NULL, FORM_LIST,
        "Commands that are run inside before it is stopped."),
    {.name = "credential_spec",                                                                                          .type = FIELD_REFUSED,                                                                      .help = "only Windows containers have one"                                                                                             },
    {.name = "use_api_socket",
     .type = FIELD_REFUSED,
     .help = "mount the engine's socket with `volumes`"                                                                                     },
    {.name = "hang",           .type = FIELD_REFUSED,           .help = "it belongs to processes"                },
};
const struct field_table fields_container = FIELD_TABLE("a container",
    "What a service with `image` or `build` has besides, or in place of, a process's keys.",
    container_rows, &container_defaults);
