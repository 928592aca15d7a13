/* The rows of the project and of a service. */
#include "spec/container_private.h"
#include "spec/load_private.h"

#include "base/must.h"

#include <signal.h>
#include <stddef.h>

#define AT(member) offsetof(struct service, member)

const struct service service_defaults = {
    .restart = {.condition = RESTART_ALWAYS,
                .window_ns = 60 * INT64_C(1000000000),
                .delay_ns = 50 * INT64_C(1000000),
                .delay_max_ns = 30 * INT64_C(1000000000),
                .stable_ns = 10 * INT64_C(1000000000)},
    .stop_signal = SIGTERM,
    .stop_grace_ns = 10 * INT64_C(1000000000),
    .hang = {.dump_wait_ns = INT64_C(1000000000)},
    .replicas = 1,
    .oom_score_adj = OOM_SCORE_UNSET,
    .resources = {.memory_bytes = -1,      .pids = -1,  .reserved_bytes = -1, .swap_bytes = -2},
    .update = {.parallelism = 1,
                .deadline_ns = 60 * INT64_C(1000000000),
                .on_failure = UPDATE_ROLLBACK},
    .job = {.starting_deadline_ns = -1,
                .retry_delay_ns = 10 * INT64_C(1000000000),
                .retry_max_delay_ns = 360 * INT64_C(1000000000),
                .history_successful = 3,
                .history_failed = 1},
    .logging = {.file_bytes_max = 10 << 20,            .files_max = 5                    },
};

/* service */

static void decode_profiles(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)into; /* read before services are decoded: those that are not active are left out */
    if (pair->value->kind != NODE_LIST)
        (void)field_wrong(d, f->name, pair->value, "a list of names");
}

static void decode_network_mode(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)into;
    if (!node_is_scalar(pair->value) || !str_is(pair->value->text, "host"))
        field_refuse(
            d, &pair->key_span, "'%s': a plain process uses the machine's own network", f->name);
}

static const struct field_choice only_false[] = {
    {"false", 0},
    {NULL,    0},
};

static const struct field_choice only_host[] = {
    {"host", 0},
    {NULL,   0},
};

/* `include` and `extends` are gone before anything is decoded, except from a document. */
static void decode_resolved(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)into;
    if (d->from_document && pair->value->kind != NODE_NULL)
        field_refuse(d, &pair->key_span, "'%s' in a resolved document", f->name);
}

/* `privileged: false` and its like say what is so anyway. */
static void decode_must_be_false(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    bool value = true;

    (void)into;
    if (!node_to_bool(pair->value, &value) || value)
        field_refuse(d, &pair->key_span, "'%s': %s", f->name, f->help);
}

static void keep_env_file(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)d;
    (void)f;
    ((struct service_draft *)into)->env_file = pair->value;
}

#define REFUSED(key, why)                                   \
    {                                                       \
        .name = (key), .type = FIELD_REFUSED, .help = (why) \
    }
#define IGNORED(key, why)                                   \
    {                                                       \
        .name = (key), .type = FIELD_IGNORED, .help = (why) \
    }
#define MUST_BE_FALSE(key, why)                                                                  \
    {                                                                                            \
        .name = (key), .type = FIELD_CUSTOM, .decode = decode_must_be_false, .input_only = true, \
        .forms = FORM_BOOL, .choices = only_false, .help = (why)                                 \
    }
#define CONTAINER  "only a container has it (a service with `image` or `build`)"
#define NO_NETWORK "a plain process uses the machine's own network"

static const struct field_choice privilege_words[] = {
    {"no-new-privileges:true",  0},
    {"no-new-privileges:false", 0},
    {"no-new-privileges",       0},
    {"no-new-privileges=true",  0},
    {"no-new-privileges=false", 0},
    {NULL,                      0}
};

