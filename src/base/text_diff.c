#include "base/text_diff.h"

#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

#define EDITS_MAX 1000 /* more differences than that are shown as one */

struct lines {
    VEC_OF(struct str);
};

/* One line of the script: ' ' stays, '-' goes, '+' comes. */
struct step {
    char sign;
    struct str text;
};

struct script {
    VEC_OF(struct step);
};

static void split(struct str text, struct lines *out)
{
    while (text.len > 0) {
        ptrdiff_t end = str_find(text, '\n');
        size_t len = end < 0 ? text.len : (size_t)end + 1;

        vec_push(out, (struct str){text.at, len});
        text = str_tail(text, len);
    }
}

/* ---- the script, backwards ---- */

struct search {
    const struct str *a, *b;
    ptrdiff_t n, m;
    ptrdiff_t *furthest; /* by diagonal, -EDITS_MAX … EDITS_MAX */
    ptrdiff_t **trace;   /* a copy of it before each number of edits */
    ptrdiff_t edits;
};

static ptrdiff_t *at(ptrdiff_t *furthest, ptrdiff_t k)
{
    return &furthest[k + EDITS_MAX + 1];
}

static bool down(ptrdiff_t *furthest, ptrdiff_t d, ptrdiff_t k)
{
    return k == -d || (k != d && *at(furthest, k - 1) < *at(furthest, k + 1));
}

/* With d edits, how far each diagonal leads; whether the end was met. */
static bool extend(struct search *s, ptrdiff_t d)
{
    for (ptrdiff_t k = -d; k <= d; k += 2) {
        ptrdiff_t x =
            down(s->furthest, d, k) ? *at(s->furthest, k + 1) : *at(s->furthest, k - 1) + 1;
        ptrdiff_t y = x - k;

        while (x < s->n && y < s->m && str_eq(s->a[x], s->b[y])) {
            x++;
            y++;
        }
        *at(s->furthest, k) = x;
        if (x >= s->n && y >= s->m)
            return true;
    }
    return false;
}

static bool search(struct search *s)
{
    ptrdiff_t most = s->n + s->m < EDITS_MAX ? s->n + s->m : EDITS_MAX;

    for (ptrdiff_t d = 0; d <= most; d++) {
        size_t cells = (size_t)(2 * d + 3);

        s->trace[d] = mem_new_array(cells, ptrdiff_t);
        memcpy(s->trace[d], at(s->furthest, -d - 1), cells * sizeof(ptrdiff_t));
        s->edits = d;
        if (extend(s, d))
            return true;
    }
    return false;
}

/* What stood at diagonal k before round d. */
static ptrdiff_t before_round(const struct search *s, ptrdiff_t d, ptrdiff_t k)
{
    return s->trace[d][k + d + 1];
}

static void walk_back(const struct search *s, struct script *out)
{
    ptrdiff_t x = s->n, y = s->m;

    for (ptrdiff_t d = s->edits; d >= 0; d--) {
        ptrdiff_t k = x - y;
        bool is_down = k == -d || (k != d && before_round(s, d, k - 1) < before_round(s, d, k + 1));
        ptrdiff_t from_x = before_round(s, d, is_down ? k + 1 : k - 1);
        ptrdiff_t from_y = from_x - (is_down ? k + 1 : k - 1);

        if (d == 0)
            from_x = from_y = 0;
        while (x > from_x && y > from_y) {
            x--;
            y--;
            vec_push(out, (struct step){' ', s->a[x]});
        }
        if (d == 0)
            return;
        if (is_down)
            vec_push(out, (struct step){'+', s->b[--y]});
        else
            vec_push(out, (struct step){'-', s->a[--x]});
    }
}

static void reverse(struct script *s)
{
    for (size_t i = 0; i + 1 < s->count - i; i++) {
        struct step kept = s->at[i];

        s->at[i] = s->at[s->count - 1 - i];
        s->at[s->count - 1 - i] = kept;
    }
}

