/* A journal that is an array, and the facts and instances that follow from it (views_fold.c). */
#include "drive/sim/sim_private.h"

#include "base/buf.h"
#include "record/event_types.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_MS      4
#define FOLD_BYTES    (1u << 20)
#define WRITE_MAX_NS  (200 * NS_PER_MS)
#define DISK_AGAIN_NS (250 * NS_PER_MS)

struct fact {
    char *key; /* "subject key" */
    const char *subject, *name;
    char *value;
    uint64_t seq;
};

struct instance_row {
    char *subject, *service;
    const char *state;
    int64_t slot, incarnation;
    uint64_t state_seq, exit_seq;
};

/* ---- events ---- */

void journal_init(struct sim *s)
{
    s->journal.texts = arena_create(64u << 10);
}

static void free_fact(struct fact *f)
{
    free(f->key);
    free(f->value);
    free((void *)(uintptr_t)f->subject);
    free(f);
}

static void free_row(struct instance_row *row)
{
    free(row->subject);
    free(row->service);
    free(row);
}

static void forget_views(struct journal_sim *j)
{
    MAP_EACH (&j->facts, entry)
        free_fact(entry->value);
    MAP_EACH (&j->instances, entry)
        free_row(entry->value);
    map_fini(&j->facts);
    map_fini(&j->instances);
    j->facts = j->instances = (struct map){0};
    j->folded = 0;
}

void journal_fini(struct sim *s)
{
    struct journal_sim *j = &s->journal;

    forget_views(j);
    vec_fini(&j->events);
    vec_fini(&j->notices);
    arena_destroy(&j->texts);
}

static void call_notices(struct sim *s)
{
    struct journal_sim *j = &s->journal;

    for (size_t k = 0; k < j->notices.count;) {
        struct notice n = j->notices.at[k];

        if (n.seq > j->durable) {
            k++;
            continue;
        }
        vec_remove(&j->notices, k);
        n.fn(n.data, NULL);
        k = 0; /* it may have asked for more */
    }
}

static void flush_later(struct sim *s);

static void on_flushed(struct sim *s, void *object, int64_t head)
{
    struct journal_sim *j = &s->journal;

    (void)object;
    j->flushing = false;
    if (j->full || (uint64_t)head > j->events.count)
        return;
    j->durable = (uint64_t)head;
    call_notices(s);
    if (j->durable < j->events.count)
        flush_later(s);
}

static void flush_later(struct sim *s)
{
    struct journal_sim *j = &s->journal;

    if (j->flushing || j->full)
        return;
    j->flushing = true;
    sim_send(s, sim_about(s, FLUSH_MS, "flush", j->events.count), on_flushed, NULL,
        (int64_t)j->events.count, &j->generation);
}

uint64_t sim_journal_append(struct sim *s, const struct event *e)
{
    struct journal_sim *j = &s->journal;
    struct sim_sight sight = {.kind = SIM_EVENT};
    struct event *mine;

    if (!sim_call(s))
        return j->events.count;
    mine = vec_add(&j->events);
    *mine = *e;
    mine->seq = j->events.count;
    mine->at_ns = sim_wall_ns(s);
    mine->boot_ns = sim_now_ns(s); /* a test's own time line goes on over reboots */
    mine->type = arena_copy(j->texts, e->type);
    mine->actor = arena_copy(j->texts, e->actor);
    mine->subject = arena_copy(j->texts, e->subject);
    mine->evidence = arena_copy_str(j->texts, e->evidence);
    flush_later(s);
    sight.event = mine;
    sim_see(s, &sight);
    return j->events.count;
}

void sim_journal_when_durable(struct sim *s, uint64_t seq, journal_durable_fn fn, void *data)
{
    struct notice n = {seq, fn, data};

    vec_push(&s->journal.notices, n);
    if (seq <= s->journal.durable)
        sim_send(s, 0, on_flushed, NULL, (int64_t)s->journal.durable, &s->journal.generation);
}

bool sim_journal_append_durable(struct sim *s, const struct event *e, uint64_t *out_seq,
    journal_durable_fn fn, void *data, struct err *err)
{
    if (s->journal.full || sim_is_dead(s))
        return err_set(err, ERR_LIMIT, "journal: No space left on device");
    *out_seq = sim_journal_append(s, e);
    sim_journal_when_durable(s, *out_seq, fn, data);
    return true;
}

