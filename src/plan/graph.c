#include "plan/graph.h"

#include "base/json.h"
#include "base/must.h"

#include <string.h>

/* ---- making it ---- */

static void add_needs(
    struct graph_node *node, struct arena *a, const struct project *p, const struct service *s)
{
    struct graph_need *needs = arena_new_array(a, s->dependency_count + 1, struct graph_need);

    for (size_t d = 0; d < s->dependency_count; d++) {
        const struct dependency *dependency = &s->dependencies[d];
        const struct service *other = project_service(p, str_from(dependency->service));

        if (other != NULL) /* one that is not required may be missing */
            needs[node->need_count++] = (struct graph_need){.node = (size_t)(other - p->services),
                .condition = dependency->condition,
                .required = dependency->required};
    }
    node->needs = needs;
}

/* How many needs of each node are not placed yet; a node is placed when all are. */
struct placing {
    size_t *open, *queue, *first, *next, *of; /* who needs node n: of[first[n]], next … */
};

static void find_needers(struct placing *p, const struct graph_node *nodes, size_t count)
{
    size_t edge = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < nodes[i].need_count; d++) {
            size_t to = nodes[i].needs[d].node;

            edge++;
            p->of[edge] = i;
            p->next[edge] = p->first[to];
            p->first[to] = edge;
        }
}

/* In the order of what is needed, first things first. */
static void place(struct graph *g, struct graph_node *nodes, struct arena *a)
{
    struct placing p = {
        .open = arena_new_array(a, g->count + 1, size_t),
        .queue = arena_new_array(a, g->count + 1, size_t),
        .first = arena_new_array(a, g->count + 1, size_t),
        .next = arena_new_array(a, g->edge_count + 1, size_t),
        .of = arena_new_array(a, g->edge_count + 1, size_t),
    };
    size_t placed = 0, known = 0;

    find_needers(&p, nodes, g->count);
    for (size_t i = 0; i < g->count; i++)
        if ((p.open[i] = nodes[i].need_count) == 0)
            p.queue[known++] = i;
    for (; placed < known; placed++) {
        size_t at = p.queue[placed];

        g->waves = nodes[at].wave + 1 > g->waves ? nodes[at].wave + 1 : g->waves;
        for (size_t edge = p.first[at]; edge != 0; edge = p.next[edge]) {
            struct graph_node *needer = &nodes[p.of[edge]];

            if (needer->wave <= nodes[at].wave)
                needer->wave = nodes[at].wave + 1;
            if (--p.open[p.of[edge]] == 0)
                p.queue[known++] = p.of[edge];
        }
    }
}

void graph_make(struct graph *out, struct arena *a, const struct project *project)
{
    struct graph_node *nodes = arena_new_array(a, project->service_count + 1, struct graph_node);

    *out = (struct graph){
        .project = arena_copy(a, project->name), .nodes = nodes, .count = project->service_count};
    for (size_t i = 0; i < out->count; i++) {
        const struct service *s = &project->services[i];

        nodes[i] = (struct graph_node){.kind = s->is_job ? "job" : "service",
            .name = arena_copy(a, s->name),
            .replicas = s->replicas};
        add_needs(&nodes[i], a, project, s);
        out->edge_count += nodes[i].need_count;
    }
    for (size_t i = 0; i < out->count; i++)
        for (size_t d = 0; d < nodes[i].need_count; d++)
            nodes[nodes[i].needs[d].node].is_needed = true;
    place(out, nodes, a);
}

const char *graph_condition_name(enum depend_condition condition)
{
    static const char *const names[] = {
        [DEPEND_STARTED] = "started",
        [DEPEND_HEALTHY] = "healthy",
        [DEPEND_COMPLETED] = "completed",
    };

    must((size_t)condition < COUNT(names));
    return names[condition];
}

/* ---- as a tree ---- */

struct tree {
    const struct graph *graph;
    struct buf *out, prefix;
    bool *told;
};

static void write_label(struct tree *t, const struct graph_need *need, const struct graph_node *n)
{
    buf_add_text(t->out, n->name);
    if (n->replicas != 1)
        buf_format(t->out, " ×%d", n->replicas);
    if (need != NULL && need->condition != DEPEND_STARTED)
        buf_format(t->out, " (%s)", graph_condition_name(need->condition));
    if (need != NULL && !need->required)
        buf_add_text(t->out, " (optional)");
}

