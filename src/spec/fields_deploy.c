/* The rows of what lies below a service: deploy, logging, hang. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>

#define AT(member) offsetof(struct service, member)

/* deploy */

static const struct field limits_rows[] = {
    {.name = "memory",
     .type = FIELD_BYTES,
     .offset = AT(resources.memory_bytes),
     .min = 1 << 20,
     .help = "Memory of one instance; above it the kernel kills it."    },
    { .name = "cpus",
     .type = FIELD_NUMBER,
     .offset = AT(resources.cpus),
     .min = 0.001,
     .max = 4096,
     .help = "Processors that one instance may use: 0.5 is half of one."},
    { .name = "pids",
     .type = FIELD_COUNT,
     .offset = AT(resources.pids),
     .min = 1,
     .max = 4194304,
     .help = "Processes and threads that one instance may have."},
};
static const struct field_table limits_table = FIELD_TABLE(
    "deploy.resources.limits", "What an instance may use.", limits_rows, &service_defaults);

static const struct field reservation_rows[] = {
    {.name = "memory",
     .type = FIELD_BYTES,
     .offset = AT(resources.reserved_bytes),
     .min = 4096,
     .input_only = true,
     .help = "Another way to write mem_reservation."},
    {.name = "cpus",     .type = FIELD_IGNORED,                           .help = "processors are shared by cpu_shares"                                                                    },
    {.name = "pids",.type = FIELD_IGNORED,.help = "nothing is kept free"},
    {.name = "generic_resources",     .type = FIELD_IGNORED,                                                  .help = "there is nothing to schedule"                                                                                                                                               },
    {.name = "devices",.type = FIELD_IGNORED,.help = "a process sees the machine's own devices"},
};
static const struct field_table reservations_table = FIELD_TABLE("deploy.resources.reservations",
    "What is kept for an instance.", reservation_rows, &service_defaults);

static const struct field resources_rows[] = {
    {.name = "limits",
     .type = FIELD_MAP,
     .table = &limits_table,
     .help = "What one instance may use at most."               },
    {.name = "reservations",
     .type = FIELD_MAP,
     .table = &reservations_table,
     .help = "What is kept for it where the machine has little."},
};
const struct field_table fields_resources =
    FIELD_TABLE("deploy.resources", "Limits of an instance.", resources_rows, &service_defaults);

static const struct field_choice failure_choices[] = {
    {"rollback", UPDATE_ROLLBACK},
    {"pause",    UPDATE_PAUSE   },
    {"continue", UPDATE_CONTINUE},
    {NULL,       0              },
};

static const struct field_choice only_stop_first[] = {
    {"stop-first", 0},
    {NULL,         0},
};

static void decode_order(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)into;
    if (node_is_scalar(pair->value) && str_is(pair->value->text, "start-first"))
        field_refuse(d, &pair->value->span,
            "'start-first' needs a route in front of the service, and there are none yet");
    else if (!node_is_scalar(pair->value) || !str_is(pair->value->text, "stop-first"))
        (void)field_wrong(d, f->name, pair->value, "'stop-first'");
}

static const struct field update_rows[] = {
    {.name = "parallelism",
     .type = FIELD_INT,
     .offset = AT(update.parallelism),
     .effect = FIELD_UPDATES_LIVE,
     .min = 0,
     .max = LOAD_REPLICAS_MAX,
     .default_text = "1",
     .help = "Instances that are replaced at once; 0 is all."},
    {.name = "delay",
     .type = FIELD_DURATION,
     .offset = AT(update.delay_ns),
     .effect = FIELD_UPDATES_LIVE,
     .default_text = "0s",
     .help = "Pause between two batches."},
    {.name = "monitor",
     .type = FIELD_DURATION,
     .offset = AT(update.monitor_ns),
     .effect = FIELD_UPDATES_LIVE,
     .default_text = "0s",
     .help = "How long a new instance must stay ready before the next batch."},
    {.name = "deadline",
     .type = FIELD_DURATION,
     .offset = AT(update.deadline_ns),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1e6,
     .default_text = "60s",
     .help = "How long a new instance may take to become ready."},
    {.name = "failure_action",
     .type = FIELD_CHOICE,
     .offset = AT(update.on_failure),
     .effect = FIELD_UPDATES_LIVE,
     .choices = failure_choices,
     .default_text = "rollback",
     .help = "What happens when a new instance does not become ready."},
    {.name = "order",
     .type = FIELD_CUSTOM,
     .decode = decode_order,
     .input_only = true,
     .forms = FORM_TEXT,
     .choices = only_stop_first,
     .default_text = "stop-first",
     .help = "Whether the old instance is stopped before the new one starts."},
    {.name = "max_failure_ratio",
     .type = FIELD_IGNORED,
     .help = "the first instance that does not become ready ends the update"                                              },
};
static const struct field_table update_table = FIELD_TABLE(
    "deploy.update_config", "How instances are replaced.", update_rows, &service_defaults);

static const struct field_choice only_replicated[] = {
    {"replicated", 0},
    {NULL,         0},
};

static void decode_mode(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)into;
    if (!node_is_scalar(pair->value))
        (void)field_wrong(d, f->name, pair->value, "'replicated'");
    else if (!str_is(pair->value->text, "replicated"))
        field_refuse(d, &pair->value->span, "mode '%.*s': on one machine a service is 'replicated'",
            STR_ARG(pair->value->text));
}

