/* schema.h - JSON Schema (2020-12) of tend.yaml, made from the field tables.
 *
 * Editors complete and check with it; `tend check` remains the judge. The schema is therefore a
 * superset: whatever loads validates, and what it refuses does not load (but for a `name` that -p
 * stands in for). A value that holds a `$`
 * may become anything once its variables are known, so each typed value may also be a text with a
 * `$`; and a key without a value (null) counts as not declared, as it does in loading.
 *
 *     project ──▶ the schema itself          properties = its rows, no others but x-…
 *     service, healthcheck, … ──▶ $defs      one a table, by schema_table_name
 *     FIELD_REFUSED ──▶ only null is valid, deprecated, its reason as description and errorMessage
 *     FIELD_IGNORED ──▶ anything is valid, deprecated, its reason as description
 *
 * Registered kinds (fields_register) are properties of the project. Any thread. */
#ifndef TEND_SPEC_SCHEMA_H
#define TEND_SPEC_SCHEMA_H

#include "base/buf.h"

#define SCHEMA_ID        "urn:tend:schema:tend.yaml"
#define SCHEMA_BYTES_MAX (1u << 20)

/* Compact JSON, without a line end. */
void schema_write(struct buf *out);

#endif
