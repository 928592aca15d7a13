/* Services as lines of a life, and as a document. */
#include "script.h"

#include "base/must.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- words ---- */

static const char *const conditions[] = {"started", "healthy", "completed"};
static const char *const compose_conditions[] = {
    "service_started", "service_healthy", "service_completed_successfully"};
static const char *const failures[] = {"rollback", "pause", "continue"};
static const char *const restarts[] = {"no", "on-failure", "always", "unless-stopped"};

static int find_word(const char *const *words, size_t count, struct str word)
{
    for (size_t k = 0; k < count; k++)
        if (str_is(word, words[k]))
            return (int)k;
    return -1;
}

/* The numbers of a service: how they are called, and what they are where nothing is said. */
#define AT(member) offsetof(struct service_text, member)
static const struct {
    const char *name;
    size_t at;
    int64_t otherwise;
} numbers[] = {
    {"interval",    AT(interval),    1000 },
    {"retries",     AT(retries),     2    },
    {"parallelism", AT(parallelism), 1    },
    {"delay",       AT(delay),       0    },
    {"monitor",     AT(monitor),     0    },
    {"deadline",    AT(deadline),    10000},
    {"grace",       AT(grace),       10000},
    {"attempts",    AT(attempts),    0    },
    {"stable",      AT(stable),      10000},
};

static int64_t *number_of(struct service_text *s, size_t k)
{
    return (int64_t *)(void *)((char *)s + numbers[k].at);
}

void service_init(struct service_text *s, const char *name, const char *program)
{
    *s = (struct service_text){.version = 1,
        .replicas = 1,
        .probed = true,
        .restart = RESTART_ALWAYS,
        .program = sim_program_find(program)};
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    for (size_t k = 0; k < COUNT(numbers); k++)
        *number_of(s, k) = numbers[k].otherwise;
}

/* ---- writing ---- */

static void write_needs(const struct service_text *s, struct buf *out)
{
    for (size_t k = 0; k < s->need_count; k++) {
        const struct need *n = &s->needs[k];

        buf_format(out, "%s%s:%s%s%s", k == 0 ? " after=" : ",", n->name, conditions[n->condition],
            n->optional ? ":optional" : "", n->restart ? ":restart" : "");
    }
}

void service_write(const struct service_text *s, struct buf *out)
{
    struct service_text copy = *s;

    buf_format(out, "%s: %s", s->name, s->program->name);
    if (s->version != 1)
        buf_format(out, " v=%d", s->version);
    if (s->replicas != 1)
        buf_format(out, " replicas=%d", s->replicas);
    write_needs(s, out);
    if (!s->probed)
        buf_add_text(out, " unprobed");
    if (s->restart != RESTART_ALWAYS)
        buf_format(out, " restart=%s", restarts[s->restart]);
    if (s->on_failure != UPDATE_ROLLBACK)
        buf_format(out, " on_failure=%s", failures[s->on_failure]);
    if (s->port != 0)
        buf_format(out, " port=%d", s->port);
    for (size_t k = 0; k < COUNT(numbers); k++)
        if (*number_of(&copy, k) != numbers[k].otherwise)
            buf_format(out, " %s=%lld", numbers[k].name, (long long)*number_of(&copy, k));
}

static void write_update(const struct service_text *s, struct buf *out)
{
    buf_format(out,
        "    deploy: { replicas: %d, update_config: { parallelism: %lld, delay: %lldms, "
        "monitor: %lldms, deadline: %lldms, failure_action: %s } }\n",
        s->replicas, (long long)s->parallelism, (long long)s->delay, (long long)s->monitor,
        (long long)s->deadline, failures[s->on_failure]);
}

static void write_restart(const struct service_text *s, struct buf *out)
{
    buf_format(out, "    restart: { condition: %s, stable: %lldms", restarts[s->restart],
        (long long)s->stable);
    if (s->attempts > 0)
        buf_format(out, ", max_attempts: %lld", (long long)s->attempts);
    buf_add_text(out, " }\n");
}

static void write_service(const struct service_text *s, struct buf *out)
{
    buf_format(out, "  %s:\n    command: [%s, v%d]\n", s->name, s->program->name, s->version);
    if (s->probed)
        buf_format(out,
            "    healthcheck: { http: /, interval: %lldms, timeout: %lldms, retries: %lld }\n",
            (long long)s->interval, (long long)(s->interval / 2), (long long)s->retries);
    write_restart(s, out);
    write_update(s, out);
    buf_format(out, "    stop_grace_period: %lldms\n", (long long)s->grace);
    if (s->port != 0)
        buf_format(out, "    ports: [\"%d\"]\n", s->port);
    if (s->need_count > 0)
        buf_add_text(out, "    depends_on:\n");
    for (size_t k = 0; k < s->need_count; k++)
        buf_format(out, "      %s: { condition: %s, required: %s, restart: %s }\n",
            s->needs[k].name, compose_conditions[s->needs[k].condition],
            s->needs[k].optional ? "false" : "true", s->needs[k].restart ? "true" : "false");
}

