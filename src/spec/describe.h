/* describe.h - the rows of the field tables in words for people: what `tend explain` and the
 * reference page show. Any thread. */
#ifndef TEND_SPEC_DESCRIBE_H
#define TEND_SPEC_DESCRIBE_H

#include "spec/fields.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

/* A table's name without its article: "service" for "a service". Never empty. */
struct str describe_table_name(const struct field_table *table);
/* "a duration", "a text or a list", "one of 'rollback', 'pause' or 'continue'"; bounds too. */
void describe_forms(const struct field *f, struct buf *out);
/* What a change does to a running service: "restarts", "lives on", "nothing"; "" where the rows
 * below say it. */
const char *describe_effect(const struct field *f);

/* Every table that can be reached from the project's and the registered kinds', each once, parents
 * first. Returns how many there are, at most DESCRIBE_TABLES_MAX. */
#define DESCRIBE_TABLES_MAX 256
size_t describe_tables(const struct field_table *out[DESCRIBE_TABLES_MAX]);

/* Where a path of keys leads. */
struct field_place {
    const struct field_table *table; /* that holds the row */
    const struct field *field;
};
/* "healthcheck.interval", from a service; or from the top of the file: "services.web.command". The
 * name of an entry may be any. False: there is no such key, and `out_nearest` is the nearest one in
 * the table where the path ends (or NULL). */
bool describe_find(struct str path, struct field_place *out, const char **out_nearest);

/* The row for a terminal, and as a JSON object. */
void describe_field(const char *path, const struct field_place *place, struct buf *out);
void describe_field_json(const char *path, const struct field_place *place, struct buf *out);

/* docs/reference/tend-yaml.md: a section for each table, a line for each row. */
void describe_reference(struct buf *out);

#endif
