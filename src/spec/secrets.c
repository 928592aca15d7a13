/* Which values of a project are secret, and how the process comes to know them (base/redact.h).
 *
 *     a variable with `secret: true`, the password of a URL, what is in `secrets`     declared
 *     an entry of an environment with a name such as DB_PASSWORD                      by its name
 *
 * What is declared is learned from REDACT_BYTES_MIN bytes on. A name can mean something else
 * (SORT_KEY=created_at), so such a value must look like a secret. A value that stands in the name
 * of the project or of something in it, or that is a word of tend's own, is not learned: it would
 * make answers unreadable and hide nothing. */
#include "spec/load_private.h"

#include "base/must.h"
#include "base/redact.h"

#include <stdlib.h>
#include <string.h>

#define GUESSED_BYTES_MIN  8u  /* of several classes of characters */
#define GUESSED_BYTES_LONG 16u /* whatever it is made of */

/* Values and keys that answers and logs are made of. */
static const char *const own_words[] = {"running", "started", "starting", "stopped", "stopping",
    "degraded", "healthy", "unhealthy", "completed", "updating", "failed", "pending", "probing",
    "draining", "quarantined", "service", "services", "instance", "instances", "environment",
    "variables", "replicas", "revision", "command", "project", "default", "localhost", "127.0.0.1",
    "production", "staging", "development", "password", "message", "function", "reason"};

struct secret {
    struct str value;
    const struct span *span; /* of a declared one, for what is told; NULL */
};

struct secret_list {
    VEC_OF(struct secret);
};

static void add(struct secret_list *list, struct str value, const struct span *span)
{
    if (value.len >= REDACT_BYTES_MIN)
        vec_push(list, (struct secret){value, span});
}

/* scheme://user:password@host: the password, as it is written and as it is meant. */
static void add_url_password(struct load *l, struct secret_list *list, struct str value)
{
    ptrdiff_t scheme = str_find_text(value, STR("://"));
    struct str rest = str_tail(value, scheme >= 0 ? (size_t)scheme + 3 : value.len);
    struct str authority = str_cut(&rest, '/');
    struct buf plain = BUF_INIT(FIELD_TEXT_BYTES_MAX);
    size_t at = authority.len;

    while (at > 0 && authority.at[at - 1] != '@')
        at--;
    ptrdiff_t colon = str_find(authority, ':');
    if (at == 0 || colon < 0 || (size_t)colon + 1 >= at)
        return;
    struct str password = {authority.at + colon + 1, at - 1 - (size_t)colon - 1};
    add(list, password, NULL);
    for (size_t i = 0; i < password.len; i++) {
        char hex[3] = {0};
        if (password.at[i] == '%' && i + 2 < password.len)
            memcpy(hex, password.at + i + 1, 2);
        if (strspn(hex, "0123456789abcdefABCDEF") == 2)
            i += 2;
        buf_add_byte(&plain, hex[0] != '\0' && strspn(hex, "0123456789abcdefABCDEF") == 2
                                 ? (char)strtol(hex, NULL, 16)
                                 : password.at[i]);
    }
    add(list, arena_copy_str(l->scratch, buf_str(&plain)), NULL);
    buf_fini(&plain);
}

/* Letters and digits, or both cases, or a sign that names do not have. */
static bool looks_secret(struct str value)
{
    bool lower = false, upper = false, digit = false, sign = false;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        lower = lower || (c >= 'a' && c <= 'z');
        upper = upper || (c >= 'A' && c <= 'Z');
        digit = digit || (c >= '0' && c <= '9');
        sign = sign || strchr("!\"#$%&'()*+,;<=>?@[\\]^`{|}~", c) != NULL;
    }
    return value.len >= GUESSED_BYTES_LONG ||
           (value.len >= GUESSED_BYTES_MIN && lower + upper + digit + sign >= 2);
}

static void add_entry(struct load *l, struct secret_list *list, struct str name, struct str value)
{
    if (!spec_is_secret(name, value))
        return;
    add_url_password(l, list, value);
    if (spec_name_is_secret(name) || looks_secret(value))
        add(list, value, NULL);
}

static void add_environment(struct load *l, struct secret_list *list, struct node *value)
{
    const struct node *entries =
        value != NULL ? field_by_name(l->scratch, NULL, "environment", value) : NULL;

    NODE_EACH (entries, entry)
        if (node_is_scalar(entry->value) && entry->value->kind != NODE_NULL)
            add_entry(l, list, entry->key, entry->value->text);
}

/* What stands in files that are kept from people's eyes. */
static void add_sensitive(
    struct secret_list *list, const struct field_kind *kind, const struct node *entry)
{
    const struct node *sensitive = node_get(entry, "sensitive");
    bool hides = false;

    if (kind->secret_keys == NULL || sensitive == NULL || !node_to_bool(sensitive, &hides) ||
        !hides)
        return;
    for (size_t i = 0; kind->secret_keys[i] != NULL; i++) {
        const struct node *value = node_get(entry, kind->secret_keys[i]);
        if (value != NULL && node_is_scalar(value) && looks_secret(value->text))
            add(list, value->text, NULL);
    }
}

