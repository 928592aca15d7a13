/* What a container says about itself and the rest of the project. */
#include "spec/container_private.h"

#include "base/must.h"

#include <string.h>

/* Where a key of the service stands. */
static const struct span *span_of(const struct service_draft *draft, const char *key)
{
    const struct node_pair *pair = node_find(draft->declared, str_from(key));

    return pair != NULL ? &pair->key_span : &draft->span;
}

/* ---- one container ---- */

static void check_probe(struct decode *d, const struct service_draft *draft)
{
    const struct healthcheck *h = &draft->health.healthcheck;
    const char *kind = h->kind == PROBE_UNIX ? "unix" : "watchdog";

    if (h->kind != PROBE_UNIX && h->kind != PROBE_WATCHDOG)
        return;
    field_refuse(d, &draft->health.kind_span, "'%s' for a container: only a process has it", kind);
    diagnostic_help(d->diagnostics, "probe with `http`, `tcp`, `test` or `log`");
}

static void check_network_mode(struct decode *d, const struct service_draft *draft)
{
    const struct container *c = draft->container;
    bool has_own = c->network_mode == NULL || strcmp(c->network_mode, "bridge") == 0 ||
                   strcmp(c->network_mode, "default") == 0;

    if (c->network_mode != NULL && c->networks.count > 0) {
        diagnostic_error(d->diagnostics, "conflict", span_of(draft, "network_mode"),
            "a service has `network_mode` or `networks`, not both");
        diagnostic_other(d->diagnostics, span_of(draft, "networks"), "declared here");
    }
    if (!has_own && c->ports.count > 0)
        diagnostic_note(d->diagnostics, "no-effect", span_of(draft, "ports"),
            "'ports' has no effect: with network_mode '%s' it has no network of its own",
            c->network_mode);
}

static void check_mounts(struct decode *d, const struct service_draft *draft)
{
    const struct container *c = draft->container;
    const struct span *span = span_of(draft, "volumes");

    for (size_t i = 0; i < c->mounts.count; i++) {
        const struct mount *m = FIELD_AT(c->mounts, struct mount, i);
        if (m->type == MOUNT_NPIPE || m->type == MOUNT_CLUSTER)
            field_refuse(
                d, span, "a mount of type '%s'", m->type == MOUNT_NPIPE ? "npipe" : "cluster");
        else if (m->target == NULL && m->type != MOUNT_TMPFS)
            diagnostic_error(d->diagnostics, "missing-key", span, "'target' is missing in a mount");
        else if (m->source == NULL && (m->type == MOUNT_BIND || m->type == MOUNT_IMAGE))
            diagnostic_error(d->diagnostics, "missing-key", span, "'source' is missing in a mount");
    }
}

static void check_fixed(struct decode *d, const struct service_draft *draft)
{
    const struct container *c = draft->container;

    if (draft->service.replicas <= 1)
        return;
    if (c->container_name != NULL)
        diagnostic_error(d->diagnostics, "conflict", span_of(draft, "container_name"),
            "service '%s' has %d replicas, and they cannot all be called '%s'", draft->service.name,
            draft->service.replicas, c->container_name);
    for (size_t i = 0; i < c->ports.count; i++) {
        const struct port_mapping *p = FIELD_AT(c->ports, struct port_mapping, i);
        if (p->published == NULL || strchr(p->published, '-') != NULL)
            continue;
        diagnostic_error(d->diagnostics, "conflict", span_of(draft, "ports"),
            "service '%s' has %d replicas, and they cannot all publish port %s",
            draft->service.name, draft->service.replicas, p->published);
        diagnostic_help(d->diagnostics,
            "publish a range (\"8000-8010:%d\"), or no fixed port (\"%d\")", p->target, p->target);
        return;
    }
}

void container_finish(struct decode *d, struct service_draft *draft)
{
    check_probe(d, draft);
    check_network_mode(d, draft);
    check_mounts(d, draft);
    check_fixed(d, draft);
}

/* ---- what it names ---- */

static const char *entry_name(const struct field_list *list, size_t entry_bytes, size_t i)
{
    return *(const char *const *)(const void *)((const char *)list->at + i * entry_bytes);
}

