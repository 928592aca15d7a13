/* Instances that are containers: the docker driver's words in the engine's, and exec probes. */
#include "engine/hands_private.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/must.h"
#include "io/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hands_is_container(const struct instance *i)
{
    return i->spec->container != NULL && i->project != NULL;
}

static struct hand *hand_at(void *owner)
{
    return OBJ(hand, HAND_MAGIC, owner);
}

/* A container tells what the engine shows, so its records are named by when it started. */
static void name_record(struct instance *i, int64_t at_wall_ns)
{
    (void)snprintf(i->record, sizeof i->record, "container:%" PRId64, at_wall_ns);
}

/* The boot time of a wall time: clocks that jump only shift what is shown. */
static int64_t boot_time(int64_t at_wall_ns)
{
    int64_t ago_ns = clock_wall_ns() - at_wall_ns;

    return clock_boot_ns() - (ago_ns > 0 ? ago_ns : 0);
}

/* The first fixed port of the machine that leads to it: its address in status. */
static int published_port(const struct container *c)
{
    int64_t port;

    for (size_t k = 0; k < c->ports.count; k++) {
        const struct port_mapping *p = FIELD_AT(c->ports, struct port_mapping, k);
        if (p->published != NULL && strcmp(p->protocol, "tcp") == 0 &&
            str_to_int(str_from(p->published), &port))
            return (int)port;
    }
    return 0;
}

/* ---- what the driver tells ---- */

static void on_started(void *data, void *owner, int pid, int64_t at_wall_ns)
{
    struct hands *h = data;
    struct instance *i = hand_at(owner)->instance;

    hands_now(h);
    i->port = published_port(i->spec->container);
    name_record(i, at_wall_ns);
    engine_on_started(h->engine, i, pid, false, boot_time(at_wall_ns), at_wall_ns);
    hands_wake(h);
}

static void on_start_failed(void *data, void *owner, const char *why)
{
    struct hands *h = data;

    hands_now(h);
    engine_on_start_failed(h->engine, hand_at(owner)->instance, why);
    hands_wake(h);
}

static void on_exited(void *data, void *owner, const struct docker_exit *x)
{
    struct hands *h = data;
    struct hand *hand = hand_at(owner);
    struct engine_exit exit = {
        .known = x->known,
        .code = x->code,
        .signal = x->signal,
        .oom = x->oom,
        .ran_ns = x->ran_ns,
        .at_ns = boot_time(x->at_wall_ns),
        .stopped = x->stopped,
    };

    hands_now(h);
    (void)hands_container_probe(hand, ENGINE_PROBE_OFF);
    name_record(hand->instance, x->at_wall_ns);
    engine_on_exited(h->engine, hand->instance, &exit, x->at_wall_ns);
    hands_wake(h);
}

static void on_gone(void *data, void *owner)
{
    struct hands *h = data;
    struct hand *hand = hand_at(owner);

    hands_now(h);
    hands_container_release(hand, false);
    engine_on_gone(h->engine, hand->instance);
    hands_wake(h);
}

static void on_heard(void *data, void *owner, bool running, int pid, int64_t started_wall_ns)
{
    struct hands *h = data;
    struct hand *hand = hand_at(owner);
    struct instance *i = hand->instance;

    hands_now(h);
    if (running && i->started_wall_ns != started_wall_ns) {
        name_record(i, started_wall_ns); /* started again while no daemon lived */
        engine_on_started(h->engine, i, pid, true, boot_time(started_wall_ns), started_wall_ns);
    } else if (running) {
        i->pid = pid;
        if (hand->probe_mode != ENGINE_PROBE_OFF)
            hands_probe(h, i, hand->probe_mode);
    }
    engine_on_heard(h->engine, i);
    hands_wake(h);
}

static void on_trouble(void *data, const char *text)
{
    hands_degraded(data, "containers", text);
}

/* ---- what the engine asks for ---- */

static struct docker *driver_of(struct hands *h)
{
    static const struct docker_callbacks callbacks = {
        .on_started = on_started,
        .on_start_failed = on_start_failed,
        .on_exited = on_exited,
        .on_gone = on_gone,
        .on_heard = on_heard,
        .on_trouble = on_trouble,
    };

    if (h->docker == NULL)
        h->docker = docker_create(h->settings.loop, NULL, h->logs_dir, &callbacks, h);
    return h->docker;
}

static struct docker_instance described(const struct instance *i, char revision[HASH_TEXT_BYTES])
{
    hash_format(&i->revision, revision);
    return (struct docker_instance){
        .project = i->project, .service = i->spec, .slot = i->slot, .revision = revision};
}

void hands_container_spawn(struct hand *hand)
{
    struct instance *i = hand->instance;
    char revision[HASH_TEXT_BYTES];
    struct docker_instance what = described(i, revision);

    hands_container_release(hand, true);
    hand->container = docker_start(driver_of(hand->hands), &what, hand);
}