/* clang-format off */ /* version 14 dies of the rows */
static const struct field service_rows[] = {
    {.name = "command",
     .type = FIELD_CUSTOM,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_REPLACE,
     .forms = FORM_TEXT | FORM_LIST,
     .decode = decode_argv,
     .encode = encode_argv,
     .help =
            "What is run: a list of words, or a text that is split into words without a shell."                                                     },
    {.name = "entrypoint",
     .type = FIELD_CUSTOM,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_REPLACE,
     .forms = FORM_TEXT | FORM_LIST,
     .decode = decode_argv,
     .input_only = true,
     .help = "Words that stand before `command`."                                                                                                   },
    {.name = "environment",
     .type = FIELD_CUSTOM,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_BY_NAME,
     .forms = FORM_LIST | FORM_MAP,
     .decode = decode_environment,
     .encode = encode_environment,
     .help =
            "Environment variables; a name without a value takes the one tend was called with."                                                     },
    {.name = "env_file",
     .type = FIELD_CUSTOM,
     .table = &fields_env_file,
     .per_entry = true,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_UNIQUE,
     .forms = FORM_TEXT | FORM_LIST | FORM_MAP,
     .decode = keep_env_file,
     .input_only = true,
     .help =
            "Files of NAME=value lines; `environment` wins over them, later files over earlier."},
    {.name = "working_dir",
     .type = FIELD_TEXT,
     .offset = AT(working_dir),
     .effect = FIELD_RESTARTS,
     .default_text = "the project's folder",
     .help = "Directory in which it runs."                                                                                   },
    {.name = "user",
     .type = FIELD_TEXT,
     .offset = AT(user),
     .effect = FIELD_RESTARTS,
     .default_text = "the daemon's",
     .help = "Who runs it: a name or number, with a group behind a colon if wanted."                            },
    {.name = "ports",
     .type = FIELD_CUSTOM,
     .table = &fields_port,
     .per_entry = true,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_UNIQUE,
     .forms = FORM_LIST,
     .decode = decode_ports,
     .encode = encode_ports,
     .help = "The port it listens on, in $PORT; without it tend chooses one for each instance."},
    {.name = "depends_on",
     .type = FIELD_CUSTOM,
     .table = &fields_depends_on,
     .per_entry = true,
     .effect = FIELD_UPDATES_LIVE,
     .merge = MERGE_BY_NAME,
     .forms = FORM_LIST | FORM_MAP,
     .decode = decode_depends_on,
     .encode = encode_depends_on,
     .help = "Services that must be started, healthy or completed before."},
    {.name = "healthcheck",
     .type = FIELD_CUSTOM,
     .table = &fields_healthcheck,
     .effect = FIELD_UPDATES_LIVE,
     .forms = FORM_MAP,
     .default_text = "tcp, if it has `ports`",
     .decode = decode_healthcheck,
     .encode = encode_healthcheck,
     .help = "How it is seen that it works; decides readiness and, after `retries`, healing."},
    {.name = "restart",
     .type = FIELD_CUSTOM,
     .table = &fields_restart,
     .effect = FIELD_UPDATES_LIVE,
     .forms = FORM_TEXT | FORM_MAP,
     .choices = restart_words,
     .pattern = "^on-failure:[0-9]+$",
     .default_text = "always",
     .decode = decode_restart,
     .encode = encode_restart,
     .help = "When it is started again: no, on-failure[:N], always, unless-stopped, or a map."},
    {.name = "stop_signal",
     .type = FIELD_CUSTOM,
     .offset = AT(stop_signal),
     .effect = FIELD_UPDATES_LIVE,
     .forms = FORM_TEXT | FORM_NUMBER,
     .pattern = SIGNAL_PATTERN,
     .min = 1,
     .max = 64,
     .default_text = "SIGTERM",
     .decode = decode_signal,
     .encode = encode_signal,
     .help = "Signal that asks it to stop."},
    {.name = "stop_grace_period",
     .type = FIELD_DURATION,
     .offset = AT(stop_grace_ns),
     .effect = FIELD_UPDATES_LIVE,
     .default_text = "10s",
     .help = "How long it may take to stop before it is killed."                                                                                  },
    {.name = "deploy",
     .type = FIELD_MAP,
     .table = &fields_deploy,
     .help = "How many instances, what they may use, how they are replaced."                                                                                     },
    {.name = "scale",
     .type = FIELD_INT,
     .offset = AT(replicas),
     .effect = FIELD_UPDATES_LIVE,
     .max = LOAD_REPLICAS_MAX,
     .input_only = true,
     .help = "Short for deploy.replicas."                                                                                     },
    {.name = "mem_limit",
     .type = FIELD_BYTES,
     .offset = AT(resources.memory_bytes),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1 << 20,
     .input_only = true,
     .help = "Short for deploy.resources.limits.memory."},
    {.name = "cpus",
     .type = FIELD_NUMBER,
     .offset = AT(resources.cpus),
     .effect = FIELD_UPDATES_LIVE,
     .min = 0.001,
     .max = 4096,
     .input_only = true,
     .help = "Short for deploy.resources.limits.cpus."                                                                                                                  },
    {.name = "pids_limit",
     .type = FIELD_COUNT,
     .offset = AT(resources.pids),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1,
     .max = 4194304,
     .input_only = true,
     .help = "Short for deploy.resources.limits.pids."                                                                                                                           },
    {.name = "ulimits",
     .type = FIELD_CUSTOM,
     .table = &fields_ulimits,
     .effect = FIELD_RESTARTS,
     .forms = FORM_MAP,
     .default_text = "the daemon's",
     .decode = decode_ulimits,
     .encode = encode_ulimits,
     .help =
            "Limits of the kernel by name (nofile, nproc, core, …): a number, or soft and hard."},
    {.name = "cpuset",
     .type = FIELD_CUSTOM,
     .effect = FIELD_RESTARTS,
     .forms = FORM_TEXT,
     .default_text = "the daemon's",
     .decode = decode_cpuset,
     .encode = encode_cpuset,
     .help = "Processors that it runs on, such as 0-3 or 0,2."},
    {.name = "oom_score_adj",
     .type = FIELD_INT,
     .offset = AT(oom_score_adj),
     .effect = FIELD_RESTARTS,
     .min = -1000,
     .max = 1000,
     .default_text = "the daemon's",
     .help = "How soon the kernel kills it when memory is short: 1000 first, -1000 never."                                                                                                                   },
    {.name = "security_opt",
     .type = FIELD_CUSTOM,
     .choices = privilege_words,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_UNIQUE,
     .forms = FORM_LIST,
     .decode = decode_security_opt,
     .encode = encode_security_opt,
     .help = "'no-new-privileges:true': set-user-ID programs give it no other rights."},
    {.name = "volumes",
     .type = FIELD_CUSTOM,
     .table = &fields_volume,
     .per_entry = true,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_BY_TARGET,
     .forms = FORM_LIST,
     .decode = decode_volumes,
     .encode = encode_volumes,
     .help = "Directories that it sees at places of its own: named volumes, binds, tmpfs."},
    {.name = "tmpfs",
     .type = FIELD_CUSTOM,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_BY_TARGET,
     .forms = FORM_TEXT | FORM_LIST,
     .decode = decode_volumes,
     .input_only = true,
     .help = "Directories in memory, such as /scratch:size=64m; short for such `volumes`."                                                                                                                                 },
    {.name = "read_only",
     .type = FIELD_BOOL,
     .offset = AT(read_only),
     .effect = FIELD_RESTARTS,
     .default_text = "false",
     .help = "It may write to nothing but its volumes, tmpfs, /dev and /proc."                    },
    {.name = "shm_size",
     .type = FIELD_BYTES,
     .offset = AT(shm_bytes),
     .effect = FIELD_RESTARTS,
     .min = 4096,
     .default_text = "the machine's /dev/shm",
     .help = "A /dev/shm of its own, and how much it may hold."                                                                                         },
    {.name = "cap_add",
     .type = FIELD_CUSTOM,
     .offset = AT(cap_add),
     .effect = FIELD_RESTARTS,
     .merge = MERGE_UNIQUE,
     .forms = FORM_LIST,
     .decode = decode_caps,
     .encode = encode_caps,
     .help =
            "Capabilities that it has although its user is not root, such as NET_BIND_SERVICE."},
    {.name = "cap_drop",
     .type = FIELD_CUSTOM,
     .offset = AT(cap_drop),
     .effect = FIELD_RESTARTS,
     .merge = MERGE_UNIQUE,
     .forms = FORM_LIST,
     .decode = decode_caps,
     .encode = encode_caps,
     .help = "Capabilities that it can never have, or ALL; what cap_add names stays."},
    {.name = "group_add",
     .type = FIELD_TEXTS,
     .offset = AT(groups),
     .effect = FIELD_RESTARTS,
     .merge = MERGE_UNIQUE,
     .forms = FORM_LIST,
     .help = "More groups of its user, by name or number."          },
    {.name = "hostname",
     .type = FIELD_TEXT,
     .offset = AT(hostname),
     .effect = FIELD_RESTARTS,
     .default_text = "the machine's",
     .help = "The host name that it sees, where tend is root."     },
    {.name = "domainname",
     .type = FIELD_TEXT,
     .offset = AT(domainname),
     .effect = FIELD_RESTARTS,
     .default_text = "the machine's",
     .help = "The NIS domain name that it sees, where tend is root."                                                                                         },
    {.name = "cpu_shares",
     .type = FIELD_INT,
     .offset = AT(resources.cpu_shares),
     .effect = FIELD_RESTARTS,
     .min = 0,
     .max = 262144,
     .default_text = "1024",
     .help = "Its weight where processors are short; twice the number, twice the time."                                                                                                                                   },
    {.name = "cpu_quota",
     .type = FIELD_CUSTOM,
     .offset = AT(resources.cpu_quota_us),
     .effect = FIELD_RESTARTS,
     .forms = FORM_TEXT | FORM_NUMBER,
     .decode = decode_microseconds,
     .input_only = true,
     .help = "Microseconds of processor time in each cpu_period: another way to write `cpus`."                                                                                                                          },
    {.name = "cpu_period",
     .type = FIELD_CUSTOM,
     .offset = AT(resources.cpu_period_us),
     .effect = FIELD_RESTARTS,
     .forms = FORM_TEXT | FORM_NUMBER,
     .decode = decode_microseconds,
     .input_only = true,
     .default_text = "100ms",
     .help = "What cpu_quota is counted in."},
    {.name = "mem_reservation",
     .type = FIELD_BYTES,
     .offset = AT(resources.reserved_bytes),
     .effect = FIELD_RESTARTS,
     .min = 4096,
     .help = "Memory that is taken from others first where memory is short."                                                                              },
    {.name = "memswap_limit",
     .type = FIELD_CUSTOM,
     .offset = AT(resources.swap_bytes),
     .effect = FIELD_RESTARTS,
     .forms = FORM_TEXT | FORM_NUMBER,
     .decode = decode_memswap,
     .encode = encode_memswap,
     .help = "Memory and swap together; -1 is no limit of swap. Needs a memory limit."                                                                                                                           },
    {.name = "configs",
     .type = FIELD_CUSTOM,
     .table = &fields_service_file,
     .per_entry = true,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_BY_TARGET,
     .forms = FORM_LIST,
     .decode = decode_files,
     .encode = encode_files,
     .help = "The project's configs that it finds as files, in $TEND_CONFIGS_DIR."},
    {.name = "secrets",
     .type = FIELD_CUSTOM,
     .table = &fields_service_file,
     .per_entry = true,
     .effect = FIELD_RESTARTS,
     .merge = MERGE_BY_TARGET,
     .forms = FORM_LIST,
     .decode = decode_files,
     .encode = encode_files,
     .help = "The project's secrets that it finds as files, in $TEND_SECRETS_DIR."},
    {.name = "logging",
     .type = FIELD_MAP,
     .table = &fields_logging,
     .help = "How its output is kept."               },
    {.name = "hang",
     .type = FIELD_MAP,
     .table = &fields_hang,
     .help = "What happens when it runs but does not answer."                                                      },
    {.name = "lifecycle",
     .type = FIELD_MAP,
     .table = &fields_lifecycle,
     .offset = AT(lifecycle),
     .effect = FIELD_NO_EFFECT,
     .help = "What a plan must not do with it: prevent_destroy, ignore_changes."},
    {.name = "labels",
     .type = FIELD_CUSTOM,
     .offset = AT(labels),
     .effect = FIELD_UPDATES_LIVE,
     .merge = MERGE_BY_NAME,
     .forms = FORM_LIST | FORM_MAP,
     .decode = decode_labels,
     .encode = encode_labels,
     .help = "Names and values for people and tools; tend itself does nothing with them."},
    {.name = "develop",
     .type = FIELD_MAP,
     .table = &fields_develop,
     .effect = FIELD_NO_EFFECT,
     .input_only = true,
     .help = "For those who work on it: what `tend watch` does when files change."},
    {.name = "label_file",
     .type = FIELD_CUSTOM,
     .effect = FIELD_UPDATES_LIVE,
     .merge = MERGE_UNIQUE,
     .forms = FORM_TEXT | FORM_LIST,
     .decode = decode_label_file,
     .input_only = true,
     .help = "Files of NAME=value lines; `labels` wins over them."                                                                                                                       },
    {.name = "profiles",
     .type = FIELD_CUSTOM,
     .effect = FIELD_NO_EFFECT,
     .merge = MERGE_UNIQUE,
     .forms = FORM_LIST,
     .decode = decode_profiles,
     .input_only = true,
     .help = "It is part of the project only while one of these is active."                                                                                                                           },
    {.name = "extends",
     .type = FIELD_CUSTOM,
     .table = &fields_extends,
     .effect = FIELD_NO_EFFECT,
     .forms = FORM_TEXT | FORM_MAP,
     .decode = decode_resolved,
     .input_only = true,
     .help = "A service that this one begins as: its name, or a map with its file."                                                                                                                       },
    {.name = "network_mode",
     .type = FIELD_CUSTOM,
     .decode = decode_network_mode,
     .input_only = true,
     .forms = FORM_TEXT,
     .choices = only_host,
     .default_text = "host",
     .help = "A plain process uses the machine's own network: only 'host'."                                                                                },

    REFUSED("volumes_from", CONTAINER),
    REFUSED("networks", NO_NETWORK),
    REFUSED("links", "reach another service at its port; order them with depends_on"),
    REFUSED("external_links", CONTAINER),
    REFUSED("extra_hosts", NO_NETWORK),
    REFUSED("dns", NO_NETWORK),
    REFUSED("dns_opt", NO_NETWORK),
    REFUSED("dns_search", NO_NETWORK),
    REFUSED("mac_address", NO_NETWORK),
    REFUSED("credential_spec", CONTAINER),
    REFUSED("devices", CONTAINER),
    REFUSED("device_cgroup_rules", CONTAINER),
    REFUSED("gpus", CONTAINER),
    REFUSED("sysctls", "they would hold for the whole machine"),
    REFUSED("ipc", CONTAINER),
    REFUSED("pid", CONTAINER),
    REFUSED("uts", CONTAINER),
    REFUSED("cgroup", CONTAINER),
    REFUSED("cgroup_parent", CONTAINER),
    REFUSED("userns_mode", CONTAINER),
    REFUSED("isolation", CONTAINER),
    REFUSED("runtime", CONTAINER),
    REFUSED("storage_opt", CONTAINER),
    REFUSED("blkio_config", "disk bandwidth is not limited"),
    REFUSED("cpu_count", "write deploy.resources.limits.cpus"),
    REFUSED("cpu_percent", "write deploy.resources.limits.cpus"),
    REFUSED("cpu_rt_period", "write deploy.resources.limits.cpus"),
    REFUSED("cpu_rt_runtime", "write deploy.resources.limits.cpus"),
    REFUSED("post_start", "start hooks are not run"),
    REFUSED("pre_stop", "stop hooks are not run"),
    REFUSED("provider", CONTAINER),
    REFUSED("models", CONTAINER),
    IGNORED("privileged", "a plain process has all the rights of its user; cap_add gives more"),
    MUST_BE_FALSE("oom_kill_disable", "the kernel always may"),
    IGNORED("container_name", "there is no container"),
    IGNORED("tty", "output goes to the log"),
    IGNORED("stdin_open", "standard input is empty"),
    IGNORED("attach", "`tend logs` shows every service"),
    IGNORED("init", "tend reaps what a service leaves behind anyway"),
    IGNORED("platform", "a process runs as this machine does"),
    IGNORED("pull_policy", "there is no image"),
    IGNORED("expose", "a process is reached at the ports it opens"),
    IGNORED("annotations", "they are for container runtimes"),
    IGNORED("mem_swappiness", "the machine's own holds"),
};
/* clang-format on */
const struct field_table fields_service = {.name = "a service",
    .help = "One program, with as many instances as wanted.",
    .fields = service_rows,
    .count = COUNT(service_rows),
    .defaults = &service_defaults,
    .container = &fields_container};

