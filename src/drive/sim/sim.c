#include "drive/sim/sim_private.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WALL_FIRST_NS (INT64_C(1800000000) * NS_PER_S) /* 2027-01-15 */
#define BOOT_FIRST_NS (1000 * NS_PER_S)

/* ---- chance ---- */

static uint64_t mix(uint64_t x)
{
    struct random r = {.state = x};

    return random_next(&r);
}

uint64_t sim_chance(const struct sim *s, const char *what, uint64_t number)
{
    uint64_t h = s->seed;

    for (; *what != 0; what++)
        h = (h ^ (unsigned char)*what) * UINT64_C(1099511628211);
    return mix(mix(h) + number);
}

int64_t sim_about(const struct sim *s, int64_t ms, const char *what, uint64_t number)
{
    int64_t ns = ms * NS_PER_MS;

    return ns / 2 + (int64_t)(sim_chance(s, what, number) % (uint64_t)(ns + 1));
}

/* ---- the agenda ---- */

static bool before(const struct item *a, const struct item *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct sim *s, struct item item)
{
    size_t k = s->agenda.count;

    vec_push(&s->agenda, item);
    while (k > 0 && before(&item, &s->agenda.at[(k - 1) / 2])) {
        s->agenda.at[k] = s->agenda.at[(k - 1) / 2];
        k = (k - 1) / 2;
    }
    s->agenda.at[k] = item;
}

static struct item pop(struct sim *s)
{
    struct item first = s->agenda.at[0], last = s->agenda.at[--s->agenda.count];
    size_t k = 0;

    for (;;) {
        size_t child = 2 * k + 1;

        if (child >= s->agenda.count)
            break;
        if (child + 1 < s->agenda.count && before(&s->agenda.at[child + 1], &s->agenda.at[child]))
            child++;
        if (!before(&s->agenda.at[child], &last))
            break;
        s->agenda.at[k] = s->agenda.at[child];
        k = child;
    }
    if (s->agenda.count > 0)
        s->agenda.at[k] = last;
    return first;
}

static void add(struct sim *s, int64_t at_ns,
    void (*fn)(struct sim *s, void *object, int64_t number), void *object, int64_t number,
    const uint32_t *generation, bool flight)
{
    struct item item = {.at_ns = at_ns > s->now_ns ? at_ns : s->now_ns,
        .order = s->order++,
        .fn = fn,
        .object = object,
        .number = number,
        .generation = generation,
        .made_in = generation != NULL ? *generation : 0,
        .flight = flight};

    s->in_flight += flight;
    push(s, item);
}

void sim_at(struct sim *s, int64_t at_ns, void (*fn)(struct sim *s, void *object, int64_t number),
    void *object, int64_t number, const uint32_t *generation)
{
    add(s, at_ns, fn, object, number, generation, false);
}

void sim_send(struct sim *s, int64_t delay_ns,
    void (*fn)(struct sim *s, void *object, int64_t number), void *object, int64_t number,
    const uint32_t *generation)
{
    add(s, s->now_ns + delay_ns, fn, object, number, generation, true);
}

static bool is_void(const struct item *item)
{
    return item->generation != NULL && *item->generation != item->made_in;
}

/* What is void is not waited for. */
static void drop_void(struct sim *s)
{
    while (s->agenda.count > 0 && is_void(&s->agenda.at[0]))
        s->in_flight -= pop(s).flight;
}

int64_t sim_next_ns(const struct sim *s)
{
    drop_void((struct sim *)(uintptr_t)s);
    return s->agenda.count > 0 ? s->agenda.at[0].at_ns : INT64_MAX;
}

bool sim_step(struct sim *s, int64_t until_ns)
{
    struct item item;

    if (sim_next_ns(s) > until_ns) {
        if (until_ns > s->now_ns)
            s->now_ns = until_ns;
        return false;
    }
    item = pop(s);
    s->in_flight -= item.flight;
    if (item.at_ns > s->now_ns)
        s->now_ns = item.at_ns;
    item.fn(s, item.object, item.number);
    if (s->hook != NULL && !sim_is_dead(s))
        s->hook(s->hook_data);
    return true;
}

bool sim_in_flight(const struct sim *s)
{
    return s->in_flight > 0;
}

/* ---- the world ---- */

struct sim *sim_create(uint64_t seed, sim_sight_fn saw, void *data)
{
    struct sim *s = mem_new(struct sim);

    s->seed = seed;
    s->saw = saw;
    s->saw_data = data;
    s->boot_offset_ns = BOOT_FIRST_NS;
    s->wall_offset_ns = WALL_FIRST_NS;
    s->calls_left = INT64_MAX;
    s->next_pid = 1000;
    s->next_port = PORTS_FIRST;
    journal_init(s);
    return s;
}

void sim_destroy(struct sim **pointer)
{
    struct sim *s = *pointer;

    if (s == NULL)
        return;
    *pointer = NULL;
    journal_fini(s);
    VEC_EACH (&s->timers, struct timer *, t)
        free(*t);
    VEC_EACH (&s->probes, struct probe *, p)
        free(*p);
    VEC_EACH (&s->processes, struct process *, p) {
        vec_fini(&(*p)->records);
        free(*p);
    }
    vec_fini(&s->timers);
    vec_fini(&s->probes);
    vec_fini(&s->processes);
    vec_fini(&s->agenda);
    vec_fini(&s->held_ports);
    vec_fini(&s->strange_ports);
    vec_fini(&s->sticky);
    free(s);
}

uint64_t sim_seed(const struct sim *s)
{
    return s->seed;
}

int64_t sim_now_ns(const struct sim *s)
{
    return s->now_ns;
}

