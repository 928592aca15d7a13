#include "drive/docker/body.h"

#include "base/json.h"
#include "base/must.h"
#include "spec/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- names ---- */

const char *body_container_name(struct arena *a, const struct body_instance *i)
{
    const struct container *c = i->service->container;

    if (c->container_name != NULL)
        return c->container_name;
    return arena_format(a, "%s-%s-%d", i->project->name, i->service->name, i->slot);
}

static const struct network *network_of(const struct project *p, const char *key)
{
    for (size_t i = 0; i < p->shared.networks.count; i++) {
        const struct network *n = FIELD_AT(p->shared.networks, struct network, i);
        if (strcmp(n->key, key) == 0)
            return n;
    }
    return NULL;
}

static const struct volume_source *volume_of(const struct project *p, const char *key)
{
    for (size_t i = 0; i < p->shared.volumes.count; i++) {
        const struct volume_source *v = FIELD_AT(p->shared.volumes, struct volume_source, i);
        if (strcmp(v->key, key) == 0)
            return v;
    }
    return NULL;
}

static const char *shared_name(
    struct arena *a, const struct project *p, const char *key, const char *real_name, bool external)
{
    if (real_name != NULL)
        return real_name;
    return external ? key : arena_format(a, "%s_%s", p->name, key);
}

const char *body_network_name(struct arena *a, const struct project *p, const char *key)
{
    const struct network *n = network_of(p, key);

    return shared_name(a, p, key, n != NULL ? n->real_name : NULL, n != NULL && n->external);
}

const char *body_volume_name(struct arena *a, const struct project *p, const char *key)
{
    const struct volume_source *v = volume_of(p, key);

    return shared_name(a, p, key, v != NULL ? v->real_name : NULL, v != NULL && v->external);
}

const char *body_image(struct arena *a, const struct body_instance *i)
{
    const struct container *c = i->service->container;

    if (c->image != NULL)
        return c->image;
    return arena_format(a, "%s-%s", i->project->name, i->service->name);
}

size_t body_network_count(const struct container *c)
{
    if (c->network_mode != NULL)
        return 0;
    return c->networks.count > 0 ? c->networks.count : 1;
}

const char *body_network_key(const struct container *c, size_t n)
{
    return c->networks.count > 0 ? FIELD_AT(c->networks, struct network_attachment, n)->name
                                 : "default";
}

/* ---- helpers ---- */

static void put_texts(struct json *j, const char *key, const char *const *texts)
{
    if (texts == NULL)
        return;
    json_open_array(j, key);
    for (; *texts != NULL; texts++)
        json_text(j, NULL, *texts);
    json_end(j);
}

static void put_names(struct json *j, const char *key, const char *const *names)
{
    if (names == NULL)
        return;
    json_open_object(j, key);
    for (; names[0] != NULL; names += 2)
        json_text(j, names[0], names[1]);
    json_end(j);
}

static void put_text(struct json *j, const char *key, const char *text)
{
    if (text != NULL)
        json_text(j, key, text);
}

static void put_positive(struct json *j, const char *key, int64_t value)
{
    if (value > 0)
        json_int(j, key, value);
}

/* "service:db" is the first container of db. */
static void put_mode(struct json *j, struct arena *a, const struct body_instance *i,
    const char *key, const char *mode)
{
    const char *name;

    if (mode == NULL)
        return;
    if (strncmp(mode, "service:", 8) != 0) {
        json_text(j, key, mode);
        return;
    }
    struct body_instance other = {.project = i->project,
        .service = project_service(i->project, str_from(mode + 8)),
        .slot = 1};
    name = other.service != NULL && other.service->container != NULL
               ? body_container_name(a, &other)
               : mode + 8;
    json_format(j, key, "container:%s", name);
}

/* ---- the container itself ---- */

static void put_environment(struct json *j, const struct service *s)
{
    json_open_array(j, "Env");
    for (size_t k = 0; k < s->environment_count; k++)
        json_format(j, NULL, "%s=%s", s->environment[k].name, s->environment[k].value);
    json_end(j);
}

