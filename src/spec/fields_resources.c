/* networks, volumes, configs and secrets at the top of the file. */
#include "spec/container_private.h"

#include "base/must.h"

/* What equals these is not written down. */
static const struct network no_network;
static const struct volume_source no_volume;
static const struct file_source no_file;
static const struct ipam_pool no_pool;

/* external: true, or (long ago) {name: NAME}, which is told to `name`. */
static void decode_external(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    bool *out = (bool *)(void *)((char *)into + f->offset);
    const struct node *name = node_get(pair->value, "name");

    if (pair->value->kind == NODE_MAP && name != NULL) {
        *out = true;
        (void)field_text(d, "name", name, &((struct volume_source *)into)->real_name);
    } else if (!node_to_bool(pair->value, out)) {
        (void)field_wrong(d, f->name, pair->value, "true or false");
    }
}

static struct node *encode_external(struct encode *e, const struct field *f, const void *from)
{
    bool external = *(const bool *)(const void *)((const char *)from + f->offset);

    return external ? node_bool(e->arena, true) : NULL;
}

/* All four begin with key and name: decode_external relies on it. */
_Static_assert(
    offsetof(struct network, real_name) == offsetof(struct volume_source, real_name) &&
        offsetof(struct file_source, real_name) == offsetof(struct volume_source, real_name),
    "they begin alike");

#define ROW_EXTERNAL(type_name, text)                                                   \
    {                                                                                   \
        .name = "external", .type = FIELD_CUSTOM, .forms = FORM_BOOL | FORM_MAP,        \
        .table = &external_table, .decode = decode_external, .encode = encode_external, \
        .offset = offsetof(type_name, external), .help = (text)                         \
    }

static const struct field external_rows[] = {
    ROW_TEXT("name", struct volume_source, real_name, "What the engine calls it."),
};
static const struct field_table external_table = FIELD_TABLE(
    "external", "The old form of `name` and external: true.", external_rows, &no_volume);

/* networks */

static const struct field pool_rows[] = {
    ROW_TEXT("subnet", struct ipam_pool, subnet, "Its addresses: 172.28.0.0/16"),
    ROW_TEXT("ip_range", struct ipam_pool, ip_range, "Those of them that containers get."),
    ROW_TEXT("gateway", struct ipam_pool, gateway, "The machine's own address in it."),
    ROW_NAMED("aux_addresses", struct ipam_pool, aux_addresses, "Addresses that are taken."),
};
static const struct field_table pool_table =
    FIELD_TABLE("a pool of addresses", "Addresses of a network.", pool_rows, &no_pool);

static const struct field ipam_rows[] = {
    ROW_TEXT("driver", struct network, ipam_driver, "Who gives addresses."),
    ROW_LIST("config", struct network, pools, struct ipam_pool, pool_table, NULL, FORM_LIST,
        "Pools of addresses."),
    ROW_NAMED("options", struct network, ipam_options, "Options of that driver."),
};
static const struct field_table ipam_table =
    FIELD_TABLE("ipam", "Addresses of a network.", ipam_rows, &no_network);

static const struct field network_rows[] = {
    ROW_TEXT("name", struct network, real_name, "What the engine calls it; else PROJECT_KEY."),
    ROW_TEXT("driver", struct network, driver, "bridge, …"),
    ROW_NAMED("driver_opts", struct network, driver_opts, "Options of the driver."),
    {.name = "ipam", .type = FIELD_MAP, .table = &ipam_table,     .help = "Its addresses."},
    ROW_EXTERNAL(struct network, "It is there already, and is not tend's to make or remove."),
    ROW_BOOL("internal", struct network, internal, "It leads nowhere outside."),
    ROW_BOOL("attachable", struct network, attachable, "Other containers may join it."),
    ROW_BOOL("enable_ipv6", struct network, enable_ipv6, "It has IPv6 addresses too."),
    {.name = "enable_ipv4",              .type = FIELD_IGNORED,           .help = "a network has IPv4 addresses"},
    ROW_NAMED("labels", struct network, labels, "Names and values for people and tools."),
};
const struct field_table fields_network =
    FIELD_TABLE("a network", "What containers reach each other by.", network_rows, &no_network);

/* volumes */

static const struct field volume_rows[] = {
    ROW_TEXT(
        "name", struct volume_source, real_name, "What the engine calls it; else PROJECT_KEY."),
    ROW_TEXT("driver", struct volume_source, driver, "local, …"),
    ROW_NAMED("driver_opts", struct volume_source, driver_opts, "Options of the driver."),
    ROW_EXTERNAL(struct volume_source, "It is there already, and is not tend's to make or remove."),
    ROW_NAMED("labels", struct volume_source, labels, "Names and values for people and tools."),
};
const struct field_table fields_volume_source =
    FIELD_TABLE("a named volume", "Files that outlive containers.", volume_rows, &no_volume);

/* configs, secrets */

static void decode_file(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *text;

    if (field_text(d, f->name, pair->value, &text))
        ((struct file_source *)into)->file = container_path(d, str_from(text));
}

#define ROW_FILE                                                                         \
    {                                                                                    \
        .name = "file", .type = FIELD_CUSTOM, .forms = FORM_TEXT, .decode = decode_file, \
        .encode = encode_plain_text, .offset = offsetof(struct file_source, file),       \
        .help = "The file that holds it, relative to the project."                       \
    }

static const struct field secret_rows[] = {
    ROW_FILE,
    ROW_TEXT("environment", struct file_source, environment, "The variable that holds it."),
    ROW_TEXT("name", struct file_source, real_name, "What the engine calls it."),
    ROW_EXTERNAL(struct file_source, "It is kept elsewhere."),
    ROW_NAMED("labels", struct file_source, labels, "Names and values for people and tools."),
    {.name = "driver",          .type = FIELD_REFUSED, .help = "only Swarm has drivers of secrets"},
    {.name = "driver_opts",     .type = FIELD_REFUSED, .help = "only Swarm has drivers of secrets"},
    {.name = "template_driver", .type = FIELD_REFUSED, .help = "only Swarm has templates"         },
};
const struct field_table fields_secret = FIELD_TABLE("a secret",
    "What services are granted as a file, and nobody else sees.", secret_rows, &no_file);

static const struct field config_rows[] = {
    ROW_FILE,
    ROW_TEXT("content", struct file_source, content, "What it holds."),
    ROW_TEXT("environment", struct file_source, environment, "The variable that holds it."),
    ROW_TEXT("name", struct file_source, real_name, "What the engine calls it."),
    ROW_EXTERNAL(struct file_source, "It is kept elsewhere."),
    ROW_NAMED("labels", struct file_source, labels, "Names and values for people and tools."),
    {.name = "template_driver", .type = FIELD_REFUSED, .help = "only Swarm has templates"},
};
const struct field_table fields_config =
    FIELD_TABLE("a config", "What services are granted as a file.", config_rows, &no_file);