int64_t sim_boot_ns(const struct sim *s)
{
    return s->now_ns + s->boot_offset_ns;
}

int64_t sim_wall_ns(const struct sim *s)
{
    return s->now_ns + s->wall_offset_ns;
}

void sim_see(struct sim *s, const struct sim_sight *sight)
{
    if (s->saw != NULL)
        s->saw(s->saw_data, sight);
}

/* ---- the daemon's life ---- */

bool sim_call(struct sim *s)
{
    if (s->calls_left == INT64_MAX)
        return true;
    if (s->calls_left <= 0)
        return false;
    return --s->calls_left > 0;
}

void sim_die_after(struct sim *s, int64_t calls)
{
    s->calls_left = calls;
}

bool sim_is_dead(const struct sim *s)
{
    return s->calls_left <= 0;
}

void sim_bury(struct sim *s, bool power)
{
    must(sim_is_dead(s));
    s->hook = NULL;
    s->held_ports.count = 0;
    s->daemon++;
    VEC_EACH (&s->timers, struct timer *, t) {
        (*t)->generation++;
        (*t)->due_ns = INT64_MAX;
    }
    probes_die(s);
    driver_dies(s);
    journal_dies(s, power);
    s->calls_left = INT64_MAX;
}

/* ---- faults ---- */

void sim_step_wall(struct sim *s, int64_t step_ns)
{
    s->wall_offset_ns += step_ns;
}

void sim_suspend(struct sim *s, int64_t ns)
{
    s->now_ns += ns;
}

void sim_fill_disk(struct sim *s, bool full)
{
    journal_disk(s, full);
}

void sim_reboot(struct sim *s, bool keeps_run)
{
    must(sim_is_dead(s) || !s->driver);
    VEC_EACH (&s->processes, struct process *, pointer) {
        struct process *p = *pointer;

        p->shim_generation++;
        p->run_generation++;
        p->retry_generation++;
        p->vanished = p->vanished || p->shim || p->alive;
        p->shim = p->alive = p->managed = false;
        p->dir = p->dir && keeps_run;
    }
    s->boot_offset_ns = 20 * NS_PER_S - s->now_ns;
}

/* ---- timers ---- */

void sim_loop_after_turn(struct sim *s, void (*hook)(void *data), void *data)
{
    s->hook = hook;
    s->hook_data = data;
}

struct timer *sim_timer_create(struct sim *s, timer_fn fn, void *data)
{
    struct timer *t = mem_new(struct timer);

    t->sim = s;
    t->fn = fn;
    t->data = data;
    t->due_ns = INT64_MAX;
    vec_push(&s->timers, t);
    return t;
}

void sim_timer_destroy(struct timer **t)
{
    if (*t != NULL)
        sim_timer_clear(*t);
    *t = NULL;
}

static void run_timer(struct sim *s, void *object, int64_t number)
{
    struct timer *t = object;

    (void)s, (void)number;
    t->generation++;
    t->due_ns = INT64_MAX;
    t->fn(t->data);
}

void sim_timer_set(struct timer *t, int64_t delay_ms)
{
    int64_t due_ns = t->sim->now_ns + delay_ms * NS_PER_MS;

    if (sim_is_dead(t->sim) || due_ns == t->due_ns)
        return;
    t->generation++;
    t->due_ns = due_ns;
    sim_at(t->sim, due_ns, run_timer, t, 0, &t->generation);
}

void sim_timer_clear(struct timer *t)
{
    t->generation++;
    t->due_ns = INT64_MAX;
}

/* ---- ports ---- */

static size_t find_port(const int *ports, size_t count, int port)
{
    size_t k = 0;

    while (k < count && ports[k] != port)
        k++;
    return k;
}

bool sim_port_is_strange(const struct sim *s, int port)
{
    return find_port(s->strange_ports.at, s->strange_ports.count, port) < s->strange_ports.count;
}

void sim_take_port(struct sim *s, int port, bool taken)
{
    size_t k = find_port(s->strange_ports.at, s->strange_ports.count, port);

    if (taken && k == s->strange_ports.count)
        vec_push(&s->strange_ports, port);
    else if (!taken && k < s->strange_ports.count)
        vec_remove(&s->strange_ports, k);
}

static bool somebody_listens(const struct sim *s, int port)
{
    VEC_EACH (&s->processes, struct process *, p)
        if ((*p)->alive && (*p)->port == port)
            return true;
    return sim_port_is_strange(s, port);
}

static bool is_held(const struct sim *s, int port)
{
    return find_port(s->held_ports.at, s->held_ports.count, port) < s->held_ports.count;
}

bool sim_port_allocate(struct sim *s, int *out_port, struct err *err)
{
    for (int tries = PORTS_FIRST; tries <= PORTS_LAST; tries++) {
        int port = s->next_port;

        s->next_port = port < PORTS_LAST ? port + 1 : PORTS_FIRST;
        if (is_held(s, port) || somebody_listens(s, port))
            continue;
        vec_push(&s->held_ports, port);
        *out_port = port;
        return true;
    }
    return err_set(err, ERR_LIMIT, "no port is free");
}

bool sim_port_claim(struct sim *s, int port, bool in_use, struct err *err)
{
    if (is_held(s, port) || (!in_use && somebody_listens(s, port)))
        return err_set(err, ERR_CONFLICT, "port %d is in use", port);
    vec_push(&s->held_ports, port);
    return true;
}

void sim_port_release(struct sim *s, int port)
{
    size_t k = find_port(s->held_ports.at, s->held_ports.count, port);

    if (k < s->held_ports.count)
        vec_remove(&s->held_ports, k);
}
