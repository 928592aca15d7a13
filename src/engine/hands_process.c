#include "engine/hands_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "io/loop.h"
#include "record/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- ports ---- */

int hands_port_of(void *data, const char *service)
{
    struct hands *h = data;
    const struct instance *i = engine_instance(h->engine, service, 1);

    return i != NULL ? i->port : 0;
}

static void release_port(struct hand *hand)
{
    if (hand->port != 0)
        port_release(hand->hands->ports, hand->port);
    hand->port = 0;
    hand->instance->port = 0;
}

/* The fixed one, or one that stays with the slot for as long as it is there. */
static bool hold_port(struct hand *hand, struct err *err)
{
    int fixed = hand->instance->spec->port;
    struct ports *ports = hand->hands->ports;

    if (hand->port != 0 && hand->port_is_fixed == (fixed != 0) &&
        (fixed == 0 || fixed == hand->port))
        return true;
    release_port(hand);
    if (hand->instance->spec->is_job)
        return true; /* it serves nobody */
    if (fixed != 0) {
        TRY(port_claim(ports, fixed, false, err));
        hand->port = fixed;
    } else
        TRY(port_allocate(ports, &hand->port, err));
    hand->port_is_fixed = fixed != 0;
    hand->instance->port = hand->port;
    return true;
}

/* ---- starting ---- */

static struct process_lease lease_of(const struct service *s, bool hands_off)
{
    const struct restart_policy *p = &s->restart;
    bool always = p->condition == RESTART_ALWAYS || p->condition == RESTART_UNLESS_STOPPED;

    return (struct process_lease){
        .restart_on_success = always,
        .restart_on_failure = p->condition != RESTART_NO,
        .burst = hands_off ? 0 : BACKOFF_BURST,
        .stable_ms = p->stable_ns / NS_PER_MS,
        .slow_first_ms = 1000,
        .slow_max_ms = 30000,
        .stop_codes = p->stop_codes,
        .stop_code_count = p->stop_code_count,
    };
}

_Static_assert(CPU_MASK_BYTES == SHIM_CPU_BYTES, "the shim takes the mask as it is declared");

static const struct shim_limit *limits_of(struct arena *a, const struct service *s)
{
    struct shim_limit *all = arena_new_array(a, s->ulimit_count + 1, struct shim_limit);

    for (size_t i = 0; i < s->ulimit_count; i++)
        all[i] = (struct shim_limit){.resource = (uint32_t)s->ulimits[i].resource,
            .soft = (uint64_t)s->ulimits[i].soft, /* -1 is the kernel's own word for none */
            .hard = (uint64_t)s->ulimits[i].hard};
    return all;
}

void hands_fill_spec(
    struct hands *h, struct arena *a, const struct instance *i, struct process_spec *out)
{
    const struct service *s = i->spec;
    bool heartbeat = s->healthcheck.kind == PROBE_WATCHDOG;

    *out = (struct process_spec){
        .service = s->name,
        .slot = i->slot,
        .argv = s->argv,
        .environment = hands_variables(h, a, i),
        .working_dir = s->working_dir,
        .user = s->user,
        .umask = -1,
        .limits = {.memory_bytes = s->resources.memory_bytes,
                   .cpus = s->resources.cpus,
                   .pids = s->resources.pids,
                   .reserved_bytes = s->resources.reserved_bytes > 0 ? s->resources.reserved_bytes : 0,
                   .memory_swap_bytes = s->resources.swap_bytes == -2 ? 0 : s->resources.swap_bytes,
                   .cpu_shares = s->resources.cpu_shares},
        .cap_add = s->cap_add,
        .cap_drop = s->cap_drop,
        .groups = s->groups,
        .hostname = s->hostname,
        .domainname = s->domainname,
        .ulimits = limits_of(a, s),
        .ulimit_count = s->ulimit_count,
        .cpu_mask = s->cpu_mask,
        .oom_score_adj = s->oom_score_adj != OOM_SCORE_UNSET ? &s->oom_score_adj : NULL,
        .no_new_privileges = s->no_new_privileges,
        .log_bytes_max = s->logging.file_bytes_max,
        .log_files_max = s->logging.files_max,
        .no_log = s->logging.none,
        .stop_signal = s->stop_signal,
        .notify = heartbeat,
        .watchdog_us = heartbeat ? s->healthcheck.interval_ns / 1000 : 0,
        .lease = lease_of(s, engine_is_paused(h->engine)),
    };
    hands_fill_files(h, a, s, out);
}

