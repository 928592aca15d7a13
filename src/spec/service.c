/* From declared services to complete ones. */
#include "spec/container_private.h"
#include "spec/describe.h"
#include "spec/spec_private.h"

#include "base/fs.h"
#include "base/must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alphanumeric && (i == 0 || (c != '-' && c != '_')))
            return false;
    }
    return name.len > 0 && name.len <= 63;
}

static bool is_active(const struct project_draft *p, const struct node *profiles)
{
    if (profiles == NULL || profiles->kind != NODE_LIST || profiles->count == 0)
        return true;
    for (size_t i = 0; i < p->profile_count; i++) {
        if (strcmp(p->profiles[i], "*") == 0)
            return true;
        for (size_t k = 0; k < profiles->count; k++)
            if (str_is(profiles->items[k]->text, p->profiles[i]))
                return true;
    }
    return false;
}

static void check_name(
    struct decode *d, const struct field_table *table, const struct node_pair *pair)
{
    if (name_is_valid(pair->key))
        return;
    diagnostic_error(d->diagnostics, "wrong-name", &pair->key_span, "'%.*s' is no name for a %.*s",
        (int)(pair->key.len < 80 ? pair->key.len : 80), pair->key.at,
        STR_ARG(describe_table_name(table)));
    diagnostic_help(d->diagnostics,
        "names have lower-case letters, digits, '-' and '_', start with a letter or digit, and "
        "have at most 63 characters");
}

static const struct node_pair *container_key(const struct node *service)
{
    const struct node_pair *image = node_find(service, STR("image"));

    return image != NULL ? image : node_find(service, STR("build"));
}

static void check_conflict(
    struct decode *d, const struct node *service, const char *brief, const struct node *full)
{
    const struct node_pair *pair = node_find(service, str_from(brief));

    if (pair == NULL || full == NULL || !node_is_scalar(full) || !node_is_scalar(pair->value) ||
        pair->value->kind == NODE_NULL || str_eq(full->text, pair->value->text))
        return;
    diagnostic_error(d->diagnostics, "conflict", &pair->value->span,
        "'%s' says something else than the same under 'deploy'", brief);
    diagnostic_other(d->diagnostics, &full->span, "declared here");
}

static void check_conflicts(struct decode *d, const struct node *service)
{
    const struct node *deploy = node_get(service, "deploy");
    const struct node *limits = node_get(node_get(deploy, "resources"), "limits");

    check_conflict(d, service, "scale", node_get(deploy, "replicas"));
    check_conflict(d, service, "mem_limit", node_get(limits, "memory"));
    check_conflict(d, service, "cpus", node_get(limits, "cpus"));
    check_conflict(d, service, "pids_limit", node_get(limits, "pids"));
}

static void decode_keys(struct decode *d, struct service_draft *draft, const struct node *map)
{
    if (draft->service.is_job || container_key(map) == NULL) {
        fields_decode(d, draft->service.is_job ? &fields_job : &fields_service, map, draft);
        return;
    }
    draft->container = arena_new(d->arena, struct container);
    *draft->container = container_defaults;
    draft->service.container = draft->container;
    fields_decode_over(d, &fields_container, draft->container, &fields_service, map, draft);
}

/* Services and jobs depend on each other by name. */
static void check_name_is_free(
    struct decode *d, const struct project_draft *p, const struct node_pair *pair)
{
    const struct service_draft *other = map_get(&p->names, pair->key);

    if (other == NULL)
        return;
    diagnostic_error(d->diagnostics, "conflict", &pair->key_span,
        "'%.*s' is the name of a service and of a job", STR_ARG(pair->key));
    diagnostic_other(d->diagnostics, &other->span, "the first");
}

static void decode_service(struct decode *d, struct project_draft *p,
    const struct field_table *table, const struct node_pair *pair)
{
    struct service_draft *draft = arena_new(d->arena, struct service_draft);
    size_t errors = diagnostics_count(d->diagnostics, SEVERITY_ERROR);

    check_name_is_free(d, p, pair);
    (void)map_put(&p->names, pair->key, draft);
    draft->span = pair->key_span;
    draft->declared = pair->value;
    draft->service = service_defaults;
    draft->service.name = arena_copy_str(d->arena, pair->key).at;
    draft->service.is_job = table == &fields_job;
    draft->health.healthcheck = healthcheck_defaults;
    check_name(d, table, pair);
    if (pair->value->kind != NODE_MAP) {
        (void)field_wrong(d, draft->service.name, pair->value, "a map");
        draft->has_errors = true;
        return;
    }
    decode_keys(d, draft, pair->value);
    check_conflicts(d, pair->value);
    draft->has_errors = diagnostics_count(d->diagnostics, SEVERITY_ERROR) > errors ||
                        node_get(pair->value, EXTENDS_FAILED) != NULL;
    if (draft->service.is_job)
        draft_finish_job(d, draft);
    service_finish(d, draft);
    vec_push(&p->services, draft);
}

