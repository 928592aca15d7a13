/* healthcheck: Compose's `test`, and tend's own probes. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>
#include <string.h>

#define LOCAL_HOST         "127.0.0.1"
#define TIMEOUT_NS         (INT64_C(1000000000))
#define COMPOSE_TIMEOUT_NS (30 * INT64_C(1000000000)) /* what Compose gives a `test` */

const struct healthcheck healthcheck_defaults = {
    .kind = PROBE_NONE,
    .host = LOCAL_HOST,
    .interval_ns = 10 * INT64_C(1000000000),
    .timeout_ns = TIMEOUT_NS,
    .retries = 3,
    .start_interval_ns = 50 * INT64_C(1000000),
};

static struct healthcheck *start_probe(
    struct decode *d, struct health_draft *h, enum probe_kind kind, const struct node_pair *pair)
{
    if (h->healthcheck.kind != PROBE_NONE) {
        diagnostic_error(d->diagnostics, "conflict", &pair->key_span,
            "a healthcheck has one probe, and '%.*s' is a second", STR_ARG(pair->key));
        diagnostic_other(d->diagnostics, &h->kind_span, "the first");
    }
    h->healthcheck.kind = kind;
    h->kind_span = pair->key_span;
    return &h->healthcheck;
}

static const char *const *shell_argv(struct decode *d, const char *line)
{
    const char **argv = arena_new_array(d->arena, 4, const char *);

    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = line;
    return (const char *const *)argv;
}

/* A text runs in a shell, a list as it is. */
static void decode_exec(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct healthcheck *h = start_probe(d, into, PROBE_EXEC, pair);
    const char *const *texts;
    size_t count;

    if (!field_texts(d, f->name, pair->value, &texts, &count))
        return;
    if (count == 0 || texts[0][0] == '\0')
        diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span, "nothing to run");
    else
        h->argv = pair->value->kind == NODE_LIST ? texts : shell_argv(d, texts[0]);
}

/* Compose: a text, ["NONE"], ["CMD", …] or ["CMD-SHELL", line]. */
static void decode_test(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct health_draft *h = into;
    const char *const *texts;
    size_t count;

    if (!field_texts(d, f->name, pair->value, &texts, &count))
        return;
    if (pair->value->kind == NODE_LIST && count > 0 && strcmp(texts[0], "NONE") == 0) {
        h->disabled = true;
        return;
    }
    (void)start_probe(d, h, PROBE_EXEC, pair);
    h->from_test = true;
    if (pair->value->kind != NODE_LIST && count > 0 && texts[0][0] != '\0') {
        h->healthcheck.argv = shell_argv(d, texts[0]);
    } else if (count >= 2 && strcmp(texts[0], "CMD") == 0) {
        h->healthcheck.argv = texts + 1;
    } else if (count == 2 && strcmp(texts[0], "CMD-SHELL") == 0) {
        h->healthcheck.argv = shell_argv(d, texts[1]);
    } else {
        diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
            "'test' takes a text, [CMD, program, …], [CMD-SHELL, line] or [NONE]");
    }
}

static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr(".-_:", c) != NULL);
        if (!fits)
            return false;
    }
    return host.len > 0;
}

static bool parse_port(struct str text, int *out)
{
    int64_t number;

    if (!str_to_int(text, &number) || number < 1 || number > 65535)
        return false;
    *out = (int)number;
    return true;
}

/* "host:port", ":port", "[v6]:port"; without a port `port` is as it was. */
static bool parse_authority(
    struct decode *d, struct str text, bool port_needed, const char **host, int *port)
{
    struct str name;

    if (text.len > 0 && text.at[0] == '[') {
        text = str_tail(text, 1);
        name = str_cut(&text, ']');
        if (text.len > 0 && text.at[0] != ':')
            return false;
        text = str_tail(text, 1);
    } else {
        name = str_cut(&text, ':');
        if (name.len == 0)
            name = STR(LOCAL_HOST);
    }
    if (!is_host(name) || (text.len == 0 && port_needed) ||
        (text.len > 0 && !parse_port(text, port)))
        return false;
    *host = arena_copy_str(d->arena, name).at;
    return true;
}

static bool is_path(struct str path)
{
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.at[i] <= ' ' || path.at[i] == 0x7f)
            return false;
    return path.len > 0 && path.at[0] == '/' && path.len < 2048;
}

