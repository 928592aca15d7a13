/* One container's life: a request at a time, each answer leading to the next step. */
#include "drive/docker/docker_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "spec/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES_MAX 65536u

static struct docker_container *self(void *data)
{
    return OBJ(docker_container, CONTAINER_MAGIC, data);
}

/* ---- telling the owner ---- */

void container_fail(struct docker_container *c, const char *why)
{
    c->step = STEP_NONE;
    if (c->stop_asked || c->owner == NULL) {
        container_go_on(c);
        return;
    }
    c->state = CONTAINER_WAITING;
    c->docker->callbacks.on_start_failed(c->docker->data, c->owner, why);
}

static void tell_exit(struct docker_container *c, const struct container_view *v, bool known)
{
    struct docker_exit x = {.known = known, .code = -1, .stopped = c->stop_asked};

    c->pid = 0;
    c->is_told = false;
    c->address[0] = '\0';
    if (known) {
        x.signal = v->code > 128 && v->code <= 128 + 64 ? v->code - 128 : 0;
        x.code = x.signal != 0 ? -1 : v->code;
        x.oom = v->oom;
        x.at_wall_ns = v->finished_wall_ns;
        x.ran_ns = v->finished_wall_ns - v->started_wall_ns;
    }
    if (x.at_wall_ns == 0)
        x.at_wall_ns = clock_wall_ns();
    if (x.ran_ns < 0)
        x.ran_ns = 0;
    if (c->owner != NULL)
        c->docker->callbacks.on_exited(c->docker->data, c->owner, &x);
}

void container_gone(struct docker_container *c)
{
    c->state = CONTAINER_GONE;
    c->step = STEP_NONE;
    docker_log_close(&c->log);
    if (c->owner != NULL)
        c->docker->callbacks.on_gone(c->docker->data, c->owner);
    else
        docker_release(c);
}

void container_go(struct docker_container *c, enum step step)
{
    c->step = step;
    if (c->docker->api == 0) {
        c->step = STEP_WAIT_ENGINE;
        docker_wake(c->docker);
        return;
    }
    switch (step) {
    case STEP_NONE:
    case STEP_WAIT_ENGINE:
        break;
    case STEP_IMAGE:
        container_ask_image(c);
        break;
    case STEP_PACK:
        container_ask_pack(c);
        break;
    case STEP_BUILD:
        container_ask_build(c);
        break;
    case STEP_PULL:
        container_ask_pull(c);
        break;
    case STEP_NETWORK:
        container_ask_networks(c);
        break;
    case STEP_NETWORK_MAKE:
        container_ask_network_made(c);
        break;
    case STEP_VOLUME:
        container_ask_volume(c);
        break;
    case STEP_CREATE:
        container_ask_create(c);
        break;
    case STEP_REPLACE:
    case STEP_REMOVE:
        container_ask_about(c, "DELETE", "?force=1&v=1", REQUEST_MS);
        break;
    case STEP_CONNECT:
        container_ask_connect(c);
        break;
    case STEP_START:
        container_ask_about(c, "POST", "/start", REQUEST_MS);
        break;
    case STEP_TAKE:
    case STEP_LOOK:
    case STEP_WATCH:
    case STEP_STOPPED:
        container_ask_about(c, "GET", "/json", REQUEST_MS);
        break;
    case STEP_TIDY:
        container_ask_tidy(c);
        break;
    case STEP_STOP:
        container_ask_stop(c);
        break;
    }
}

/* The first step of a state, when the engine is there (again). */
void container_go_on(struct docker_container *c)
{
    c->later = NULL;
    if (!c->exists && (c->owner == NULL || c->stop_asked))
        container_gone(c); /* it was never made */
    else if (c->owner == NULL)
        container_go(c, STEP_REMOVE);
    else if (c->stop_asked)
        container_go(c, STEP_STOP);
    else if (c->state == CONTAINER_LAUNCHING)
        container_go(c, c->exists ? STEP_START : STEP_IMAGE);
    else
        container_go(c, STEP_WATCH);
}

