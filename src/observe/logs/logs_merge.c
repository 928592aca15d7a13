#include "observe/logs/logs_private.h"

/* ---- a heap of slots by the time of their next line ---- */

static bool before(const struct logged_slot *a, const struct logged_slot *b)
{
    int64_t at_a = a->source.line.at_ns, at_b = b->source.line.at_ns;

    return at_a < at_b || (at_a == at_b && a->order < b->order);
}

static void push(struct reading *r, struct logged_slot *slot)
{
    vec_push(&r->heap, slot);
    size_t i = r->heap.count - 1;
    for (; i > 0 && before(slot, r->heap.at[(i - 1) / 2]); i = (i - 1) / 2)
        r->heap.at[i] = r->heap.at[(i - 1) / 2];
    r->heap.at[i] = slot;
}

/* The first has another time now. */
static void settle_first(struct reading *r)
{
    struct logged_slot *slot = r->heap.at[0];
    size_t i = 0;

    for (size_t child = 1; child < r->heap.count; child = 2 * i + 1) {
        if (child + 1 < r->heap.count && before(r->heap.at[child + 1], r->heap.at[child]))
            child++;
        if (!before(r->heap.at[child], slot))
            break;
        r->heap.at[i] = r->heap.at[child];
        i = child;
    }
    r->heap.at[i] = slot;
}

static void drop_first(struct reading *r)
{
    r->heap.at[0] = r->heap.at[--r->heap.count];
    if (r->heap.count > 0)
        settle_first(r);
}

/* ---- merging ---- */

static bool add_dirty(struct reading *r, struct err *err)
{
    VEC_EACH (&r->services, struct logged_service *, service) {
        if (!(*service)->dirty)
            continue;
        (*service)->dirty = false;
        VEC_EACH (&(*service)->slots, struct logged_slot *, slot) {
            enum log_next next = log_source_next(&(*slot)->source, err);
            if (next == LOG_NEXT_FAILED)
                return false;
            if (next == LOG_NEXT_LINE)
                push(r, *slot);
        }
    }
    return true;
}

static void give(struct reading *r, const struct log_line *line)
{
    if (r->skip > 0)
        r->skip--;
    else
        r->ended = !r->fn(r->data, line);
}

bool reading_merge(struct reading *r, struct err *err)
{
    TRY(add_dirty(r, err));
    while (r->heap.count > 0 && !r->ended) {
        struct logged_slot *slot = r->heap.at[0];
        if (reading_is_cancelled(r))
            return err_set(err, ERR_CANCELLED, "cancelled");
        give(r, &slot->source.line);
        enum log_next next = log_source_next(&slot->source, err);
        if (next == LOG_NEXT_FAILED)
            return false;
        if (next == LOG_NEXT_LINE)
            settle_first(r);
        else
            drop_first(r);
    }
    return true;
}