/* "/path", ":port/path" or "http://host:port/path". */
static bool parse_http(struct decode *d, struct str text, struct healthcheck *h)
{
    h->port = 0;
    if (str_starts(text, "http://")) {
        text = str_tail(text, strlen("http://"));
        h->port = 80;
    } else if (text.len > 0 && text.at[0] != '/' && text.at[0] != ':') {
        return false;
    }
    ptrdiff_t slash = str_find(text, '/');
    struct str authority = {.at = text.at, .len = slash < 0 ? text.len : (size_t)slash};
    struct str path = slash < 0 ? STR("/") : str_tail(text, (size_t)slash);
    if (authority.len > 0 && !parse_authority(d, authority, false, &h->host, &h->port))
        return false;
    h->path = arena_copy_str(d->arena, path).at;
    return is_path(path);
}

static void decode_http(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct healthcheck *h = start_probe(d, into, PROBE_HTTP, pair);
    const struct node *value = pair->value;

    h->path = "/";
    if (!node_is_scalar(value))
        (void)field_wrong(d, f->name, value, "a path or a URL");
    else if (str_starts(value->text, "https://"))
        field_refuse(d, &value->span, "https probes; probe without TLS, or with `exec`");
    else if (!parse_http(d, value->text, h))
        diagnostic_error(d->diagnostics, "wrong-value", &value->span,
            "'http' takes a path such as /healthz, :8080/healthz, or http://host:port/path");
}

static void decode_tcp(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct healthcheck *h = start_probe(d, into, PROBE_TCP, pair);
    const struct node *value = pair->value;
    bool truth = false;

    (void)f;
    if (node_to_bool(value, &truth) && truth)
        return;
    if (!node_is_scalar(value) || (!parse_port(value->text, &h->port) &&
                                      !parse_authority(d, value->text, true, &h->host, &h->port)))
        diagnostic_error(d->diagnostics, "wrong-value", &value->span,
            "'tcp' takes true (its own port), a port from 1 to 65535, or host:port");
}

static void decode_probe_text(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    enum probe_kind kind = strcmp(f->name, "log") == 0 ? PROBE_LOG : PROBE_UNIX;
    struct healthcheck *h = start_probe(d, into, kind, pair);

    if (field_text(d, f->name, pair->value, &h->path) && h->path[0] == '\0')
        diagnostic_error(
            d->diagnostics, "wrong-value", &pair->value->span, "'%s' is empty", f->name);
}

static void decode_watchdog(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    bool truth = false;

    if (!node_to_bool(pair->value, &truth) || !truth)
        (void)field_wrong(d, f->name, pair->value, "true");
    (void)start_probe(d, into, PROBE_WATCHDOG, pair);
}

static void decode_disable(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    if (!node_to_bool(pair->value, &((struct health_draft *)into)->disabled))
        (void)field_wrong(d, f->name, pair->value, "true or false");
}

/* Encoding: each row gives its value if it is the probe. */

static struct node *encode_http(struct encode *e, const struct field *f, const void *from)
{
    const struct healthcheck *h = from;
    bool brackets;

    (void)f;
    if (h->kind != PROBE_HTTP)
        return NULL;
    if (h->port == 0)
        return node_text(e->arena, str_from(h->path));
    brackets = strchr(h->host, ':') != NULL;
    return node_text(
        e->arena, str_from(arena_format(e->arena, "http://%s%s%s:%d%s", brackets ? "[" : "",
                      h->host, brackets ? "]" : "", h->port, h->path)));
}

static struct node *encode_tcp(struct encode *e, const struct field *f, const void *from)
{
    const struct healthcheck *h = from;
    bool brackets;

    (void)f;
    if (h->kind != PROBE_TCP)
        return NULL;
    if (h->port == 0)
        return node_bool(e->arena, true);
    if (strcmp(h->host, LOCAL_HOST) == 0)
        return node_int(e->arena, h->port);
    brackets = strchr(h->host, ':') != NULL;
    return node_text(e->arena, str_from(arena_format(e->arena, "%s%s%s:%d", brackets ? "[" : "",
                                   h->host, brackets ? "]" : "", h->port)));
}

static struct node *encode_exec(struct encode *e, const struct field *f, const void *from)
{
    const struct healthcheck *h = from;

    (void)f;
    return h->kind == PROBE_EXEC ? encode_texts(e->arena, h->argv) : NULL;
}

static struct node *encode_probe_text(struct encode *e, const struct field *f, const void *from)
{
    const struct healthcheck *h = from;
    enum probe_kind kind = strcmp(f->name, "log") == 0 ? PROBE_LOG : PROBE_UNIX;

    return h->kind == kind ? node_text(e->arena, str_from(h->path)) : NULL;
}

static struct node *encode_watchdog(struct encode *e, const struct field *f, const void *from)
{
    (void)f;
    return ((const struct healthcheck *)from)->kind == PROBE_WATCHDOG ? node_bool(e->arena, true)
                                                                      : NULL;
}

