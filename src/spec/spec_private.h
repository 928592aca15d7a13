/* spec_private.h - what the files of this folder share while a project is being made.
 *
 * A *draft* is a service that is not complete: its keys have been decoded one by one, in whatever
 * order they stand; service_finish then puts together what needs several of them. */
#ifndef TEND_SPEC_SPEC_PRIVATE_H
#define TEND_SPEC_SPEC_PRIVATE_H

#include "spec/fields.h"
#include "spec/interpolate.h"
#include "spec/load.h"
#include "spec/node.h"
#include "spec/project.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

/* A table's initialiser. */
#define FIELD_TABLE(table_name, table_help, rows, the_defaults)                             \
    {                                                                                       \
        .name = (table_name), .help = (table_help), .fields = (rows), .count = COUNT(rows), \
        .defaults = (the_defaults)                                                          \
    }

#define NOT_SET INT64_C(-2) /* a duration that nobody declared */

/* Put into a service whose base could not be had: what follows from that is not told. */
#define EXTENDS_FAILED "x-tend-extends-failed"

/* decode's `into` for the healthcheck table. */
struct health_draft {
    struct healthcheck healthcheck;
    bool disabled, from_test;
    struct span kind_span; /* of the key that said what to probe */
};

/* decode's `into` for the service table. */
struct service_draft {
    struct service service; /* first: rows of plain types write into it */
    const struct node *declared;
    struct span span; /* of its name */
    const char *const *command, *const *entrypoint;
    size_t command_count, entrypoint_count;
    struct node *environment; /* by name */
    const struct node *env_file;
    struct health_draft health;
    bool restart_declared;
    const struct node_pair *deploy_restart; /* wins over `restart` */
    struct span restart_span;
    const struct node *profiles;
    struct span port_span;
    struct container *container;     /* NULL: a process */
    struct dependency *dependencies; /* the service's, while they may change */
    struct span *dependency_spans;   /* as many */
    struct field_entry needs;        /* of other kinds */
    const struct node *labels, *label_file;
    const struct node *volumes, *tmpfs;   /* as declared, until mounts_finish */
    const struct node *configs, *secrets; /* as declared, until stores_finish */
    bool has_errors; /* found before it was finished: what follows from them is not told */
};

/* decode's `into` for the project table. */
struct project_draft {
    const char *name;
    struct span name_span;
    struct {
        VEC_OF(struct service_draft *);
    } services;
    struct map names;            /* name → draft, all that are declared */
    struct map inactive;         /* name → declared pair: left out by their profiles */
    const char *const *profiles; /* active */
    size_t profile_count;
    const struct node *directory; /* x-tend-directory of a document */
    struct shared_lists shared;
    struct node *outputs;        /* canonical; NULL: none */
    struct map configs, secrets; /* name → struct store */
    struct {
        VEC_OF(struct project_content);
    } contents;
};

/* What is in a config or secret of the project. */
struct store {
    bool failed; /* which has been told */
    struct hash hash;
};

extern const struct dependency dependency_defaults;
extern const struct service service_defaults;
extern const struct healthcheck healthcheck_defaults;

/* Tables of single mappings, one file each. */
extern const struct field_table fields_healthcheck, fields_restart, fields_deploy_restart,
    fields_deploy, fields_logging, fields_hang, fields_port, fields_ulimits, fields_volume,
    fields_env_file, fields_service_file, fields_develop, fields_resources, fields_history_limit;

/* What `restart` may be as a text, but for on-failure:N. */
extern const struct field_choice restart_words[];

/* For the schema: what name_is_valid and signal_parse take. */
#define NAME_PATTERN   "^[a-z0-9][a-z0-9_-]{0,62}$"
#define SIGNAL_PATTERN "^([Ss][Ii][Gg])?[A-Za-z]+[12]?$|^[0-9]+$"

extern const struct field_table fields_output;

