/* Plans: looking at the world, showing what would change, and applying exactly that. */
#include "serve/door_private.h"

#include "base/arena.h"
#include "engine/kinds.h"
#include "plan/plan.h"
#include "spec/load.h"

#include <stdlib.h>
#include <string.h>

const struct project *door_load(
    const char *state_dir, const char *digest, struct str revision_key, struct err *err)
{
    return documents_load(state_dir, digest, revision_key, err);
}

static const struct project *parse(const struct request *r, const char *document, struct err *err)
{
    struct diagnostics *d = diagnostics_create();
    struct buf text = BUF_INIT(ERR_TEXT_BYTES - 100);
    const struct project *p =
        spec_load_document(str_from(document), r->door->settings.revision_key, d);

    if (p == NULL) {
        diagnostics_render(d, &text, false);
        (void)err_set(err, ERR_INVALID, "%s", buf_str(&text).at);
    }
    buf_fini(&text);
    diagnostics_destroy(&d);
    return p;
}

static const char *refusal_advice(const struct err *err)
{
    if (err->kind == ERR_DENIED)
        return "declare it again; or set prevent_destroy to false, and apply that first";
    return err->kind == ERR_MISSING ? "tend graph lists what there is"
                                    : "tend check shows what is wrong with the file";
}

/* From what is declared to what is to be applied: a part of it, without what is to be ignored. */
static bool settle(struct request *r, struct err *err)
{
    const struct project *settled;
    struct diagnostics *d;
    struct buf text = BUF_INIT(ERR_TEXT_BYTES - 100);

    if (r->command->target != NULL)
        return true; /* an undo says itself what is to be */
    r->part_arena = arena_create(0);
    part_begin(&r->part, r->part_arena, r->project, engine_project(r->door->engine), kinds_all,
        KINDS_COUNT);
    TRY(part_choose(&r->part, r->command->targets, r->command->excludes, err));
    TRY(part_settle(&r->part, err));
    r->part.applied = NULL; /* it may be replaced while this goes on */
    if (r->part.document.len == 0)
        return true;
    d = diagnostics_create();
    settled = spec_load_document(r->part.document, r->door->settings.revision_key, d);
    if (settled != NULL) {
        project_unref(&r->project);
        project_unref(&r->target);
        r->project = settled;
        r->target = project_ref(settled);
    } else {
        diagnostics_render(d, &text, false);
        (void)err_set(err, ERR_INVALID, "this part cannot be applied alone: %s", buf_str(&text).at);
    }
    r->part.declared = NULL;
    buf_fini(&text);
    diagnostics_destroy(&d);
    return settled != NULL;
}

static bool load_document(struct request *r, struct err *err)
{
    const char *target = r->command->target;

    if (r->command->document == NULL)
        return err_set(err, ERR_INVALID, "no document was sent");
    r->project = parse(r, r->command->document, err);
    if (r->project != NULL && target == NULL)
        r->target = project_ref(r->project);
    else if (r->project != NULL && target[0] != 0)
        r->target = parse(r, target, err);
    return r->project != NULL && (r->target != NULL || (target != NULL && target[0] == 0));
}

/* What a plan file carries to say that this daemon's state made it, and for which document. */
static void write_seal(
    const struct door *door, const char *project, const char *digest, char out[HASH_TEXT_BYTES])
{
    char *text = mem_format("tend plan 1\n%s\n%s", project, digest);
    struct hash seal = hash_hmac(door->settings.revision_key, str_from(text));

    hash_format(&seal, out);
    free(text);
}

static bool check_seal(const struct request *r, struct err *err)
{
    const struct command *c = r->command;
    char seal[HASH_TEXT_BYTES];

    if (c->seal == NULL)
        return true;
    write_seal(r->door, r->project->name, c->plan != NULL ? c->plan : "", seal);
    return hash_same_secret(str_from(seal), str_from(c->seal)) ||
           err_set(err, ERR_INVALID,
               "the plan was not made here (another project or state directory), or was changed "
               "since");
}

/* Seals it, and makes digests of single things useless for guessing what is in them. */
static void seal_plan(const struct door *door, struct plan *plan, char seal[HASH_TEXT_BYTES])
{
    char digest[HASH_TEXT_BYTES];

    hash_format(&plan->digest, digest);
    write_seal(door, plan->project, digest, seal);
    plan->seal = seal;
    VEC_EACH (&plan->seen, struct plan_seen, seen)
        seen->digest = hash_hmac(door->settings.revision_key,
            (struct str){(const char *)seen->digest.at, sizeof seen->digest.at});
}

static void on_seen_for_plan(void *data, struct survey *s, const struct err *err)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);
    struct buf body = BUF_INIT(64u << 20);
    char seal[HASH_TEXT_BYTES];
    struct plan plan;

    if (err != NULL) {
        request_refuse(r, err, "tend status shows how the project is");
        return;
    }
    survey_plan(s, &plan);
    part_tell(&r->part, &plan);
    seal_plan(r->door, &plan, seal);
    plan_write_json(&plan, &body);
    plan_fini(&plan);
    survey_destroy(&s);
    request_answer(r, &body);
    buf_fini(&body);
}