static void put_labels(struct json *j, const struct body_instance *i)
{
    const char *const *labels = i->service->labels;

    json_open_object(j, "Labels");
    for (; labels != NULL && labels[0] != NULL; labels += 2)
        json_text(j, labels[0], labels[1]);
    json_text(j, LABEL_PROJECT, i->project->name);
    json_text(j, LABEL_SERVICE, i->service->name);
    json_format(j, LABEL_NUMBER, "%d", i->slot);
    json_text(j, "com.docker.compose.oneoff", "False");
    json_text(j, "com.docker.compose.project.working_dir", i->project->dir);
    json_text(j, LABEL_REVISION, i->revision);
    json_end(j);
}

static bool is_first_of(const struct container *c, size_t k)
{
    const struct port_mapping *p = FIELD_AT(c->ports, struct port_mapping, k);

    for (size_t before = 0; before < k; before++) {
        const struct port_mapping *o = FIELD_AT(c->ports, struct port_mapping, before);
        if (o->target == p->target && strcmp(o->protocol, p->protocol) == 0)
            return false;
    }
    return true;
}

static void put_exposed(struct json *j, const struct container *c)
{
    json_open_object(j, "ExposedPorts");
    for (size_t k = 0; k < c->ports.count; k++) {
        const struct port_mapping *p = FIELD_AT(c->ports, struct port_mapping, k);
        char key[32];
        if (!is_first_of(c, k))
            continue;
        (void)snprintf(key, sizeof key, "%d/%s", p->target, p->protocol);
        json_open_object(j, key);
        json_end(j);
    }
    for (const char *const *e = c->expose; e != NULL && *e != NULL; e++) {
        char key[64];
        if (strchr(*e, '-') != NULL)
            continue; /* written down for people */
        (void)snprintf(key, sizeof key, "%s%s", *e, strchr(*e, '/') != NULL ? "" : "/tcp");
        json_open_object(j, key);
        json_end(j);
    }
    json_end(j);
}

/* ---- host configuration ---- */

static void put_bindings_of(struct json *j, const struct container *c, const struct port_mapping *p)
{
    char key[32];

    (void)snprintf(key, sizeof key, "%d/%s", p->target, p->protocol);
    json_open_array(j, key);
    for (size_t k = 0; k < c->ports.count; k++) {
        const struct port_mapping *o = FIELD_AT(c->ports, struct port_mapping, k);
        if (o->target != p->target || strcmp(o->protocol, p->protocol) != 0)
            continue;
        json_open_object(j, NULL);
        put_text(j, "HostIp", o->host_ip);
        json_text(j, "HostPort", o->published != NULL ? o->published : "");
        json_end(j);
    }
    json_end(j);
}

static void put_ports(struct json *j, const struct container *c)
{
    json_open_object(j, "PortBindings");
    for (size_t k = 0; k < c->ports.count; k++)
        if (is_first_of(c, k))
            put_bindings_of(j, c, FIELD_AT(c->ports, struct port_mapping, k));
    json_end(j);
}

/* A folder that is made where it is missing goes by the engine's older form, which does so. */
static bool is_bind_text(const struct mount *m)
{
    return m->type == MOUNT_BIND && m->create_host_path;
}

static void put_binds(struct json *j, const struct container *c)
{
    json_open_array(j, "Binds");
    for (size_t k = 0; k < c->mounts.count; k++) {
        const struct mount *m = FIELD_AT(c->mounts, struct mount, k);
        if (is_bind_text(m))
            json_format(j, NULL, "%s:%s:%s%s%s%s%s", m->source, m->target,
                m->read_only ? "ro" : "rw", m->selinux != NULL ? "," : "",
                m->selinux != NULL ? m->selinux : "", m->propagation != NULL ? "," : "",
                m->propagation != NULL ? m->propagation : "");
    }
    json_end(j);
}

static void put_mount(
    struct json *j, struct arena *a, const struct body_instance *i, const struct mount *m)
{
    static const char *const types[] = {[MOUNT_BIND] = "bind",
        [MOUNT_VOLUME] = "volume",
        [MOUNT_TMPFS] = "tmpfs",
        [MOUNT_NPIPE] = "npipe",
        [MOUNT_CLUSTER] = "cluster",
        [MOUNT_IMAGE] = "image"};