static bool start(struct hand *hand, struct err *err)
{
    struct hands *h = hand->hands;
    struct arena *a;
    struct process_spec spec;
    bool ok;

    TRY(hold_port(hand, err));
    a = arena_create(0);
    hands_fill_spec(h, a, hand->instance, &spec);
    ok = process_start(h->driver, &spec, hand, &hand->process, err);
    if (ok)
        hand->shim_pid = process_shim_pid(hand->process);
    arena_destroy(&a);
    return ok;
}

void hands_spawn(void *data, struct instance *i)
{
    struct hands *h = data;
    struct hand *hand = hand_of(h, i);
    struct err err = ERR_INIT;

    hand->trend = (struct trend){0};
    hand->leak_told = false;
    if (hands_is_container(i)) {
        hands_container_spawn(hand);
        return;
    }
    if (start(hand, &err))
        return;
    (void)snprintf(hand->failed, sizeof hand->failed, "%s", err.text);
    vec_push(&h->failed, hand);
    hands_wake(h);
}

void hands_tell_failed(struct hands *h)
{
    if (h->failed.count > 0)
        hands_now(h);
    while (h->failed.count > 0) {
        struct hand *hand = h->failed.at[0];

        vec_remove(&h->failed, 0);
        engine_on_start_failed(h->engine, hand->instance, hand->failed);
    }
}

void hands_resume(void *data, struct instance *i)
{
    struct hand *hand = hand_of(data, i);

    hand->trend = (struct trend){0};
    hand->leak_told = false;
    if (hand->container != NULL)
        hands_container_resume(hand);
    else
        process_resume(hand->process);
}

void hands_stop(void *data, struct instance *i, int64_t grace_ns)
{
    struct hands *h = data;
    struct hand *hand = hand_of(h, i);

    if (hand->container != NULL) {
        hands_container_stop(hand, grace_ns);
        return;
    }
    if (hand->process != NULL) {
        process_stop(hand->process, i->spec->stop_signal, grace_ns / NS_PER_MS);
        return;
    }
    (void)snprintf(hand->failed, sizeof hand->failed, "stopped before it was started");
    vec_push(&h->failed, hand);
    hands_wake(h);
}

void hands_signal(void *data, struct instance *i, int signo)
{
    struct hand *hand = hand_of(data, i);

    if (hand->container != NULL)
        docker_signal(hand->container, signo);
    else if (hand->process != NULL)
        process_signal(hand->process, signo, false);
}

void hands_lease(void *data, struct instance *i, bool hands_off)
{
    struct hand *hand = hand_of(data, i);
    struct process_lease lease;

    if (hand->process == NULL || i->project == NULL)
        return;
    lease = lease_of(i->spec, hands_off);
    process_lease(hand->process, &lease);
    process_hold(hand->process, hands_off); /* without a daemon too */
}

/* ---- records ---- */

/* "RUN:NUMBER", as the facts of an instance keep it. */
static void name_record(char *out, size_t bytes, const struct process_record *r)
{
    (void)snprintf(out, bytes, "%016" PRIx64 ":%" PRIu64, r->run_id, r->number);
}

static bool is_known(const struct instance *i, const struct process_record *r)
{
    char run[24];
    size_t len;

    (void)snprintf(run, sizeof run, "%016" PRIx64 ":", r->run_id);
    len = strlen(run);
    return strncmp(i->record, run, len) == 0 && strtoull(i->record + len, NULL, 10) >= r->number;
}

static void on_durable(void *data, const struct err *err);

static void ask_for_notice(struct hands *h)
{
    if (h->notice_asked || h->unacknowledged.count == 0)
        return;
    h->notice_asked = true;
    journal_when_durable(
        h->settings.journal, h->unacknowledged.at[h->unacknowledged.count - 1].seq, on_durable, h);
}

