/* fields.h - every key that may be declared, one row each.
 *
 * A mapping of tend.yaml (the project, a service, a healthcheck, …) has a *table*; each key it may
 * hold is a *field*, one row. Decoding, "did you mean", merging of files, the canonical document,
 * the revision, the JSON Schema (schema.h), the reference page and `tend explain` (describe.h) all
 * read the same row: adding a key is adding a row.
 *
 *     project ─ services ─▶ service ─ healthcheck ─▶ healthcheck
 *                                   ─ deploy ─▶ deploy ─ resources ─▶ …
 *
 * A row with a plain type (text, int, duration, …) says at which offset of the table's struct its
 * value lands, which is enough to decode and to encode it. A row with its own shape brings `decode`
 * and `encode`. A key that tend knows and cannot honour for a plain process is a row too: it says
 * why (FIELD_REFUSED, an error) or that it makes no difference (FIELD_IGNORED, a note).
 *
 * Later folders register tables for other top-level maps (`jobs:`, `files:` …) with
 * fields_register. Tables are constants; registering is done at start by one thread, all else by
 * any. */
#ifndef TEND_SPEC_FIELDS_H
#define TEND_SPEC_FIELDS_H

#include "spec/container.h"
#include "spec/diagnostic.h"
#include "spec/node.h"
#include "spec/project.h"

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_CUSTOM,   /* has decode, and encode unless it is input only */
    FIELD_TEXT,     /* const char * */
    FIELD_BOOL,     /* bool */
    FIELD_INT,      /* int, from `min` to `max` */
    FIELD_COUNT,    /* int64_t, from `min` to `max` */
    FIELD_NUMBER,   /* double, from `min` to `max` */
    FIELD_DURATION, /* int64_t nanoseconds */
    FIELD_BYTES,    /* int64_t */
    FIELD_CHOICE,   /* an enum (int): one of `choices` */
    FIELD_MAP,      /* by `table`, into the struct at `offset` */
    FIELD_MAP_OF, /* free keys, each value by `table`: only checked, has decode if more is wanted */
    FIELD_TEXTS,  /* const char *const *: a list of texts; one text too with FORM_TEXT */
    FIELD_NAMED, /* const char *const *: name, value, …, NULL by name, from a map or NAME=value */
    FIELD_LIST_OF, /* struct field_list: `entry_bytes` each by `table`, short forms by `expand` */
    FIELD_ENTRIES, /* the same from a map by name (or a list of names); the name is its first member
                    */
    FIELD_REFUSED, /* cannot be honoured: an error that says `help` */
    FIELD_IGNORED, /* makes no difference: a note that says `help` */
};

/* What a change of the field does to a running service. */
enum field_effect { FIELD_RESTARTS, FIELD_UPDATES_LIVE, FIELD_NO_EFFECT };

/* How a later file's value meets an earlier one's. */
enum field_merge {
    MERGE_DEEP,      /* maps key by key, lists appended, scalars replaced */
    MERGE_REPLACE,   /* the later one stands */
    MERGE_BY_NAME,   /* "NAME=value" lists and maps are one: name by name */
    MERGE_UNIQUE,    /* lists (or one text) appended, equal ones once */
    MERGE_BY_TARGET, /* the same, and a later one of the same `target` replaces the earlier */
};

/* Forms in which a value may be written, for schema and reference. */
enum {
    FORM_TEXT = 1,
    FORM_NUMBER = 2,
    FORM_BOOL = 4,
    FORM_LIST = 8,
    FORM_MAP = 16,
};

/* Kinds of service that honour a field. */
enum { APPLIES_TO_PROCESS = 1, APPLIES_TO_CONTAINER = 2 };

struct field_choice {
    const char *name;
    int value;
};

struct decode;
struct encode;
struct field;

/* Turns `value` into what lies at `into` (the table's struct); problems go to d->diagnostics. */
typedef void (*field_decode_fn)(
    struct decode *d, const struct field *field, const struct node_pair *pair, void *into);
/* The canonical value, or NULL if it equals the default (or nothing). */
typedef struct node *(*field_encode_fn)(
    struct encode *e, const struct field *field, const void *from);

