/* outputs: values of a project that people and other projects ask for, in Terraform's words. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>

/* One output while it is decoded. */
struct output {
    const struct node *value;
    const char *description;
    bool sensitive;
};

static const struct output defaults;

static void decode_value(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    (void)f;
    ((struct output *)into)->value = node_copy(d->arena, pair->value);
}

static struct node *encode_value(struct encode *e, const struct field *f, const void *from)
{
    (void)f;
    return node_copy(e->arena, ((const struct output *)from)->value);
}

static const struct field rows[] = {
    {.name = "value",
     .type = FIELD_CUSTOM,
     .effect = FIELD_NO_EFFECT,
     .forms = FORM_TEXT | FORM_NUMBER | FORM_BOOL | FORM_LIST | FORM_MAP,
     .required = true,
     .decode = decode_value,
     .encode = encode_value,
     .help = "What it is, such as ${services.web.url}."},
    {.name = "description",
     .type = FIELD_TEXT,
     .offset = offsetof(struct output,               description),
     .effect = FIELD_NO_EFFECT,
     .help = "What it is for."},
    {.name = "sensitive",
     .type = FIELD_BOOL,
     .offset = offsetof(struct output, sensitive),
     .effect = FIELD_NO_EFFECT,
     .default_text = "false",
     .help = "Its value is shown only to who asks for it by its name."},
};

const struct field_table fields_output =
    FIELD_TABLE("an output", "A value that is asked for by name.", rows, &defaults);

void decode_outputs(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct project_draft *p = into;
    struct encode e = {.arena = d->arena};
    struct node *all = node_map(d->arena);

    if (pair->value->kind != NODE_MAP) {
        (void)field_wrong(d, f->name, pair->value, "a map by name");
        return;
    }
    NODE_EACH (pair->value, entry) {
        struct output o = {0};

        if (!name_is_valid(entry->key)) {
            diagnostic_error(d->diagnostics, "wrong-name", &entry->key_span,
                "'%.*s' is no name for an output", (int)(entry->key.len < 80 ? entry->key.len : 80),
                entry->key.at);
            continue;
        }
        if (entry->value->kind != NODE_MAP) {
            (void)field_wrong(d, entry->key.at, entry->value, "a map with a value");
            continue;
        }
        fields_decode(d, &fields_output, entry->value, &o);
        if (o.value != NULL)
            (void)node_put(d->arena, all, entry->key, fields_encode(&e, &fields_output, &o));
    }
    p->outputs = all;
}

struct node *encode_outputs(struct encode *e, const struct field *f, const void *from)
{
    const struct project_draft *p = from;

    (void)f;
    return p->outputs != NULL && p->outputs->count > 0 ? node_copy(e->arena, p->outputs) : NULL;
}

void outputs_redact(struct arena *a, struct node *outputs)
{
    NODE_EACH (outputs, entry) {
        const struct node *said = node_get(entry->value, "sensitive");
        bool sensitive = false;

        if (said != NULL && node_to_bool(said, &sensitive) && sensitive)
            (void)node_put(a, entry->value, STR("value"), node_text(a, STR("***")));
    }
}
