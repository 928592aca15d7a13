/* container_private.h - what the container's tables share. Rows by macro: a key, its struct, its
 * member, one sentence. */
#ifndef TEND_SPEC_CONTAINER_PRIVATE_H
#define TEND_SPEC_CONTAINER_PRIVATE_H

#include "spec/container.h"
#include "spec/spec_private.h"

#include <stddef.h>

#define ROW_TEXT(key, type_name, member, text)                                                   \
    {                                                                                            \
        .name = (key), .type = FIELD_TEXT, .help = (text), .offset = offsetof(type_name, member) \
    }
#define ROW_TEXT_NEEDED(key, type_name, member, text)                        \
    {                                                                        \
        .name = (key), .type = FIELD_TEXT, .help = (text), .required = true, \
        .offset = offsetof(type_name, member)                                \
    }
#define ROW_PATTERN(key, type_name, member, shape, text)                           \
    {                                                                              \
        .name = (key), .type = FIELD_CUSTOM, .help = (text), .forms = FORM_TEXT,   \
        .pattern = (shape), .decode = decode_pattern, .encode = encode_plain_text, \
        .offset = offsetof(type_name, member)                                      \
    }
#define ROW_BOOL(key, type_name, member, text)                                      \
    {                                                                               \
        .name = (key), .type = FIELD_BOOL, .help = (text), .default_text = "false", \
        .offset = offsetof(type_name, member)                                       \
    }
#define ROW_INT(key, type_name, member, least, most, text)                               \
    {                                                                                    \
        .name = (key), .type = FIELD_INT, .help = (text), .min = (least), .max = (most), \
        .offset = offsetof(type_name, member)                                            \
    }
#define ROW_TEXTS(key, type_name, member, text)                                 \
    {                                                                           \
        .name = (key), .type = FIELD_TEXTS, .help = (text), .forms = FORM_LIST, \
        .merge = MERGE_UNIQUE, .offset = offsetof(type_name, member)            \
    }
#define ROW_TEXTS_OR_ONE(key, type_name, member, text)                                      \
    {                                                                                       \
        .name = (key), .type = FIELD_TEXTS, .help = (text), .forms = FORM_TEXT | FORM_LIST, \
        .merge = MERGE_UNIQUE, .offset = offsetof(type_name, member)                        \
    }
#define ROW_NAMED(key, type_name, member, text)                                            \
    {                                                                                      \
        .name = (key), .type = FIELD_NAMED, .help = (text), .forms = FORM_LIST | FORM_MAP, \
        .merge = MERGE_BY_NAME, .offset = offsetof(type_name, member)                      \
    }
#define ROW_LIST(key, type_name, member, entry, rows, expander, takes, text)                       \
    {                                                                                              \
        .name = (key), .type = FIELD_LIST_OF, .help = (text), .table = &(rows), .per_entry = true, \
        .entry_bytes = sizeof(entry), .expand = (expander), .forms = (takes),                      \
        .merge = MERGE_UNIQUE, .offset = offsetof(type_name, member)                               \
    }
#define ROW_ENTRIES(key, type_name, member, entry, rows, takes, text)                              \
    {                                                                                              \
        .name = (key), .type = FIELD_ENTRIES, .help = (text), .table = &(rows), .per_entry = true, \
        .entry_bytes = sizeof(entry), .forms = (takes), .merge = MERGE_BY_NAME,                    \
        .offset = offsetof(type_name, member)                                                      \
    }
#define ROW_MICROSECONDS(key, member, text)                                                    \
    {                                                                                          \
        .name = (key), .type = FIELD_CUSTOM, .help = (text), .forms = FORM_TEXT | FORM_NUMBER, \
        .decode = decode_microseconds, .encode = encode_microseconds,                          \
        .offset = offsetof(struct container, member)                                           \
    }

#define PULL_POLICY_PATTERN \
    "^(always|never|missing|if_not_present|build|refresh|daily|weekly|every_.+)$"

extern const struct container container_defaults;
extern const struct field_table fields_build, fields_device_request, fields_port_mapping,
    fields_mount, fields_file_grant, fields_network, fields_volume_source, fields_config,
    fields_secret;

/* ---- decode_container.c ---- */
void decode_pattern(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_plain_text(struct encode *e, const struct field *f, const void *from);
/* A text that is split into words, or a list of them. */
void decode_words(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_words(struct encode *e, const struct field *f, const void *from);
void decode_image(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
void decode_pull_policy(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
void decode_expose(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
void decode_extra_hosts(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
void decode_device_count(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_device_count(struct encode *e, const struct field *f, const void *from);
void decode_gpus(struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_gpus(struct encode *e, const struct field *f, const void *from);
void decode_memswap(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_memswap(struct encode *e, const struct field *f, const void *from);
void decode_microseconds(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_microseconds(struct encode *e, const struct field *f, const void *from);
void expand_device(
    struct decode *d, const struct field *f, const struct node *item, struct node *list);
/* A map with the keys and values given, both terminated texts, ending with NULL; an absent value
 * leaves its key out. It has the item's span. */
struct node *expanded(struct decode *d, const struct node *item, ...) __attribute__((sentinel));

/* ---- check_container.c ---- */
/* That `name` is an entry of a shared list, whose structs begin with their key. */
void shared_check(struct diagnostics *d, const struct field_list *list, size_t entry_bytes,
    const char *what, const char *section, const char *name, const struct span *span);

/* ---- fields_port.c, fields_mount.c, fields_build.c ---- */
void expand_port(
    struct decode *d, const struct field *f, const struct node *item, struct node *list);
void expand_mount(
    struct decode *d, const struct field *f, const struct node *item, struct node *list);
void expand_grant(
    struct decode *d, const struct field *f, const struct node *item, struct node *list);
void decode_build(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_build(struct encode *e, const struct field *f, const void *from);
/* Paths: relative to the project, "~" is the caller's home. In the project's arena. */
const char *container_path(struct decode *d, struct str path);

/* ---- check_container.c ---- */
/* What one container says twice or cannot have; after decoding. */
void container_finish(struct decode *d, struct service_draft *draft);
/* Networks, volumes, configs, secrets and services that it names. */
void check_container(
    struct diagnostics *d, const struct project_draft *p, const struct service_draft *draft);

#endif
