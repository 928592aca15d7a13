/* plan.h - what a run will do, before it is done.
 *
 *     241 steps from 2026-11-28T05:00:00Z to 2026-11-28T09:00:00Z every 1m
 *     sum by (job): a row for each group
 *       rate: all windows of 5m in one pass
 *         select http_requests_total: samples from 2026-11-28T04:55:00.001Z to 2026-11-28T09:00:00Z
 *
 * The evaluator decides by the shape of the tree alone, so the plan is read off it: each line is a
 * node, its inputs are below it. "once" marks what is the same at every step and is computed at the
 * first. What streams is never there as a whole: its memory is one row. */
#ifndef TEND_OBSERVE_PROMQL_PLAN_H
#define TEND_OBSERVE_PROMQL_PLAN_H

#include "observe/promql/query.h"

/* Fails where the run would before it reads anything: too many steps, impossible durations. */
MUST_USE bool query_plan(const struct expression *e, const struct query_options *options,
    struct buf *out, struct err *err);

#endif