/* What `at` needs, below it. As deep as there are waves. */
static void write_needs(struct tree *t, size_t at)
{
    const struct graph_node *n = &t->graph->nodes[at];
    size_t indent = t->prefix.len;

    for (size_t d = 0; d < n->need_count && !buf_full(t->out); d++) {
        const struct graph_need *need = &n->needs[d];
        const struct graph_node *other = &t->graph->nodes[need->node];
        bool is_last = d + 1 == n->need_count, again = t->told[need->node];

        buf_add_str(t->out, buf_str(&t->prefix));
        buf_add_text(t->out, is_last ? "└─ " : "├─ ");
        write_label(t, need, other);
        buf_add_text(t->out, again && other->need_count > 0 ? " (as above)\n" : "\n");
        if (again)
            continue;
        t->told[need->node] = true;
        buf_add_text(&t->prefix, is_last ? "   " : "│  ");
        write_needs(t, need->node);
        t->prefix.len = indent;
        t->prefix.at[indent] = '\0';
    }
}

void graph_write_text(const struct graph *g, struct buf *out)
{
    struct arena *a = arena_create(0);
    struct tree t = {.graph = g,
        .out = out,
        .prefix = BUF_INIT(1u << 20),
        .told = arena_new_array(a, g->count + 1, bool)};

    for (size_t i = 0; i < g->count && !buf_full(out); i++) {
        if (g->nodes[i].is_needed)
            continue;
        write_label(&t, NULL, &g->nodes[i]);
        buf_add_byte(out, '\n');
        write_needs(&t, i);
    }
    buf_format(out, "\n%s: %zu service%s in %d wave%s\n", g->project, g->count,
        g->count == 1 ? "" : "s", g->waves, g->waves == 1 ? "" : "s");
    buf_fini(&t.prefix);
    arena_destroy(&a);
}

/* ---- for programs ---- */

void graph_write_json(const struct graph *g, struct buf *out)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_text(&j, "project", g->project);
    json_int(&j, "waves", g->waves);
    json_open_array(&j, "nodes");
    for (size_t i = 0; i < g->count; i++) {
        json_open_object(&j, NULL);
        json_text(&j, "kind", g->nodes[i].kind);
        json_text(&j, "name", g->nodes[i].name);
        json_int(&j, "wave", g->nodes[i].wave);
        json_int(&j, "replicas", g->nodes[i].replicas);
        json_end(&j);
    }
    json_end(&j);
    json_open_array(&j, "edges");
    for (size_t i = 0; i < g->count; i++)
        for (size_t d = 0; d < g->nodes[i].need_count; d++) {
            const struct graph_need *need = &g->nodes[i].needs[d];

            json_open_object(&j, NULL);
            json_text(&j, "from", g->nodes[i].name);
            json_text(&j, "to", g->nodes[need->node].name);
            json_text(&j, "condition", graph_condition_name(need->condition));
            json_bool(&j, "required", need->required);
            json_end(&j);
        }
    json_end(&j);
    json_end(&j);
    buf_add_byte(out, '\n');
}

/* Its quoting is that of JSON, as far as names go. */
static void quote(struct buf *out, const char *name)
{
    json_quote(out, str_from(name));
}

void graph_write_dot(const struct graph *g, struct buf *out)
{
    buf_add_text(out, "digraph ");
    quote(out, g->project);
    buf_add_text(out, " {\n  rankdir=RL;\n  node [shape=box];\n");
    for (size_t i = 0; i < g->count; i++) {
        buf_add_text(out, "  ");
        quote(out, g->nodes[i].name);
        buf_add_text(out, ";\n");
    }
    for (size_t i = 0; i < g->count; i++)
        for (size_t d = 0; d < g->nodes[i].need_count; d++) {
            const struct graph_need *need = &g->nodes[i].needs[d];

            buf_add_text(out, "  ");
            quote(out, g->nodes[i].name);
            buf_add_text(out, " -> ");
            quote(out, g->nodes[need->node].name);
            buf_format(out, " [label=\"%s\"%s];\n", graph_condition_name(need->condition),
                need->required ? "" : ",style=dashed");
        }
    buf_add_text(out, "}\n");
}
