/* The canonical document, its digest and the revisions. */
#include "spec/spec_private.h"
#include "spec/yaml.h"

#include "base/hash.h"
#include "base/redact.h"

#include <stdlib.h>
#include <string.h>

#define REVISION_FORMAT "tend revision 1\n"

void canonical_copy_spans(struct node *canonical, const struct node *declared, struct span span)
{
    canonical->span = span;
    for (size_t i = 0; canonical->kind == NODE_MAP && i < canonical->count; i++) {
        struct node_pair *pair = &canonical->pairs[i], *from = node_find(declared, pair->key);
        pair->key_span = from != NULL ? from->key_span : span;
        canonical_copy_spans(pair->value, from != NULL ? from->value : NULL,
            from != NULL && from->value->kind != NODE_MAP ? from->value->span : pair->key_span);
    }
    for (size_t i = 0; canonical->kind == NODE_LIST && i < canonical->count; i++)
        canonical_copy_spans(canonical->items[i], NULL, span);
}

/* What differs from the defaults: the container's rows in place of the service's. */
static struct node *encode_service(struct encode *e, const struct service *s)
{
    struct node *map = fields_encode(e, s->is_job ? &fields_job : &fields_service, s);
    struct node *own =
        s->container != NULL ? fields_encode(e, &fields_container, s->container) : NULL;

    NODE_EACH (own, pair)
        (void)node_put(e->arena, map, pair->key, pair->value);
    node_sort(map);
    return map;
}

static struct hash hash_of_node(const char *prefix, const struct node *n)
{
    struct buf text = BUF_INIT(YAML_DOCUMENT_BYTES_MAX);

    node_write_json(&text, n);
    struct str parts[] = {str_from(prefix), buf_str(&text)};
    struct hash h = hash_of_parts(parts, 2);
    buf_fini(&text);
    return h;
}

/* A text that holds the value of a secret variable enters by its HMAC, wherever it stands. */
static void hide_secrets(struct arena *a, struct node *n, const struct redactor *r, struct str key)
{
    char text[HASH_TEXT_BYTES];
    size_t which;

    for (size_t i = 0; i < node_count(n); i++)
        hide_secrets(a, n->kind == NODE_MAP ? n->pairs[i].value : n->items[i], r, key);
    if (n->kind != NODE_TEXT || !redactor_find(r, n->text, &which))
        return;
    struct hash h = hash_hmac(key, n->text);
    hash_format(&h, text);
    n->text = arena_copy_str(a, str_from(text));
}

static struct hash revision_of(const struct service *s, const struct canonical_secrets *secrets)
{
    struct str key = secrets->revision_key;
    struct arena *scratch = arena_create(4 << 10); /* cleared for each service */
    static const char zeros[HASH_BYTES];
    struct encode e = {.arena = scratch, .restarting_only = true, .revision_key = key};

    if (key.len == 0)
        e.revision_key = (struct str){.at = zeros, .len = sizeof zeros};
    struct node *map = encode_service(&e, s);
    if (secrets->redactor != NULL)
        hide_secrets(scratch, map, secrets->redactor, e.revision_key);
    struct hash revision = hash_of_node(REVISION_FORMAT, map);
    arena_destroy(&scratch);
    return revision;
}

static void encode_services(struct arena *a, struct service *services,
    const struct project_draft *draft, const struct canonical_secrets *secrets, struct node *root)
{
    struct encode e = {.arena = a};
    struct node *all = node_map(a), *jobs = node_map(a);

    for (size_t i = 0; i < draft->services.count; i++) {
        const struct service_draft *from = draft->services.at[i];
        struct service *s = &services[i];
        *s = from->service;
        s->needs = from->needs.needs;
        s->need_count = from->needs.need_count;
        struct node *map = encode_service(&e, s);
        canonical_copy_spans(map, from->declared, from->span);
        s->node = map;
        s->revision = revision_of(s, secrets);
        node_put(a, s->is_job ? jobs : all, str_from(s->name), map)->key_span = from->span;
    }
    (void)node_put(a, root, STR("services"), all);
    if (jobs->count > 0)
        (void)node_put(a, root, STR("jobs"), jobs);
}

/* networks, volumes, configs and secrets: the only rows of the project that are encoded. */
static void put_shared(struct arena *a, struct node *root, const struct project_draft *draft)
{
    struct node *all = fields_encode(&(struct encode){.arena = a}, &fields_project, draft);

    node_sort(all);
    NODE_EACH (all, pair)
        (void)node_put(a, root, pair->key, pair->value);
}

