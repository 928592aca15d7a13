#include "engine/managed.h"

#include "base/mem.h"
#include "spec/node_json.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES_MAX (60u << 10)
#define FACT_KEY         "resource"

struct managed_record {
    char *subject, *json;
};

static void destroy(struct managed_record *r)
{
    free(r->subject);
    free(r->json);
    free(r);
}

void managed_fini(struct managed *m)
{
    MAP_EACH (&m->records, entry)
        destroy(entry->value);
    map_fini(&m->records);
}

static void put(struct managed *m, const char *subject, struct str json)
{
    struct managed_record *old = map_remove(&m->records, str_from(subject));
    struct managed_record *r;

    if (old != NULL)
        destroy(old);
    if (json.len == 0)
        return;
    r = mem_new(struct managed_record);
    r->subject = mem_copy_string(subject);
    r->json = mem_format("%.*s", STR_ARG(json));
    (void)map_put(&m->records, str_from(r->subject), r);
}

void managed_set(struct managed *m, const char *subject, const struct node *record)
{
    struct buf json = BUF_INIT(RECORD_BYTES_MAX);

    if (record != NULL)
        node_write_json(&json, record);
    put(m, subject, buf_str(&json));
    buf_fini(&json);
}

static bool on_fact(void *data, const struct views_fact *fact)
{
    if (strcmp(fact->key, FACT_KEY) == 0)
        put(data, fact->subject, fact->value);
    return true;
}

bool managed_load(struct managed *m, struct views *v, struct err *err)
{
    return views_facts_each(v, NULL, FACT_KEY, on_fact, m, err);
}

bool managed_load_file(struct managed *m, const char *path, struct err *err)
{
    return views_read_facts(path, FACT_KEY, on_fact, m, err);
}

/* ---- looks ---- */

static struct node *record_of_subject(const struct managed *m, struct arena *a, const char *subject)
{
    const struct managed_record *r = map_get(&m->records, str_from(subject));

    return r != NULL ? node_from_json(a, str_from(r->json)) : NULL;
}

static bool same_path(const struct node *declared, const struct node *record)
{
    const struct node *a = node_get(declared, "path"), *b = node_get(record, "path");

    return a == NULL || b == NULL || str_eq(a->text, b->text);
}

/* It is a subject too, and those are bounded. */
static const char *name_of_old(struct arena *a, const char *name, const struct node *record)
{
    struct str path = node_get(record, "path")->text;
    bool cut = path.len > 40;

    return arena_format(
        a, "%.80s (%s%s)", name, cut ? "…" : "", path.at + (cut ? path.len - 40 : 0));
}

void managed_looks(const struct managed *m, struct arena *a, const struct kind *k,
    const struct project *declared, struct kind_look_list *out)
{
    const struct node *section = declared != NULL ? node_get(declared->node, k->section) : NULL;
    const char *prefix = arena_format(a, "%s.", k->section);
    size_t skip = strlen(prefix);

    NODE_EACH (section, pair) {
        struct kind_look look = {.name = pair->key.at, .declared = pair->value};

        look.record = record_of_subject(m, a, kind_subject(a, k, look.name));
        if (!same_path(look.declared, look.record)) {
            vec_push(out, (struct kind_look){.name = name_of_old(a, look.name, look.record),
                              .record = look.record});
            look.record = NULL;
        }
        vec_push(out, look);
    }
    MAP_EACH (&m->records, entry) {
        const struct managed_record *r = entry->value;

        if (str_starts(entry->key, prefix) && node_get(section, r->subject + skip) == NULL)
            vec_push(out, (struct kind_look){.name = arena_copy(a, r->subject + skip),
                              .record = node_from_json(a, str_from(r->json))});
    }
}
