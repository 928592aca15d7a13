#include "world.h"

#include "engine/facts.h"
#include "spec/load.h"

#include <jansson.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- projects ---- */

static void write_service(struct buf *yaml, struct str line)
{
    struct str name = str_cut(&line, ' '), behaviour = str_cut(&line, ' ');
    bool is_job = str_is(behaviour, "job") || str_is(behaviour, "bad-job");

    buf_format(yaml, "  %.*s:\n    command: [%.*s]\n", STR_ARG(name), STR_ARG(behaviour));
    if (is_job)
        buf_add_text(yaml, "    restart: \"no\"\n");
    else if (!str_is(behaviour, "flash"))
        buf_add_text(
            yaml, "    healthcheck: { tcp: 80, interval: 1s, timeout: 500ms, retries: 2 }\n");
    buf_add_text(yaml, "    deploy: { update_config: { deadline: 10s } }\n");
    while (line.len > 0) {
        struct str word = str_cut(&line, ' ');

        if (str_is(word, "after"))
            buf_format(yaml, "    depends_on: { %.*s: { condition: service_%s } }\n", STR_ARG(line),
                "healthy");
        else if (str_is(word, "afterjob"))
            buf_format(yaml,
                "    depends_on: { %.*s: { condition: service_completed_successfully } }\n",
                STR_ARG(line));
        else
            buf_format(yaml, "    scale: %.*s\n", STR_ARG(word));
        if (str_is(word, "after") || str_is(word, "afterjob"))
            break;
    }
}

/* "name behaviour key: value, key: value" */
static void write_job(struct buf *yaml, struct str line)
{
    struct str name = str_cut(&line, ' '), behaviour = str_cut(&line, ' ');

    buf_format(yaml, "  %.*s: { timezone: UTC, command: [%.*s], %.*s }\n", STR_ARG(name),
        STR_ARG(behaviour), STR_ARG(line));
}

const struct project *world_project(const char *text)
{
    struct buf yaml = BUF_INIT(1u << 20), jobs = BUF_INIT(1u << 20);
    struct str rest = str_from(text);
    struct diagnostics *d = diagnostics_create();
    const struct project *p;

    buf_add_text(&yaml, "name: test\nx-tend-directory: /\nservices:\n");
    buf_add_text(&jobs, "jobs:\n");
    while (rest.len > 0) {
        struct str line = str_trim(str_cut(&rest, '\n'));

        if (str_starts(line, "!"))
            write_job(&jobs, str_tail(line, 1));
        else if (line.len > 0)
            write_service(&yaml, line);
    }
    buf_add_str(&yaml, buf_str(&jobs));
    buf_fini(&jobs);
    p = spec_load_document(buf_str(&yaml), (struct str){0}, d);
    if (p == NULL) {
        struct buf problems = BUF_INIT(1u << 20);

        diagnostics_render(d, &problems, false);
        (void)fprintf(stderr, "%s\n%s\n", buf_str(&yaml).at, buf_str(&problems).at);
        abort();
    }
    diagnostics_destroy(&d);
    buf_fini(&yaml);
    return p;
}

/* ---- processes ---- */

static void after(
    struct world *w, int64_t ns, enum world_kind kind, struct process *p, int code, int signo)
{
    struct world_event e = {.at_ns = w->now_ns + ns,
        .kind = kind,
        .process = p,
        .run = p->run,
        .code = code,
        .signal = signo};

    vec_push(&w->events, e);
}

static void broken(struct world *w, const char *what, const struct instance *i)
{
    if (!w->broken)
        (void)snprintf(w->broken_text, sizeof w->broken_text, "%s of %s", what, i->subject);
    w->broken = true;
}

struct process *world_process(struct world *w, const char *service, int slot)
{
    VEC_EACH (&w->processes, struct process *, p)
        if ((*p)->slot == slot && strcmp((*p)->service, service) == 0)
            return *p;
    return NULL;
}

const char *world_behaviour(struct world *w, const char *service, int slot)
{
    const struct process *p = world_process(w, service, slot);

    return p != NULL ? p->behaviour : "";
}