void container_engine_failed(struct docker_container *c, const struct err *err)
{
    if (c->state == CONTAINER_LAUNCHING && !c->stop_asked && c->owner != NULL)
        container_fail(c, err->text);
    /* the others wait: the driver asks again */
}

static void on_timer(void *data)
{
    struct docker_container *c = self(data);
    void (*later)(struct docker_container * c) = c->later;

    if (later != NULL && c->call != NULL) {
        timer_set(c->timer, BUSY_MS);
        return;
    }
    c->later = NULL;
    if (later != NULL)
        later(c);
}

void container_later(
    struct docker_container *c, void (*later)(struct docker_container *c), int64_t delay_ms)
{
    c->later = later;
    timer_set(c->timer, delay_ms);
}

/* A request failed that has to succeed in the end: again in a while. */
static void try_again(struct docker_container *c)
{
    c->step = STEP_WAIT_ENGINE;
    container_later(c, container_go_on, RETRY_MS);
}

/* ---- answers ---- */

static void take_running(struct docker_container *c, const struct container_view *v)
{
    c->state = CONTAINER_RUNNING;
    c->step = STEP_NONE;
    c->exists = c->is_told = true;
    c->pid = v->pid;
    c->started_wall_ns = v->started_wall_ns;
    (void)snprintf(c->address, sizeof c->address, "%s", v->address);
    if (c->log == NULL)
        c->log = docker_log_open(c);
    docker_log_follow(c->log);
}

static void answer_look(struct docker_container *c, const struct container_view *v)
{
    struct docker *d = c->docker;
    bool ended = !v->running;

    take_running(c, v);
    d->callbacks.on_started(d->data, c->owner, v->pid, v->started_wall_ns);
    if (!ended || c->owner == NULL)
        return;
    c->state = CONTAINER_WAITING; /* it was quick */
    tell_exit(c, v, true);
}

static void answer_watch(struct docker_container *c, const struct container_view *v, bool is_there)
{
    struct docker *d = c->docker;
    bool adopting = c->state == CONTAINER_ADOPTING;

    c->step = STEP_NONE;
    if (!is_there)
        c->exists = false;
    if (adopting && is_there && v->running) {
        take_running(c, v);
        d->callbacks.on_heard(d->data, c->owner, true, v->pid, v->started_wall_ns);
    } else if (c->state == CONTAINER_RUNNING && is_there && v->running) {
        if (v->started_wall_ns == c->started_wall_ns)
            return;
        tell_exit(c, v, false); /* somebody else restarted it */
        take_running(c, v);
        d->callbacks.on_started(d->data, c->owner, v->pid, v->started_wall_ns);
    } else if (adopting && c->was_waiting) {
        c->state = CONTAINER_WAITING;
        c->exists = is_there;
        d->callbacks.on_heard(d->data, c->owner, false, 0, 0);
    } else if (c->state == CONTAINER_RUNNING || adopting) {
        c->state = CONTAINER_WAITING;
        c->exists = is_there;
        tell_exit(c, v, is_there);
    }
}

static void answer_take(struct docker_container *c, const struct container_view *v)
{
    const struct body_instance *i = &c->instance;
    char why[700];

    if (strcmp(v->project, i->project->name) != 0 || strcmp(v->service, i->service->name) != 0) {
        (void)snprintf(why, sizeof why,
            "the name '%s' belongs to another container, which is not of this project", c->name);
        container_fail(c, why);
        return;
    }
    if (strcmp(v->revision, i->revision) != 0) {
        container_go(c, STEP_REPLACE);
        return;
    }
    c->exists = true;
    c->index = 1;
    if (v->running)
        answer_look(c, v);
    else
        container_go(c, STEP_START);
}

static void answer_created(struct docker_container *c, int status, struct str body)
{
    char why[400];

    if (status == 201) {
        c->exists = true;
        c->index = 1;
        container_go(c, STEP_CONNECT);
    } else if (status == 409) {
        container_go(c, STEP_TAKE);
    } else {
        call_message(status, body, why, sizeof why);
        container_fail(c, why);
    }
}