    json_open_object(j, NULL);
    json_text(j, "Type", types[m->type]);
    json_text(j, "Target", m->target);
    json_bool(j, "ReadOnly", m->read_only);
    if (m->source != NULL)
        json_text(j, "Source",
            m->type == MOUNT_VOLUME ? body_volume_name(a, i->project, m->source) : m->source);
    if (m->type == MOUNT_BIND && m->propagation != NULL) {
        json_open_object(j, "BindOptions");
        json_text(j, "Propagation", m->propagation);
        json_end(j);
    }
    if (m->type == MOUNT_VOLUME) {
        json_open_object(j, "VolumeOptions");
        json_bool(j, "NoCopy", m->nocopy);
        put_names(j, "Labels", m->volume_labels);
        put_text(j, "Subpath", m->subpath);
        json_end(j);
    }
    if (m->type == MOUNT_TMPFS) {
        json_open_object(j, "TmpfsOptions");
        put_positive(j, "SizeBytes", m->tmpfs_bytes);
        if (m->tmpfs_mode >= 0)
            json_int(j, "Mode", m->tmpfs_mode);
        json_end(j);
    }
    json_end(j);
}

static const struct file_source *source_of(const struct field_list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct file_source *s = FIELD_AT(*list, struct file_source, i);
        if (strcmp(s->key, key) == 0)
            return s;
    }
    return NULL;
}

static bool put_grants(struct json *j, struct arena *a, const struct field_list *grants,
    const struct field_list *sources, const char *dir, const char *what, struct err *err)
{
    for (size_t k = 0; k < grants->count; k++) {
        const struct file_grant *g = FIELD_AT(*grants, struct file_grant, k);
        const struct file_source *s = source_of(sources, g->source);
        const char *target = g->target != NULL ? g->target : g->source;
        if (s == NULL || s->file == NULL)
            return err_set(err, ERR_UNSUPPORTED,
                "not supported: %s '%s' in a container, which is not from a `file`", what,
                g->source);
        json_open_object(j, NULL);
        json_text(j, "Type", "bind");
        json_text(j, "Source", s->file);
        json_text(j, "Target", target[0] == '/' ? target : arena_format(a, "%s%s", dir, target));
        json_bool(j, "ReadOnly", true);
        json_end(j);
    }
    return true;
}

static bool put_mounts(
    struct json *j, struct arena *a, const struct body_instance *i, struct err *err)
{
    const struct container *c = i->service->container;

    put_binds(j, c);
    json_open_array(j, "Mounts");
    for (size_t k = 0; k < c->mounts.count; k++)
        if (!is_bind_text(FIELD_AT(c->mounts, struct mount, k)))
            put_mount(j, a, i, FIELD_AT(c->mounts, struct mount, k));
    TRY(put_grants(j, a, &c->secrets, &i->project->shared.secrets, "/run/secrets/", "secret", err));
    TRY(put_grants(j, a, &c->configs, &i->project->shared.configs, "/", "config", err));
    json_end(j);
    if (c->tmpfs == NULL)
        return true;
    json_open_object(j, "Tmpfs");
    for (const char *const *t = c->tmpfs; *t != NULL; t++) {
        struct str options = str_from(*t), path = str_cut(&options, ':');
        json_str(j, arena_copy_str(a, path).at, options);
    }
    json_end(j);
    return true;
}

static void put_limits(struct json *j, const struct service *s)
{
    const struct container *c = s->container;

    put_positive(j, "Memory", s->resources.memory_bytes);
    put_positive(j, "PidsLimit", s->resources.pids);
    put_positive(j, "NanoCpus", (int64_t)(s->resources.cpus * 1e9));
    put_positive(j, "MemoryReservation", c->mem_reservation);
    if (c->memswap_limit != -2)
        json_int(j, "MemorySwap", c->memswap_limit);
    if (c->mem_swappiness >= 0)
        json_int(j, "MemorySwappiness", c->mem_swappiness);
    put_positive(j, "ShmSize", c->shm_size);
    put_positive(j, "CpuShares", c->cpu_shares);
    put_positive(j, "CpuCount", c->cpu_count);
    put_positive(j, "CpuPercent", (int64_t)c->cpu_percent);
    put_positive(j, "CpuPeriod", c->cpu_period_us);
    put_positive(j, "CpuQuota", c->cpu_quota_us);
    put_positive(j, "CpuRealtimePeriod", c->cpu_rt_period_us);
    put_positive(j, "CpuRealtimeRuntime", c->cpu_rt_runtime_us);
    put_text(j, "CpusetCpus", s->cpuset);
    if (s->oom_score_adj != OOM_SCORE_UNSET)
        json_int(j, "OomScoreAdj", s->oom_score_adj);
    if (c->oom_kill_disable)
        json_bool(j, "OomKillDisable", true);
    json_open_array(j, "Ulimits");
    for (size_t k = 0; k < s->ulimit_count; k++) {
        json_open_object(j, NULL);
        json_text(j, "Name", s->ulimits[k].name);
        json_int(j, "Soft", s->ulimits[k].soft);
        json_int(j, "Hard", s->ulimits[k].hard);
        json_end(j);
    }
    json_end(j);
}