/* Custom rows of the service table. */
void decode_argv(struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_argv(struct encode *e, const struct field *f, const void *from);
void decode_environment(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_environment(struct encode *e, const struct field *f, const void *from);
void decode_labels(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_labels(struct encode *e, const struct field *f, const void *from);
void decode_label_file(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
void labels_finish(struct decode *d, struct service_draft *draft);
/* uint64_t masks at the row's offset. */
void decode_caps(struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_caps(struct encode *e, const struct field *f, const void *from);
/* A file of NAME=value lines, into a map; problems are told. */
struct named_file {
    const char *key; /* "env_file" */
    const struct span *span;
    const char *path; /* as declared */
    bool required, raw;
};
void named_file_read(struct decode *d, struct node *all, const struct named_file *f);
void decode_depends_on(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_depends_on(struct encode *e, const struct field *f, const void *from);
void decode_healthcheck(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_healthcheck(struct encode *e, const struct field *f, const void *from);
void decode_restart(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_restart(struct encode *e, const struct field *f, const void *from);
void decode_deploy_restart(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
void decode_ports(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_ports(struct encode *e, const struct field *f, const void *from);
void decode_signal(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_signal(struct encode *e, const struct field *f, const void *from);
void decode_ulimits(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_ulimits(struct encode *e, const struct field *f, const void *from);
void decode_cpuset(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_cpuset(struct encode *e, const struct field *f, const void *from);
void decode_security_opt(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_security_opt(struct encode *e, const struct field *f, const void *from);
void decode_volumes(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
/* An int at the row's offset: rights such as 0440. */
void decode_rights(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
bool spec_octal(struct str text, int *out);
struct node *encode_volumes(struct encode *e, const struct field *f, const void *from);
void decode_files(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_files(struct encode *e, const struct field *f, const void *from);
void decode_services(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);

void decode_jobs(struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
/* What a job needs besides, before service_finish. */
void draft_finish_job(struct decode *d, struct service_draft *draft);

/* The entries of a draft's `environment` and `env_file`, into its service. */
void environment_finish(struct decode *d, struct service_draft *draft);
/* The port that `ports` fixes, 0 if none (or not to be told): for references. */
int ports_peek(const struct node *ports);
/* `volumes` and `tmpfs` of a draft, into its service's mounts. */
void mounts_finish(struct decode *d, struct service_draft *draft);
/* Whether the service sees something of its own at this path. */
bool mounts_cover(const struct service *s, const char *path);
/* When all is decoded: named volumes are looked up, files get what is in them. */
void stores_finish(struct decode *d, struct project_draft *p);
/* What is in a config or secret: read once, and only if a service uses it. */
bool content_find(struct decode *d, struct project_draft *p, const char *name, bool is_secret,
    const struct span *span, struct hash *out);
/* `configs` and `secrets` of a draft, into its service's files. */
void files_finish(struct decode *d, struct project_draft *p, struct service_draft *draft);
/* In a document: the hash of what is in the file. */
#define FILE_CONTENT_KEY "x-tend-content"
/* What is in the services' files, into the project. */
void stores_fill(struct arena *a, struct project *p, const struct project_draft *draft);
/* deploy.restart_policy over restart. */
void restart_finish(struct decode *d, struct service_draft *draft);
/* What needs several keys: argv, environment, working directory, the probe. */
void service_finish(struct decode *d, struct service_draft *draft);
/* Texts of an argv as a list node. */
struct node *encode_texts(struct arena *a, const char *const *texts);

/* `outputs` of the project. */
void decode_outputs(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_outputs(struct encode *e, const struct field *f, const void *from);
/* Values of sensitive ones become "***". */
void outputs_redact(struct arena *a, struct node *outputs);

/* Merge a later file's tree over an earlier one's by the rows' rules. */
struct node *merge_nodes(
    struct arena *a, const struct field_table *table, struct node *earlier, struct node *later);
/* Take `!reset` and `!override` tags out of a tree that nothing is merged over any more. */
void merge_clean(struct node *n);

/* Checks that look at several services. A dependency that is not required and not there is left
 * out with a warning, so that every dependency of a project names a service of it. */
void check_services(struct diagnostics *d, struct project_draft *p);

/* What revisions and the document need to know of secrets. */
struct canonical_secrets {
    struct str revision_key;         /* for HMACs */
    const struct node *values;       /* of secret variables, which the document lists; NULL: none */
    const struct redactor *redactor; /* the same, to be found; NULL: none */
};

/* The canonical tree and the revisions; fills node, document, digest and each service's node and
 * revision. False if the document would be larger than YAML_DOCUMENT_BYTES_MAX. */
bool canonical_fill(struct arena *a, struct project *p, const struct project_draft *draft,
    const struct node *kinds, const struct canonical_secrets *secrets);

/* What stands in a canonical map was declared under the same keys, mostly: so its spans are. */
void canonical_copy_spans(struct node *canonical, const struct node *declared, struct span span);

/* A project that owns `a`, with one reference. */
struct project *project_adopt(struct arena *a, const struct project *p);

/* For names of services and projects: [a-z0-9][a-z0-9_-]*, at most 63 bytes. */
bool name_is_valid(struct str name);

#endif