static void answer_image(struct docker_container *c, int status, struct str body)
{
    const struct container *spec = c->instance.service->container;
    const char *policy = spec->pull_policy != NULL ? spec->pull_policy : "missing";
    bool there = status == 200, always = strcmp(policy, "always") == 0;
    char why[600];

    c->index = 0;
    if (spec->build != NULL && there && c->build_digest[0] == '\0') {
        container_go(c, STEP_PACK); /* is it of this context? */
    } else if (there && spec->build != NULL ? c->is_built || container_image_is_built(c, body)
                                            : there && (!always || c->image_pulled)) {
        container_forget_context(c);
        container_go(c, STEP_NETWORK);
    } else if (!there && status != 404) {
        call_message(status, body, why, sizeof why);
        container_fail(c, why);
    } else if (spec->build != NULL && c->build_digest[0] == '\0') {
        container_go(c, STEP_PACK);
    } else if (spec->build != NULL) {
        container_go(c, STEP_BUILD);
    } else if (strcmp(policy, "never") == 0) {
        (void)snprintf(
            why, sizeof why, "there is no image '%s' here, and pull_policy is never", spec->image);
        container_fail(c, why);
    } else {
        container_go(c, STEP_PULL);
    }
}

static void answer_pulled(struct docker_container *c, int status, struct str body)
{
    char message[300], why[700];

    if (status == 200 && c->pull_error[0] == '\0') {
        c->image_pulled = true;
        container_go(c, STEP_IMAGE);
        return;
    }
    if (status != 200)
        call_message(status, body, message, sizeof message);
    (void)snprintf(why, sizeof why, "the image '%s' cannot be fetched: %s",
        c->instance.service->container->image, status != 200 ? message : c->pull_error);
    container_fail(c, why);
}

static void answer_built(struct docker_container *c, int status, struct str body)
{
    char message[300], why[700];

    if (status == 200 && c->pull_error[0] == '\0') {
        c->is_built = true;
        container_go(c, STEP_IMAGE);
        return;
    }
    c->build_digest[0] = '\0'; /* the next try packs what is there then */
    container_forget_context(c);
    if (status != 200)
        call_message(status, body, message, sizeof message);
    (void)snprintf(why, sizeof why, "the image '%s' cannot be built: %s",
        body_image(c->arena, &c->instance), status != 200 ? message : c->pull_error);
    container_fail(c, why);
}

void container_packed(struct docker_container *c, const char *why_not)
{
    if (c->stop_asked || c->owner == NULL)
        container_go_on(c);
    else if (why_not != NULL)
        container_fail(c, why_not);
    else
        container_go(c, STEP_IMAGE);
}

static void answer_network(struct docker_container *c, int status)
{
    bool external = false;
    char why[300];

    for (size_t i = 0; i < c->project->shared.networks.count; i++) {
        const struct network *n = FIELD_AT(c->project->shared.networks, struct network, i);
        external = external || (n->external && strcmp(n->key, container_network_key(c)) == 0);
    }
    if (status == 404 && external) {
        (void)snprintf(why, sizeof why, "the external network '%s' is not there",
            body_network_name(c->arena, c->project, container_network_key(c)));
        container_fail(c, why);
    } else if (status == 404) {
        container_go(c, STEP_NETWORK_MAKE);
    } else {
        c->index++;
        container_go(c, STEP_NETWORK);
    }
}

static bool is_good(int status)
{
    return status >= 200 && status < 300;
}

static void answer_stopped(struct docker_container *c, const struct container_view *v, bool there)
{
    if (c->is_told)
        tell_exit(c, v, there);
    container_go(c, STEP_REMOVE);
}

/* Steps of a launch: anything but success ends it. */
static void answer_step(struct docker_container *c, int status, struct str body)
{
    char why[400];
    bool ok = is_good(status) || status == 304 || (c->step == STEP_NETWORK_MAKE && status == 409) ||
              (c->step == STEP_CONNECT && status == 403);

    if (c->step == STEP_START && status == 404 && c->exists) {
        c->exists = false; /* removed behind our back: made anew */
        c->index = 0;
        container_go(c, STEP_IMAGE);
        return;
    }
    if (!ok) {
        call_message(status, body, why, sizeof why);
        container_fail(c, why);
        return;
    }
    enum step step = c->step;
    if (step == STEP_NETWORK_MAKE || step == STEP_VOLUME || step == STEP_CONNECT)
        c->index++;
    container_go(c, step == STEP_NETWORK_MAKE ? STEP_NETWORK
                    : step == STEP_START      ? STEP_LOOK
                    : step == STEP_REPLACE    ? STEP_CREATE
                                              : step);
}

