#include "engine/hands_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "engine/environment.h"
#include "engine/snapshot.h"
#include "io/loop.h"
#include "record/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_MS     5000
#define CLOCK_JUMP_NS (1 * NS_PER_S)

/* ---- handles ---- */

struct hand *hand_of(struct hands *h, struct instance *i)
{
    struct hand *hand = i->hand;

    if (hand == NULL) {
        hand = mem_new(struct hand);
        hand->magic = HAND_MAGIC;
        hand->hands = h;
        hand->instance = i;
        i->hand = hand;
    }
    return OBJ(hand, HAND_MAGIC, hand);
}

void hand_release(struct hand *hand)
{
    struct hands *h = hand->hands;

    probe_destroy(&hand->probe);
    hands_container_release(hand, !h->begun);
    if (hand->process != NULL)
        process_forget(&hand->process);
    if (hand->port != 0)
        port_release(h->ports, hand->port);
    hand->port = 0;
    VEC_EACH (&h->unacknowledged, struct unacknowledged, u)
        if (u->hand == hand)
            u->hand = NULL;
    for (size_t k = 0; k < h->failed.count; k++)
        if (h->failed.at[k] == hand) {
            vec_remove(&h->failed, k);
            break;
        }
}

static void forget(void *data, struct instance *i)
{
    struct hand *hand = i->hand;

    (void)data;
    if (hand == NULL)
        return;
    hand_release(hand);
    hand->magic = 0;
    free(hand);
    i->hand = NULL;
}

/* ---- the journal ---- */

uint64_t hands_record(void *data, const struct event *e)
{
    struct hands *h = data;

    return journal_append(h->settings.journal, e);
}

void hands_tell(struct hands *h, const char *type, const char *json)
{
    struct event e = {
        .type = type, .actor = "tend", .subject = "daemon", .evidence = str_from(json)};

    (void)hands_record(h, &e);
}

void hands_degraded(struct hands *h, const char *what, const char *text)
{
    struct degradation *found = NULL;

    VEC_EACH (&h->degraded, struct degradation, d)
        if (strcmp(d->what, what) == 0)
            found = d;
    if (text == NULL && found != NULL)
        vec_remove(&h->degraded, (size_t)(found - h->degraded.at));
    else if (text != NULL) {
        if (found == NULL)
            found = vec_add(&h->degraded);
        (void)snprintf(found->what, sizeof found->what, "%s", what);
        (void)snprintf(found->text, sizeof found->text, "%s", text);
    }
    engine_refresh(h->engine);
    hands_wake(h);
}

/* ---- turns ---- */

void hands_now(struct hands *h)
{
    engine_now(h->engine, clock_boot_ns(), clock_wall_ns());
}

void hands_wake(struct hands *h)
{
    if (h->begun)
        timer_set(h->turn, 0);
}

static void describe_degraded(const struct hands *h, struct snapshot *s)
{
    const char *const *limits = process_driver_degraded(h->driver);
    size_t count = 0, most = h->degraded.count;
    const char **texts;

    while (limits[most - h->degraded.count] != NULL)
        most++;
    texts = arena_new_array(s->arena, most + 1, const char *);
    VEC_EACH (&h->degraded, const struct degradation, d)
        texts[count++] = arena_format(s->arena, "%s: %s", d->what, d->text);
    for (size_t k = 0; limits[k] != NULL; k++)
        texts[count++] = arena_copy(s->arena, limits[k]);
    s->degraded = texts;
    s->degraded_count = count;
}

static void publish(void *data)
{
    struct hands *h = data;
    struct snapshot *s = snapshot_create();

    engine_describe(h->engine, s);
    if (s->project[0] == 0)
        s->project = arena_copy(s->arena, h->settings.project);
    s->state_dir = arena_copy(s->arena, h->settings.state_dir);
    s->started_at_ns = h->settings.started_at_ns;
    s->head = journal_head(h->settings.journal);
    describe_degraded(h, s);
    snapshot_cell_publish(h->settings.cell, s);
    if (h->settings.published != NULL)
        h->settings.published(h->settings.data);
}