static int compare_texts(const void *left, const void *right)
{
    return str_cmp((*(struct node *const *)left)->text, (*(struct node *const *)right)->text);
}

/* Sorted, each once, so that the document is the same however they were given. */
static struct node *list_secrets(struct arena *a, const struct node *values)
{
    struct node *all = node_list(a), *list = node_list(a);

    for (size_t i = 0; i < values->count; i++)
        node_push(a, all, node_text(a, values->items[i]->text));
    if (all->count > 0)
        qsort(all->items, all->count, sizeof *all->items, compare_texts);
    for (size_t i = 0; i < all->count; i++)
        if (i == 0 || !str_eq(all->items[i]->text, all->items[i - 1]->text))
            node_push(a, list, all->items[i]);
    return list;
}

bool canonical_fill(struct arena *a, struct project *p, const struct project_draft *draft,
    const struct node *kinds, const struct canonical_secrets *secrets)
{
    struct service *services = arena_new_array(a, draft->services.count + 1, struct service);
    struct node *root = node_map(a);
    struct buf text = BUF_INIT(YAML_DOCUMENT_BYTES_MAX);

    p->services = services;
    p->service_count = draft->services.count;
    node_put(a, root, STR("name"), node_text(a, str_from(p->name)))->key_span = draft->name_span;
    encode_services(a, services, draft, secrets, root);
    stores_fill(a, p, draft);
    (void)node_put(a, root, STR("x-tend-directory"), node_text(a, str_from(p->dir)));
    if (node_count(secrets->values) > 0)
        (void)node_put(a, root, STR("x-tend-secrets"), list_secrets(a, secrets->values));
    p->shared = draft->shared;
    put_shared(a, root, draft);
    NODE_EACH (kinds, pair)
        node_put(a, root, pair->key, pair->value)->key_span = pair->key_span;
    node_sort_keys(root);
    node_sort_keys(node_get(root, "services"));
    if (node_get(root, "jobs") != NULL)
        node_sort_keys(node_get(root, "jobs"));
    p->node = root;
    node_write_json(&text, root);
    p->document = arena_copy_str(a, buf_str(&text));
    p->digest = hash_of(p->document.at, p->document.len);
    bool fits = !buf_full(&text);
    buf_fini(&text);
    return fits;
}

static void redact(struct arena *a, struct node *environment, bool all_values)
{
    for (size_t i = 0; i < node_count(environment); i++) {
        struct node_pair *pair = &environment->pairs[i];
        if (all_values || spec_is_secret(pair->key, pair->value->text))
            pair->value = node_text(a, STR("***"));
    }
}

static void redact_entry(struct arena *a, const struct field_kind *kind, struct node *entry)
{
    const struct node *sensitive = node_get(entry, "sensitive");
    bool hides = false;

    if (kind == NULL || kind->secret_keys == NULL || sensitive == NULL ||
        !node_to_bool(sensitive, &hides) || !hides)
        return;
    for (size_t i = 0; kind->secret_keys[i] != NULL; i++) {
        struct node_pair *pair = node_find(entry, str_from(kind->secret_keys[i]));

        if (pair != NULL)
            pair->value = node_text(a, STR("***"));
    }
}

void spec_write_redacted(const struct project *p, bool all_values, struct buf *out)
{
    struct arena *a = arena_create(0);
    struct node *copy = node_copy(a, p->node);

    NODE_EACH (node_get(copy, "services"), service) {
        redact(a, node_get(service->value, "environment"), all_values);
        struct node_pair *secrets = node_find(service->value, STR("secrets"));
        if (secrets != NULL)
            secrets->value = spec_conceal_files(a, secrets->value);
    }
    NODE_EACH (node_get(copy, "jobs"), job) {
        redact(a, node_get(job->value, "environment"), all_values);
        struct node_pair *secrets = node_find(job->value, STR("secrets"));
        if (secrets != NULL)
            secrets->value = spec_conceal_files(a, secrets->value);
    }
    outputs_redact(a, node_get(copy, "outputs"));
    NODE_EACH (copy, section)
        NODE_EACH (section->value, entry)
            redact_entry(a, fields_kind(section->key), entry->value);
    struct node_pair *secrets = node_find(copy, STR("x-tend-secrets"));
    if (secrets != NULL)
        secrets->value = node_list(a);
    size_t from = out->len;
    node_write_json(out, copy);
    redact_rest(out, from);
    arena_destroy(&a);
}