static void put_rates(
    struct json *j, const char *key, const char *member, const struct field_list *list)
{
    if (list->count == 0)
        return;
    json_open_array(j, key);
    for (size_t k = 0; k < list->count; k++) {
        json_open_object(j, NULL);
        json_text(j, "Path", FIELD_AT(*list, struct blkio_device, k)->path);
        json_int(j, member, FIELD_AT(*list, struct blkio_device, k)->rate);
        json_end(j);
    }
    json_end(j);
}

static void put_blkio(struct json *j, const struct blkio *b)
{
    put_positive(j, "BlkioWeight", b->weight);
    put_rates(j, "BlkioWeightDevice", "Weight", &b->weight_device);
    put_rates(j, "BlkioDeviceReadBps", "Rate", &b->read_bps);
    put_rates(j, "BlkioDeviceWriteBps", "Rate", &b->write_bps);
    put_rates(j, "BlkioDeviceReadIOps", "Rate", &b->read_iops);
    put_rates(j, "BlkioDeviceWriteIOps", "Rate", &b->write_iops);
}

static void put_devices(struct json *j, const struct container *c)
{
    json_open_array(j, "Devices");
    for (size_t k = 0; k < c->devices.count; k++) {
        const struct device_mapping *m = FIELD_AT(c->devices, struct device_mapping, k);
        json_open_object(j, NULL);
        json_text(j, "PathOnHost", m->source);
        json_text(j, "PathInContainer", m->target != NULL ? m->target : m->source);
        json_text(j, "CgroupPermissions", m->permissions);
        json_end(j);
    }
    json_end(j);
    if (c->gpus.count == 0)
        return;
    json_open_array(j, "DeviceRequests");
    for (size_t k = 0; k < c->gpus.count; k++) {
        const struct device_request *r = FIELD_AT(c->gpus, struct device_request, k);
        json_open_object(j, NULL);
        put_text(j, "Driver", r->driver);
        json_int(j, "Count", r->count == 0 && r->device_ids == NULL ? -1 : r->count);
        put_texts(j, "DeviceIDs", r->device_ids);
        json_open_array(j, "Capabilities");
        put_texts(j, NULL, r->capabilities);
        json_end(j);
        put_names(j, "Options", r->options);
        json_end(j);
    }
    json_end(j);
}

static void put_rights(struct json *j, const struct container *c)
{
    put_texts(j, "CapAdd", c->cap_add);
    put_texts(j, "CapDrop", c->cap_drop);
    put_texts(j, "SecurityOpt", c->security_opt);
    put_texts(j, "GroupAdd", c->group_add);
    put_texts(j, "DeviceCgroupRules", c->device_cgroup_rules);
    put_names(j, "Sysctls", c->sysctls);
    put_names(j, "StorageOpt", c->storage_opt);
    put_names(j, "Annotations", c->annotations);
    json_bool(j, "Privileged", c->privileged);
    json_bool(j, "ReadonlyRootfs", c->read_only);
    if (c->init)
        json_bool(j, "Init", true);
}

