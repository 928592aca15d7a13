#include "engine/environment.h"

#include "base/map.h"
#include "base/must.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* What a program may expect of any login, as far as tend itself has it. */
static const char *const inherited[] = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"};

struct building {
    struct arena *arena;
    struct map seen; /* names */
    struct {
        VEC_OF(const char *);
    } entries;
};

/* The first one of a name stays. */
static void add(struct building *b, const char *name, const char *value)
{
    if (map_get(&b->seen, str_from(name)) != NULL)
        return;
    name = arena_copy(b->arena, name);
    (void)map_put(&b->seen, str_from(name), b);
    vec_push(&b->entries, arena_format(b->arena, "%s=%s", name, value));
}

/* "api-v2" and "PORT": "API_V2_PORT". */
static const char *variable_name(struct arena *a, const char *service, const char *what)
{
    char *name = arena_format(a, "%s_%s", service, what);

    for (char *c = name; *c != 0; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return name;
}

static void add_dependencies(
    struct building *b, const struct service *s, environment_port_fn port_of, void *data)
{
    for (size_t d = 0; d < s->dependency_count; d++) {
        const char *other = s->dependencies[d].service;
        int port = port_of(data, other);

        if (port == 0)
            continue;
        add(b, variable_name(b->arena, other, "HOST"), "127.0.0.1");
        add(b, variable_name(b->arena, other, "PORT"), arena_format(b->arena, "%d", port));
    }
}

static void add_own(struct building *b, const struct instance *i)
{
    char revision[HASH_TEXT_BYTES];

    hash_format(&i->revision, revision);
    if (i->port > 0)
        add(b, "PORT", arena_format(b->arena, "%d", i->port));
    add(b, "TEND_PROJECT", i->project != NULL ? i->project->name : "");
    add(b, "TEND_SERVICE", i->spec->name);
    add(b, "TEND_INSTANCE", i->subject);
    add(b, "TEND_REVISION", revision);
}

const char *const *environment_build(
    struct arena *a, const struct instance *i, environment_port_fn port_of, void *data)
{
    struct building b = {.arena = a};
    const char **out;

    for (size_t k = 0; k < i->spec->environment_count; k++)
        add(&b, i->spec->environment[k].name, i->spec->environment[k].value);
    add_own(&b, i);
    add_dependencies(&b, i->spec, port_of, data);
    for (size_t k = 0; k < COUNT(inherited); k++)
        if (getenv(inherited[k]) != NULL)
            add(&b, inherited[k], getenv(inherited[k]));
    out = arena_new_array(a, b.entries.count + 1, const char *);
    for (size_t k = 0; k < b.entries.count; k++)
        out[k] = b.entries.at[k];
    vec_fini(&b.entries);
    map_fini(&b.seen);
    return out;
}