static struct process *process_of(struct world *w, struct instance *i)
{
    struct process *p = world_process(w, i->control->name, i->slot);

    if (p == NULL) {
        p = mem_new(struct process);
        p->slot = i->slot;
        (void)snprintf(p->service, sizeof p->service, "%s", i->control->name);
        vec_push(&w->processes, p);
    }
    return p;
}

static bool behaves(const struct process *p, const char *as)
{
    return strcmp(p->behaviour, as) == 0;
}

static void begin_run(struct world *w, struct process *p)
{
    if (p->sticks_to != NULL)
        (void)snprintf(p->behaviour, sizeof p->behaviour, "%s", p->sticks_to);
    p->run++;
    p->waits = false;
    p->alive = true;
    p->hangs = false;
    p->started_ns = w->now_ns;
    p->stop_at_ns = 0;
    if (behaves(p, "crash"))
        after(w, 2 * NS_PER_MS, WORLD_EXIT, p, 1, 0);
    if (behaves(p, "crash-ready"))
        after(w, 50 * NS_PER_MS, WORLD_EXIT, p, 1, 0);
    if (behaves(p, "flash"))
        after(w, 100 * NS_PER_MS, WORLD_EXIT, p, 1, 0);
    if (behaves(p, "job"))
        after(w, 10 * NS_PER_MS, WORLD_EXIT, p, 0, 0);
    if (behaves(p, "slow-job"))
        after(w, 90 * NS_PER_S, WORLD_EXIT, p, 0, 0);
    if (behaves(p, "bad-job"))
        after(w, 10 * NS_PER_MS, WORLD_EXIT, p, 3, 0);
}

static void spawn(void *data, struct instance *i)
{
    struct world *w = data;
    struct process *p = process_of(w, i);

    if (p->shim || p->alive)
        broken(w, "second spawn", i);
    p->shim = true;
    p->tokens = BACKOFF_BURST;
    (void)snprintf(p->behaviour, sizeof p->behaviour, "%s", i->spec->argv[0]);
    p->run++;
    after(w, NS_PER_MS, behaves(p, "missing") ? WORLD_START_FAILED : WORLD_STARTED, p, 0, 0);
}

static void resume(void *data, struct instance *i)
{
    struct world *w = data;
    struct process *p = process_of(w, i);

    if (!p->shim)
        broken(w, "resume", i);
    if (p->alive) /* it was faster */
        return;
    p->run++;
    after(w, NS_PER_MS, WORLD_STARTED, p, 0, 0);
}

static void stop(void *data, struct instance *i, int64_t grace_ns)
{
    struct world *w = data;
    struct process *p = process_of(w, i);
    bool stubborn = p->alive && (behaves(p, "stubborn") || p->hangs);

    if (!p->shim)
        broken(w, "stop", i);
    p->stop_at_ns = w->now_ns;
    p->run++; /* whatever it was about to do does not happen any more */
    after(w, stubborn ? grace_ns : 2 * NS_PER_MS, WORLD_GONE, p, 0, stubborn ? SIGKILL : SIGTERM);
}

static void do_signal(void *data, struct instance *i, int signo)
{
    (void)data, (void)i, (void)signo;
}

static void probe(void *data, struct instance *i, enum engine_probe mode)
{
    struct world *w = data;
    struct process *p = process_of(w, i);

    if (mode == ENGINE_PROBE_STARTUP && p->alive)
        after(w, 5 * NS_PER_MS, WORLD_PROBE, p, 0, 0);
    if (mode == ENGINE_PROBE_STEADY && p->probe == ENGINE_PROBE_OFF && p->alive)
        after(w, NS_PER_S, WORLD_PROBE, p, 0, 0);
    p->probe = mode;
}

static void lease(void *data, struct instance *i, bool hands_off)
{
    process_of(data, i)->hands_off = hands_off;
}

static void forget(void *data, struct instance *i)
{
    struct world *w = data;
    struct process *p = process_of(w, i);

    if (p->alive)
        broken(w, "forget while alive", i);
}