/* ---- what must stay readable ---- */

static void drop_names(struct load *l, const struct node *root, struct redactor *all, bool *dropped)
{
    const struct node *name = node_get(root, "name");

    for (size_t i = 0; i < COUNT(own_words); i++)
        redactor_find_all(all, str_from(own_words[i]), dropped);
    if (name != NULL && node_is_scalar(name))
        redactor_find_all(all, name->text, dropped);
    if (l->options->project_name != NULL)
        redactor_find_all(all, str_from(l->options->project_name), dropped);
    NODE_EACH (root, section)
        if (str_is(section->key, "services") || str_is(section->key, "jobs") ||
            fields_kind(section->key) != NULL)
            NODE_EACH (section->value, entry)
                redactor_find_all(all, entry->key, dropped);
}

static void warn_dropped(struct load *l, const struct secret *s)
{
    if (s->span == NULL)
        return;
    diagnostic_warning(l->diagnostics, "weak-secret", s->span,
        "this secret is also a name, so it is not hidden where it stands elsewhere");
    diagnostic_help(l->diagnostics, "take a value that nobody could guess");
}

static void learn(struct load *l, const struct node *root, struct secret_list *list)
{
    struct str *values = arena_new_array(l->scratch, list->count + 1, struct str);
    struct str *kept = arena_new_array(l->scratch, list->count + 1, struct str);
    bool *dropped = arena_new_array(l->scratch, list->count + 1, bool);
    size_t count = 0;

    if (list->count == 0)
        return;
    for (size_t i = 0; i < list->count; i++)
        values[i] = list->at[i].value;
    struct redactor *all = redactor_create(values, list->count);
    drop_names(l, root, all, dropped);
    redactor_destroy(&all);
    for (size_t i = 0; i < list->count; i++)
        if (dropped[i])
            warn_dropped(l, &list->at[i]);
        else
            kept[count++] = values[i];
    if (!redact_learn(kept, count))
        diagnostic_error(l->diagnostics, "limit", NULL,
            "more than %u secret values, or more than %u MiB of them", REDACT_VALUES_MAX,
            REDACT_ALL_BYTES_MAX >> 20);
}

void secrets_of_tree(struct load *l, struct node *root)
{
    struct secret_list list = {0};

    for (size_t i = 0; i < node_count(l->secret_values); i++)
        add(&list, l->secret_values->items[i]->text, &l->secret_values->items[i]->span);
    struct str *declared = arena_new_array(l->scratch, list.count + 1, struct str);
    for (size_t i = 0; i < list.count; i++)
        declared[i] = list.at[i].value;
    if (list.count > 0)
        l->secrets = redactor_create(declared, list.count);
    NODE_EACH (node_get(root, "services"), service)
        add_environment(l, &list, node_get(service->value, "environment"));
    NODE_EACH (node_get(root, "jobs"), job)
        add_environment(l, &list, node_get(job->value, "environment"));
    NODE_EACH (root, section)
        if (fields_kind(section->key) != NULL)
            NODE_EACH (section->value, entry) {
                add_environment(l, &list, node_get(entry->value, "environment"));
                add_sensitive(&list, fields_kind(section->key), entry->value);
            }
    learn(l, root, &list);
    vec_fini(&list);
}

/* ---- what is known only when files were read ---- */

static void add_contents(struct secret_list *list, const struct project *p, const struct service *s)
{
    for (size_t i = 0; i < s->file_count; i++)
        for (size_t k = 0; s->files[i].is_secret && k < p->content_count; k++)
            if (hash_eq(&s->files[i].content, &p->contents[k].hash))
                add(list, str_trim(p->contents[k].bytes), NULL);
}

/* Everybody on the machine can read a command line. */
static void check_argv(struct load *l, const struct service *s)
{
    size_t which;

    for (size_t i = 0; s->argv != NULL && s->argv[i] != NULL && l->secrets != NULL; i++)
        if (redactor_find(l->secrets, str_from(s->argv[i]), &which)) {
            diagnostic_warning(l->diagnostics, "exposed-secret", &s->node->span,
                "the command line of service '%s' holds a secret, and everybody on the machine can "
                "read it",
                s->name);
            diagnostic_help(l->diagnostics, "hand it over by `environment` or `secrets`");
            return;
        }
}

void secrets_of_project(struct load *l, const struct project *p, bool from_document)
{
    struct secret_list list = {0};

    for (size_t i = 0; i < p->service_count; i++) {
        const struct service *s = &p->services[i];
        for (size_t k = 0; k < s->environment_count; k++)
            if (s->environment[k].secret)
                add_entry(
                    l, &list, str_from(s->environment[k].name), str_from(s->environment[k].value));
        add_contents(&list, p, s);
        if (!from_document)
            check_argv(l, s);
    }
    learn(l, p->node, &list);
    vec_fini(&list);
}