static void acknowledge_until(struct hands *h, uint64_t durable)
{
    size_t done = 0;

    while (done < h->unacknowledged.count && h->unacknowledged.at[done].seq <= durable) {
        struct unacknowledged *u = &h->unacknowledged.at[done++];

        if (u->hand != NULL && u->hand->process != NULL &&
            process_run_id(u->hand->process) == u->run_id)
            process_ack(u->hand->process, u->number);
    }
    memmove(h->unacknowledged.at, h->unacknowledged.at + done,
        (h->unacknowledged.count - done) * sizeof *h->unacknowledged.at);
    h->unacknowledged.count -= done;
}

static void on_durable(void *data, const struct err *err)
{
    struct hands *h = data;

    h->notice_asked = false;
    if (err != NULL)
        return; /* the next record asks again */
    acknowledge_until(h, journal_durable(h->settings.journal));
    ask_for_notice(h);
}

static void acknowledge_later(struct hand *hand, uint64_t run_id, uint64_t number)
{
    struct hands *h = hand->hands;
    struct unacknowledged u = {
        .seq = hand->instance->last_event, .hand = hand, .run_id = run_id, .number = number};

    if (u.seq == 0)
        return;
    if (h->unacknowledged.count > 0 &&
        h->unacknowledged.at[h->unacknowledged.count - 1].seq > u.seq)
        u.seq = h->unacknowledged.at[h->unacknowledged.count - 1].seq;
    vec_push(&h->unacknowledged, u);
    ask_for_notice(h);
}

static void tell_exit(struct hand *hand, const struct process_record *r)
{
    struct engine_exit x = {
        .known = !r->lost,
        .code = r->code,
        .signal = r->signal,
        .oom = r->oom,
        .core = r->core,
        .ran_ns = r->alive_ns,
        .at_ns = r->boot_ns,
        .restarting = r->next == PROCESS_NEXT_RESTART, /* what it plans alone is ours to decide */
        .stopped = r->stopped,
    };

    engine_on_exited(hand->hands->engine, hand->instance, &x, r->wall_ns);
}

static void tell_exec_failed(struct hand *hand, const struct process_record *r)
{
    char why[300];

    (void)snprintf(
        why, sizeof why, "%s: %s", r->step != NULL ? r->step : "exec", strerror(r->error));
    if (hand->process != NULL)
        process_forget(&hand->process);
    engine_on_start_failed(hand->hands->engine, hand->instance, why);
}

static void on_record(void *data, struct process *p, const struct process_record *r)
{
    struct hands *h = data;
    struct hand *hand = OBJ(hand, HAND_MAGIC, process_owner(p));
    struct instance *i = hand->instance;
    char json[160];

    hands_now(h);
    if (is_known(i, r)) {
        process_ack(p, r->number);
        return;
    }
    name_record(i->record, sizeof i->record, r);
    switch (r->kind) {
    case PROCESS_STARTED:
        engine_on_started(h->engine, i, r->pid, r->restarts > 0 && i->state != INSTANCE_STARTING,
            r->boot_ns, r->wall_ns); /* what tend asked for is not the shim's doing */
        break;
    case PROCESS_EXITED:
        tell_exit(hand, r);
        break;
    case PROCESS_EXEC_FAILED:
        tell_exec_failed(hand, r);
        return;
    case PROCESS_ADOPTED:
        (void)snprintf(json, sizeof json,
            "{\"reason\":\"its shim was gone\",\"set\":{\"record\":\"%s\"}}", i->record);
        (void)engine_note(h->engine, i, "instance.adopted", str_from(json));
        break;
    case PROCESS_MERGED:
        (void)snprintf(json, sizeof json, "{\"merged\":%" PRIu64 ",\"set\":{\"record\":\"%s\"}}",
            r->merged, i->record);
        (void)engine_note(h->engine, i, "instance.records_merged", str_from(json));
        break;
    }
    acknowledge_later(hand, r->run_id, r->number);
}

