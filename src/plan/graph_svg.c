/* The graph as a picture: a column a wave, within it near to what it needs, and a curve for each
 * need. */
#include "plan/graph.h"

#include <stdlib.h>

enum {
    MARGIN = 16,
    BOX_HEIGHT = 32,
    ROW = 48,         /* from box to box in a column */
    GAP = 72,         /* between columns, for the curves */
    LETTER = 8,       /* of 13 px monospace, rounded up */
    BOX_PADDING = 24, /* left and right together */
};

struct box {
    size_t node;
    double rank; /* where it would like to be in its column */
    int row, x, y, width;
};

struct layout {
    const struct graph *graph;
    struct box *boxes;  /* by node */
    struct box **order; /* column by column */
    int *first;         /* of each column in `order`, and the end */
    int width, height;
};

static int text_columns(const char *name)
{
    int columns = 0;

    for (; *name != '\0'; name++)
        columns += ((unsigned char)*name & 0xc0) != 0x80;
    return columns;
}

static int by_rank(const void *a, const void *b)
{
    const struct box *x = *(struct box *const *)a, *y = *(struct box *const *)b;

    if (x->rank < y->rank || x->rank > y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->node < y->node ? -1 : 1;
}

/* The middle of what it needs, which stands in columns that have their rows already. */
static double rank_of(const struct layout *l, const struct graph_node *n)
{
    double sum = 0;

    for (size_t d = 0; d < n->need_count; d++)
        sum += l->boxes[n->needs[d].node].row;
    return n->need_count > 0 ? sum / (double)n->need_count : 0;
}

/* Counts, then sums, then each box to its column. */
static void fill_columns(struct layout *l, struct arena *a)
{
    const struct graph *g = l->graph;
    int *next = arena_new_array(a, (size_t)g->waves + 1, int);

    for (size_t i = 0; i < g->count; i++)
        l->first[g->nodes[i].wave + 1]++;
    for (int w = 0; w < g->waves; w++) {
        l->first[w + 1] += l->first[w];
        next[w] = l->first[w];
    }
    for (size_t i = 0; i < g->count; i++)
        l->order[next[g->nodes[i].wave]++] = &l->boxes[i];
}

static void place_column(struct layout *l, int wave, int x)
{
    int begin = l->first[wave], end = l->first[wave + 1], widest = 0;

    for (int i = begin; i < end; i++) {
        const struct graph_node *n = &l->graph->nodes[l->order[i]->node];

        l->order[i]->rank = rank_of(l, n);
        widest = text_columns(n->name) > widest ? text_columns(n->name) : widest;
    }
    qsort(&l->order[begin], (size_t)(end - begin), sizeof(struct box *), by_rank);
    for (int i = begin; i < end; i++) {
        struct box *b = l->order[i];

        b->row = i - begin;
        b->x = x;
        b->y = MARGIN + b->row * ROW;
        b->width = widest * LETTER + BOX_PADDING;
        l->width = x + b->width;
        l->height = b->y + BOX_HEIGHT > l->height ? b->y + BOX_HEIGHT : l->height;
    }
}

static void lay_out(struct layout *l, struct arena *a, const struct graph *g)
{
    *l = (struct layout){.graph = g,
        .boxes = arena_new_array(a, g->count + 1, struct box),
        .order = arena_new_array(a, g->count + 1, struct box *),
        .first = arena_new_array(a, (size_t)g->waves + 2, int),
        .height = MARGIN};
    for (size_t i = 0; i < g->count; i++)
        l->boxes[i].node = i;
    fill_columns(l, a);
    for (int w = 0, x = MARGIN; w < g->waves; w++, x = l->width + GAP)
        place_column(l, w, x);
}

static void escape(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '<':
            buf_add_text(out, "&lt;");
            break;
        case '&':
            buf_add_text(out, "&amp;");
            break;
        case '"':
            buf_add_text(out, "&quot;");
            break;
        default:
            buf_add_byte(out, (unsigned char)*text < ' ' ? ' ' : *text);
        }
}

/* From what is needed, on the left, to who needs it. */
static void draw_need(
    const struct layout *l, const struct box *to, const struct graph_need *need, struct buf *out)
{
    const struct box *from = &l->boxes[need->node];
    int x1 = from->x + from->width, y1 = from->y + BOX_HEIGHT / 2;
    int x2 = to->x, y2 = to->y + BOX_HEIGHT / 2, bend = GAP / 2;

    buf_format(out, "<path d=\"M%d %dC%d %d %d %d %d %d\"%s><title>%s</title></path>\n", x1, y1,
        x1 + bend, y1, x2 - bend, y2, x2, y2, need->required ? "" : " stroke-dasharray=\"4 3\"",
        graph_condition_name(need->condition));
}

static void draw_box(const struct box *b, struct buf *out)
{
    buf_format(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>\n", b->x, b->y,
        b->width, BOX_HEIGHT);
}

static void draw_name(const struct box *b, const char *name, struct buf *out)
{
    buf_format(out, "<text x=\"%d\" y=\"%d\">", b->x + b->width / 2, b->y + BOX_HEIGHT / 2 + 4);
    escape(out, name);
    buf_add_text(out, "</text>\n");
}

void graph_write_svg(const struct graph *g, struct buf *out)
{
    struct arena *a = arena_create(0);
    struct layout l;

    lay_out(&l, a, g);
    buf_format(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" role=\"img\">\n"
        "<title>",
        l.width + MARGIN, l.height + MARGIN);
    escape(out, g->project);
    buf_add_text(out, "</title>\n<g fill=\"none\" stroke=\"#777\">\n");
    for (size_t i = 0; i < g->count; i++)
        for (size_t d = 0; d < g->nodes[i].need_count; d++)
            draw_need(&l, &l.boxes[i], &g->nodes[i].needs[d], out);
    buf_add_text(out, "</g>\n<g fill=\"#fff\" stroke=\"#333\">\n");
    for (size_t i = 0; i < g->count; i++)
        draw_box(&l.boxes[i], out);
    buf_add_text(
        out, "</g>\n<g font-family=\"monospace\" font-size=\"13\" text-anchor=\"middle\">\n");
    for (size_t i = 0; i < g->count; i++)
        draw_name(&l.boxes[i], g->nodes[i].name, out);
    buf_add_text(out, "</g>\n</svg>\n");
    arena_destroy(&a);
}
