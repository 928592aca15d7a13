/* What a process may do: ulimits, cpuset, security_opt. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>
#include <sys/resource.h>

/* ulimits: a map from a limit's name to a number, or to soft and hard; -1 is none. */

#define LIMIT_MAX 9e18

struct limit {
    bool declared;
    int64_t soft, hard;
};

/* decode's `into` for the ulimits table, by row. */
struct limits {
    struct limit at[RLIM_NLIMITS];
};

static const struct field limit_rows[] = {
    {.name = "soft",
     .type = FIELD_COUNT,
     .offset = offsetof(struct limit, soft),
     .min = -1,
     .max = LIMIT_MAX,
     .required = true,
     .help = "What holds; the process may raise it up to the hard limit."},
    {.name = "hard",
     .type = FIELD_COUNT,
     .offset = offsetof(struct limit, hard),
     .min = -1,
     .max = LIMIT_MAX,
     .required = true,
     .help = "The most that it may be raised to; -1 is no limit."        },
};
static const struct field_table limit_table =
    FIELD_TABLE("a limit", "A limit of the kernel in both its values.", limit_rows, NULL);

static bool is_above(int64_t soft, int64_t hard)
{
    return hard >= 0 && (soft < 0 || soft > hard);
}

static void take_limit(
    struct decode *d, const char *name, const struct node *value, struct limit *out)
{
    out->declared = node_to_int(value, &out->soft) && out->soft >= -1;
    out->hard = out->soft;
    if (!out->declared)
        diagnostic_error(d->diagnostics, "wrong-value", &value->span,
            "'%s' takes a number, -1 for no limit, not '%.*s'", name,
            (int)(value->text.len < 40 ? value->text.len : 40), value->text.at);
}

static void decode_limit(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct limit *limit = (struct limit *)(void *)((char *)into + f->offset);
    size_t errors = diagnostics_count(d->diagnostics, SEVERITY_ERROR);

    if (node_is_scalar(pair->value)) {
        take_limit(d, f->name, pair->value, limit);
        return;
    }
    if (pair->value->kind != NODE_MAP) {
        (void)field_wrong(d, f->name, pair->value, "a number, or a map with soft and hard");
        return;
    }
    fields_decode(d, &limit_table, pair->value, limit);
    limit->declared = diagnostics_count(d->diagnostics, SEVERITY_ERROR) == errors;
    if (limit->declared && is_above(limit->soft, limit->hard))
        diagnostic_error(d->diagnostics, "conflict", &pair->value->span,
            "the soft limit of '%s' is above its hard one", f->name);
}

#define LIMIT(limit_name, number, what)                                                      \
    {                                                                                        \
        .name = (limit_name), .type = FIELD_CUSTOM,                                          \
        .offset = offsetof(struct limits, at) + (number) * sizeof(struct limit),             \
        .forms = FORM_NUMBER | FORM_MAP, .table = &limit_table, .min = -1, .max = LIMIT_MAX, \
        .effect = FIELD_RESTARTS, .decode = decode_limit, .input_only = true, .help = (what) \
    }

static const struct field ulimits_rows[] = {
    LIMIT("as", RLIMIT_AS, "Bytes of address space."),
    LIMIT("core", RLIMIT_CORE, "Bytes of a core file; 0 is none."),
    LIMIT("cpu", RLIMIT_CPU, "Seconds of a processor's time."),
    LIMIT("data", RLIMIT_DATA, "Bytes of data and heap."),
    LIMIT("fsize", RLIMIT_FSIZE, "Bytes of a file that it writes."),
    LIMIT("locks", RLIMIT_LOCKS, "File locks."),
    LIMIT("memlock", RLIMIT_MEMLOCK, "Bytes that stay in memory."),
    LIMIT("msgqueue", RLIMIT_MSGQUEUE, "Bytes in POSIX message queues."),
    LIMIT("nice", RLIMIT_NICE, "20 minus the lowest nice value that it may take."),
    LIMIT("nofile", RLIMIT_NOFILE, "Open files."),
    LIMIT("nproc", RLIMIT_NPROC, "Processes and threads of its user."),
    LIMIT("rss", RLIMIT_RSS, "Bytes of memory; the kernel no longer looks at it."),
    LIMIT("rtprio", RLIMIT_RTPRIO, "The highest real-time priority that it may take."),
    LIMIT("rttime", RLIMIT_RTTIME, "Microseconds at real-time priority without a pause."),
    LIMIT("sigpending", RLIMIT_SIGPENDING, "Signals that wait."),
    LIMIT("stack", RLIMIT_STACK, "Bytes of the stack."),
};
const struct field_table fields_ulimits = FIELD_TABLE(
    "ulimits", "Limits of the kernel for a process; -1 is no limit.", ulimits_rows, NULL);