static void answer_inspected(struct docker_container *c, int status, struct str body)
{
    struct container_view v = {0};
    bool is_there = status == 200 && container_view_read(body, &v);

    if (is_there && c->step != STEP_TAKE && strcmp(v.project, c->project->name) != 0) {
        is_there = false; /* somebody else's, under the name of ours */
        status = 404;
        c->exists = false;
    }
    if (c->step == STEP_WATCH && (is_there || status == 404))
        answer_watch(c, &v, is_there);
    else if (c->step == STEP_WATCH)
        try_again(c);
    else if (c->step == STEP_STOPPED)
        answer_stopped(c, &v, is_there);
    else if (!is_there)
        container_fail(c, "the container has vanished while it was started");
    else if (c->step == STEP_TAKE)
        answer_take(c, &v);
    else
        answer_look(c, &v);
}

static bool is_last(const struct docker_container *c)
{
    const struct docker *d = c->docker;

    for (size_t i = 0; i < d->containers.count; i++)
        if (d->containers.at[i] != c && d->containers.at[i]->state != CONTAINER_GONE)
            return false;
    return true;
}

/* It is removed. */
static void leave(struct docker_container *c)
{
    c->exists = false;
    c->index = 0;
    if (c->for_good && is_last(c))
        container_go(c, STEP_TIDY);
    else
        container_gone(c);
}

static void answer(struct docker_container *c, int status, struct str body)
{
    switch (c->step) {
    case STEP_IMAGE:
        answer_image(c, status, body);
        break;
    case STEP_BUILD:
        answer_built(c, status, body);
        break;
    case STEP_PULL:
        answer_pulled(c, status, body);
        break;
    case STEP_NETWORK:
        answer_network(c, status);
        break;
    case STEP_CREATE:
        answer_created(c, status, body);
        break;
    case STEP_TAKE:
    case STEP_LOOK:
    case STEP_WATCH:
    case STEP_STOPPED:
        answer_inspected(c, status, body);
        break;
    case STEP_STOP:
        if (status < 500)
            container_go(c, STEP_STOPPED);
        else
            try_again(c);
        break;
    case STEP_REMOVE:
        if (is_good(status) || status == 404)
            leave(c);
        else
            try_again(c);
        break;
    case STEP_TIDY: /* in use by others, or never made: it stays as it is */
        c->index++;
        container_go(c, STEP_TIDY);
        break;
    default:
        answer_step(c, status, body);
    }
}

static bool is_launching(const struct docker_container *c)
{
    return c->state == CONTAINER_LAUNCHING && c->step >= STEP_PACK && c->step <= STEP_LOOK;
}

void container_on_answer(void *data, int status, struct str body, const struct err *err)
{
    struct docker_container *c = self(data);
    struct docker *d = c->docker;

    c->call = NULL;
    if (err != NULL && err->kind != ERR_TIMEOUT)
        docker_wake(d);
    if (is_launching(c) && (c->stop_asked || c->owner == NULL)) {
        c->exists = c->exists || (c->step == STEP_CREATE && err == NULL && status == 201);
        c->step = STEP_NONE;
        container_go_on(c);
    } else if (err == NULL) {
        answer(c, status, body);
    } else if (is_launching(c)) {
        container_fail(c, err->text);
    } else {
        try_again(c);
    }
    for (size_t i = 0; i < d->containers.count; i++)
        if (d->containers.at[i] == c && c->look_again && c->call == NULL)
            container_look(c);
}