/* A network, volume, config or secret must be declared. */
void shared_check(struct diagnostics *d, const struct field_list *list, size_t entry_bytes,
    const char *what, const char *section, const char *name, const struct span *span)
{
    const char *names[100];
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        const char *declared = entry_name(list, entry_bytes, i);
        if (strcmp(declared, name) == 0)
            return;
        if (count < COUNT(names))
            names[count++] = declared;
    }
    diagnostic_error(d, "unknown-resource", span, "there is no %s '%s'", what, name);
    const char *nearest = str_nearest(str_from(name), names, count);
    if (nearest != NULL)
        diagnostic_help(d, "did you mean '%s'?", nearest);
    else
        diagnostic_help(d, "declare it at the top of the file: %s: {%s: {}}", section, name);
}

static void check_grants(struct diagnostics *d, const struct field_list *grants,
    const struct field_list *sources, const char *what, const char *section,
    const struct service_draft *draft)
{
    for (size_t i = 0; i < grants->count; i++) {
        const struct file_grant *g = FIELD_AT(*grants, struct file_grant, i);
        if (g->source != NULL)
            shared_check(d, sources, sizeof(struct file_source), what, section, g->source,
                span_of(draft, section));
    }
}

static void check_networks(
    struct diagnostics *d, const struct project_draft *p, const struct service_draft *draft)
{
    const struct container *c = draft->container;

    for (size_t i = 0; i < c->networks.count; i++) {
        const char *name = FIELD_AT(c->networks, struct network_attachment, i)->name;
        if (strcmp(name, "default") != 0)
            shared_check(d, &p->shared.networks, sizeof(struct network), "network", "networks",
                name, span_of(draft, "networks"));
    }
}

static void check_volumes(
    struct diagnostics *d, const struct project_draft *p, const struct service_draft *draft)
{
    const struct container *c = draft->container;

    for (size_t i = 0; i < c->mounts.count; i++) {
        const struct mount *m = FIELD_AT(c->mounts, struct mount, i);
        if (m->type == MOUNT_VOLUME && m->source != NULL)
            shared_check(d, &p->shared.volumes, sizeof(struct volume_source), "volume", "volumes",
                m->source, span_of(draft, "volumes"));
    }
}

/* `name` is a service of the project, and a container. */
static void check_service(struct diagnostics *d, const struct project_draft *p, struct str name,
    const char *key, const struct service_draft *draft)
{
    const struct service_draft *other = map_get(&p->names, name);
    const struct span *span = span_of(draft, key);

    if (other == NULL)
        diagnostic_error(d, "unknown-service", span,
            "'%s' names '%.*s', and there is no such service", key, STR_ARG(name));
    else if (other->container == NULL && !other->has_errors)
        diagnostic_error(d, "not-supported", span,
            "not supported: '%s' of '%.*s', which is a process and no container", key,
            STR_ARG(name));
}

static void check_mode(struct diagnostics *d, const struct project_draft *p, const char *mode,
    const char *key, const struct service_draft *draft)
{
    struct str rest = str_from(mode);

    if (str_starts(rest, "service:"))
        check_service(d, p, str_tail(rest, strlen("service:")), key, draft);
}

static void check_names(struct diagnostics *d, const struct project_draft *p,
    const char *const *texts, const char *key, const struct service_draft *draft)
{
    for (; texts != NULL && *texts != NULL; texts++) {
        struct str rest = str_from(*texts);
        if (!str_starts(rest, "container:"))
            check_service(d, p, str_cut(&rest, ':'), key, draft);
    }
}

void check_container(
    struct diagnostics *d, const struct project_draft *p, const struct service_draft *draft)
{
    const struct container *c = draft->container;

    check_networks(d, p, draft);
    check_volumes(d, p, draft);
    check_grants(d, &c->configs, &p->shared.configs, "config", "configs", draft);
    check_grants(d, &c->secrets, &p->shared.secrets, "secret", "secrets", draft);
    check_mode(d, p, c->network_mode, "network_mode", draft);
    check_mode(d, p, c->ipc, "ipc", draft);
    check_mode(d, p, c->pid, "pid", draft);
    check_names(d, p, c->links, "links", draft);
    check_names(d, p, c->volumes_from, "volumes_from", draft);
}
