/* lifecycle: what a plan must not do with a resource, in Terraform's words. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>

static void decode_ignored(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct lifecycle *l = into;
    size_t count = 0;

    if (!field_texts(d, f->name, pair->value, &l->ignore_changes, &count))
        return;
    for (size_t i = 0; i < count; i++)
        if (str_starts(str_from(l->ignore_changes[i]), "lifecycle") ||
            l->ignore_changes[i][0] == '\0') {
            const bool is_list = pair->value->kind == NODE_LIST;

            diagnostic_error(d->diagnostics, "wrong-value",
                is_list ? &pair->value->items[i]->span : &pair->value->span,
                "'ignore_changes' takes paths of the resource such as deploy.replicas, not '%.60s'",
                l->ignore_changes[i]);
        }
}

static struct node *encode_ignored(struct encode *e, const struct field *f, const void *from)
{
    const struct lifecycle *l = from;

    (void)f;
    return l->ignore_changes != NULL && l->ignore_changes[0] != NULL
               ? encode_texts(e->arena, l->ignore_changes)
               : NULL;
}

static const struct field rows[] = {
    {.name = "prevent_destroy",
     .type = FIELD_BOOL,
     .offset = offsetof(struct lifecycle,                                      prevent_destroy),
     .effect = FIELD_NO_EFFECT,
     .default_text = "false",
     .help = "A plan that would remove it is refused, and so is `tend down`."},
    {.name = "ignore_changes",
     .type = FIELD_CUSTOM,
     .effect = FIELD_NO_EFFECT,
     .merge = MERGE_UNIQUE,
     .forms = FORM_TEXT | FORM_LIST,
     .decode = decode_ignored,
     .encode = encode_ignored,
     .help = "Paths that stay as they were applied whatever the file says, such as "
                "deploy.replicas; 'all' is everything."},
    {.name = "replace_triggered_by",
     .type = FIELD_REFUSED,
     .help = "say it where it is needed: depends_on: {NAME: {restart: true}}"                                               },
    {.name = "create_before_destroy",
     .type = FIELD_REFUSED,
     .help = "an instance is stopped before the next one starts in its place; with several "
                "replicas the others go on"                                                },
};

static const struct lifecycle defaults;

const struct field_table fields_lifecycle =
    FIELD_TABLE("lifecycle", "What a plan must not do with it.", rows, &defaults);