void container_look(struct docker_container *c)
{
    bool may = c->state == CONTAINER_RUNNING || c->state == CONTAINER_ADOPTING;

    c->look_again = may && c->call != NULL;
    if (may && c->call == NULL && !c->stop_asked && c->owner != NULL)
        container_go(c, STEP_WATCH);
}

/* ---- for the owner ---- */

static struct docker_container *new_container(
    struct docker *d, const struct docker_instance *from, void *owner)
{
    struct docker_container *c = mem_new(struct docker_container);

    c->magic = CONTAINER_MAGIC;
    c->docker = d;
    c->owner = owner;
    c->arena = arena_create(0);
    c->project = project_ref(from->project);
    c->instance = (struct body_instance){.project = c->project,
        .service = from->service,
        .slot = from->slot,
        .revision = arena_copy(c->arena, from->revision)};
    c->name = arena_copy(c->arena, body_container_name(c->arena, &c->instance));
    c->piece = (struct buf)BUF_INIT(PIECE_BYTES_MAX);
    c->timer = timer_create_on(d->loop, on_timer, c);
    c->context_fd = -1;
    vec_push(&d->containers, c);
    return c;
}

struct docker_container *docker_start(
    struct docker *d, const struct docker_instance *instance, void *owner)
{
    struct docker_container *c = new_container(d, instance, owner);

    c->state = CONTAINER_LAUNCHING;
    c->step = STEP_WAIT_ENGINE;
    container_later(c, container_go_on, 0);
    return c;
}

struct docker_container *docker_adopt(
    struct docker *d, const struct docker_instance *instance, bool was_waiting, void *owner)
{
    struct docker_container *c = new_container(d, instance, owner);

    c->state = CONTAINER_ADOPTING;
    c->was_waiting = was_waiting;
    c->is_told = !was_waiting;
    c->exists = true;
    c->step = STEP_WAIT_ENGINE;
    container_later(c, container_go_on, 0);
    return c;
}

void docker_resume(struct docker_container *c)
{
    c->state = CONTAINER_LAUNCHING;
    if (c->call == NULL) {
        c->step = STEP_WAIT_ENGINE;
        container_later(c, container_go_on, 0);
    }
}

void docker_stop(struct docker_container *c, int64_t grace_ms, bool for_good)
{
    c->stop_asked = true;
    c->for_good = for_good;
    c->grace_ms = grace_ms;
    if (c->state != CONTAINER_LAUNCHING)
        c->state = CONTAINER_STOPPING;
    if (c->call != NULL && c->step == STEP_WATCH)
        call_cancel(&c->call);
    if (c->call == NULL) {
        c->step = STEP_WAIT_ENGINE;
        container_later(c, container_go_on, 0);
    }
}

static void on_signalled(void *data, int status, struct str body, const struct err *err)
{
    (void)data;
    (void)body;
    if (err != NULL || !is_good(status))
        log_warn("container.signal_failed", "status=%d err=\"%s\"", status,
            err != NULL ? err->text : "");
}

void docker_signal(struct docker_container *c, int signo)
{
    char target[600];

    if (c->state != CONTAINER_RUNNING || c->docker->api == 0)
        return;
    (void)snprintf(
        target, sizeof target, "/containers/%s/kill?signal=%s", c->name, signal_text(signo));
    (void)docker_call(
        c->docker, "POST", target, STR(""), REQUEST_MS, NULL, on_signalled, c->docker);
}

void docker_forget(struct docker_container **pointer)
{
    struct docker_container *c = *pointer;

    if (c == NULL)
        return;
    *pointer = NULL;
    c->owner = NULL;
    if (c->state == CONTAINER_GONE || (!c->exists && c->call == NULL)) {
        docker_release(c);
        return;
    }
    if (c->call == NULL) {
        c->step = STEP_WAIT_ENGINE;
        container_later(c, container_go_on, 0);
    }
}

void docker_leave(struct docker_container **pointer)
{
    struct docker_container *c = *pointer;

    *pointer = NULL;
    if (c != NULL)
        docker_release(c);
}

const char *docker_address(const struct docker_container *c)
{
    return c->address;
}

int docker_pid(const struct docker_container *c)
{
    return c->pid;
}