/* FIELD_LIST_OF: an entry that is no map, as one or several maps behind `list`. */
typedef void (*field_expand_fn)(
    struct decode *d, const struct field *field, const struct node *item, struct node *list);

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    enum field_effect effect;
    enum field_merge merge;
    unsigned forms;           /* 0: what the type says */
    const char *default_text; /* for people; NULL: none */
    const char *help;         /* one sentence for people: what it does, or why it is not honoured */
    const char *since;        /* version that brought it; NULL: 0.1.0 */
    const struct field_table *table;
    bool per_entry; /* `table` is for each entry of the map or list */
    /* FIELD_CHOICE: what may be written. FIELD_CUSTOM: the only words that its text (or its truth)
     * may be, for schema and reference; NULL: any. Ends with a NULL name. */
    const struct field_choice *choices;
    const char *pattern; /* FIELD_CUSTOM's text, FIELD_MAP_OF's keys: regular expression for the
                          * schema, besides `choices`; NULL: none */
    double min, max;     /* both 0: no bounds */
    bool required;
    bool input_only;     /* another way to write another field: not in the canonical document */
    unsigned applies_to; /* 0: processes and containers */
    field_decode_fn decode;
    field_encode_fn encode;
    size_t entry_bytes; /* FIELD_LIST_OF, FIELD_ENTRIES: of the entry's struct */
    field_expand_fn expand;
};

struct field_table {
    const char *name; /* for messages and anchors: "service", "healthcheck" */
    const char *help;
    const struct field *fields;
    size_t count;
    const void *defaults; /* a struct of the table's type, to tell what equals its default */
    const struct field_table *container; /* rows that hold instead where it is a container */
    const struct field_table *base; /* whose rows it has too, behind its own, but for those of the
                                     * same name; its struct begins the same; NULL: none */
};

struct redactor; /* base/redact.h */

/* What decoding is given, and finds. */
struct decode {
    struct arena *arena; /* of the project: what is decoded lives here */
    struct diagnostics *diagnostics;
    const char *dir;                /* what relative paths are relative to */
    bool from_document;             /* resolved already: no files are looked at */
    const struct redactor *secrets; /* of variables; NULL: none */
    bool is_too_large;              /* FIELD_ALL_BYTES_MAX is passed, and it has been told */
    const char *(*variable)(
        void *context, const char *name); /* for env_file and NAME without value */
    void *variable_context;
};

struct encode {
    struct arena *arena;
    bool restarting_only;    /* for the revision: fields with FIELD_RESTARTS only … */
    struct str revision_key; /* … and secrets by HMAC with this key */
};

/* Each row of a table, with those of its base. */
#define FIELDS_EACH(of_table, f)                                           \
    for (const struct field *f = fields_next((of_table), NULL); f != NULL; \
         f = fields_next((of_table), f))
const struct field *fields_next(const struct field_table *table, const struct field *after);
const struct field *field_find(const struct field_table *table, struct str name);
/* Also the container's row, where the table has only a refusal, or nothing. */
const struct field *field_find_any(const struct field_table *table, struct str name);
/* The row's name nearest to what was typed, or NULL. */
const char *field_nearest(const struct field_table *table, struct str typed);

/* Decode each key of `map` into the struct; unknown keys, wrong values and missing required keys
 * are diagnostics. Keys that start with "x-" are skipped. */
void fields_decode(
    struct decode *d, const struct field_table *table, const struct node *map, void *into);
/* The same with two structs: a key of `first` lands in `first_into`, else it is one of `table`. */
void fields_decode_over(struct decode *d, const struct field_table *first, void *first_into,
    const struct field_table *table, const struct node *map, void *into);
/* Only look for unknown keys, here and below. */
void fields_check_keys(
    struct diagnostics *d, const struct field_table *table, const struct node *map);
/* The canonical map of what differs from the defaults; may be empty. */
struct node *fields_encode(struct encode *e, const struct field_table *table, const void *from);

/* For custom decoders. Each false comes with a diagnostic. */

/* "'ports' takes a list, and this is a map" */
bool field_wrong(struct decode *d, const char *name, const struct node *value, const char *wanted);
/* Any scalar as a text; it is in the project's arena and at most FIELD_TEXT_BYTES_MAX long, since
 * longer ones cannot be passed to a program. */
#define FIELD_TEXT_BYTES_MAX 131071u
/* What all decoded texts of a project may take: aliases and variables can make much of little. */
#define FIELD_ALL_BYTES_MAX (128u << 20)
bool field_text(struct decode *d, const char *name, const struct node *value, const char **out);
bool field_int(
    struct decode *d, const char *name, const struct node *value, int min, int max, int *out);
