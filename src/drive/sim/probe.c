/* Questions to whoever listens on a port, and their answers. */
#include "drive/sim/sim_private.h"

#include <stdio.h>

#define ANSWER_NS     NS_PER_MS
#define STARTUP_FIRST NS_PER_MS
#define STARTUP_SHARE 20 /* later on, this part of the time waited */

struct probe {
    uint32_t generation;
    struct sim *sim;
    struct healthcheck check;
    int port;
    probe_fn fn;
    void *data;
    enum probe_mode mode;
    int64_t began_ns, pause_ns;
};

struct probe *sim_probe_create(
    struct sim *s, const struct probe_target *target, probe_fn fn, void *data)
{
    struct probe *p = mem_new(struct probe);

    p->sim = s;
    p->check = *target->check;
    p->port = target->check->port != 0 ? target->check->port : target->port;
    p->fn = fn;
    p->data = data;
    vec_push(&s->probes, p);
    return p;
}

void sim_probe_destroy(struct probe **p)
{
    if (*p != NULL)
        (*p)->generation++;
    *p = NULL;
}

void probes_die(struct sim *s)
{
    VEC_EACH (&s->probes, struct probe *, p)
        (*p)->generation++;
}

static const struct process *listener(const struct sim *s, int port)
{
    VEC_EACH (&s->processes, struct process *, p)
        if ((*p)->alive && (*p)->port == port)
            return *p;
    return NULL;
}

static void ask(struct sim *s, void *object, int64_t number);

static int64_t next_pause_ns(struct probe *p)
{
    int64_t longest = p->check.interval_ns, waited = p->sim->now_ns - p->began_ns;

    if (p->mode == PROBE_STEADY)
        return longest;
    p->pause_ns *= 2;
    if (p->pause_ns > p->check.start_interval_ns)
        p->pause_ns = p->check.start_interval_ns > waited / STARTUP_SHARE
                          ? p->check.start_interval_ns
                          : waited / STARTUP_SHARE;
    return p->pause_ns < longest ? p->pause_ns : longest;
}

static void answer(struct sim *s, void *object, int64_t verdict)
{
    static const char *const details[] = {
        "HTTP 200", "connect: Connection refused", "no answer in time", "HTTP 404"};
    struct probe *p = object;
    struct probe_result result = {.ok = verdict == 0,
        .timed_out = verdict == 2,
        .detail = details[verdict],
        .duration_ns = verdict == 2 ? p->check.timeout_ns : ANSWER_NS};

    if (result.ok)
        p->mode = PROBE_STEADY;
    sim_at(s, s->now_ns + next_pause_ns(p), ask, p, 0, &p->generation);
    p->fn(p->data, &result);
}

static void ask(struct sim *s, void *object, int64_t number)
{
    struct probe *p = object;
    const struct process *at = listener(s, p->port);
    int verdict = 1;

    (void)number;
    if (at == NULL)
        verdict = sim_port_is_strange(s, p->port) ? 3 : 1;
    else if (shim_process_answers(at))
        verdict = 0;
    else if (shim_process_hangs(at))
        verdict = 2;
    sim_at(s, s->now_ns + (verdict == 2 ? p->check.timeout_ns : ANSWER_NS), answer, p, verdict,
        &p->generation);
}

void sim_probe_start(struct probe *p, enum probe_mode mode)
{
    p->generation++;
    if (sim_is_dead(p->sim))
        return;
    p->mode = mode;
    p->began_ns = p->sim->now_ns;
    p->pause_ns = STARTUP_FIRST;
    sim_at(p->sim, p->sim->now_ns + (mode == PROBE_STEADY ? p->check.interval_ns : STARTUP_FIRST),
        ask, p, 0, &p->generation);
}

void sim_probe_stop(struct probe *p)
{
    p->generation++;
}