/* project */

static void decode_project_name(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct project_draft *p = into;

    p->name_span = pair->value->span;
    (void)field_text(d, f->name, pair->value, &p->name);
}

/* Gone from the tree before it is decoded, but for what is wrong. */
#define READ_BEFORE(key, shape, rows, how, regex, decoder, text)                             \
    {                                                                                        \
        .name = (key), .type = (shape), .table = (rows), .forms = (how), .pattern = (regex), \
        .effect = FIELD_NO_EFFECT, .decode = (decoder), .input_only = true, .help = (text)   \
    }
#define RESOURCES(key, member, entry, rows, text)                                  \
    {                                                                              \
        .name = (key), .type = FIELD_ENTRIES, .table = &(rows), .per_entry = true, \
        .entry_bytes = sizeof(entry), .forms = FORM_MAP,                           \
        .offset = offsetof(struct project_draft, shared.member), .help = (text)    \
    }
/* Where it is a map it is gone by now. */
static void decode_variables(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    if (d->from_document)
        decode_resolved(d, f, pair, into);
    else
        (void)field_wrong(d, f->name, pair->value, "a map by name");
}

/* clang-format off */ /* it never comes to rest on this table */
static const struct field project_rows[] = {
    {.name = "name",
     .type = FIELD_CUSTOM,
     .effect = FIELD_NO_EFFECT,
     .forms = FORM_TEXT,
     .pattern = NAME_PATTERN,
     .default_text = "the folder's name",
     .decode = decode_project_name,
     .input_only = true,
     .help = "Name of the project: lower-case letters, digits, '-' and '_'."                             },
    {.name = "services",
     .type = FIELD_MAP_OF,
     .table = &fields_service,
     .forms = FORM_MAP,
     .pattern = NAME_PATTERN,
     .decode = decode_services,
     .help = "What runs, by name."                                                      },
    {.name = "jobs",
     .type = FIELD_MAP_OF,
     .table = &fields_job,
     .forms = FORM_MAP,
     .pattern = NAME_PATTERN,
     .decode = decode_jobs,
     .help = "What runs to its end, once or by a schedule, by name."},
    {.name = "include",
     .type = FIELD_CUSTOM,
     .table = &fields_include,
     .per_entry = true,
     .effect = FIELD_NO_EFFECT,
     .forms = FORM_LIST,
     .decode = decode_resolved,
     .input_only = true,
     .help = "Files of other projects, whose services are put beside these."},
    READ_BEFORE("environments", FIELD_MAP_OF, &fields_project, FORM_MAP, NAME_PATTERN,
        decode_resolved, "Overlays by name, one of which `--env` merges over all of the file."),
    READ_BEFORE("default_environment", FIELD_CUSTOM, NULL, FORM_TEXT, NULL, decode_resolved,
        "The environment where neither `--env` nor TEND_ENV names one."),
    READ_BEFORE("variables", FIELD_MAP_OF, &fields_variable, FORM_MAP | FORM_TEXT,
        "^[A-Za-z_][A-Za-z0-9_]*$", decode_variables,
        "Values from outside, used as ${var.NAME}; a value alone is its default."),
    IGNORED("version", "it has been obsolete for years"),
    {.name = "outputs",
     .type = FIELD_CUSTOM,
     .table = &fields_output,
     .per_entry = true,
     .effect = FIELD_NO_EFFECT,
     .forms = FORM_MAP,
     .pattern = NAME_PATTERN,
     .decode = decode_outputs,
     .encode = encode_outputs,
     .help = "Values that are asked for by name: tend output."},
    RESOURCES("networks", networks, struct network, fields_network,
        "Networks of containers; each project has one that is called default."),
    RESOURCES("volumes", volumes, struct volume_source, fields_volume_source,
        "Directories that outlive the instances that see them."),
    RESOURCES(
        "configs", configs, struct file_source, fields_config, "Files that services are granted."),
    RESOURCES("secrets", secrets, struct file_source, fields_secret,
        "Secret files that services are granted."),
    IGNORED("models", "nothing here runs them"),
};
/* clang-format on */
const struct field_table fields_project =
    FIELD_TABLE("the project", "The top of the file.", project_rows, NULL);