static void fold_fact(
    struct world *w, const char *subject, const char *key, const char *json, uint64_t seq)
{
    struct fact *fact = NULL;

    VEC_EACH (&w->facts, struct fact, f)
        if (strcmp(f->subject, subject) == 0 && strcmp(f->key, key) == 0)
            fact = f;
    if (fact == NULL)
        fact = vec_add(&w->facts);
    (void)snprintf(fact->subject, sizeof fact->subject, "%s", subject);
    (void)snprintf(fact->key, sizeof fact->key, "%s", key);
    (void)snprintf(fact->value, sizeof fact->value, "%s", json);
    fact->seq = seq;
}

static void fold(struct world *w, const struct event *e, uint64_t seq)
{
    json_t *evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL), *value;
    const char *key;

    json_object_foreach(json_object_get(evidence, "set"), key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY);

        fold_fact(w, e->subject, key, text, seq);
        free(text);
    }
    if (strncmp(e->type, "instance.", 9) == 0)
        fold_fact(w, e->subject, "state", e->type + 9, seq);
    if (strcmp(e->type, "service.removed") == 0 || strcmp(e->type, "instance.removed") == 0)
        for (size_t k = w->facts.count; k-- > 0;)
            if (strncmp(w->facts.at[k].subject, e->subject, strlen(e->subject)) == 0)
                vec_remove(&w->facts, k);
    json_decref(evidence);
}

static uint64_t record(void *data, const struct event *e)
{
    struct world *w = data;
    struct told *t = vec_add(&w->journal);

    (void)snprintf(t->type, sizeof t->type, "%s", e->type);
    (void)snprintf(t->subject, sizeof t->subject, "%s", e->subject);
    (void)snprintf(t->evidence, sizeof t->evidence, "%.*s", STR_ARG(e->evidence));
    memcpy(t->causes, e->causes, sizeof t->causes);
    t->cause_count = e->cause_count;
    t->at_ns = w->now_ns;
    for (size_t k = 0; k < e->cause_count; k++)
        if (e->causes[k] >= 1000 + w->journal.count) {
            w->broken = true;
            (void)snprintf(
                w->broken_text, sizeof w->broken_text, "%s has a cause to come", e->type);
        }
    fold(w, e, 1000 + w->journal.count - 1);
    return 1000 + w->journal.count - 1;
}

static int64_t wall(const struct world *w)
{
    return w->now_ns + w->wall_ahead_ns;
}

static struct engine *make_engine(struct world *w)
{
    struct engine_host host = {.data = w,
        .spawn = spawn,
        .resume = resume,
        .stop = stop,
        .signal = do_signal,
        .probe = probe,
        .lease = lease,
        .forget = forget,
        .record = record};

    return engine_create(&host, w->seed++, w->now_ns, wall(w));
}

/* ---- what becomes due ---- */

static void process_exits(
    struct world *w, struct process *p, struct instance *i, const struct world_event *e)
{
    bool wanted = i->spec->restart.condition == RESTART_ALWAYS;
    struct engine_exit x = {.known = true,
        .code = e->signal != 0 ? -1 : e->code,
        .signal = e->signal,
        .ran_ns = w->now_ns - p->started_ns};

    p->alive = false;
    p->waits = wanted;
    x.restarting = wanted && p->tokens > 0 && !p->hands_off && p->stop_at_ns == 0;
    if (!wanted)
        p->shim = false; /* its policy says no: the shim ends too */
    engine_on_exited(w->engine, i, &x, wall(w));
    if (!wanted) {
        engine_on_gone(w->engine, i);
        return;
    }
    if (!x.restarting)
        return;
    p->tokens--;
    begin_run(w, p);
    engine_on_started(w->engine, i, 100 + p->run, true, w->now_ns, wall(w));
}