void project_write(const struct project_text *p, struct buf *out)
{
    buf_add_text(out, "name: life\nx-tend-directory: /\nservices:\n");
    for (size_t k = 0; k < p->count; k++)
        write_service(&p->services[k], out);
    if (p->count == 0)
        buf_add_text(out, "  {}\n");
}

const struct service_text *project_find(const struct project_text *p, const char *name)
{
    for (size_t k = 0; k < p->count; k++)
        if (strcmp(p->services[k].name, name) == 0)
            return &p->services[k];
    return NULL;
}

/* ---- reading ---- */

static bool read_name(char out[NAME_BYTES], struct str name, struct err *err)
{
    if (name.len == 0 || name.len >= NAME_BYTES)
        return err_set(err, ERR_INVALID, "\"%.*s\" is no name", STR_ARG(name));
    (void)snprintf(out, NAME_BYTES, "%.*s", STR_ARG(name));
    return true;
}

static bool read_need(struct service_text *s, struct str text, struct err *err)
{
    struct need *n = &s->needs[s->need_count];
    struct str name = str_cut(&text, ':'), condition = str_cut(&text, ':');
    int found = find_word(conditions, COUNT(conditions), condition);

    if (s->need_count == NEEDS_MAX || found < 0)
        return err_set(err, ERR_INVALID, "after=%.*s: NAME:started|healthy|completed, at most %d",
            STR_ARG(name), NEEDS_MAX);
    *n = (struct need){.condition = (enum depend_condition)found};
    TRY(read_name(n->name, name, err));
    while (text.len > 0) {
        struct str word = str_cut(&text, ':');

        n->optional = n->optional || str_is(word, "optional");
        n->restart = n->restart || str_is(word, "restart");
    }
    s->need_count++;
    return true;
}

static bool read_number(struct service_text *s, struct str key, struct str value, struct err *err)
{
    int64_t number;

    if (!str_to_int(value, &number) || number < 0)
        return err_set(err, ERR_INVALID, "%.*s=%.*s is no number", STR_ARG(key), STR_ARG(value));
    for (size_t k = 0; k < COUNT(numbers); k++)
        if (str_is(key, numbers[k].name)) {
            *number_of(s, k) = number;
            return true;
        }
    if (str_is(key, "v"))
        s->version = (int)number;
    else if (str_is(key, "replicas") && number <= SLOTS_MAX)
        s->replicas = (int)number;
    else if (str_is(key, "port"))
        s->port = (int)number;
    else
        return err_set(err, ERR_INVALID, "there is no %.*s", STR_ARG(key));
    return true;
}

static bool read_word(struct service_text *s, struct str word, struct err *err)
{
    struct str value = word, key = str_cut(&value, '=');
    int found = -1;

    if (str_is(key, "after")) {
        while (value.len > 0)
            TRY(read_need(s, str_cut(&value, ','), err));
        return true;
    }
    if (str_is(key, "unprobed")) {
        s->probed = false;
        return true;
    }
    if (str_is(key, "restart") && (found = find_word(restarts, COUNT(restarts), value)) >= 0) {
        s->restart = (enum restart_condition)found;
        return true;
    }
    if (str_is(key, "on_failure") && (found = find_word(failures, COUNT(failures), value)) >= 0) {
        s->on_failure = (enum update_failure)found;
        return true;
    }
    return read_number(s, key, value, err);
}

bool service_read(struct service_text *out, struct str line, struct err *err)
{
    struct str name = str_cut(&line, ':'), program;
    char text[32];

    line = str_trim(line);
    program = str_cut(&line, ' ');
    (void)snprintf(text, sizeof text, "%.*s", STR_ARG(program));
    if (sim_program_find(text) == NULL)
        return err_set(err, ERR_INVALID, "there is no program \"%s\"", text);
    service_init(out, "", text);
    TRY(read_name(out->name, name, err));
    while (line.len > 0) {
        struct str word = str_cut(&line, ' ');

        if (word.len > 0)
            TRY(read_word(out, word, err));
    }
    return true;
}
