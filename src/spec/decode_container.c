/* Rows of a container with a shape of their own. */
#include "spec/container_private.h"
#include "spec/words.h"

#include "base/must.h"
#include "base/units.h"

#include <regex.h>
#include <stdarg.h>
#include <string.h>

static void *at_row(void *into, const struct field *f)
{
    return (char *)into + f->offset;
}

static const void *at_row_of(const void *from, const struct field *f)
{
    return (const char *)from + f->offset;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t compiled;

    must(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0);
    bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

void decode_pattern(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *text;

    if (!field_text(d, f->name, pair->value, &text))
        return;
    if (!matches(f->pattern, text)) {
        diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
            "'%s' cannot be '%.80s'", f->name, text);
        diagnostic_help(d->diagnostics, "%s", f->help);
        return;
    }
    *(const char **)at_row(into, f) = text[0] != '\0' ? text : NULL;
}

struct node *encode_plain_text(struct encode *e, const struct field *f, const void *from)
{
    const char *text = *(const char *const *)at_row_of(from, f);

    return text != NULL ? node_text(e->arena, str_from(text)) : NULL;
}

/* Words. */

void decode_words(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct err err = ERR_INIT;
    const char *const *words;
    size_t count;

    if (pair->value->kind == NODE_LIST) {
        if (!field_texts(d, f->name, pair->value, &words, &count))
            return;
    } else if (!node_is_scalar(pair->value)) {
        (void)field_wrong(d, f->name, pair->value, "a text or a list of texts");
        return;
    } else {
        words = words_split(d->arena, pair->value->text, &count, &err);
    }
    if (words == NULL)
        diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
            "'%s' cannot be split into words: %s", f->name, err.text);
    else
        *(const char *const **)at_row(into, f) = words;
}

struct node *encode_words(struct encode *e, const struct field *f, const void *from)
{
    const char *const *words = *(const char *const *const *)at_row_of(from, f);

    return words != NULL ? encode_texts(e->arena, words) : NULL;
}

/* image */

#define IMAGE_PATTERN                                                     \
    "^[a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*" \
    "(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(@[a-z0-9]+:[0-9a-fA-F]{32,})?$"
#define IMAGE_NAME_PATTERN                                              \
    "^[a-z0-9]+([._-]+[a-z0-9]+)*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?" \
    "(@[a-z0-9]+:[0-9a-fA-F]{32,})?$"

void decode_image(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *text;

    if (!field_text(d, f->name, pair->value, &text))
        return;
    bool fits = matches(strchr(text, '/') != NULL ? IMAGE_PATTERN : IMAGE_NAME_PATTERN, text) ||
                matches("^sha256:[0-9a-f]{64}$", text);
    *(const char **)at_row(into, f) = text;
    if (fits)
        return;
    diagnostic_error(
        d->diagnostics, "wrong-value", &pair->value->span, "'%.120s' is no name of an image", text);
    diagnostic_help(d->diagnostics,
        "an image is [REGISTRY/]NAME[:TAG][@DIGEST], its name in lower case: postgres:16");
}

void decode_pull_policy(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *text;

    if (!field_text(d, f->name, pair->value, &text))
        return;
    *(const char **)at_row(into, f) = strcmp(text, "if_not_present") == 0 ? "missing" : text;
    if (matches(PULL_POLICY_PATTERN, text))
        return;
    diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
        "'%s' takes always, never, missing, build, daily, weekly or every_<duration>, not '%.60s'",
        f->name, text);
}

/* expose */

void decode_expose(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *const *texts;
    size_t count;

    if (pair->value->kind != NODE_LIST) {
        (void)field_wrong(d, f->name, pair->value, "a list");
        return;
    }
    if (!field_texts(d, f->name, pair->value, &texts, &count))
        return;
    for (size_t i = 0; i < count; i++)
        if (!matches("^[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?$", texts[i]))
            diagnostic_error(d->diagnostics, "wrong-value", &pair->value->items[i]->span,
                "'%s' takes ports such as 8080, 8000-8010 or 53/udp, not '%.40s'", f->name,
                texts[i]);
    *(const char *const **)at_row(into, f) = texts;
}

/* extra_hosts: "NAME:ADDRESS" or "NAME=ADDRESS" in a list, or a map; each address an entry. */

static size_t count_addresses(const struct node *value)
{
    return value->kind == NODE_LIST ? value->count : 1;
}

static const char *host_entry(struct decode *d, const struct node_pair *pair, size_t i)
{
    const struct node *value = pair->value;
    const char *address;

    if (value->kind != NODE_NULL) {
        const struct node *item = value->kind == NODE_LIST ? value->items[i] : value;
        if (!field_text(d, pair->key.at, item, &address))
            return NULL;
        return arena_format(d->arena, "%.*s:%s", STR_ARG(pair->key), address);
    }
    if (str_find(pair->key, ':') > 0)
        return arena_copy_str(d->arena, pair->key).at;
    diagnostic_error(d->diagnostics, "wrong-value", &pair->key_span,
        "an extra host is written NAME:ADDRESS or NAME=ADDRESS, not '%.80s'", pair->key.at);
    return NULL;
}