static void probe_result(struct world *w, struct process *p, struct instance *i)
{
    bool ok = !p->hangs && !behaves(p, "never-ready");

    if (!p->alive || p->probe == ENGINE_PROBE_OFF)
        return;
    if (ok)
        p->probe = ENGINE_PROBE_STEADY;
    after(w, p->probe == ENGINE_PROBE_STARTUP ? 100 * NS_PER_MS : NS_PER_S, WORLD_PROBE, p, 0, 0);
    engine_on_probe(w->engine, i, ok, ok ? "HTTP 200" : "no answer in 500 ms", NS_PER_MS);
}

static void happen(struct world *w, const struct world_event *e)
{
    struct process *p = e->process;
    struct instance *i = engine_instance(w->engine, p->service, p->slot);
    struct engine_exit x = {.known = true, .code = e->signal != 0 ? -1 : 0, .signal = e->signal};

    engine_now(w->engine, w->now_ns, wall(w));
    if (e->run != p->run || i == NULL)
        return;
    switch (e->kind) {
    case WORLD_STARTED:
        begin_run(w, p);
        engine_on_started(w->engine, i, 100 + p->run, false, w->now_ns, wall(w));
        return;
    case WORLD_START_FAILED:
        p->shim = false;
        engine_on_start_failed(w->engine, i, "missing: not found in PATH /bin");
        return;
    case WORLD_PROBE:
        probe_result(w, p, i);
        return;
    case WORLD_EXIT:
        if (p->alive)
            process_exits(w, p, i, e);
        return;
    case WORLD_GONE:
        if (p->alive) {
            p->alive = false;
            x.stopped = true;
            engine_on_exited(w->engine, i, &x, wall(w));
        }
        p->shim = false;
        engine_on_gone(w->engine, i);
        return;
    }
}

static bool earliest(const struct world *w, int64_t until_ns, size_t *out)
{
    bool found = false;

    for (size_t k = 0; k < w->events.count; k++)
        if (w->events.at[k].at_ns <= until_ns &&
            (!found || w->events.at[k].at_ns < w->events.at[*out].at_ns)) {
            *out = k;
            found = true;
        }
    return found;
}

static void turn(struct world *w)
{
    for (int k = 0; k < 100; k++) {
        (void)engine_turn(w->engine, w->now_ns, wall(w));
        if (engine_deadline(w->engine) > w->now_ns)
            return;
    }
    w->broken = true;
    (void)snprintf(w->broken_text, sizeof w->broken_text, "the engine does not come to rest");
}

static void step(struct world *w, int64_t until_ns)
{
    int64_t due = engine_deadline(w->engine);
    size_t k = 0;

    if (earliest(w, due < until_ns ? due : until_ns, &k)) {
        struct world_event e = w->events.at[k];

        vec_remove(&w->events, k);
        if (e.at_ns > w->now_ns)
            w->now_ns = e.at_ns;
        happen(w, &e);
    } else
        w->now_ns = due < until_ns ? (due > w->now_ns ? due : w->now_ns) : until_ns;
    turn(w);
}

void world_run(struct world *w, int64_t ns)
{
    int64_t until_ns = w->now_ns + ns;

    turn(w);
    while (w->now_ns < until_ns && !w->broken)
        step(w, until_ns);
}

bool world_finish(struct world *w)
{
    int before = w->results;
    int64_t until_ns = w->now_ns + 300 * NS_PER_S;

    turn(w);
    while (w->results == before && w->now_ns < until_ns && !w->broken)
        step(w, until_ns);
    return w->results > before;
}

/* ---- the daemon's death ---- */

void world_intend(struct world *w, const char *subject, const char *key, const char *json)
{
    fold_fact(w, subject, key, json, 1000);
}

void world_intend_project(struct world *w, const struct project *p)
{
    if (w->declared != NULL && p != NULL && !hash_eq(&w->declared->digest, &p->digest)) {
        project_unref(&w->previous);
        w->previous = project_ref(w->declared);
    }
    project_unref(&w->declared);
    w->declared = p != NULL ? project_ref(p) : NULL;
    world_intend(w, "project", "document", "1");
}

