#include "shrink.h"

#include "base/must.h"

#include <string.h>

struct shrinking {
    struct script *script;
    const struct life_options *options;
    const char *check;
    int lives_left;
};

/* Keeps `candidate` in the place of the script if it still fails in the same way. */
static bool keep_if_it_fails(struct shrinking *s, struct script *candidate)
{
    struct life_options options = *s->options;
    struct verdict v;
    bool same;

    options.story = NULL;
    s->lives_left--;
    life_run(candidate, &options, &v);
    same = v.failed && strcmp(v.check, s->check) == 0;
    if (same) {
        script_fini(s->script);
        *s->script = *candidate;
    } else
        script_fini(candidate);
    return same;
}

/* ---- deeds ---- */

/* What it waited for is waited for by the next one, so that the rest happens when it did. */
static void cut(struct script *out, size_t from, size_t count, bool keeps_time)
{
    int64_t after_ms = 0;

    for (size_t k = from; k < from + count; k++)
        after_ms += out->deeds.at[k].after_ms;
    memmove(&out->deeds.at[from], &out->deeds.at[from + count],
        (out->deeds.count - from - count) * sizeof out->deeds.at[0]);
    out->deeds.count -= count;
    if (keeps_time && from < out->deeds.count)
        out->deeds.at[from].after_ms += after_ms;
}

static bool try_cut(struct shrinking *s, size_t from, size_t count, bool keeps_time)
{
    struct script candidate;

    script_copy(&candidate, s->script);
    cut(&candidate, from, count, keeps_time);
    return keep_if_it_fails(s, &candidate);
}

/* Half of them, a quarter, …, each one. The last deed stays. */
static bool cut_deeds(struct shrinking *s)
{
    bool any = false;

    for (size_t size = s->script->deeds.count / 2; size >= 1; size /= 2)
        for (size_t from = 0; from + size < s->script->deeds.count && s->lives_left > 0;) {
            bool cut_it = try_cut(s, from, size, true) || try_cut(s, from, size, false);

            any = any || cut_it;
            from += cut_it ? 0 : size;
        }
    return any;
}

/* ---- projects ---- */

static bool drop_service(struct shrinking *s, const char *name)
{
    struct script candidate;

    script_copy(&candidate, s->script);
    VEC_EACH (&candidate.projects, struct project_text, p)
        for (size_t k = p->count; k-- > 0;) {
            struct service_text *service = &p->services[k];

            for (size_t n = service->need_count; n-- > 0;)
                if (strcmp(service->needs[n].name, name) == 0)
                    service->needs[n] = service->needs[--service->need_count];
            if (strcmp(service->name, name) == 0)
                memmove(service, service + 1, (--p->count - k) * sizeof *service);
        }
    return keep_if_it_fails(s, &candidate);
}

/* One thing of a service back to what it is where nothing is said; false: it is already. */
static bool simplify(struct service_text *s, int what)
{
    struct service_text before = *s, plain;

    service_init(&plain, s->name, s->program->name);
    switch (what) {
    case 0:
        s->need_count = 0;
        break;
    case 1:
        s->replicas = 1;
        break;
    case 2:
        s->port = 0;
        break;
    case 3:
        s->parallelism = plain.parallelism;
        s->delay = plain.delay;
        s->monitor = plain.monitor;
        s->deadline = plain.deadline;
        break;
    case 4:
        s->on_failure = plain.on_failure;
        break;
    case 5:
        s->interval = plain.interval;
        s->retries = plain.retries;
        break;
    case 6:
        s->grace = plain.grace;
        s->stable = plain.stable;
        s->attempts = plain.attempts;
        break;
    case 7:
        s->restart = s->restart == RESTART_NO ? RESTART_NO : plain.restart;
        break;
    case 8:
        s->program = s->restart == RESTART_NO ? s->program : sim_program_find("ok");
        break;
    default:
        s->version = 1;
        break;
    }
    return memcmp(&before, s, sizeof before) != 0;
}

enum { SIMPLIFICATIONS = 10 };

/* In all projects alike, so that nothing looks changed that was not. */
static bool simplify_service(struct shrinking *s, const char *name, int what)
{
    struct script candidate;
    bool changed = false;

    script_copy(&candidate, s->script);
    VEC_EACH (&candidate.projects, struct project_text, p)
        for (size_t k = 0; k < p->count; k++)
            if (strcmp(p->services[k].name, name) == 0 && simplify(&p->services[k], what))
                changed = true;
    if (changed)
        return keep_if_it_fails(s, &candidate);
    script_fini(&candidate);
    return false;
}

static bool simplify_projects(struct shrinking *s)
{
    bool any = false;

    for (size_t k = 0; k < s->script->projects.count; k++)
        for (size_t n = s->script->projects.at[k].count; n-- > 0 && s->lives_left > 0;) {
            char name[NAME_BYTES];

            if (n >= s->script->projects.at[k].count)
                continue;
            memcpy(name, s->script->projects.at[k].services[n].name, sizeof name);
            if (drop_service(s, name)) {
                any = true;
                continue;
            }
            for (int what = 0; what < SIMPLIFICATIONS && s->lives_left > 0; what++)
                any = simplify_service(s, name, what) || any;
        }
    return any;
}

/* Projects that nobody applies. */
static void drop_unused(struct script *s)
{
    for (size_t k = s->projects.count; k-- > 0;) {
        bool used = false;

        VEC_EACH (&s->deeds, struct deed, d)
            used = used || ((d->kind == DEED_APPLY || d->kind == DEED_SETTLE) &&
                               (size_t)d->number == k + 1);
        if (used)
            continue;
        vec_remove(&s->projects, k);
        VEC_EACH (&s->deeds, struct deed, d)
            if ((d->kind == DEED_APPLY || d->kind == DEED_SETTLE) && (size_t)d->number > k + 1)
                d->number--;
    }
}

void shrink(
    struct script *script, const struct life_options *options, const char *check, int lives_max)
{
    struct shrinking s = {script, options, check, lives_max};

    for (bool any = true; any && s.lives_left > 0;) {
        any = cut_deeds(&s);
        any = simplify_projects(&s) || any;
    }
    drop_unused(script);
}