static void set_turn_timer(struct hands *h)
{
    int64_t due_ns = engine_deadline(h->engine), now_ns = clock_boot_ns();

    if (due_ns == INT64_MAX)
        timer_clear(h->turn);
    else
        timer_set(h->turn, due_ns <= now_ns ? 0 : (due_ns - now_ns) / NS_PER_MS + 1);
}

static void take_turn(void *data)
{
    struct hands *h = data;

    if (!h->begun)
        return;
    hands_tell_failed(h);
    if (engine_turn(h->engine, clock_boot_ns(), clock_wall_ns()))
        publish(h);
    set_turn_timer(h);
}

static void on_turn_timer(void *data)
{
    (void)data; /* it woke the loop: the turn is taken behind the callbacks */
}

/* ---- samples ---- */

static void tell_leak(struct hand *hand, const struct trend_verdict *v, int64_t limit_bytes)
{
    struct buf body = BUF_INIT(4096);
    struct json j = json_begin(&body);

    hand->leak_told = true;
    json_open_object(&j, NULL);
    json_text(&j, "function", "trend");
    json_open_object(&j, "params");
    json_number(&j, "r2_min", trend_defaults.r2_min);
    json_int(&j, "horizon_ms", trend_defaults.horizon_ns / NS_PER_MS);
    json_end(&j);
    json_number(&j, "value", v->r2);
    json_number(&j, "threshold", trend_defaults.r2_min);
    json_int(&j, "used_bytes", hand->instance->memory_bytes);
    json_int(&j, "growth_bytes", (int64_t)(v->slope_bytes_per_s * 3600));
    if (limit_bytes > 0)
        json_int(&j, "limit_bytes", limit_bytes);
    if (v->hits_limit_in_ns >= 0)
        json_int(&j, "full_in_ms", v->hits_limit_in_ns / NS_PER_MS);
    json_end(&j);
    (void)engine_note(
        hand->hands->engine, hand->instance, "instance.leak_suspected", buf_str(&body));
    buf_fini(&body);
}

static void judge_memory(struct hand *hand)
{
    struct instance *i = hand->instance;
    int64_t limit_bytes = i->spec->resources.memory_bytes;
    struct trend_verdict v;

    if (i->memory_bytes < 0 || hand->leak_told)
        return;
    trend_add(&hand->trend, clock_boot_ns(), i->memory_bytes);
    if (limit_bytes <= 0)
        limit_bytes = hand->hands->machine_bytes;
    v = trend_judge(&hand->trend, limit_bytes, &trend_defaults);
    if (v.suspected)
        tell_leak(hand, &v, limit_bytes);
}

static void sample_instance(struct hand *hand)
{
    struct instance *i = hand->instance;
    struct cgroup_usage group;
    struct process_usage own;

    if (i->pid == 0 && i->has_process)
        i->pid = process_pid(hand->process); /* adopted, and its shim has answered meanwhile */
    i->memory_bytes = -1;
    i->cpu_seconds = -1;
    if (process_usage(hand->process, &group) && group.memory_bytes >= 0 && group.cpu_us >= 0) {
        i->memory_bytes = group.memory_bytes;
        i->cpu_seconds = (double)group.cpu_us / 1e6;
    } else if (i->pid > 0 && host_process_usage(i->pid, &own, NULL)) {
        i->memory_bytes = own.memory_bytes;
        i->cpu_seconds = (double)own.cpu_ns / 1e9;
    }
    judge_memory(hand);
}