static void decode_section(struct decode *d, struct project_draft *p,
    const struct field_table *table, const struct node_pair *pair)
{
    char wanted[60];

    if (pair->value->kind != NODE_MAP) {
        (void)snprintf(
            wanted, sizeof wanted, "a map from name to %.*s", STR_ARG(describe_table_name(table)));
        (void)field_wrong(d, pair->key.at, pair->value, wanted);
        return;
    }
    if (pair->value->count + p->names.count > LOAD_SERVICES_MAX) {
        diagnostic_error(d->diagnostics, "limit", &pair->key_span, "more than %d %s",
            LOAD_SERVICES_MAX, p->names.count > 0 ? "services and jobs" : pair->key.at);
        return;
    }
    NODE_EACH (pair->value, service) {
        if (is_active(p, node_get(service->value, "profiles")))
            decode_service(d, p, table, service);
        else
            (void)map_put(&p->inactive, service->key, service->value);
    }
}

void decode_services(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)f;
    decode_section(d, into, &fields_service, pair);
}

void decode_jobs(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)f;
    decode_section(d, into, &fields_job, pair);
}

/* What needs several keys. */

static void finish_argv(struct decode *d, struct service_draft *draft)
{
    size_t count = draft->entrypoint_count + draft->command_count;
    const char **argv = arena_new_array(d->arena, count + 1, const char *);

    if (draft->entrypoint_count > 0)
        memcpy(argv, draft->entrypoint, draft->entrypoint_count * sizeof *argv);
    if (draft->command_count > 0)
        memcpy(argv + draft->entrypoint_count, draft->command, draft->command_count * sizeof *argv);
    draft->service.argv = (const char *const *)argv;
    if (draft->has_errors || (count > 0 && argv[0][0] != '\0'))
        return;
    diagnostic_error(d->diagnostics, "missing-key", &draft->span,
        "%s '%s' does not say what to run", draft->service.is_job ? "job" : "service",
        draft->service.name);
    diagnostic_help(d->diagnostics, "add `command`, such as command: %s",
        draft->service.is_job ? "./backup.sh" : "python3 web.py");
}

static void finish_working_dir(struct decode *d, struct service_draft *draft)
{
    const char *declared = draft->service.working_dir;
    const struct node *value = node_get(draft->declared, "working_dir");
    struct stat st;

    if (declared == NULL)
        declared = d->dir;
    char *path = fs_absolute(d->dir, str_from(declared));
    draft->service.working_dir = arena_copy(d->arena, path);
    free(path);
    if (d->from_document || value == NULL || value->kind == NODE_NULL ||
        mounts_cover(&draft->service, draft->service.working_dir))
        return;
    if (stat(draft->service.working_dir, &st) != 0)
        diagnostic_error(d->diagnostics, "missing-file", &value->span, "working_dir '%s': %s",
            draft->service.working_dir, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        diagnostic_error(d->diagnostics, "missing-file", &value->span,
            "working_dir '%s' is not a directory", draft->service.working_dir);
}

static void finish_health(struct decode *d, struct service_draft *draft)
{
    struct healthcheck *h = &draft->health.healthcheck;

    if (h->kind == PROBE_NONE && !draft->health.disabled && draft->service.port != 0)
        h->kind = PROBE_TCP;
    if (h->kind == PROBE_UNIX && h->path != NULL && draft->container == NULL) {
        char *path = fs_absolute(draft->service.working_dir, str_from(h->path));
        h->path = arena_copy(d->arena, path);
        free(path);
    }
    if (h->kind == PROBE_LOG && draft->service.logging.none)
        diagnostic_error(d->diagnostics, "conflict", &draft->health.kind_span,
            "the log of service '%s' is looked at, and logging driver 'none' keeps none",
            draft->service.name);
    draft->service.healthcheck = *h;
}

static void check_replicas(struct decode *d, struct service_draft *draft)
{
    const struct service *s = &draft->service;

    if (s->port == 0 || s->replicas <= 1)
        return;
    diagnostic_error(d->diagnostics, "conflict", &draft->port_span,
        "service '%s' has %d replicas, and they cannot all listen on port %d", s->name, s->replicas,
        s->port);
    diagnostic_help(d->diagnostics,
        "leave `ports` out and let the program listen on $PORT: each instance gets its own");
}

/* cpu_quota in each cpu_period are so many processors. */
static void finish_quota(struct decode *d, struct service_draft *draft)
{
    struct resources *r = &draft->service.resources;
    const struct node *value = node_get(draft->declared, "cpu_quota");

    if (r->cpu_quota_us <= 0 || draft->container != NULL)
        return;
    if (r->cpus > 0)
        diagnostic_error(d->diagnostics, "conflict", value != NULL ? &value->span : &draft->span,
            "'cpu_quota' and 'cpus' say the same in two ways; write one");
    r->cpus = (double)r->cpu_quota_us / (double)(r->cpu_period_us > 0 ? r->cpu_period_us : 100000);
}

void service_finish(struct decode *d, struct service_draft *draft)
{
    struct restart_policy *restart = &draft->service.restart;

    restart_finish(d, draft);
    if (restart->delay_max_ns < restart->delay_ns)
        restart->delay_max_ns = restart->delay_ns;
    if (draft->container != NULL) {
        container_finish(d, draft);
    } else {
        finish_argv(d, draft);
        mounts_finish(d, draft);
        finish_working_dir(d, draft);
    }
    environment_finish(d, draft);
    labels_finish(d, draft);
    finish_quota(d, draft);
    finish_health(d, draft);
    check_replicas(d, draft);
}