void decode_extra_hosts(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const struct node *hosts = field_by_name(d->arena, d->diagnostics, f->name, pair->value);
    size_t count = 0;

    NODE_EACH (hosts, host)
        count += count_addresses(host->value);
    const char **entries = arena_new_array(d->arena, count + 1, const char *);
    count = 0;
    NODE_EACH (hosts, host) {
        for (size_t i = 0; i < count_addresses(host->value); i++) {
            entries[count] = host_entry(d, host, i);
            count += entries[count] != NULL;
        }
    }
    if (hosts != NULL)
        *(const char *const **)at_row(into, f) = (const char *const *)entries;
}

/* gpus */

void decode_device_count(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    int *out = at_row(into, f);

    if (node_is_scalar(pair->value) && str_is(pair->value->text, "all"))
        *out = -1;
    else
        (void)field_int(d, f->name, pair->value, 0, 10000, out);
}

struct node *encode_device_count(struct encode *e, const struct field *f, const void *from)
{
    int count = *(const int *)at_row_of(from, f);

    if (count == 0)
        return NULL;
    return count < 0 ? node_text(e->arena, STR("all")) : node_int(e->arena, count);
}

static const char *const gpu[] = {"gpu", NULL};

void decode_gpus(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct field_list *out = at_row(into, f);
    struct field row = *f;

    row.type = FIELD_LIST_OF;
    row.entry_bytes = sizeof(struct device_request);
    if (node_is_scalar(pair->value) && str_is(pair->value->text, "all")) {
        struct device_request *all = arena_new(d->arena, struct device_request);
        *all = (struct device_request){.count = -1, .capabilities = gpu};
        *out = (struct field_list){.at = all, .count = 1};
        return;
    }
    if (pair->value->kind != NODE_LIST)
        (void)field_wrong(d, f->name, pair->value, "'all', or a list");
    else
        field_decode_list(d, &row, pair->value, out);
    struct device_request *requests = (struct device_request *)(uintptr_t)out->at;
    for (size_t i = 0; i < out->count; i++)
        if (requests[i].capabilities == NULL)
            requests[i].capabilities = gpu;
}

struct node *encode_gpus(struct encode *e, const struct field *f, const void *from)
{
    struct field row = *f;

    row.type = FIELD_LIST_OF;
    row.entry_bytes = sizeof(struct device_request);
    return field_encode_list(e, &row, at_row_of(from, f));
}

/* Sizes and times. */

void decode_memswap(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    int64_t *out = at_row(into, f);

    if (node_is_scalar(pair->value) && str_is(pair->value->text, "-1"))
        *out = -1;
    else if (!node_is_scalar(pair->value) || !units_parse_bytes(pair->value->text, out))
        (void)field_wrong(d, f->name, pair->value, "a size such as 512m, or -1 for no limit");
}

struct node *encode_memswap(struct encode *e, const struct field *f, const void *from)
{
    int64_t bytes = *(const int64_t *)at_row_of(from, f);

    return bytes != -2 ? node_int(e->arena, bytes) : NULL;
}

void decode_microseconds(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    int64_t *out = at_row(into, f), value;

    if (node_to_int(pair->value, &value) && value >= 0)
        *out = value;
    else if (node_is_scalar(pair->value) && units_parse_duration(pair->value->text, &value))
        *out = value / 1000;
    else
        (void)field_wrong(d, f->name, pair->value, "microseconds, or a duration such as 400ms");
}

struct node *encode_microseconds(struct encode *e, const struct field *f, const void *from)
{
    int64_t value = *(const int64_t *)at_row_of(from, f);

    return value != 0 ? node_int(e->arena, value) : NULL;
}

/* Short forms. */

struct node *expanded(struct decode *d, const struct node *item, ...)
{
    struct node *map = node_map(d->arena);
    const char *key;
    va_list args;

    map->span = item->span;
    va_start(args, item);
    while ((key = va_arg(args, const char *)) != NULL) {
        const char *text = va_arg(args, const char *);
        if (text == NULL)
            continue;
        struct node *value = node_text(d->arena, str_from(text));
        value->span = item->span;
        node_put(d->arena, map, str_from(key), value)->key_span = item->span;
    }
    va_end(args);
    return map;
}

/* SOURCE[:TARGET[:PERMISSIONS]], or VENDOR/CLASS=NAME of the container device interface. */
void expand_device(
    struct decode *d, const struct field *f, const struct node *item, struct node *list)
{
    struct str rest = item->text, source = str_cut(&rest, ':'), target = str_cut(&rest, ':');
    const char *to = target.len > 0 ? arena_copy_str(d->arena, target).at : NULL;
    const char *may = rest.len > 0 ? arena_copy_str(d->arena, rest).at : NULL;

    if (source.len == 0 || (may != NULL && !matches("^[rwm]{1,3}$", may))) {
        diagnostic_error(d->diagnostics, "wrong-value", &item->span,
            "an entry of '%s' is written SOURCE[:TARGET[:rwm]], not '%.80s'", f->name,
            item->text.at);
        return;
    }
    node_push(d->arena, list,
        expanded(d, item, "source", arena_copy_str(d->arena, source).at, "target", to,
            "permissions", may, (const char *)NULL));
}
