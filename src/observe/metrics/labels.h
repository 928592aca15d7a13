/* labels.h - label sets: the names of series.
 *
 * A label is a name and a value, each a *symbol*: text that is stored once per table, with its hash
 * beside it, so that labels are compared and grouped without reading text. Two symbols of the same
 * table are equal exactly if their pointers are; of different tables, if hash and text are.
 *
 * A label set is sorted by name, has no name twice and no empty value (an empty value is the same
 * as no label), and is immutable: borrowed freely, owned by whoever made it (a store, a query's
 * arena). `__name__` is a label like others.
 *
 * Any thread may read; a table of symbols is written by one thread at a time. */
#ifndef TEND_OBSERVE_METRICS_LABELS_H
#define TEND_OBSERVE_METRICS_LABELS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
    uint64_t hash; /* XXH3 of the text */
    uint32_t len;
    char text[]; /* terminated, which `len` does not count */
};

struct label {
    const struct symbol *name, *value;
};

struct labels {
    uint64_t hash; /* of names and values, in order */
    uint32_t count;
    struct label at[];
};

/* ---- symbols ---- */
struct symbols;

struct symbols *symbols_create(void);
void symbols_destroy(struct symbols **s);
/* The one symbol of that text; lives as long as the table. */
const struct symbol *symbols_intern(struct symbols *s, struct str text);

/* A symbol of no table. */
const struct symbol *symbol_create(struct arena *a, struct str text);

static inline struct str symbol_str(const struct symbol *s)
{
    return (struct str){.at = s->text, .len = s->len};
}

bool symbol_eq_other(const struct symbol *a, const struct symbol *b);
static inline bool symbol_eq(const struct symbol *a, const struct symbol *b)
{
    return a == b || (a->hash == b->hash && symbol_eq_other(a, b));
}

/* ---- label sets ---- */
extern const struct labels labels_none;

#define LABEL_NAME "__name__"

/* From pairs in any order; the last of a repeated name counts, empty values vanish. */
const struct labels *labels_create(struct arena *a, const struct label *pairs, size_t count);
bool labels_eq(const struct labels *a, const struct labels *b);
/* As Prometheus orders series: name by name, value by value, a shorter set first. */
int labels_cmp(const struct labels *a, const struct labels *b);
/* The value of `name`, "" if there is none. */
struct str labels_get(const struct labels *l, struct str name);
const struct symbol *labels_find(const struct labels *l, struct str name);

/* What stays of `l`: those named (keep) or all others. `names` need no order. */
const struct labels *labels_project(
    struct arena *a, const struct labels *l, const struct str *names, size_t count, bool keep);
/* The hash and equality that labels_project's result would have, without making it. */
uint64_t labels_project_hash(
    const struct labels *l, const struct str *names, size_t count, bool keep);
bool labels_project_eq(const struct labels *x, const struct labels *y, const struct str *names,
    size_t count, bool keep);
/* `l` with `name` set to `value`; an empty value removes it. */
const struct labels *labels_with(
    struct arena *a, const struct labels *l, struct str name, struct str value);

/* Prometheus' own 64-bit hash of a label set (XXH64 of its length-prefixed texts): limit_ratio
 * samples by it, so that both pick the same series. */
uint64_t labels_prometheus_hash(const struct labels *l);

/* `{__name__="x", a="b"}`, quoted as Go does: how errors of Prometheus show a series. */
void labels_format(struct buf *out, const struct labels *l);
/* [a-zA-Z_][a-zA-Z0-9_]*, the names that need no quotes; metric names may have colons too. */
bool labels_plain_name(struct str name);
bool labels_plain_metric(struct str name);
/* As Go's strconv.Quote. */
void labels_quote(struct buf *out, struct str text);

#endif