/* A text or a list of texts, as a NULL-terminated array. */
bool field_texts(struct decode *d, const char *name, const struct node *value,
    const char *const **out, size_t *out_count);
/* "not supported: …" at `span`. */
void field_refuse(struct decode *d, const struct span *span, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A list or map of "NAME=value" as a map; values that are not given are null. The result shares
 * nodes with `value` and lives in `a`; NULL after a diagnostic (`d` may be NULL: then silently). */
struct node *field_by_name(
    struct arena *a, struct diagnostics *d, const char *name, struct node *value);

/* For fields.c: the list types (fields_list.c). */
void field_decode_list(struct decode *d, const struct field *f, const struct node *value, void *at);
struct node *field_encode_list(struct encode *e, const struct field *f, const void *at);
/* A value that is not among what the field takes. Returns false. */
bool field_wrong_value(
    struct decode *d, const char *name, const struct node *value, const char *wanted);

/* The tables. */
extern const struct field_table fields_project;
/* The rows of a service that is a container; those it shares with a process are fields_service's.
 */
extern const struct field_table fields_container;
extern const struct field_table fields_service;
extern const struct field_table fields_job;

/* Another top-level map: `name` ("files") holds entries by `table`, each one a resource of the
 * project. Decoding, references to them, what needs what, cycles and the canonical document are the
 * same for all of them. The row must live for ever. */
struct field_kind {
    const char *name;
    const char *noun; /* one of them, for messages: "file" */
    const char *help;
    const struct field_table *table;
    size_t entry_bytes; /* of the table's struct, which begins with a struct field_entry; 0: entries
                         * are kept as they are written, their keys checked */
    /* What needs several keys, once they are decoded; may set `node` keys by changing the struct.
     */
    void (*finish)(struct decode *d, const struct node_pair *declared, void *entry);
    /* What stands for ${files.NAME.WHAT}, in `a`; NULL: there is no such attribute. `declared` is
     * as it stands in the file, its own references replaced. */
    const char *(*attribute)(
        struct arena *a, const char *dir, const struct node_pair *declared, struct str what);
    const char *attributes;         /* for messages: ".path" */
    const char *const *path_keys;   /* moved with a file that is included; NULL-terminated */
    const char *const *secret_keys; /* not shown where `sensitive: true`; NULL-terminated */
    bool name_is_path;              /* of an entry without `path`: it is moved too */
    bool needs_services;            /* may depend on services */
    bool completes;                 /* may be waited for to complete */
    /* The absolute path that a decoded entry is about: no two have the same, and what lies below a
     * declared directory needs it. NULL: none. */
    const char *(*place)(const void *entry);
    /* What looks at several entries. */
    void (*check)(struct diagnostics *d, const struct node *entries);
};

/* What the struct of such a table begins with. */
struct field_entry {
    const char *name;
    struct span span; /* of its name */
    struct resource_need *needs;
    struct span *need_spans; /* as many */
    size_t need_count;
    struct lifecycle lifecycle;
};
#define FIELD_NAME_BYTES_MAX 140u /* of an entry: it is the subject of events */

/* The row `depends_on` of such a table. */
extern const struct field_table fields_depends_on;
void decode_needs(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_needs(struct encode *e, const struct field *f, const void *from);
#define FIELD_DEPENDS_ON                                                             \
    {                                                                                \
        .name = "depends_on", .type = FIELD_CUSTOM, .table = &fields_depends_on,     \
        .per_entry = true, .forms = FORM_LIST | FORM_MAP, .effect = FIELD_NO_EFFECT, \
        .merge = MERGE_BY_NAME, .decode = decode_needs, .encode = encode_needs,      \
        .help = "What must be there before it, as files.NAME or directories.NAME."   \
    }

/* The row `lifecycle` of such a table: lifecycle.c. */
extern const struct field_table fields_lifecycle;
#define FIELD_LIFECYCLE                                                               \
    {                                                                                 \
        .name = "lifecycle", .type = FIELD_MAP, .table = &fields_lifecycle,           \
        .offset = offsetof(struct field_entry, lifecycle), .effect = FIELD_NO_EFFECT, \
        .help = "What a plan must not do with it: prevent_destroy, ignore_changes."   \
    }

/* False if the name is taken or the registry full. */
bool fields_register(const struct field_kind *kind) __attribute__((warn_unused_result));
const struct field_kind *fields_kind(struct str name);
/* All of them, in order of registration. */
const struct field_kind *const *fields_kinds(size_t *out_count);

#endif
