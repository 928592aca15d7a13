/* What a container's steps ask of its engine. */
#include "drive/docker/docker_private.h"

#include "base/must.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

/* Characters of a query or path that are not themselves. */
const char *container_escape(struct docker_container *c, const char *text)
{
    char *out = arena_alloc(c->arena, 3 * strlen(text) + 1, 1), *at = out;

    for (; *text != '\0'; text++) {
        unsigned char ch = (unsigned char)*text;
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || strchr("-_.~/", ch) != NULL;
        at += plain ? sprintf(at, "%c", ch) : sprintf(at, "%%%02X", ch);
    }
    return out;
}

static void ask(struct docker_container *c, const char *method, const char *target, struct str body,
    int64_t deadline_ms)
{
    must(c->call == NULL);
    c->call =
        docker_call(c->docker, method, target, body, deadline_ms, NULL, container_on_answer, c);
}

void container_ask_about(
    struct docker_container *c, const char *method, const char *what, int64_t deadline_ms)
{
    char target[600];

    (void)snprintf(target, sizeof target, "/containers/%s%s", c->name, what);
    ask(c, method, target, STR(""), deadline_ms);
}

const char *container_network_key(const struct docker_container *c)
{
    return body_network_key(c->instance.service->container, c->index);
}

static void ask_network(struct docker_container *c)
{
    const char *name = body_network_name(c->arena, c->project, container_network_key(c));
    char target[600];

    (void)snprintf(target, sizeof target, "/networks/%s", container_escape(c, name));
    ask(c, "GET", target, STR(""), REQUEST_MS);
}

static void ask_post(
    struct docker_container *c, const char *target, struct buf *body, int64_t deadline_ms)
{
    ask(c, "POST", target, buf_str(body), deadline_ms);
    buf_fini(body);
}

void container_ask_create(struct docker_container *c)
{
    struct buf body = BUF_INIT(CALL_BODY_BYTES_MAX);
    struct err err = ERR_INIT;
    char target[900];
    const char *platform = c->instance.service->container->platform;

    (void)snprintf(target, sizeof target, "/containers/create?name=%s%s%s", c->name,
        platform != NULL ? "&platform=" : "",
        platform != NULL ? container_escape(c, platform) : "");
    if (body_container(c->arena, &c->instance, &body, &err)) {
        ask_post(c, target, &body, REQUEST_MS);
        return;
    }
    buf_fini(&body);
    container_fail(c, err.text);
}

/* ---- pulling ---- */

static void take_progress(struct docker_container *c, struct str line)
{
    json_t *root = json_loadb(line.at != NULL ? line.at : "", line.len, 0, NULL);
    const char *error = json_string_value(json_object_get(root, "error"));

    if (error != NULL)
        (void)snprintf(c->pull_error, sizeof c->pull_error, "%s", error);
    json_decref(root);
}

void container_on_progress(void *data, struct str piece)
{
    struct docker_container *c = OBJ(docker_container, CONTAINER_MAGIC, data);

    while (piece.len > 0) {
        ptrdiff_t end = str_find(piece, '\n');
        struct str part = {piece.at, end < 0 ? piece.len : (size_t)end};
        buf_add_str(&c->piece, part);
        piece = str_tail(piece, part.len + (end >= 0));
        if (end < 0)
            continue;
        take_progress(c, buf_str(&c->piece));
        buf_reset(&c->piece);
    }
}

void container_ask_pull(struct docker_container *c)
{
    const char *image = body_image(c->arena, &c->instance);
    struct str name = str_from(image), tag = STR("latest");
    char target[1200];

    for (size_t i = name.len; i-- > 0 && image[i] != '/';)
        if (image[i] == ':' || image[i] == '@') {
            tag = str_tail(str_from(image), i + 1);
            name.len = i;
            if (image[i] == '@')
                break;
        }
    c->pull_error[0] = '\0';
    (void)snprintf(target, sizeof target, "/images/create?fromImage=%s&tag=%s",
        container_escape(c, arena_copy_str(c->arena, name).at), container_escape(c, tag.at));
    c->call = docker_call(c->docker, "POST", target, STR(""), PULL_SILENCE_MS,
        container_on_progress, container_on_answer, c);
}