static void compare(const struct lines *a, const struct lines *b, struct script *out)
{
    struct search s = {.a = a->at, .b = b->at, .n = (ptrdiff_t)a->count, .m = (ptrdiff_t)b->count};

    s.furthest = mem_new_array(2 * EDITS_MAX + 4, ptrdiff_t);
    s.trace = mem_new_array(EDITS_MAX + 1, ptrdiff_t *);
    if (search(&s)) {
        walk_back(&s, out);
        if (out->count > 0)
            reverse(out);
    } else {
        VEC_EACH (a, const struct str, line)
            vec_push(out, (struct step){'-', *line});
        VEC_EACH (b, const struct str, line)
            vec_push(out, (struct step){'+', *line});
    }
    for (ptrdiff_t d = 0; d <= s.edits; d++)
        free(s.trace[d]);
    free(s.trace);
    free(s.furthest);
}

/* ---- hunks ---- */

struct hunk {
    size_t begin, end;    /* of the script */
    size_t before, after; /* line numbers from 0 at its beginning */
};

/* The next hunk from step `from`, where `before` and `after` are counted so far. */
static bool next_hunk(const struct script *s, size_t context, struct hunk *h)
{
    size_t first = h->end, quiet = 0;
    size_t before = h->before, after = h->after;

    while (first < s->count && s->at[first].sign == ' ')
        first++;
    if (first == s->count)
        return false;
    h->begin = first - h->end > context ? first - context : h->end;
    before += h->begin - h->end;
    after += h->begin - h->end;
    h->end = first;
    for (size_t i = first; i < s->count && quiet <= 2 * context; i++) {
        quiet = s->at[i].sign == ' ' ? quiet + 1 : 0;
        if (quiet == 0)
            h->end = i + 1;
    }
    h->end = h->end + context < s->count ? h->end + context : s->count;
    h->before = before;
    h->after = after;
    return true;
}

static void write_range(struct buf *out, char sign, size_t begin, size_t count)
{
    if (count == 1)
        buf_format(out, "%c%zu", sign, begin + 1);
    else
        buf_format(out, "%c%zu,%zu", sign, count > 0 ? begin + 1 : begin, count);
}

static void write_step(struct buf *out, const struct step *step)
{
    buf_add_byte(out, step->sign);
    buf_add_str(out, step->text);
    if (!str_ends(step->text, "\n"))
        buf_add_text(out, "\n\\ No newline at end of file\n");
}

static void write_head(struct buf *out, const struct hunk *h, size_t goes, size_t comes)
{
    buf_add_text(out, "@@ ");
    write_range(out, '-', h->before, goes);
    buf_add_byte(out, ' ');
    write_range(out, '+', h->after, comes);
    buf_add_text(out, " @@\n");
}

static void write_hunks(const struct script *s, size_t context, size_t lines_max, struct buf *out)
{
    struct hunk h = {0};
    size_t lines = 0, left_out = 0;

    while (next_hunk(s, context, &h)) {
        size_t goes = 0, comes = 0;

        for (size_t i = h.begin; i < h.end; i++) {
            goes += s->at[i].sign != '+';
            comes += s->at[i].sign != '-';
        }
        if (lines < lines_max)
            write_head(out, &h, goes, comes);
        for (size_t i = h.begin; i < h.end; i++)
            if (lines++ < lines_max)
                write_step(out, &s->at[i]);
            else
                left_out++;
        h.before += goes;
        h.after += comes;
    }
    if (left_out > 0)
        buf_format(out, "… %zu more line%s\n", left_out, left_out == 1 ? "" : "s");
}

void text_diff(
    struct str before, struct str after, size_t context, size_t lines_max, struct buf *out)
{
    struct lines a = {0}, b = {0};
    struct script s = {0};

    if (str_eq(before, after))
        return;
    split(before, &a);
    split(after, &b);
    compare(&a, &b, &s);
    write_hunks(&s, context, lines_max, out);
    vec_fini(&a);
    vec_fini(&b);
    vec_fini(&s);
}
