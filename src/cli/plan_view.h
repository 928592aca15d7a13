/* plan_view.h - the plan for a project: made by the daemon, or here where there is none (then
 * nothing is observed, so everything is to be created). One thread. */
#ifndef TEND_CLI_PLAN_VIEW_H
#define TEND_CLI_PLAN_VIEW_H

#include "base/json.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "engine/survey.h"
#include "plan/part.h"
#include "plan/plan.h"
#include "spec/project.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What --target and --exclude name, a line each; NULL or "": all. Borrowed. */
struct plan_part {
    const char *targets, *excludes;
};

/* Of the flags, into `out`, which keeps the texts. */
struct plan_part plan_part_of(const struct cli *cli, struct arena *a);
/* Of a plan file's content. */
struct plan_part plan_part_read(const json_t *content, struct arena *a);
/* "target":[…],"exclude":[…] of an open object; nothing where there are none. */
void plan_part_write(const struct plan_part *part, struct json *j);

#define PART_FLAGS                                                                      \
    FLAG_VALUE("target", 0, "NAME", COMPLETES_SERVICE,                                  \
        "only this and what it needs, such as web or files.conf (several: repeat it)"), \
        FLAG_VALUE("exclude", 0, "NAME", COMPLETES_SERVICE,                             \
            "all but this and what needs it (several: repeat it)")

/* A plan and what keeps it; finished by plan_view_fini, also if making it failed. {0} is none. */
struct plan_view {
    struct arena *arena;
    struct plan plan;
    json_t *json;           /* as the daemon gave it; NULL: made here … */
    struct survey *survey;  /* … from this */
    struct managed managed; /* that it looked for */
    struct part part;       /* which it is of */
    int64_t began_ns;       /* CLOCK_BOOTTIME when the command began to make it */
};

/* Asks the daemon. */
MUST_USE bool plan_view_ask(struct client *c, const struct project *project,
    const struct plan_part *part, struct plan_view *out, struct err *err);
/* Another answer that is a plan. */
MUST_USE bool plan_view_ask_for(struct client *c, const char *method, const char *path,
    struct str body, struct plan_view *out, struct err *err);
/* In this process, where no daemon runs: files are looked at, services are all to be created. */
MUST_USE bool plan_view_make(struct cli *cli, const struct project *project,
    const struct plan_part *part, struct plan_view *out, struct err *err);
/* The same of what was applied last: how files have drifted from it. ERR_MISSING: nothing was. */
MUST_USE bool plan_view_make_drift(struct cli *cli, struct plan_view *out, struct err *err);
void plan_view_fini(struct plan_view *v);

/* Says where in its files each thing is declared; not for a project that was read from a document.
 */
void plan_view_add_places(struct plan_view *v, const struct project *project);
/* The whole plan, for `t`; `next` is the command that carries it out, NULL: not said. */
void plan_view_print(const struct cli *cli, const struct terminal *t, FILE *to, struct plan_view *v,
    const char *next);
/* As JSON, on stdout. */
void plan_view_print_json(const struct plan_view *v);
/* One line a change, on stderr. */
void plan_view_print_brief(struct cli *cli, const struct plan_view *v);

/* Of what the daemon (or plan_write_diff_json) answered to a diff. */
bool plan_view_is_empty(const json_t *diff);
/* A unified diff, coloured for `t`. */
void plan_view_print_diff(const struct terminal *t, FILE *to, const json_t *diff);

#endif