uint64_t sim_journal_head(const struct sim *s)
{
    return s->journal.events.count;
}

uint64_t sim_journal_durable(const struct sim *s)
{
    return s->journal.durable;
}

void journal_disk(struct sim *s, bool full)
{
    s->journal.full = full;
    if (!full && s->journal.durable < s->journal.events.count)
        flush_later(s);
}

/* What waits for a promise hears that there is none. */
void sim_journal_close(struct sim *s)
{
    struct journal_sim *j = &s->journal;
    struct err err = {.kind = ERR_CANCELLED, .text = "the journal was closed"};

    while (j->notices.count > 0) {
        struct notice n = j->notices.at[0];

        vec_remove(&j->notices, 0);
        n.fn(n.data, &err);
    }
}

/* What was written may survive a process's death, but not a power cut. */
void journal_dies(struct sim *s, bool power)
{
    struct journal_sim *j = &s->journal;
    uint64_t written = j->events.count - j->durable, kept = 0;

    j->generation++;
    j->flushing = false;
    j->notices.count = 0;
    if (!power && !j->full)
        kept = sim_chance(s, "kept", j->events.count) % (written + 1);
    j->events.count = (size_t)(j->durable + kept);
    j->durable = j->events.count;
    if (j->folded > j->durable)
        forget_views(j);
}

size_t sim_event_count(const struct sim *s)
{
    return s->journal.events.count;
}

const struct event *sim_event(const struct sim *s, uint64_t seq)
{
    return seq >= 1 && seq <= s->journal.events.count ? &s->journal.events.at[seq - 1] : NULL;
}

/* ---- folding ---- */

static struct str fact_key(char *out, size_t bytes, const char *subject, const char *name)
{
    (void)snprintf(out, bytes, "%s %s", subject, name);
    return str_from(out);
}

static void drop_fact(struct journal_sim *j, const char *subject, const char *name)
{
    char key[320];
    struct fact *f = map_remove(&j->facts, fact_key(key, sizeof key, subject, name));

    if (f != NULL)
        free_fact(f);
}

static void set_fact(
    struct journal_sim *j, const char *subject, const char *name, const json_t *value, uint64_t seq)
{
    char key[320];
    struct fact *f = map_get(&j->facts, fact_key(key, sizeof key, subject, name));

    if (json_is_null(value)) {
        drop_fact(j, subject, name);
        return;
    }
    if (f == NULL) {
        f = mem_new(struct fact);
        f->key = mem_copy_string(key);
        f->subject = mem_copy_string(subject);
        f->name = f->key + strlen(subject) + 1;
        (void)map_put(&j->facts, str_from(f->key), f);
    }
    free(f->value);
    f->value = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    f->seq = seq;
}

static bool is_below(const char *subject, const char *top)
{
    size_t len = strlen(top);

    return strncmp(subject, top, len) == 0 && (subject[len] == 0 || subject[len] == '/');
}

static void fold_removal(struct journal_sim *j, const struct event *e)
{
    MAP_EACH (&j->facts, entry) {
        struct fact *f = entry->value;

        if (is_below(f->subject, e->subject)) {
            (void)map_remove(&j->facts, entry->key);
            free_fact(f);
        }
    }
    MAP_EACH (&j->instances, entry) {
        struct instance_row *row = entry->value;

        if (is_below(row->subject, e->subject)) {
            (void)map_remove(&j->instances, entry->key);
            free_row(row);
        }
    }
}

static void fold_instance(struct journal_sim *j, const struct event *e,
    const struct event_type *type, const json_t *evidence)
{
    struct instance_row *row = map_get(&j->instances, str_from(e->subject));
    const json_t *incarnation = json_object_get(evidence, "incarnation");

    if (row == NULL) {
        row = mem_new(struct instance_row);
        row->subject = mem_copy_string(e->subject);
        row->service = mem_format("%.*s", (int)strcspn(e->subject, "/"), e->subject);
        row->slot = atoi(e->subject + strcspn(e->subject, "/") + 1);
        (void)map_put(&j->instances, str_from(row->subject), row);
    }
    row->state = type->state;
    row->state_seq = e->seq;
    if (type->fold == EVENT_FOLD_EXIT)
        row->exit_seq = e->seq;
    if (json_is_integer(incarnation))
        row->incarnation = json_integer_value(incarnation);
}