void do_plan(struct request *r)
{
    struct err err = ERR_INIT;

    if (load_document(r, &err) && settle(r, &err))
        executor_survey(r->door->settings.executor, r->project, on_seen_for_plan, r);
    else
        request_refuse(r, &err, refusal_advice(&err));
}

void do_drift(struct request *r)
{
    const struct project *applied = engine_project(r->door->engine);
    struct err err = ERR_INIT;

    if (applied != NULL) {
        r->project = project_ref(applied);
        executor_survey(r->door->settings.executor, r->project, on_seen_for_plan, r);
        return;
    }
    (void)err_set(&err, ERR_MISSING, "nothing is applied, so nothing can drift");
    request_refuse(r, &err, "tend apply");
}

void do_diff(struct request *r)
{
    struct arena *a = arena_create(0);
    struct buf body = BUF_INIT(64u << 20);
    struct err err = ERR_INIT;
    struct plan plan;

    if (!load_document(r, &err)) {
        arena_destroy(&a);
        request_refuse(r, &err, "tend check shows what is wrong with the file");
        return;
    }
    plan_between(&plan, a, engine_project(r->door->engine), r->project, kinds_all, KINDS_COUNT);
    plan_write_diff_json(&plan, "applied", "declared", &body);
    plan_fini(&plan);
    request_answer(r, &body);
    arena_destroy(&a);
    buf_fini(&body);
}

/* ---- applying ---- */

static bool may_apply(const struct request *r, struct err *err)
{
    if (engine_is_paused(r->door->engine))
        return err_set(err, ERR_CONFLICT, "tend's hands are off everything (somebody said pause)");
    return executor_is_free(r->door->settings.executor, err);
}

static const char *advice(const struct request *r, const struct err *err)
{
    if (err->kind == ERR_LOCKED)
        return "tend events --follow shows how it gets on; then try again";
    if (engine_is_paused(r->door->engine))
        return "end it with: tend pause --end";
    if (err->kind == ERR_DENIED || err->kind == ERR_MISSING)
        return refusal_advice(err);
    if (err->kind == ERR_UNSUPPORTED)
        return "leave it out, or run what it does as a process";
    return err->kind == ERR_CONFLICT ? "make the plan again" : "tend check shows what is wrong";
}

/* The plan that was shown is still the plan. */
static bool is_current(const struct request *r, const struct plan *plan, struct err *err)
{
    char digest[HASH_TEXT_BYTES];

    hash_format(&plan->digest, digest);
    return r->command->plan == NULL || strcmp(r->command->plan, digest) == 0 ||
           err_set(err, ERR_CONFLICT, "the plan is stale: something has changed since it was made");
}

static void on_seen_for_apply(void *data, struct survey *s, const struct err *failed)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);
    struct order order = {.project = r->project,
        .target = r->target,
        .start = r->command->start,
        .actor = r->command->actor,
        .survey = s};
    struct err err = failed != NULL ? *failed : (struct err)ERR_INIT;
    bool ok = failed == NULL;

    if (ok)
        survey_plan(s, &order.plan);
    ok = ok && may_apply(r, &err) && is_current(r, &order.plan, &err) &&
         documents_store(r->door->settings.state_dir, r->project, r->command->contents, &err) &&
         (r->target == NULL || documents_store(r->door->settings.state_dir, r->target, NULL, &err));
    r->changes = (int)order.plan.changes.count;
    if (ok && executor_is_needed(&order.plan))
        r->run = executor_prepare(r->door->settings.executor, &order);
    plan_fini(&order.plan);
    survey_destroy(&order.survey);
    if (ok)
        request_intend(r);
    else
        request_refuse(r, &err, advice(r, &err));
}

void do_apply(struct request *r)
{
    struct err err = ERR_INIT;

    if (may_apply(r, &err) && load_document(r, &err) && settle(r, &err) && check_seal(r, &err))
        executor_survey(r->door->settings.executor, r->project, on_seen_for_apply, r);
    else
        request_refuse(r, &err, advice(r, &err));
}

/* What is declared is a fact at once where there are only services; else behind what they need. */
void write_apply_facts(struct request *r, struct json *j)
{
    const struct project *old = engine_project(r->door->engine);
    char digest[HASH_TEXT_BYTES];

    if (r->run != NULL) {
        executor_write_applying(r->run, j, "applying");
        return;
    }
    if (r->target == NULL) {
        json_add_null(j, "document");
        json_add_null(j, "previous");
        return;
    }
    hash_format(&r->target->digest, digest);
    json_text(j, "document", digest);
    if (old != NULL && !hash_eq(&old->digest, &r->target->digest)) {
        hash_format(&old->digest, digest);
        json_text(j, "previous", digest);
    }
}

void write_apply_evidence(struct request *r, struct json *j)
{
    char digest[HASH_TEXT_BYTES];

    if (r->target != NULL) {
        hash_format(&r->target->digest, digest);
        json_text(j, "document", digest);
    } else
        json_add_null(j, "document");
    json_int(j, "changes", r->changes);
    if (r->command->rollback_to > 0)
        json_int(j, "rollback_to", r->command->rollback_to);
}