void decode_ulimits(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service *s = into;
    struct ulimit *all = arena_new_array(d->arena, COUNT(ulimits_rows), struct ulimit);
    struct limits limits = {0};

    if (pair->value->kind != NODE_MAP) {
        (void)field_wrong(d, f->name, pair->value, "a map from a limit to a number");
        return;
    }
    fields_decode(d, &fields_ulimits, pair->value, &limits);
    for (size_t i = 0; i < COUNT(ulimits_rows); i++) {
        size_t resource = ulimits_rows[i].offset / sizeof(struct limit);
        const struct limit *limit = &limits.at[resource];
        if (limit->declared)
            all[s->ulimit_count++] = (struct ulimit){.name = ulimits_rows[i].name,
                .resource = (int)resource,
                .soft = limit->soft,
                .hard = limit->hard};
    }
    s->ulimits = all;
}

struct node *encode_ulimits(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;
    struct node *map = node_map(e->arena);

    (void)f;
    for (size_t i = 0; i < s->ulimit_count; i++) {
        struct node *limit = node_map(e->arena);
        (void)node_put(e->arena, limit, STR("soft"), node_int(e->arena, s->ulimits[i].soft));
        (void)node_put(e->arena, limit, STR("hard"), node_int(e->arena, s->ulimits[i].hard));
        (void)node_put(e->arena, map, str_from(s->ulimits[i].name), limit);
    }
    return map->count > 0 ? map : NULL;
}

/* cpuset: numbers of processors and ranges of them. */

static bool take_processors(struct str range, uint8_t *mask)
{
    bool is_range = str_find(range, '-') >= 0;
    struct str rest = range, from = str_cut(&rest, '-');
    int64_t first, last;

    if (!str_to_int(from, &first) || first < 0 || !str_to_int(is_range ? rest : from, &last))
        return false;
    if (last < first || last >= CPU_MASK_BYTES * 8)
        return false;
    for (int64_t i = first; i <= last; i++)
        mask[i / 8] |= (uint8_t)(1u << (i % 8));
    return true;
}

void decode_cpuset(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service *s = into;
    const char *text;

    if (!field_text(d, f->name, pair->value, &text))
        return;
    uint8_t *mask = arena_new_array(d->arena, CPU_MASK_BYTES, uint8_t);
    struct str rest = str_from(text);
    while (rest.len > 0) {
        if (take_processors(str_trim(str_cut(&rest, ',')), mask))
            continue;
        diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
            "'%s' takes processors such as 0-3 or 0,2, below %d, not '%.60s'", f->name,
            CPU_MASK_BYTES * 8, text);
        return;
    }
    if (text[0] == '\0')
        return; /* all, as in Compose */
    s->cpuset = text;
    s->cpu_mask = mask;
}

struct node *encode_cpuset(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;

    (void)f;
    return s->cpuset != NULL ? node_text(e->arena, str_from(s->cpuset)) : NULL;
}

/* security_opt: of Docker's words only those about new privileges mean something for a process. */

void decode_security_opt(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *const *options = NULL;
    struct service *s = into;
    size_t count = 0;

    if (pair->value->kind != NODE_LIST || !field_texts(d, f->name, pair->value, &options, &count)) {
        if (pair->value->kind != NODE_LIST)
            (void)field_wrong(d, f->name, pair->value, "a list");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct str value = str_from(options[i]);
        struct str name = str_cut(&value, str_find(value, '=') >= 0 ? '=' : ':');
        bool is_about = str_is(name, "no-new-privileges");
        if (is_about && (value.len == 0 || str_is(value, "true")))
            s->no_new_privileges = true;
        else if (is_about && str_is(value, "false"))
            s->no_new_privileges = false;
        else
            field_refuse(d, &pair->value->items[i]->span,
                "'%s: %.80s': a plain process only knows 'no-new-privileges:true'", f->name,
                options[i]);
    }
}

struct node *encode_security_opt(struct encode *e, const struct field *f, const void *from)
{
    struct node *list = node_list(e->arena);

    (void)f;
    if (!((const struct service *)from)->no_new_privileges)
        return NULL;
    node_push(e->arena, list, node_text(e->arena, STR("no-new-privileges:true")));
    return list;
}