#define AT(member) .offset = offsetof(struct healthcheck, member), .effect = FIELD_UPDATES_LIVE
#define PROBE(key, takes, decoder, encoder, text)                                                  \
    {                                                                                              \
        .name = (key), .type = FIELD_CUSTOM, .effect = FIELD_UPDATES_LIVE, .merge = MERGE_REPLACE, \
        .forms = (takes), .decode = (decoder), .encode = (encoder), .help = (text)                 \
    }

static const struct field_choice only_true[] = {
    {"true", 1},
    {NULL,   0},
};

static const struct field health_rows[] = {
    PROBE("http", FORM_TEXT, decode_http, encode_http,
        "GET of a path at its own port, or of a URL: 200 to 399 is healthy."),
    PROBE("tcp", FORM_BOOL | FORM_NUMBER | FORM_TEXT, decode_tcp, encode_tcp,
        "A connection is accepted: true for its own port, a port, or host:port."),
    PROBE("exec", FORM_TEXT | FORM_LIST, decode_exec, encode_exec,
        "A command exits with 0; a text runs in a shell."),
    PROBE("unix", FORM_TEXT, decode_probe_text, encode_probe_text,
        "A UNIX stream socket accepts a connection."),
    {.name = "watchdog",
       .type = FIELD_CUSTOM,
       .effect = FIELD_UPDATES_LIVE,
       .merge = MERGE_REPLACE,
       .forms = FORM_BOOL,
       .choices = only_true,
       .decode = decode_watchdog,
       .encode = encode_watchdog,
       .help = "It tells by sd_notify that it is ready, and that it is alive in each interval."},
    PROBE("log", FORM_TEXT, decode_probe_text, encode_probe_text,
        "A line of its log that holds this text says that it is ready."),
    {.name = "test",
       .type = FIELD_CUSTOM,
       .effect = FIELD_UPDATES_LIVE,
       .merge = MERGE_REPLACE,
       .forms = FORM_TEXT | FORM_LIST,
       .decode = decode_test,
       .input_only = true,
       .help = "Compose's form of `exec`; its timeout is 30s unless it is declared."},
    {.name = "disable",
       .type = FIELD_CUSTOM,
       .effect = FIELD_UPDATES_LIVE,
       .forms = FORM_BOOL,
       .decode = decode_disable,
       .input_only = true,
       .help = "No probe: ready as soon as it runs."},
    {.name = "interval",
       .type = FIELD_DURATION,
       AT(interval_ns),
       .min = 1e6,
       .default_text = "10s",
       .help = "From one probe to the next."                                                  },
    {.name = "timeout",
       .type = FIELD_DURATION,
       AT(timeout_ns),
       .min = 1e6,
       .default_text = "1s",
       .help = "A probe that takes longer has failed."        },
    {.name = "retries",
       .type = FIELD_INT,
       AT(retries),
       .min = 1,
       .max = 1000000,
       .default_text = "3",
       .help = "Failures in a row after which it is healed."},
    {.name = "start_period",
       .type = FIELD_DURATION,
       AT(start_period_ns),
       .default_text = "0s",
       .help = "Failures before it has passed do not count."                                                            },
    {.name = "start_interval",
       .type = FIELD_DURATION,
       AT(start_interval_ns),
       .min = 1e6,
       .default_text = "50ms",
       .help = "From one probe to the next while it starts; relaxes to `interval`."                                            },
};
const struct field_table fields_healthcheck = {.name = "healthcheck",
    .help = "How it is seen that a service works.",
    .fields = health_rows,
    .count = COUNT(health_rows),
    .defaults = &healthcheck_defaults};

void decode_healthcheck(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;
    struct health_draft *h = &draft->health;

    if (pair->value->kind != NODE_MAP) {
        (void)field_wrong(d, f->name, pair->value, "a map");
        return;
    }
    h->healthcheck.timeout_ns = NOT_SET;
    fields_decode(d, &fields_healthcheck, pair->value, h);
    if (h->healthcheck.timeout_ns == NOT_SET)
        h->healthcheck.timeout_ns = h->from_test ? COMPOSE_TIMEOUT_NS : TIMEOUT_NS;
    if (h->disabled)
        h->healthcheck = healthcheck_defaults;
}

struct node *encode_healthcheck(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;
    struct node *map = fields_encode(e, &fields_healthcheck, &s->healthcheck);

    (void)f;
    if (s->healthcheck.kind == PROBE_NONE && s->port != 0)
        (void)node_put(e->arena, map, STR("disable"), node_bool(e->arena, true));
    return map->count > 0 ? map : NULL;
}