/* Killed between starting the service and writing so: no record tells of this start. */
static bool has_missed_a_start(const struct instance *i, const struct process *p)
{
    if (process_phase(p) != PROCESS_RUNNING || process_pid(p) <= 0)
        return false;
    switch (i->state) {
    case INSTANCE_STARTING:
    case INSTANCE_BACKING_OFF:
    case INSTANCE_QUARANTINED:
        return true;
    case INSTANCE_PROBING:
    case INSTANCE_READY:
        return i->pid != process_pid(p);
    default:
        return false;
    }
}

/* What was said to a shim that was dead is said again to the one that took over. */
static void say_again(struct hands *h, struct instance *i, struct process *p)
{
    if (i->state == INSTANCE_STARTING && process_phase(p) == PROCESS_WAITING)
        process_resume(p);
    else if (i->state == INSTANCE_STOPPING &&
             (process_phase(p) == PROCESS_RUNNING || process_phase(p) == PROCESS_WAITING))
        hands_stop(h, i, i->spec != NULL ? i->spec->stop_grace_ns : 0);
}

static void on_state(void *data, struct process *p)
{
    struct hands *h = data;
    struct hand *hand = OBJ(hand, HAND_MAGIC, process_owner(p));
    struct instance *i = hand->instance;
    bool other_shim = i->unheard || hand->shim_pid != process_shim_pid(p);

    hands_now(h);
    hand->shim_pid = process_shim_pid(p);
    if (has_missed_a_start(i, p))
        engine_on_started(
            h->engine, i, process_pid(p), true, process_started_boot_ns(p), clock_wall_ns());
    else if (other_shim)
        say_again(h, i, p);
    engine_on_heard(h->engine, i);
}

static void on_notify(void *data, struct process *p, const struct process_notice *n)
{
    struct hand *hand = OBJ(hand, HAND_MAGIC, process_owner(p));

    (void)data;
    if (hand->probe != NULL && (n->ready || n->watchdog))
        probe_heartbeat(hand->probe);
}

static void on_log(void *data, struct process *p, const struct process_log_gap *gap)
{
    struct hands *h = data;
    struct hand *hand = OBJ(hand, HAND_MAGIC, process_owner(p));
    struct buf body = BUF_INIT(1024);
    struct json j = json_begin(&body);

    hands_now(h);
    json_open_object(&j, NULL);
    if (gap->error != 0)
        json_text(&j, "reason", strerror(gap->error));
    json_int(&j, "bytes", (int64_t)gap->dropped_bytes);
    json_int(&j, "total_bytes", (int64_t)gap->dropped_bytes_total);
    json_end(&j);
    (void)engine_note(h->engine, hand->instance,
        gap->error != 0 ? "instance.logs_dropped" : "instance.logs_recovered", buf_str(&body));
    buf_fini(&body);
}

static void on_gone(void *data, struct process *p)
{
    struct hands *h = data;
    struct hand *hand = OBJ(hand, HAND_MAGIC, process_owner(p));

    hands_now(h);
    if (hand->probe != NULL)
        probe_stop(hand->probe);
    process_forget(&hand->process);
    engine_on_gone(h->engine, hand->instance);
}

static void on_trouble(void *data, struct process *p, const struct err *trouble)
{
    (void)data;
    log_warn("process.trouble", "instance=%s/%d err=\"%s\"", p != NULL ? process_service(p) : "",
        p != NULL ? process_slot(p) : 0, trouble->text);
}

bool hands_driver_create(struct hands *h, struct err *err)
{
    struct process_settings settings = {
        .run_dir = h->settings.run_dir,
        .log_dir = h->logs_dir,
        .volumes_dir = h->volumes_dir,
        .project = h->settings.project,
        .shim_path = h->settings.shim_path,
    };
    struct process_callbacks callbacks = {
        .on_record = on_record,
        .on_state = on_state,
        .on_notify = on_notify,
        .on_log = on_log,
        .on_gone = on_gone,
        .on_trouble = on_trouble,
    };

    return process_driver_create(&h->driver, h->settings.loop, &settings, &callbacks, h, err);
}