static void put_network_mode(struct json *j, struct arena *a, const struct body_instance *i)
{
    const struct container *c = i->service->container;

    if (c->network_mode != NULL)
        put_mode(j, a, i, "NetworkMode", c->network_mode);
    else
        json_text(j, "NetworkMode", body_network_name(a, i->project, body_network_key(c, 0)));
    put_mode(j, a, i, "IpcMode", c->ipc);
    put_mode(j, a, i, "PidMode", c->pid);
    put_text(j, "UTSMode", c->uts);
    put_text(j, "UsernsMode", c->userns_mode);
    put_text(j, "CgroupnsMode", c->cgroup);
    put_text(j, "CgroupParent", c->cgroup_parent);
    put_text(j, "Runtime", c->runtime);
    put_text(j, "Isolation", c->isolation);
    put_texts(j, "ExtraHosts", c->extra_hosts);
    put_texts(j, "Dns", c->dns);
    put_texts(j, "DnsOptions", c->dns_opt);
    put_texts(j, "DnsSearch", c->dns_search);
}

/* tend keeps the logs: the engine's copy is short. Restarts are tend's alone. */
static void put_policies(struct json *j)
{
    json_open_object(j, "RestartPolicy");
    json_text(j, "Name", "no");
    json_end(j);
    json_open_object(j, "LogConfig");
    json_text(j, "Type", "json-file");
    json_open_object(j, "Config");
    json_text(j, "max-size", "10m");
    json_text(j, "max-file", "2");
    json_end(j);
    json_end(j);
}

static bool put_host(
    struct json *j, struct arena *a, const struct body_instance *i, struct err *err)
{
    const struct container *c = i->service->container;

    json_open_object(j, "HostConfig");
    put_policies(j);
    if (c->network_mode == NULL)
        put_ports(j, c);
    TRY(put_mounts(j, a, i, err));
    put_limits(j, i->service);
    put_blkio(j, &c->blkio);
    put_devices(j, c);
    put_rights(j, c);
    put_network_mode(j, a, i);
    json_end(j);
    return true;
}

/* ---- networks ---- */

static void put_endpoint(struct json *j, struct arena *a, const struct body_instance *i, size_t n)
{
    static const struct network_attachment none;
    const struct container *c = i->service->container;
    const struct network_attachment *at =
        c->networks.count > 0 ? FIELD_AT(c->networks, struct network_attachment, n) : &none;

    json_open_array(j, "Aliases");
    json_text(j, NULL, i->service->name);
    json_text(j, NULL, body_container_name(a, i));
    for (const char *const *alias = at->aliases; alias != NULL && *alias != NULL; alias++)
        json_text(j, NULL, *alias);
    json_end(j);
    put_texts(j, "Links", n == 0 ? c->external_links : NULL);
    put_names(j, "DriverOpts", at->driver_opts);
    put_text(j, "MacAddress", at->mac_address);
    if (at->ipv4_address == NULL && at->ipv6_address == NULL && at->link_local_ips == NULL)
        return;
    json_open_object(j, "IPAMConfig");
    put_text(j, "IPv4Address", at->ipv4_address);
    put_text(j, "IPv6Address", at->ipv6_address);
    put_texts(j, "LinkLocalIPs", at->link_local_ips);
    json_end(j);
}

static bool refuse_rest(const struct container *c, struct err *err)
{
    if (c->links != NULL && c->links[0] != NULL)
        for (const char *const *l = c->links; *l != NULL; l++)
            if (strchr(*l, ':') != NULL)
                return err_set(err, ERR_UNSUPPORTED,
                    "not supported: `links` with an alias ('%s'): give that service an alias in "
                    "its "
                    "network",
                    *l);
    if (c->volumes_from != NULL && c->volumes_from[0] != NULL)
        return err_set(err, ERR_UNSUPPORTED, "not supported: `volumes_from`");
    if (c->post_start.count > 0 || c->pre_stop.count > 0)
        return err_set(
            err, ERR_UNSUPPORTED, "not supported: hooks of containers (post_start, pre_stop)");
    return true;
}

bool body_container(
    struct arena *a, const struct body_instance *i, struct buf *out, struct err *err)
{
    const struct service *s = i->service;
    const struct container *c = s->container;
    struct json j = json_begin(out);

