/* arguments.h - argv, taken apart by the command table.
 *
 * Flags may stand before and behind the command and between its arguments: `--name value`,
 * `--name=value`, `-n value`, `-nvalue`, `-ab` for two that take none. `--` ends them. Pure: prints
 * nothing, looks at nothing but argv. All texts are borrowed from argv and the table. */
#ifndef TEND_CLI_ARGUMENTS_H
#define TEND_CLI_ARGUMENTS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "cli/commands.h"

struct given_flag {
    const struct flag *flag;
    const char *value; /* NULL for a flag that takes none */
};

struct arguments {
    const struct command *command; /* NULL: none was named */
    bool help;                     /* --help or -h was among the flags */
    bool version;                  /* --version or -V */
    struct {
        VEC_OF(struct given_flag);
    } flags;
    struct {
        VEC_OF(const char *);
    } words;          /* the command's arguments */
    char advice[200]; /* after a failure: what to type instead, "" for nothing better */
};

/* False: `err` says what is wrong and `advice` what to do. What came before the mistake (the
 * command, --json) is filled in. Call arguments_fini in any case. */
MUST_USE bool arguments_parse(
    struct arguments *out, int argc, const char *const *argv, struct err *err);
void arguments_fini(struct arguments *a);

/* Whether the flag was given; it must be one that the command or every command has. */
bool arguments_flag(const struct arguments *a, const char *name);
/* Its last value, or NULL. */
const char *arguments_value(const struct arguments *a, const char *name);
/* All of its values, `separator` between them; false if it was not given. */
bool arguments_join(const struct arguments *a, const char *name, char separator, struct buf *out);

#endif