/* ---- steps ---- */

static const struct mount *volume_at(struct docker_container *c)
{
    const struct container *spec = c->instance.service->container;

    for (; c->index < spec->mounts.count; c->index++) {
        const struct mount *m = FIELD_AT(spec->mounts, struct mount, c->index);
        if (m->type == MOUNT_VOLUME && m->source != NULL)
            return m;
    }
    return NULL;
}

void container_ask_volume(struct docker_container *c)
{
    const struct mount *m = volume_at(c);
    struct buf body = BUF_INIT(1 << 20);

    if (m == NULL) {
        c->index = 0;
        container_go(c, STEP_CREATE);
        return;
    }
    body_volume(c->arena, c->project, m->source, &body);
    ask_post(c, "/volumes/create", &body, REQUEST_MS);
}

void container_ask_network_made(struct docker_container *c)
{
    struct buf body = BUF_INIT(1 << 20);

    body_network(c->arena, c->project, container_network_key(c), &body);
    ask_post(c, "/networks/create", &body, REQUEST_MS);
}

void container_ask_connect(struct docker_container *c)
{
    struct buf body = BUF_INIT(1 << 20);
    char target[600];

    if (c->index >= body_network_count(c->instance.service->container)) {
        container_go(c, STEP_START);
        return;
    }
    (void)snprintf(target, sizeof target, "/networks/%s/connect",
        container_escape(c, body_network_name(c->arena, c->project, container_network_key(c))));
    body_connect(c->arena, &c->instance, c->index, &body);
    ask_post(c, target, &body, REQUEST_MS);
}

static void ask_networks_again(struct docker_container *c)
{
    container_go(c, STEP_NETWORK);
}

/* Engines make two networks of one name if they are asked twice at once: one looks and makes at a
 * time. */
static bool is_another_at_networks(const struct docker_container *c)
{
    const struct docker *d = c->docker;

    for (size_t i = 0; i < d->containers.count; i++) {
        const struct docker_container *other = d->containers.at[i];
        bool is_at = other->step == STEP_NETWORK || other->step == STEP_NETWORK_MAKE;
        if (other != c && is_at && other->call != NULL)
            return true;
    }
    return false;
}

void container_ask_networks(struct docker_container *c)
{
    if (is_another_at_networks(c)) {
        container_later(c, ask_networks_again, BUSY_MS);
        return;
    }
    if (c->index < body_network_count(c->instance.service->container)) {
        ask_network(c);
        return;
    }
    c->index = 0;
    container_go(c, STEP_VOLUME);
}

void container_ask_stop(struct docker_container *c)
{
    char what[64];

    c->state = CONTAINER_STOPPING;
    (void)snprintf(what, sizeof what, "/stop?t=%lld", (long long)((c->grace_ms + 999) / 1000));
    container_ask_about(c, "POST", what, c->grace_ms + REQUEST_MS);
}

void container_ask_image(struct docker_container *c)
{
    char target[900];

    (void)snprintf(target, sizeof target, "/images/%s/json",
        container_escape(c, body_image(c->arena, &c->instance)));
    ask(c, "GET", target, STR(""), REQUEST_MS);
}

/* Networks of the project by `index`: the default one, then those declared. NULL behind the last.
 */
static const char *network_to_remove(struct docker_container *c)
{
    const struct field_list *declared = &c->project->shared.networks;

    if (c->index == 0)
        return "default";
    for (; c->index <= declared->count; c->index++) {
        const struct network *n = FIELD_AT(*declared, struct network, c->index - 1);
        if (!n->external)
            return n->key;
    }
    return NULL;
}

void container_ask_tidy(struct docker_container *c)
{
    const char *key = network_to_remove(c);
    char target[600];

    if (key == NULL) {
        container_gone(c);
        return;
    }
    (void)snprintf(target, sizeof target, "/networks/%s",
        container_escape(c, body_network_name(c->arena, c->project, key)));
    ask(c, "DELETE", target, STR(""), REQUEST_MS);
}