static void fold_event(struct journal_sim *j, const struct event *e)
{
    const struct event_type *type = event_type_find(e->type);
    bool folds = type != NULL && type->fold != EVENT_FOLD_NONE;
    bool sets = str_find_text(e->evidence, STR("\"set\"")) != -1;
    json_t *evidence, *value;
    const char *key;

    if (!folds && !sets)
        return;
    evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL);
    if (folds && type->fold == EVENT_FOLD_REMOVE)
        fold_removal(j, e);
    else if (folds && strchr(e->subject, '/') != NULL)
        fold_instance(j, e, type, evidence);
    json_object_foreach(json_object_get(evidence, "set"), key, value)
    {
        set_fact(j, e->subject, key, value, e->seq);
    }
    json_decref(evidence);
}

static void fold(struct sim *s)
{
    struct journal_sim *j = &s->journal;

    while (j->folded < j->events.count)
        fold_event(j, &j->events.at[j->folded++]);
}

/* ---- views ---- */

static int by_key(const void *a, const void *b)
{
    const struct fact *const *x = a, *const *y = b;
    int order = strcmp((*x)->subject, (*y)->subject);

    return order != 0 ? order : strcmp((*x)->name, (*y)->name);
}

bool sim_views_facts_each(struct sim *s, views_fact_fn fn, void *data)
{
    const struct fact **all;
    size_t count = 0;

    fold(s);
    all = mem_new_array(s->journal.facts.count + 1, const struct fact *);
    MAP_EACH (&s->journal.facts, entry)
        all[count++] = entry->value;
    qsort(all, count, sizeof *all, by_key);
    for (size_t k = 0; k < count; k++) {
        struct views_fact fact = {.subject = all[k]->subject,
            .key = all[k]->name,
            .value = str_from(all[k]->value),
            .seq = all[k]->seq};

        if (!fn(data, &fact))
            break;
    }
    free(all);
    return true;
}

static int by_slot(const void *a, const void *b)
{
    const struct instance_row *const *x = a, *const *y = b;
    int order = strcmp((*x)->service, (*y)->service);

    return order != 0 ? order : (*x)->slot < (*y)->slot ? -1 : (*x)->slot > (*y)->slot;
}

static const char *exit_text(struct sim *s, uint64_t seq)
{
    return arena_format(s->journal.texts, "%.*s", STR_ARG(s->journal.events.at[seq - 1].evidence));
}

bool sim_views_instances_each(struct sim *s, views_instance_fn fn, void *data)
{
    const struct instance_row **all;
    size_t count = 0;

    fold(s);
    all = mem_new_array(s->journal.instances.count + 1, const struct instance_row *);
    MAP_EACH (&s->journal.instances, entry)
        all[count++] = entry->value;
    qsort(all, count, sizeof *all, by_slot);
    for (size_t k = 0; k < count; k++) {
        struct views_instance row = {.subject = all[k]->subject,
            .service = all[k]->service,
            .state = all[k]->state,
            .slot = all[k]->slot,
            .incarnation = all[k]->incarnation,
            .state_seq = all[k]->state_seq,
            .last_exit_seq = all[k]->exit_seq,
            .last_exit = all[k]->exit_seq != 0 ? exit_text(s, all[k]->exit_seq) : ""};

        if (!fn(data, &row))
            break;
    }
    free(all);
    return true;
}

const char *sim_fact(struct sim *s, const char *subject, const char *key)
{
    char text[320];
    const struct fact *f;

    fold(s);
    f = map_get(&s->journal.facts, fact_key(text, sizeof text, subject, key));
    return f != NULL ? f->value : NULL;
}

static bool dump_fact(void *data, const struct views_fact *f)
{
    buf_format(data, "fact %s %s %.*s #%llu\n", f->subject, f->key, STR_ARG(f->value),
        (unsigned long long)f->seq);
    return true;
}

static bool dump_instance(void *data, const struct views_instance *i)
{
    buf_format(data, "instance %s %s %lld #%llu\n", i->subject, i->state, (long long)i->incarnation,
        (unsigned long long)i->state_seq);
    return true;
}

void sim_dump_views(struct sim *s, struct buf *out)
{
    (void)sim_views_facts_each(s, dump_fact, out);
    (void)sim_views_instances_each(s, dump_instance, out);
}