static void look_at_clock(struct hands *h)
{
    int64_t offset_ns = clock_wall_ns() - clock_boot_ns(), step_ns = offset_ns - h->clock_offset_ns;
    char json[64];

    h->clock_offset_ns = offset_ns;
    if (llabs(step_ns) < CLOCK_JUMP_NS)
        return;
    (void)snprintf(json, sizeof json, "{\"step_ms\":%lld}", (long long)(step_ns / NS_PER_MS));
    hands_tell(h, "clock.jumped", json);
}

static void sample_one(void *data, struct instance *i)
{
    struct hand *hand = i->hand;

    (void)data;
    if (hand != NULL && hand->process != NULL)
        sample_instance(hand);
}

static void on_sample(void *data)
{
    struct hands *h = data;

    timer_set(h->sample, SAMPLE_MS);
    hands_now(h);
    look_at_clock(h);
    engine_each_instance(h->engine, h, sample_one);
    engine_refresh(h->engine);
    mem_give_back();
    hands_wake(h);
}

/* ---- creation ---- */

static const struct engine_host host = {
    .spawn = hands_spawn,
    .resume = hands_resume,
    .stop = hands_stop,
    .signal = hands_signal,
    .probe = hands_probe,
    .lease = hands_lease,
    .forget = forget,
    .record = hands_record,
    .publish = publish,
};

bool hands_create(struct hands **out, const struct hands_settings *settings, struct err *err)
{
    struct hands *h = mem_new(struct hands);
    struct engine_host mine = host;
    struct host_memory machine;

    h->settings = *settings;
    mine.data = h;
    (void)snprintf(h->logs_dir, sizeof h->logs_dir, "%s/logs", settings->state_dir);
    (void)snprintf(h->volumes_dir, sizeof h->volumes_dir, "%s/volumes", settings->state_dir);
    h->clock_offset_ns = clock_wall_ns() - clock_boot_ns();
    h->machine_bytes = host_memory(&machine, NULL) ? machine.total_bytes : 0;
    h->engine = engine_create(&mine, random_secret_seed(), clock_boot_ns(), clock_wall_ns());
    h->turn = timer_create_on(settings->loop, on_turn_timer, h);
    h->sample = timer_create_on(settings->loop, on_sample, h);
    if (!prober_create(&h->prober, settings->loop, err) || !ports_create(&h->ports, NULL, err) ||
        !hands_driver_create(h, err)) {
        hands_destroy(&h);
        return false;
    }
    *out = h;
    return true;
}

static void release_one(void *data, struct instance *i)
{
    struct hand *hand = i->hand;

    (void)data;
    if (hand == NULL)
        return;
    hand->process = NULL; /* goes with its driver, and lives on */
    hand_release(hand);
    free(hand);
    i->hand = NULL;
}

void hands_destroy(struct hands **pointer)
{
    struct hands *h = *pointer;

    if (h == NULL)
        return;
    *pointer = NULL;
    h->begun = false;
    loop_after_turn(h->settings.loop, NULL, NULL);
    if (h->driver != NULL)
        process_driver_destroy(&h->driver);
    engine_each_instance(h->engine, h, release_one);
    docker_destroy(&h->docker);
    engine_destroy(&h->engine);
    prober_destroy(&h->prober);
    ports_destroy(&h->ports);
    timer_destroy(&h->turn);
    timer_destroy(&h->sample);
    vec_fini(&h->failed);
    vec_fini(&h->unacknowledged);
    vec_fini(&h->degraded);
    free(h);
}

struct engine *hands_engine(struct hands *h)
{
    return h->engine;
}

void hands_begin(struct hands *h)
{
    h->begun = true;
    loop_after_turn(h->settings.loop, take_turn, h);
    timer_set(h->turn, 0);
    timer_set(h->sample, 1000);
    publish(h);
}

const char *const *hands_environment(
    struct hands *h, struct arena *a, const char *service, int slot)
{
    struct instance *i = engine_instance(h->engine, service, slot);

    if (i == NULL || i->project == NULL)
        return NULL;
    return hands_variables(h, a, i);
}