static const struct field deploy_rows[] = {
    {.name = "replicas",
     .type = FIELD_INT,
     .offset = AT(replicas),
     .effect = FIELD_UPDATES_LIVE,
     .min = 0,
     .max = LOAD_REPLICAS_MAX,
     .default_text = "1",
     .help = "How many instances run."},
    {.name = "resources",
     .type = FIELD_MAP,
     .table = &fields_resources,
     .help = "What an instance may use."},
    {.name = "update_config",
     .type = FIELD_MAP,
     .table = &update_table,
     .help = "How instances are replaced when the declaration changes."},
    {.name = "restart_policy",
     .type = FIELD_CUSTOM,
     .table = &fields_deploy_restart,
     .decode = decode_deploy_restart,
     .input_only = true,
     .forms = FORM_MAP,
     .help = "Compose's form of `restart`."},
    {.name = "mode",
     .type = FIELD_CUSTOM,
     .decode = decode_mode,
     .input_only = true,
     .forms = FORM_TEXT,
     .choices = only_replicated,
     .default_text = "replicated",
     .help = "How instances are spread."},
    {.name = "rollback_config",                .type = FIELD_IGNORED,                                    .help = "taking back follows update_config"                                     },
    {.name = "labels",                   .type = FIELD_IGNORED,                             .help = "write the service's own `labels`"                            },
    {.name = "endpoint_mode",
     .type = FIELD_IGNORED,
     .help = "a process is reached at its own port"                                                  },
    {.name = "placement",          .type = FIELD_REFUSED,                                       .help = "there is one machine"                                 },
};
const struct field_table fields_deploy = FIELD_TABLE(
    "deploy", "How many instances, and how they change.", deploy_rows, &service_defaults);

/* logging, hang */

static const struct field_choice file_drivers[] = {
    {"json-file", 0},
    {"local",     0},
    {"none",      0},
    {NULL,        0},
};

static void decode_driver(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct str text = pair->value->text;
    struct service *s = into;

    s->logging.none = false;
    if (!node_is_scalar(pair->value))
        (void)field_wrong(d, f->name, pair->value, "'json-file', 'local' or 'none'");
    else if (str_is(text, "none"))
        s->logging.none = true;
    else if (!str_is(text, "json-file") && !str_is(text, "local"))
        field_refuse(d, &pair->value->span,
            "logging driver '%.*s': logs are kept in files ('json-file' or 'local') or not at all "
            "('none')",
            STR_ARG(text));
}

static struct node *encode_driver(struct encode *e, const struct field *f, const void *from)
{
    (void)f;
    return ((const struct service *)from)->logging.none ? node_text(e->arena, STR("none")) : NULL;
}

static const struct field log_option_rows[] = {
    {.name = "max-size",
     .type = FIELD_BYTES,
     .offset = AT(logging.file_bytes_max),
     .effect = FIELD_RESTARTS,
     .min = 4096,
     .default_text = "10m",
     .help = "Size at which a log file is rotated."},
    {.name = "max-file",
     .type = FIELD_INT,
     .offset = AT(logging.files_max),
     .effect = FIELD_RESTARTS,
     .min = 0,
     .max = 1000,
     .default_text = "5",
     .help = "Rotated files that are kept."},
    {.name = "compress", .type = FIELD_IGNORED,           .help = "rotated logs stay readable as they are"                                    },
    {.name = "mode",           .type = FIELD_IGNORED,                 .help = "logs are never dropped while there is space"                                                },
    {.name = "max-buffer-size",                  .type = FIELD_IGNORED,        .help = "logs are not buffered"                        },
    {.name = "labels",                  .type = FIELD_IGNORED,            .help = "records carry service and slot"},
    {.name = "env",                  .type = FIELD_IGNORED, .help = "records carry service and slot"},
    {.name = "tag",                  .type = FIELD_IGNORED,          .help = "records carry service and slot"},
};
static const struct field_table log_option_table =
    FIELD_TABLE("logging.options", "Rotation.", log_option_rows, &service_defaults);

static const struct field logging_rows[] = {
    {.name = "driver",
     .type = FIELD_CUSTOM,
     .decode = decode_driver,
     .encode = encode_driver,
     .effect = FIELD_RESTARTS,
     .forms = FORM_TEXT,
     .choices = file_drivers,
     .default_text = "json-file",
     .help = "Where logs go: files of tend's own, whichever of the two names is used, or none."},
    {.name = "options", .type = FIELD_MAP, .table = &log_option_table, .help = "Rotation."},
};
const struct field_table fields_logging =
    FIELD_TABLE("logging", "How an instance's output is kept.", logging_rows, &service_defaults);

static const struct field hang_rows[] = {
    {.name = "dump_signal",
     .type = FIELD_CUSTOM,
     .offset = AT(hang.dump_signal),
     .effect = FIELD_UPDATES_LIVE,
     .forms = FORM_TEXT | FORM_NUMBER,
     .pattern = SIGNAL_PATTERN,
     .min = 1,
     .max = 64,
     .decode = decode_signal,
     .encode = encode_signal,
     .help = "Sent first to an instance that hangs, so that it writes its stacks."},
    {.name = "dump_wait",
     .type = FIELD_DURATION,
     .offset = AT(hang.dump_wait_ns),
     .effect = FIELD_UPDATES_LIVE,
     .default_text = "1s",
     .help = "How long it may take for that before it is stopped."},
};
const struct field_table fields_hang = FIELD_TABLE("hang",
    "What happens to an instance that runs but does not answer.", hang_rows, &service_defaults);
