/* output_view.h - a project's outputs, shown. One thread. */
#ifndef TEND_CLI_OUTPUT_VIEW_H
#define TEND_CLI_OUTPUT_VIEW_H

#include "cli/cli.h"
#include "spec/project.h"

/* All of them, "NAME = VALUE" lines; values of sensitive ones are not shown. Nothing for none. */
void output_view_print(struct cli *cli, const struct project *project);
/* {"NAME":{"value","description","sensitive"}} with all values. */
void output_view_print_json(const struct project *project);
/* The value alone, as it is: a text without quotes, others as JSON. False: there is none. */
bool output_view_print_one(struct cli *cli, const struct project *project, const char *name);
/* The name nearest to what was typed; NULL. */
const char *output_view_nearest(const struct project *project, const char *typed);

#endif
