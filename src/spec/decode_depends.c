/* depends_on: a list of names, or a map from name to condition. */
#include "spec/resources.h"

#include "base/must.h"

#include <stddef.h>

static const struct field_choice conditions[] = {
    {"service_started",                DEPEND_STARTED  },
    {"service_healthy",                DEPEND_HEALTHY  },
    {"service_completed_successfully", DEPEND_COMPLETED},
    {NULL,                             0               },
};

const struct dependency dependency_defaults = {.condition = DEPEND_STARTED, .required = true};

#define AT(member) .offset = offsetof(struct dependency, member), .effect = FIELD_UPDATES_LIVE

static const struct field depends_rows[] = {
    {.name = "condition",
     .type = FIELD_CHOICE,
     AT(condition),
     .choices = conditions,
     .default_text = "service_started",
     .help = "What it waits for."},
    {.name = "restart",
     .type = FIELD_BOOL,
     AT(restart),
     .default_text = "false",
     .help = "Restarted when the other is updated."          },
    {.name = "required",
     .type = FIELD_BOOL,
     AT(required),
     .default_text = "true",
     .help = "false: if the other is missing or fails, it is only a warning."           },
};
const struct field_table fields_depends_on = {.name = "depends_on",
    .help = "What must be so before a service starts.",
    .fields = depends_rows,
    .count = COUNT(depends_rows),
    .defaults = &dependency_defaults};

void decode_depends_on(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;
    struct node *given = field_by_name(d->arena, d->diagnostics, f->name, pair->value);
    struct node *sorted = node_map(d->arena);
    struct str section, name;
    size_t n = 0;

    NODE_EACH (given, entry)
        node_put(d->arena, sorted, entry->key, entry->value)->key_span = entry->key_span;
    node_sort_keys(sorted);
    struct dependency *all = arena_new_array(d->arena, sorted->count + 1, struct dependency);
    draft->dependency_spans = arena_new_array(d->arena, sorted->count + 1, struct span);
    NODE_EACH (sorted, entry) {
        if (resource_split(entry->key, &section, &name) && !str_is(section, "services")) {
            resource_decode_need(d, entry, section, name, &draft->needs);
            continue;
        }
        all[n] = dependency_defaults;
        all[n].service = entry->key.at;
        draft->dependency_spans[n] = entry->key_span;
        if (entry->value->kind == NODE_MAP)
            fields_decode(d, &fields_depends_on, entry->value, &all[n]);
        else if (entry->value->kind != NODE_NULL)
            (void)field_wrong(d, entry->key.at, entry->value, "a map with a condition");
        n++;
    }
    draft->service.dependencies = draft->dependencies = all;
    draft->service.dependency_count = n;
}

struct node *encode_depends_on(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;
    struct node *map = node_map(e->arena);

    (void)f;
    for (size_t i = 0; i < s->dependency_count; i++)
        (void)node_put(e->arena, map, str_from(s->dependencies[i].service),
            fields_encode(e, &fields_depends_on, &s->dependencies[i]));
    resource_encode_needs(e, map, s->needs, s->need_count);
    return map->count > 0 ? map : NULL;
}
