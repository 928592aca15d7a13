/* load_private.h - one run of spec_load, and how files reach other files.
 *
 *     -f a.yaml ──include──▶ b.yaml ──include──▶ c.yaml      an *origin* each: who includes it,
 *        │                     │                              its folder, its own `.env`
 *        └─extends─▶ base.yaml └─extends─▶ …                  no origin of their own
 *
 * Each file is read, interpolated with the variables of its origin, given what it includes, and
 * has its services extended; only then it is merged over the files before it. What comes from
 * another folder gets absolute paths on the way (rebase), so that afterwards nobody has to know
 * where a value came from. Bounded: LOAD_FILES_MAX files with LOAD_FILES_BYTES_MAX together,
 * LOAD_NESTING_MAX levels of either kind, and NODE_COUNT_MAX nodes made by extending. */
#ifndef TEND_SPEC_LOAD_PRIVATE_H
#define TEND_SPEC_LOAD_PRIVATE_H

#include "spec/find.h"
#include "spec/spec_private.h"

#define LOAD_FILES_MAX       256
#define LOAD_FILES_BYTES_MAX (64u << 20)
#define LOAD_NESTING_MAX     32

/* Where a file's relative paths and variables come from. */
struct origin {
    struct load *load;
    const struct origin *parent; /* of the file that includes this one; NULL for -f */
    const char *path;            /* absolute */
    const char *dir;             /* absolute: paths are relative to it */
    struct node *dotenv;         /* asked after the parent's */
};

/* A file that services extend: read once for each origin. */
struct base_file {
    const char *path;
    const struct origin *origin;
    struct node *root; /* NULL: could not be read, which has been told */
};

/* ${files.conf.path} in the entry `from`, which so needs it. */
struct reference {
    const char *from; /* subject */
    const char *section, *name;
    struct span span;
};

/* The `environments` of a file, before one of them is chosen. */
struct overlays {
    const struct origin *origin;
    struct node *by_name;
};

/* Trees live in `scratch`; what the project keeps, in `arena`. */
struct load {
    const struct load_options *options;
    struct diagnostics *diagnostics;
    struct arena *scratch, *arena;
    const char *dir;         /* where the user is */
    const char *project_dir; /* absolute */
    struct node *dotenv;
    struct interpolation run; /* of all files, so that its bounds hold for them together */
    size_t file_count, file_bytes;
    struct {
        VEC_OF(struct base_file);
    } bases;
    size_t extended_weight; /* of all services that extend another */
    struct {
        VEC_OF(struct reference);
    } references;
    struct {
        VEC_OF(struct overlays);
    } overlays;                             /* included files before those that include them */
    struct map environment_names;           /* that may be chosen */
    const struct node *default_environment; /* what the files say; NULL: none */
    const char *environment;                /* the chosen one; NULL: none */
    bool environment_named;                 /* its overlay names the project */
    struct map variables;                   /* name → struct variable */
    struct node *secret_values;             /* texts of secret variables; NULL: none */
    struct redactor *secrets;               /* the same, to be found; NULL: none */
    struct {
        VEC_OF(struct source *);
    } sources; /* in `arena`; their texts go with this run */
    struct {
        VEC_OF(char *);
    } texts;
    struct project_draft draft;
};

/* Variables: the environment wins over `.env`. */
const char *load_outer_variable(void *load, const char *name);
const char *load_variable(void *load, const char *name);
/* The same as a file sees them: what includes it wins over its own `.env`. */
const char *origin_variable(void *origin, const char *name);

/* files.c; a NULL comes with a diagnostic, at `span` if that is not NULL. */
struct source *load_add_source(struct load *l, const char *name, struct str text);
/* A path in the load's words, and shown as the user would write it. */
struct found_file load_file_at(struct load *l, const char *dir, struct str path);
/* The same of a path that is absolute, or "-". */
const char *load_shown(struct load *l, const char *path);
/* NAME=value lines as a map. */
struct node *load_env_file(struct load *l, const struct found_file *file,
    const struct origin *parent, const struct span *span);
/* Replace variables in a file's tree, or in an overlay; not in the overlays of `environments`. */
void load_interpolate(struct load *l, struct node *root);
/* One file's tree with its variables replaced: a map or a null. */
struct node *load_tree(
    struct load *l, const struct found_file *file, struct origin *o, const struct span *span);
/* One file: its tree, with what it includes, its services extended. */
struct node *load_file(
    struct load *l, const struct found_file *file, struct origin *o, const struct span *span);

/* Take `include` out of `root` and put what it names in. */
void include_apply(struct load *l, const struct origin *o, struct node *root);
/* Take `extends` out of the services of `root`, which is the file `path`, and put in what it names;
 * names are looked for among `more` (NULL: none) first. */
void extends_apply(
    struct load *l, const struct origin *o, struct node *root, const struct node *more);
/* `include` and `extends` are read before `${services.…}` and `${var.…}` are known: false, with a
 * diagnostic, if there is one in `value`. */
bool load_has_no_reference(struct load *l, const char *name, const struct node *value);

/* environments.c */

/* Take `environments` out of a file's tree and keep them. */
void environments_collect(struct load *l, const struct origin *o, struct node *root);
/* The files' tree with the chosen overlay merged over it. */
struct node *environments_apply(struct load *l, struct node *root);

/* variables.c */

/* `NAME: value` in `variables` is short for `NAME: {default: value}`. */
void variables_normalise(struct load *l, struct node *root);
/* Take `variables` out of the tree, find their values, and put these in for ${var.NAME}. */
void variables_apply(struct load *l, struct node *root);
/* secrets.c */

/* The process learns the secrets that stand in a complete tree. */
void secrets_of_tree(struct load *l, struct node *root);
/* And those of files that were read for the project. */
void secrets_of_project(struct load *l, const struct project *p, bool from_document);

/* The stretch of the source below `span` that reads `text`; `span` itself if none does. */
struct span load_narrow(const struct span *span, struct str text);
/* A copy of a service in which the paths that are relative to `dir` are absolute. */
struct node *rebase_service(struct arena *a, struct node *service, const char *dir);
/* The same of an entry of a registered kind. */
struct node *rebase_entry(
    struct arena *a, const struct field_kind *kind, const struct node_pair *entry, const char *dir);
/* The same of a config or secret. */
struct node *rebase_store(struct arena *a, struct node *store, const char *dir);

/* Rows of both, for their tables. */
extern const struct field_table fields_include, fields_extends, fields_variable;

#endif
