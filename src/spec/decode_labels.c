/* labels and label_file: `labels` wins over the files, a later file over an earlier one. */
#include "spec/spec_private.h"

void decode_labels(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    ((struct service_draft *)into)->labels =
        field_by_name(d->arena, d->diagnostics, f->name, pair->value);
}

void decode_label_file(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    if (d->from_document)
        field_refuse(d, &pair->key_span, "label_file in a resolved document");
    else if (pair->value->kind != NODE_LIST && !node_is_scalar(pair->value))
        (void)field_wrong(d, f->name, pair->value, "a file or a list of files");
    else
        ((struct service_draft *)into)->label_file = pair->value;
}

static void read_files(struct decode *d, struct node *all, const struct node *files)
{
    const char *const *paths = NULL;
    size_t count = 0;

    if (files == NULL || !field_texts(d, "label_file", files, &paths, &count))
        return;
    for (size_t i = 0; i < count; i++)
        named_file_read(d, all,
            &(struct named_file){.key = "label_file",
                .span = files->kind == NODE_LIST ? &files->items[i]->span : &files->span,
                .path = paths[i],
                .required = true});
}

void labels_finish(struct decode *d, struct service_draft *draft)
{
    struct node *all = node_map(d->arena);

    read_files(d, all, draft->label_file);
    NODE_EACH (draft->labels, label) {
        const char *text = "";
        if (label->value->kind == NODE_NULL || field_text(d, label->key.at, label->value, &text))
            (void)node_put(d->arena, all, label->key, node_text(d->arena, str_from(text)));
    }
    if (all->count == 0)
        return;
    node_sort(all);
    const char **labels = arena_new_array(d->arena, 2 * all->count + 1, const char *);
    for (size_t i = 0; i < all->count; i++) {
        labels[2 * i] = all->pairs[i].key.at;
        labels[2 * i + 1] = all->pairs[i].value->text.at;
    }
    draft->service.labels = (const char *const *)labels;
}

struct node *encode_labels(struct encode *e, const struct field *f, const void *from)
{
    const char *const *labels = ((const struct service *)from)->labels;
    struct node *map = node_map(e->arena);

    (void)f;
    for (; labels != NULL && labels[0] != NULL; labels += 2)
        (void)node_put(
            e->arena, map, str_from(labels[0]), node_text(e->arena, str_from(labels[1])));
    return map->count > 0 ? map : NULL;
}
