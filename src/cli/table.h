/* table.h - rows in columns, as wide as their widest cell; wide characters count as wide.
 *
 *     struct table t;
 *     table_init(&t, &cli->out, "SERVICE", "STATE", ">READY", NULL);     ">": aligned to the right
 *     table_cell(&t, TONE_PLAIN, "web");
 *     …
 *     table_render(&t, &out);
 *     table_fini(&t);
 *
 * Cells are escaped (text.h). On a terminal the last column is cut where the line ends. */
#ifndef TEND_CLI_TABLE_H
#define TEND_CLI_TABLE_H

#include "base/buf.h"
#include "base/vec.h"
#include "cli/terminal.h"

#define TABLE_COLUMNS_MAX 12

struct table_cell {
    char *text; /* escaped */
    enum tone tone;
};

struct table {
    const struct terminal *terminal;
    const char *titles[TABLE_COLUMNS_MAX];
    size_t columns;
    struct {
        VEC_OF(struct table_cell);
    } cells; /* row by row */
};

/* Titles up to NULL; they are borrowed. */
void table_init(struct table *t, const struct terminal *terminal, ...) __attribute__((sentinel));
void table_fini(struct table *t);
/* Cells go from left to right, a new row begins behind the last column. */
void table_cell(struct table *t, enum tone tone, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends the lines, the titles first. */
void table_render(const struct table *t, struct buf *out);

#endif