    TRY(refuse_rest(c, err));
    json_open_object(&j, NULL);
    json_text(&j, "Image", body_image(a, i));
    put_texts(&j, "Entrypoint", c->entrypoint);
    put_texts(&j, "Cmd", c->command);
    put_environment(&j, s);
    put_labels(&j, i);
    put_text(&j, "User", s->user);
    put_text(&j, "WorkingDir", s->working_dir);
    put_text(&j, "Hostname", c->hostname);
    put_text(&j, "Domainname", c->domainname);
    put_text(&j, "MacAddress", c->mac_address);
    json_bool(&j, "Tty", c->tty);
    json_bool(&j, "OpenStdin", c->stdin_open);
    if (s->stop_signal != SIGTERM)
        json_text(&j, "StopSignal", signal_text(s->stop_signal));
    if (s->healthcheck.kind != PROBE_NONE) { /* tend probes */
        json_open_object(&j, "Healthcheck");
        put_texts(&j, "Test", (const char *const[]){"NONE", NULL});
        json_end(&j);
    }
    put_exposed(&j, c);
    TRY(put_host(&j, a, i, err));
    if (c->network_mode == NULL) {
        json_open_object(&j, "NetworkingConfig");
        json_open_object(&j, "EndpointsConfig");
        json_open_object(&j, body_network_name(a, i->project, body_network_key(c, 0)));
        put_endpoint(&j, a, i, 0);
        json_end(&j);
        json_end(&j);
        json_end(&j);
    }
    json_end(&j);
    return !buf_full(out) || err_set(err, ERR_LIMIT, "the container is declared too large");
}

void body_connect(struct arena *a, const struct body_instance *i, size_t n, struct buf *out)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_text(&j, "Container", body_container_name(a, i));
    json_open_object(&j, "EndpointConfig");
    put_endpoint(&j, a, i, n);
    json_end(&j);
    json_end(&j);
}

static void put_shared_labels(struct json *j, const struct project *p, const char *kind,
    const char *key, const char *const *labels)
{
    json_open_object(j, "Labels");
    for (; labels != NULL && labels[0] != NULL; labels += 2)
        json_text(j, labels[0], labels[1]);
    json_text(j, LABEL_PROJECT, p->name);
    json_text(j, kind, key);
    json_end(j);
}

static void put_ipam(struct json *j, const struct network *n)
{
    json_open_object(j, "IPAM");
    json_text(j, "Driver", n->ipam_driver != NULL ? n->ipam_driver : "default");
    put_names(j, "Options", n->ipam_options);
    json_open_array(j, "Config");
    for (size_t k = 0; k < n->pools.count; k++) {
        const struct ipam_pool *pool = FIELD_AT(n->pools, struct ipam_pool, k);
        json_open_object(j, NULL);
        put_text(j, "Subnet", pool->subnet);
        put_text(j, "IPRange", pool->ip_range);
        put_text(j, "Gateway", pool->gateway);
        put_names(j, "AuxiliaryAddresses", pool->aux_addresses);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

void body_network(struct arena *a, const struct project *p, const char *key, struct buf *out)
{
    static const struct network by_default;
    const struct network *n = network_of(p, key);
    struct json j = json_begin(out);

    if (n == NULL)
        n = &by_default;
    json_open_object(&j, NULL);
    json_text(&j, "Name", body_network_name(a, p, key));
    json_bool(&j, "CheckDuplicate", true);
    put_text(&j, "Driver", n->driver);
    json_bool(&j, "Internal", n->internal);
    json_bool(&j, "Attachable", n->attachable);
    if (n->enable_ipv6)
        json_bool(&j, "EnableIPv6", true);
    put_names(&j, "Options", n->driver_opts);
    if (n->pools.count > 0 || n->ipam_driver != NULL || n->ipam_options != NULL)
        put_ipam(&j, n);
    put_shared_labels(&j, p, "com.docker.compose.network", key, n->labels);
    json_end(&j);
}

void body_volume(struct arena *a, const struct project *p, const char *key, struct buf *out)
{
    static const struct volume_source by_default;
    const struct volume_source *v = volume_of(p, key);
    struct json j = json_begin(out);

    if (v == NULL)
        v = &by_default;
    json_open_object(&j, NULL);
    json_text(&j, "Name", body_volume_name(a, p, key));
    put_text(&j, "Driver", v->driver);
    put_names(&j, "DriverOpts", v->driver_opts);
    put_shared_labels(&j, p, "com.docker.compose.volume", key, v->labels);
    json_end(&j);
}
