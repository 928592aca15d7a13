/* diagnostic.h - what is wrong in what a user wrote: a list, each with its place and a way out.
 *
 * Problems in a file are not errors of a call (base/err.h) but findings: all of them are collected
 * in one run, sorted by place, and shown the way compilers do:
 *
 *     error[unknown-key]: unknown key 'comand'
 *      --> tend.yaml:4:5
 *       |
 *     4 |     comand: python3 web.py
 *       |     ^^^^^^
 *       = help: did you mean 'command'?
 *
 * Words: a *source* is one file's name and text; a *span* is a stretch of bytes in it; a
 * diagnostic copies all that it shows, so that it outlives the sources. A source without text gives
 * diagnostics without a source line: that is how documents that hold resolved secrets are read.
 * The list is bounded: past DIAGNOSTICS_MAX findings are only counted. One thread at a time. */
#ifndef TEND_SPEC_DIAGNOSTIC_H
#define TEND_SPEC_DIAGNOSTIC_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIAGNOSTICS_MAX       1000 /* kept */
#define DIAGNOSTICS_SHOWN_MAX 100  /* rendered; then "and N more" */

struct source {
    const char *name; /* as the user would write it: "tend.yaml" */
    struct str text;  /* empty: never shown */
};

/* `at` and `end` are byte offsets; lines and columns (in characters) count from 1. A span without a
 * source is no place at all: a flag, a variable, the project as a whole. */
struct span {
    const struct source *source;
    uint32_t at, end;
    uint32_t line, column;
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

/* A place that is shown: with its line, so that it can be drawn later. */
struct excerpt {
    const char *file;                  /* NULL: no place */
    unsigned line, column, end_column; /* end_column is one past the last; at least column + 1 */
    const char *text;                  /* the source line; NULL if it is not to be shown */
};

struct diagnostic {
    enum severity severity;
    const char *code; /* what kind of finding, a name of codes.h: "unknown-key" */
    struct excerpt where;
    const char *message;       /* one sentence without a full stop, the wrong thing in quotes */
    const char *help;          /* what to write instead; NULL if there is nothing to say */
    struct excerpt other;      /* a second place, such as the first of two declarations */
    const char *other_message; /* what is there; NULL for none */
    const char *const *runs;   /* the runs that found it, NULL-terminated; NULL: all of them */
};

struct diagnostics;

struct diagnostics *diagnostics_create(void);
void diagnostics_destroy(struct diagnostics **d);

/* What follows is found in a run of its own, such as an environment of the project: what each run
 * finds again is shown once, and what only some of them find names these. At most
 * DIAGNOSTICS_RUNS_MAX are told apart. */
#define DIAGNOSTICS_RUNS_MAX 64
void diagnostics_begin_run(struct diagnostics *d, const char *name);
/* Another name for the run that is under way. */
void diagnostics_name_run(struct diagnostics *d, const char *name);

/* Add one; `code` is a constant. A span may be NULL. */
void diagnostics_add(struct diagnostics *d, enum severity severity, const char *code,
    const struct span *span, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
#define diagnostic_error(d, code, span, ...) \
    diagnostics_add((d), SEVERITY_ERROR, (code), (span), __VA_ARGS__)
#define diagnostic_warning(d, code, span, ...) \
    diagnostics_add((d), SEVERITY_WARNING, (code), (span), __VA_ARGS__)
#define diagnostic_note(d, code, span, ...) \
    diagnostics_add((d), SEVERITY_NOTE, (code), (span), __VA_ARGS__)
/* These belong to the diagnostic added last. */
void diagnostic_help(struct diagnostics *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void diagnostic_other(struct diagnostics *d, const struct span *span, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* How many were found, those past the bound too. */
size_t diagnostics_count(const struct diagnostics *d, enum severity severity);
/* No more are kept: not worth looking for suggestions. */
bool diagnostics_is_full(const struct diagnostics *d);
/* By file (in the order in which files first had a finding), line, column, severity; duplicates
 * are dropped. Done by the functions below as well. */
void diagnostics_sort(struct diagnostics *d);
/* NULL past the end. */
const struct diagnostic *diagnostics_at(struct diagnostics *d, size_t i);

/* For a terminal, errors, warnings and notes as they come in the files; `colours` uses ANSI. */
void diagnostics_render(struct diagnostics *d, struct buf *out, bool colours);
/* An array of {"severity","code","file","line","column","end_column","message","help","other",
 * "environments"}. */
void diagnostics_json(struct diagnostics *d, struct buf *out);

/* "error", "warning", "note". */
const char *severity_name(enum severity severity);

#endif
