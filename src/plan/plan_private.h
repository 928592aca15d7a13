/* plan_private.h - what the files of this folder share while a plan is made. */
#ifndef TEND_PLAN_PLAN_PRIVATE_H
#define TEND_PLAN_PLAN_PRIVATE_H

#include "plan/plan.h"

/* Sets the wave of each change, and sorts them: what is needed first; deletions last, what needs
 * others first. */
void plan_order(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count);
/* Services that something they need has changed for are restarted. Behind the comparison. */
void plan_restarts(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count);

/* ---- impact.c ---- */
/* Services that need a service that is replaced, with `restart: true`, are restarted too. Behind
 * plan_restarts, before the waves are found. */
void plan_spread_restarts(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count);
/* Each change's impact, and the plan's risk. */
void plan_judge(struct plan *p, const struct project *declared);
const char *plan_risk_name(enum plan_risk risk);
/* Nothing of it runs while it is changed, though something does now. */
bool change_is_down(const struct change *c);
/* A part of it is stopped. */
bool change_interrupts(const struct change *c);

/* ---- render.c ---- */
/* "is started", "is replaced, 1 of 3 at a time", … */
void change_write_summary(const struct change *c, struct buf *out);
/* Hunks of a text, each line behind `margin`. */
void plan_write_hunks(struct str hunks, const char *margin, struct buf *out);

/* ---- value.c ---- */
/* Columns that a UTF-8 text takes, taking each character for one. */
int plan_width(struct str text);
/* A value, cut to `columns`; of two that differ (`other` may be empty) the part where they do. */
void plan_write_value(
    struct buf *out, struct str value, struct str other, int columns, const char *ellipsis);

#endif