static void adopt(struct world *w, struct facts *facts, struct process *p)
{
    char subject[96];
    struct known *k;

    (void)snprintf(subject, sizeof subject, "%s/%d", p->service, p->slot);
    k = facts_of(facts, subject);
    k->instance.slot = p->slot;
    k->instance.final = INSTANCE_STARTING;
    k->instance.running = !k->waiting;
    if (!p->waits && !p->alive) /* being started: it goes on by itself */
        k->instance.running = true;
    (void)engine_adopt(w->engine, p->service, &k->instance);
}

static void adopted(void *data, struct instance *i)
{
    engine_adopted(data, i);
    engine_on_heard(data, i);
}

static void take_facts(struct world *w, struct facts *facts)
{
    VEC_EACH (&w->facts, const struct fact, f) {
        const char *slash = strchr(f->subject, '/');

        if (slash != NULL && strcmp(f->key, "state") == 0)
            facts_take_state(facts, f->subject, atoi(slash + 1), f->value);
        else
            facts_take(facts, w->engine, f->subject, f->key, str_from(f->value), f->seq);
    }
}

void world_restart_daemon(struct world *w)
{
    struct facts facts = {0};

    engine_destroy(&w->engine);
    w->engine = make_engine(w);
    if (w->declared != NULL)
        engine_restore_project(w->engine, w->declared, w->previous);
    take_facts(w, &facts);
    facts_restore_services(&facts, w->engine);
    VEC_EACH (&w->processes, struct process *, p)
        if ((*p)->shim) {
            (*p)->probe = ENGINE_PROBE_OFF;
            adopt(w, &facts, *p);
        }
    facts_restore_ended(&facts, w->engine);
    engine_each_instance(w->engine, w->engine, adopted);
    engine_restored(w->engine, facts.intent);
    facts_fini(&facts);
    turn(w);
}

void world_kill(struct world *w, const char *service, int slot)
{
    after(w, 0, WORLD_EXIT, world_process(w, service, slot), 0, SIGKILL);
    world_run(w, NS_PER_MS);
}

/* ---- to look at ---- */

static void result(void *data, bool ok, int exit_code, const char *text, const char *undo)
{
    struct world *w = data;

    (void)undo;
    w->results++;
    w->results_ok += ok;
    w->last_exit = exit_code;
    (void)snprintf(w->last_text, sizeof w->last_text, "%s", text);
}

const struct engine_sink *world_sink(struct world *w)
{
    static struct engine_sink sink;

    sink = (struct engine_sink){.data = w, .result = result};
    return &sink;
}

size_t world_told(const struct world *w, const char *type, const char *subject)
{
    size_t count = 0;

    VEC_EACH (&w->journal, const struct told, t)
        count +=
            strcmp(t->type, type) == 0 && (subject == NULL || strcmp(t->subject, subject) == 0);
    return count;
}

const struct told *world_last(const struct world *w, const char *type, const char *subject)
{
    for (size_t k = w->journal.count; k-- > 0;)
        if (strcmp(w->journal.at[k].type, type) == 0 &&
            (subject == NULL || strcmp(w->journal.at[k].subject, subject) == 0))
            return &w->journal.at[k];
    return NULL;
}

enum instance_state world_state(const struct world *w, const char *service, int slot)
{
    const struct instance *i = engine_instance(w->engine, service, slot);

    return i != NULL ? i->state : INSTANCE_STOPPED;
}

enum service_state world_service(const struct world *w, const char *service)
{
    const struct control *c = control_find(w->engine, service);

    return c != NULL ? c->state : SERVICE_STOPPED;
}

void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.now_ns = 1000 * NS_PER_S, .seed = seed};
    w->engine = make_engine(w);
}

void world_fini(struct world *w)
{
    engine_destroy(&w->engine);
    project_unref(&w->declared);
    project_unref(&w->previous);
    VEC_EACH (&w->processes, struct process *, p)
        free(*p);
    vec_fini(&w->processes);
    vec_fini(&w->facts);
    vec_fini(&w->events);
    vec_fini(&w->journal);
}
