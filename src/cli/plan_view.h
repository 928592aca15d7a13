/* plan_view.h - the plan for a project: made by the daemon, or here where there is none (then
 * no service runs, so all are to be created). One thread. */
#ifndef TEND_CLI_PLAN_VIEW_H
#define TEND_CLI_PLAN_VIEW_H

#include "cli/cli.h"
#include "cli/client.h"
#include "spec/project.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Asks the daemon. The caller releases `out`. */
MUST_USE bool plan_ask(
    struct client *c, const struct project *project, json_t **out, struct err *err);
/* In this process, where no daemon runs: files are looked at, services are all to be created. NULL
 * with the reason. */
json_t *plan_compute(struct cli *cli, const struct project *project, struct err *err);

bool plan_view_is_empty(const json_t *plan);
/* The whole plan, coloured for `t`. */
void plan_view_print(const struct terminal *t, FILE *to, const json_t *plan);
/* A unified diff, coloured for `t`. */
void plan_view_print_diff(const struct terminal *t, FILE *to, const json_t *plan);
/* One line a change, on stderr. */
void plan_view_print_brief(struct cli *cli, const json_t *plan);

#endif
