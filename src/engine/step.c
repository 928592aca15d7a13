/* One step of a run: its task on a worker, and what the journal says of it. */
#include "engine/executor_private.h"

#include "base/buf.h"

#include <string.h>

/* ---- events ---- */

/* Where it lies, and whether its content may be shown. */
static void write_path(struct json *j, const struct change *c)
{
    const struct node *about = c->declared != NULL   ? c->declared
                               : c->observed != NULL ? c->observed->record
                                                     : NULL;
    const struct node *path = node_get(about, "path"), *sensitive = node_get(about, "sensitive");
    bool hides = false;

    if (path != NULL)
        json_str(j, "path", path->text);
    if (sensitive != NULL && node_to_bool(sensitive, &hides) && hides)
        json_bool(j, "sensitive", true);
}

void step_event(struct step *step, const char *type, const char *reason, int64_t took_ns,
    const struct node *before, const struct node *record)
{
    struct buf body = BUF_INIT(EVENT_EVIDENCE_BYTES_MAX), text = BUF_INIT(EVENT_EVIDENCE_BYTES_MAX);
    struct json j = json_begin(&body);
    struct event e = {.type = type,
        .actor = "tend",
        .subject = step->subject,
        .causes = {step->run->intent},
        .cause_count = step->run->intent > 0};

    json_open_object(&j, NULL);
    json_text(&j, "action", change_action_name(step->change->action));
    json_text(&j, "kind", step->change->kind->name);
    write_path(&j, step->change);
    if (reason != NULL)
        json_text(&j, "reason", reason);
    if (took_ns >= 0)
        json_int(&j, "took_ms", took_ns / NS_PER_MS);
    if (before != NULL) {
        node_write_json(&text, before);
        json_raw(&j, "before", buf_str(&text));
        buf_reset(&text);
    }
    json_open_object(&j, "set");
    if (record != NULL) {
        node_write_json(&text, record);
        json_raw(&j, "resource", buf_str(&text));
    } else
        json_add_null(&j, "resource");
    json_end(&j);
    json_end(&j);
    e.evidence = buf_str(&body);
    step->seq = journal_append(step->run->executor->settings.journal, &e);
    managed_set(&step->run->executor->managed, step->subject, record);
    buf_fini(&body);
    buf_fini(&text);
}

uint64_t step_record(struct step *step)
{
    const struct change *c = step->change;
    const struct node *record = c->observed != NULL ? c->observed->record : NULL;

    if (c->kind->remember != NULL)
        record = c->kind->remember(step->arena, c);
    step_event(step, "resource.changing", NULL, -1, NULL, record);
    return journal_head(step->run->executor->settings.journal);
}

/* ---- the task ---- */

static void on_worker(void *data, struct cancel *cancel)
{
    struct step *step = OBJ(step, STEP_MAGIC, data);
    struct kind_host host = {.objects_dir = step->run->executor->objects_dir};
    int64_t begun_ns = clock_boot_ns();

    (void)cancel; /* a step is short, and is not left half done */
    step->ok =
        step->change->kind->apply(&host, step->arena, step->change, &step->outcome, &step->err);
    step->took_ns = clock_boot_ns() - begun_ns;
}

/* What is not declared in the end is not looked after, whatever was done to it. */
static const struct node *record_after(const struct step *step)
{
    const struct run *run = step->run;

    if (run->target == NULL || project_resource(run->target, str_from(step->subject)) == NULL)
        return NULL;
    return step->outcome.record;
}

static void on_loop(void *data)
{
    struct step *step = OBJ(step, STEP_MAGIC, data);
    const struct observed *o = step->change->observed;

    if (step->ok) {
        step->state = STEP_DONE;
        step_event(step,
            step->change->action == CHANGE_DELETE ? "resource.removed" : "resource.changed",
            step->outcome.text, step->took_ns, step->outcome.before, record_after(step));
        run_progress(step->run, step->subject, "completed",
            step->outcome.text != NULL ? step->outcome.text : "");
    } else {
        step->state = STEP_FAILED;
        step_event(step, "resource.failed", step->err.text, step->took_ns, NULL,
            o != NULL ? o->record : NULL);
        run_progress(step->run, step->subject, "failed", step->err.text);
    }
    run_step_ended(step->run, step);
}

void step_start(struct step *step)
{
    struct executor *x = step->run->executor;
    struct worker_task task = {
        .run = on_worker, .done = on_loop, .data = step, .loop = x->settings.loop};

    step->state = STEP_RUNNING;
    if (!workers_run(x->workers, &task, &step->err)) {
        step->ok = false;
        loop_post(x->settings.loop, on_loop, step);
    }
}

void step_skip(struct step *step, const char *why)
{
    const struct observed *o = step->change->observed;

    if (step->state != STEP_WAITING)
        return;
    step->state = STEP_SKIPPED;
    step->run->skipped++;
    step_event(step, "resource.skipped", why, -1, NULL, o != NULL ? o->record : NULL);
    run_progress(step->run, step->subject, "failed", why);
    VEC_EACH (&step->needers, struct step *, needer)
        step_skip(*needer, arena_format(step->arena, "it needs %s", step->subject));
}

/* ---- all of them ---- */

static void link_step(struct run *run, const struct map *by_subject, struct step *step)
{
    const struct resource *r = project_resource(run->project, str_from(step->subject));

    for (size_t n = 0; r != NULL && !step->removes && n < r->need_count; n++) {
        const char *subject =
            arena_format(run->survey->arena, "%s.%s", r->needs[n].section, r->needs[n].name);
        struct step *other = map_get(by_subject, str_from(subject));

        if (other == NULL || other->removes)
            continue;
        vec_push(&other->needers, step);
        step->open++;
    }
}

void steps_create(struct run *run)
{
    struct map by_subject = {0};

    run->steps = mem_new_array(run->plan.changes.count + 1, struct step);
    VEC_EACH (&run->plan.changes, struct change, c) {
        struct step *step = &run->steps[run->step_count];

        if (!c->kind->blocks)
            continue;
        run->step_count++;
        *step = (struct step){.magic = STEP_MAGIC,
            .run = run,
            .change = c,
            .arena = arena_create(0),
            .subject = kind_subject(run->survey->arena, c->kind, c->name),
            .removes = c->action == CHANGE_DELETE && c->declared == NULL};
        (void)map_put(&by_subject, str_from(step->subject), step);
    }
    for (size_t i = 0; i < run->step_count; i++)
        link_step(run, &by_subject, &run->steps[i]);
    map_fini(&by_subject);
}

void steps_destroy(struct run *run)
{
    for (size_t i = 0; i < run->step_count; i++) {
        run->steps[i].magic = 0;
        vec_fini(&run->steps[i].needers);
        arena_destroy(&run->steps[i].arena);
    }
    free(run->steps);
    run->steps = NULL;
    run->step_count = 0;
}
