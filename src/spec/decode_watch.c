/* develop.watch: what `tend watch` does when files change. It is for people at their desk: the
 * document has none of it. */
#include "spec/spec_private.h"

#include "base/fs.h"
#include "base/must.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 100

static const struct field_choice actions[] = {
    {"restart",      WATCH_RESTART     },
    {"sync",         WATCH_SYNC        },
    {"sync+restart", WATCH_SYNC_RESTART},
    {"rebuild",      WATCH_REBUILD     },
    {"sync+exec",    WATCH_SYNC_EXEC   },
    {NULL,           0                 },
};

#define AT(member) offsetof(struct service_watch, member)

/* clang-format off */
static const struct field watch_rows[] = {
    {.name = "action",
     .type = FIELD_CHOICE,
     .offset = AT(action),
     .choices = actions,
     .required = true,
     .help = "restart, sync or sync+restart; 'rebuild' and 'sync+exec' are for containers."},
    {.name = "path",
     .type = FIELD_TEXT,
     .offset = AT(path),
     .required = true,
     .help = "File or directory that is watched, relative to the project's folder."},
    {.name = "target",
     .type = FIELD_TEXT,
     .offset = AT(target),
     .help = "Where sync copies it to: an absolute path of the machine."},
    {.name = "ignore",
     .type = FIELD_TEXTS,
     .offset = AT(ignore),
     .forms = FORM_TEXT | FORM_LIST,
     .help = "Patterns below the path that do not count, such as node_modules/."},
    {.name = "include",
     .type = FIELD_TEXTS,
     .offset = AT(include),
     .forms = FORM_TEXT | FORM_LIST,
     .help = "Only what matches one of these counts."},
    {.name = "initial_sync",
     .type = FIELD_BOOL,
     .offset = AT(initial_sync),
     .default_text = "false",
     .help = "Whether everything is copied once when watching begins."},
    {.name = "exec",
     .type = FIELD_IGNORED,
     .help = "only 'sync+exec' has it, which is for containers"                                                                   },
};
/* clang-format on */
static const struct field_table watch_table =
    FIELD_TABLE("develop.watch", "What happens when files change.", watch_rows, NULL);

static const char *settle_path(struct decode *d, const char *path)
{
    char *absolute = fs_absolute(d->dir, str_from(path));
    const char *kept = arena_copy(d->arena, absolute);

    free(absolute);
    return kept;
}

static bool is_sync(const struct service_watch *w)
{
    return w->action == WATCH_SYNC || w->action == WATCH_SYNC_RESTART;
}

static bool check_rule(struct decode *d, const struct node *value, struct service_watch *w)
{
    if (w->action == WATCH_REBUILD || w->action == WATCH_SYNC_EXEC) {
        field_refuse(d, &value->span,
            "'develop.watch' with '%s': a plain process is not built; "
            "write restart",
            w->action == WATCH_REBUILD ? "rebuild" : "sync+exec");
        return false;
    }
    if (is_sync(w) && (w->target == NULL || w->target[0] != '/')) {
        diagnostic_error(d->diagnostics, "missing-key", &value->span,
            "'develop.watch' with sync needs a `target`, an absolute path");
        return false;
    }
    w->path = settle_path(d, w->path);
    return true;
}

static void decode_watch(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service *s = into;
    struct node *list = pair->value;

    if (list->kind != NODE_LIST) {
        (void)field_wrong(d, f->name, list, "a list");
        return;
    }
    if (list->count > RULES_MAX) {
        diagnostic_error(
            d->diagnostics, "limit", &list->span, "more than %d watch rules", RULES_MAX);
        return;
    }
    struct service_watch *all = arena_new_array(d->arena, list->count + 1, struct service_watch);
    for (size_t i = 0; i < list->count; i++) {
        struct service_watch *w = &all[s->watch_count];
        size_t errors = diagnostics_count(d->diagnostics, SEVERITY_ERROR);
        if (list->items[i]->kind != NODE_MAP)
            (void)field_wrong(d, f->name, list->items[i], "maps in its list");
        else
            fields_decode(d, &watch_table, list->items[i], w);
        if (diagnostics_count(d->diagnostics, SEVERITY_ERROR) == errors &&
            (node_get(((struct service_draft *)into)->declared, "image") != NULL ||
                node_get(((struct service_draft *)into)->declared, "build") != NULL ||
                check_rule(d, list->items[i], w)))
            s->watch_count++;
    }
    s->watches = all;
}

static const struct field develop_rows[] = {
    {.name = "watch",
     .type = FIELD_CUSTOM,
     .table = &watch_table,
     .per_entry = true,
     .effect = FIELD_NO_EFFECT,
     .forms = FORM_LIST,
     .decode = decode_watch,
     .input_only = true,
     .help = "What `tend watch` does when files change."},
};
const struct field_table fields_develop =
    FIELD_TABLE("develop", "For those who work on the service.", develop_rows, NULL);