void hands_container_adopt(struct hand *hand, bool was_waiting)
{
    struct instance *i = hand->instance;
    char revision[HASH_TEXT_BYTES];
    struct docker_instance what = described(i, revision);

    i->port = published_port(i->spec->container);
    hand->container = docker_adopt(driver_of(hand->hands), &what, was_waiting, hand);
}

void hands_container_resume(struct hand *hand)
{
    docker_resume(hand->container);
}

void hands_container_stop(struct hand *hand, int64_t grace_ns)
{
    bool for_good = !engine_declares(hand->hands->engine, hand->instance->spec->name);

    docker_stop(hand->container, grace_ns / NS_PER_MS, for_good);
}

void hands_container_release(struct hand *hand, bool leave)
{
    docker_exec_cancel(&hand->exec);
    timer_destroy(&hand->exec_timer);
    hand->probe_mode = ENGINE_PROBE_OFF;
    if (hand->container == NULL)
        return;
    if (leave)
        docker_leave(&hand->container);
    else
        docker_forget(&hand->container);
}

/* ---- probes ---- */

/* A container writes before its engine has noted when it started. */
#define EARLY_NS (5 * NS_PER_S)

void hands_container_target(const struct hand *hand, struct healthcheck *check,
    const char **out_host, int64_t *log_since_ns)
{
    const struct container *c = hand->instance->spec->container;
    int64_t before_ns = *log_since_ns - EARLY_NS, ended_ns = hand->instance->last_exit_wall_ns;

    *log_since_ns = ended_ns > before_ns ? ended_ns : before_ns;
    if (check->kind != PROBE_HTTP && check->kind != PROBE_TCP)
        return;
    if (strcmp(check->host, "127.0.0.1") == 0 || strcmp(check->host, "localhost") == 0)
        *out_host = docker_address(hand->container);
    for (size_t k = 0; check->port == 0 && k < c->ports.count; k++) {
        const struct port_mapping *p = FIELD_AT(c->ports, struct port_mapping, k);
        if (strcmp(p->protocol, "tcp") == 0)
            check->port = p->target;
    }
}

static void ask_again(struct hand *hand, bool passed)
{
    const struct healthcheck *h = &hand->instance->spec->healthcheck;
    int64_t waited_ns = clock_boot_ns() - hand->probe_since_ns, delay_ns = h->interval_ns;

    if (hand->probe_mode == ENGINE_PROBE_STARTUP && passed)
        hand->probe_mode = ENGINE_PROBE_STEADY;
    if (hand->probe_mode == ENGINE_PROBE_STARTUP) {
        delay_ns = waited_ns / 20 > h->start_interval_ns ? waited_ns / 20 : h->start_interval_ns;
        delay_ns = delay_ns < h->interval_ns ? delay_ns : h->interval_ns;
    }
    timer_set(hand->exec_timer, delay_ns / NS_PER_MS);
}

static void on_exec(void *data, enum docker_exec_result result, const char *detail)
{
    struct hand *hand = hand_at(data);
    struct hands *h = hand->hands;

    hand->exec = NULL;
    ask_again(hand, result == EXEC_PASSED);
    if (result == EXEC_NOT_ASKED)
        return; /* restarting it would cure nothing */
    hands_now(h);
    engine_on_probe(h->engine, hand->instance, result == EXEC_PASSED, detail,
        clock_boot_ns() - hand->probe_began_ns);
    hands_wake(h);
}

static void on_exec_due(void *data)
{
    struct hand *hand = hand_at(data);
    const struct healthcheck *h = &hand->instance->spec->healthcheck;

    if (hand->exec != NULL || hand->container == NULL || hand->probe_mode == ENGINE_PROBE_OFF)
        return;
    hand->probe_began_ns = clock_boot_ns();
    hand->exec =
        docker_exec_start(hand->container, h->argv, h->timeout_ns / NS_PER_MS, on_exec, hand);
}

bool hands_container_probe(struct hand *hand, enum engine_probe mode)
{
    enum probe_kind kind = hand->instance->spec->healthcheck.kind;
    bool needs_address = kind == PROBE_HTTP || kind == PROBE_TCP;

    hand->probe_mode = mode;
    docker_exec_cancel(&hand->exec);
    if (kind != PROBE_EXEC)
        return mode != ENGINE_PROBE_OFF && needs_address &&
               docker_address(hand->container)[0] == '\0'; /* asked when it is heard of */
    if (hand->exec_timer == NULL)
        hand->exec_timer = timer_create_on(hand->hands->settings.loop, on_exec_due, hand);
    timer_clear(hand->exec_timer);
    hand->probe_since_ns = clock_boot_ns();
    if (mode != ENGINE_PROBE_OFF && docker_address(hand->container)[0] == '\0' &&
        docker_pid(hand->container) == 0)
        return true;
    if (mode != ENGINE_PROBE_OFF)
        timer_set(hand->exec_timer, 0);
    return true;
}
