/* load.h - from files, or from a resolved document, to a project.
 *
 *     files ─▶ read ─▶ interpolate ─▶ merge ─▶ decode by tables ─▶ check ─▶ project
 *                                                   ▲                          │ document
 *     document (canonical JSON) ─▶ read ────────────┘◀─────────────────────────┘
 *
 * A project's document is its canonical form: JSON in tend.yaml's own words, keys sorted, all
 * variables, files, relative paths and merges resolved and everything that equals its default left
 * out. spec_load_document gives the same project and digest from it (services sorted by name)
 * without reading any file or variable, so the CLI resolves where the user is and the daemon runs
 * exactly what was shown. `x-tend-directory` in it holds the project's folder.
 *
 * An *environment* is an overlay of `environments`, merged over the files. Its name is a part of
 * the project's name (shop-staging), so that each has a state of its own; `name` in the overlay
 * replaces all of it. *Variables* (`variables`, used as ${var.NAME}) get their values from, in this
 * order: vars, var_files, TEND_VAR_NAME, the overlay, their default.
 *
 * File names, merging, `.env`, COMPOSE_FILE, COMPOSE_PROFILES and COMPOSE_PROJECT_NAME follow
 * Compose. Any thread; blocks on the disk. */
#ifndef TEND_SPEC_LOAD_H
#define TEND_SPEC_LOAD_H

#include "spec/diagnostic.h"
#include "spec/project.h"

#include "base/buf.h"
#include "base/str.h"

#define LOAD_SERVICES_MAX 10000
#define LOAD_REPLICAS_MAX 10000

/* The value of an environment variable, or NULL. */
typedef const char *(*load_variable_fn)(void *context, const char *name);

/* An environment that is declared, and whether it is the one that is loaded. */
typedef void (*load_environment_fn)(void *context, const char *name, bool is_chosen);

/* Zero is a good start: files are searched from the current directory upwards and variables come
 * from the process's environment. Everything is borrowed for the call. */
struct load_options {
    const char *const
        *files;        /* -f, in order: later ones are merged over earlier ones; "-" is stdin */
    size_t file_count; /* 0: COMPOSE_FILE, else searched */
    const char *dir;   /* where the user is; NULL: the current directory */
    const char *project_dir; /* paths in files are relative to it; NULL: folder of the first file */
    const char *project_name;    /* -p; NULL: COMPOSE_PROJECT_NAME, `name:`, the folder's name */
    const char *const *profiles; /* active ones, besides COMPOSE_PROFILES */
    size_t profile_count;
    load_variable_fn variable; /* NULL: getenv */
    void *variable_context;
    const char *environment; /* --env; NULL or "": TEND_ENV, `default_environment`, none */
    const char *const *vars; /* "NAME=VALUE"; they win over … */
    size_t var_count;
    const char *const *var_files; /* maps of names and values, or NAME=VALUE lines in a *.env */
    size_t var_file_count;
    load_environment_fn environment_fn; /* told each environment that is declared; NULL: nobody */
    void *environment_context;
    bool strict;             /* a warning is as good as an error */
    struct str revision_key; /* HMAC key for secrets in revisions; empty: 32 zero bytes */
};

/* The project with one reference, or NULL; then there is at least one error in `d`. Warnings and
 * notes may be there either way. */
const struct project *spec_load(const struct load_options *options, struct diagnostics *d);
/* The same from a canonical document. Diagnostics show no source lines: it holds secrets. */
const struct project *spec_load_document(
    struct str document, struct str revision_key, struct diagnostics *d);

/* The document for people: as it is, with every value of an environment replaced by "***" where
 * the entry is secret, or in all of them. */
void spec_write_redacted(const struct project *p, bool all_values, struct buf *out);

/* Whether an environment variable's value is taken for a secret: by its name (a word of it is
 * PASSWORD, PASS, SECRET, TOKEN, KEY, CREDENTIAL, … or it contains one of the longer ones), or
 * since the value is a URL with a password. */
bool spec_is_secret(struct str name, struct str value);
/* Whether the name leaves no doubt: it contains PASSWORD, SECRET, TOKEN or their like. */
bool spec_name_is_secret(struct str name);

/* A copy of the `secrets` of a canonical service without what tells about their contents. */
struct arena;
struct node;
struct node *spec_conceal_files(struct arena *a, const struct node *files);

#endif
