/* graph.h - which resource needs which: the order in which a plan's waves go, for people.
 *
 *     web                 wave 0   db  cache      needs nothing: first
 *     ├─ api (healthy)    wave 1   api
 *     │  └─ db            wave 2   web            last
 *     └─ cache
 *
 * A wave is the longest way down along what a resource needs; those of one wave go at once. Pure;
 * everything lives in the arena. Any thread. */
#ifndef TEND_PLAN_GRAPH_H
#define TEND_PLAN_GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "spec/project.h"

struct graph_need {
    size_t node; /* index of what is needed */
    enum depend_condition condition;
    bool required;
};

struct graph_node {
    const char *kind, *name;
    int replicas;
    int wave;
    bool is_needed; /* by some other */
    const struct graph_need *needs;
    size_t need_count;
};

struct graph {
    const char *project;
    const struct graph_node *nodes; /* in the order of the file */
    size_t count, edge_count;
    int waves;
};

/* The loader has refused cycles. Linear in services and what they need. */
void graph_make(struct graph *out, struct arena *a, const struct project *project);

/* A tree: each resource with what it needs below it; what stands there twice is told once. */
void graph_write_text(const struct graph *g, struct buf *out);
/* {"v":1,"project":…,"waves":N,"nodes":[{"kind","name","wave","replicas"}],
 *  "edges":[{"from","to","condition","required"}]}: `from` needs `to` */
void graph_write_json(const struct graph *g, struct buf *out);
/* Graphviz. */
void graph_write_dot(const struct graph *g, struct buf *out);
/* A picture on its own, one column a wave, first on the left. */
void graph_write_svg(const struct graph *g, struct buf *out);

/* "started", "healthy", "completed" */
const char *graph_condition_name(enum depend_condition condition);

#endif
