#include "spec/diagnostic.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES_MAX     600
#define SOURCE_LINE_BYTES_MAX 240

struct entry {
    struct diagnostic shown;
    size_t file_order, order;
    uint64_t runs; /* a bit each */
};

struct diagnostics {
    struct arena *arena;
    struct {
        VEC_OF(struct entry);
    } entries;
    struct {
        VEC_OF(const char *);
    } files; /* in the order of their first finding */
    const char *runs[DIAGNOSTICS_RUNS_MAX];
    size_t run_count;
    size_t counts[3];  /* by severity */
    size_t added;      /* all that came in */
    bool last_dropped; /* the last one was past the bound: its help is not kept */
    bool sorted;
};

struct diagnostics *diagnostics_create(void)
{
    struct diagnostics *d = mem_new(struct diagnostics);

    d->arena = arena_create(0);
    return d;
}

void diagnostics_destroy(struct diagnostics **d)
{
    if (*d == NULL)
        return;
    arena_destroy(&(*d)->arena);
    vec_fini(&(*d)->entries);
    vec_fini(&(*d)->files);
    free(*d);
    *d = NULL;
}

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {
        [SEVERITY_ERROR] = "error", [SEVERITY_WARNING] = "warning", [SEVERITY_NOTE] = "note"};

    return names[severity];
}

static const char *format_message(struct diagnostics *d, const char *fmt, va_list args)
{
    struct buf text = BUF_INIT(1 << 20);

    buf_format_list(&text, fmt, args);
    struct str all = buf_str(&text);
    if (all.len > MESSAGE_BYTES_MAX)
        all.len = str_utf8_valid((struct str){.at = all.at, .len = MESSAGE_BYTES_MAX});
    const char *copy = arena_copy_str(d->arena, all).at;
    buf_fini(&text);
    return copy;
}

static unsigned count_characters(struct str text)
{
    unsigned n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    return n;
}

/* The line that holds byte `at`, without its line end. */
static struct str line_around(struct str text, size_t at)
{
    size_t from = at < text.len ? at : text.len, end = from;

    while (from > 0 && text.at[from - 1] != '\n')
        from--;
    while (end < text.len && text.at[end] != '\n' && text.at[end] != '\r')
        end++;
    return (struct str){.at = text.at + from, .len = end > from ? end - from : 0};
}

static size_t file_number(struct diagnostics *d, const char *name)
{
    for (size_t i = 0; i < d->files.count; i++)
        if (strcmp(d->files.at[i], name) == 0)
            return i;
    vec_push(&d->files, arena_copy(d->arena, name));
    return d->files.count - 1;
}

static struct excerpt excerpt_of(struct diagnostics *d, const struct span *span, size_t *out_file)
{
    struct excerpt e = {0};

    *out_file = SIZE_MAX;
    if (span == NULL || span->source == NULL)
        return e;
    *out_file = file_number(d, span->source->name);
    e.file = d->files.at[*out_file];
    e.line = span->line > 0 ? span->line : 1;
    e.column = span->column > 0 ? span->column : 1;
    e.end_column = e.column + 1;
    if (span->source->text.len == 0)
        return e;
    struct str text = span->source->text, line = line_around(text, span->at);
    const char *line_end = line.at + line.len;
    const char *from = text.at + (span->at < text.len ? span->at : text.len);
    e.column = from > line.at && from <= line_end
                   ? 1 + count_characters((struct str){.at = line.at, .len = from - line.at})
                   : 1;
    e.end_column = e.column + 1;
    const char *end = span->end <= text.len ? text.at + span->end : line_end;
    if (end > line_end)
        end = line_end;
    if (from < end)
        e.end_column = e.column + count_characters((struct str){.at = from, .len = end - from});
    if (line.len <= SOURCE_LINE_BYTES_MAX && str_utf8_valid(line) == line.len)
        e.text = arena_copy_str(d->arena, line).at;
    return e;
}

void diagnostics_begin_run(struct diagnostics *d, const char *name)
{
    if (d->run_count < DIAGNOSTICS_RUNS_MAX)
        d->runs[d->run_count++] = arena_copy(d->arena, name);
}

void diagnostics_name_run(struct diagnostics *d, const char *name)
{
    d->runs[d->run_count - 1] = arena_copy(d->arena, name);
}

void diagnostics_add(struct diagnostics *d, enum severity severity, const char *code,
    const struct span *span, const char *fmt, ...)
{
    va_list args;

    d->counts[severity]++;
    d->added++;
    d->last_dropped = d->entries.count >= DIAGNOSTICS_MAX;
    if (d->last_dropped)
        return;
    struct entry e = {
        .order = d->added, .shown = {.severity = severity, .code = code}
    };
    if (d->run_count > 0)
        e.runs = UINT64_C(1) << (d->run_count - 1);
    va_start(args, fmt);
    e.shown.message = format_message(d, fmt, args);
    va_end(args);
    e.shown.where = excerpt_of(d, span, &e.file_order);
    vec_push(&d->entries, e);
    d->sorted = false;
}

/* The one added last; NULL if it was not kept. */
static struct diagnostic *last_of(struct diagnostics *d)
{
    if (d->last_dropped || d->entries.count == 0 || d->sorted)
        return NULL;
    return &d->entries.at[d->entries.count - 1].shown;
}

void diagnostic_help(struct diagnostics *d, const char *fmt, ...)
{
    struct diagnostic *last = last_of(d);
    va_list args;

    if (last == NULL)
        return;
    va_start(args, fmt);
    last->help = format_message(d, fmt, args);
    va_end(args);
}

void diagnostic_other(struct diagnostics *d, const struct span *span, const char *fmt, ...)
{
    struct diagnostic *last = last_of(d);
    va_list args;
    size_t file;

    if (last == NULL)
        return;
    last->other = excerpt_of(d, span, &file);
    va_start(args, fmt);
    last->other_message = format_message(d, fmt, args);
    va_end(args);
}

size_t diagnostics_count(const struct diagnostics *d, enum severity severity)
{
    return d->counts[severity];
}

bool diagnostics_is_full(const struct diagnostics *d)
{
    return d->entries.count >= DIAGNOSTICS_MAX;
}

static int compare_place(const struct entry *a, const struct entry *b)
{
    const struct excerpt *x = &a->shown.where, *y = &b->shown.where;

    if (a->file_order != b->file_order)
        return a->file_order < b->file_order ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return (int)a->shown.severity - (int)b->shown.severity;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int place = compare_place(a, b);

    if (place != 0)
        return place;
    return a->order < b->order ? -1 : a->order > b->order;
}

static bool is_same_finding(const struct entry *a, const struct entry *b)
{
    return compare_place(a, b) == 0 && strcmp(a->shown.message, b->shown.message) == 0;
}

/* Whether an entry at the same place before it says the same: a shared node is walked twice, and
 * several runs find the same. */
static bool is_repeated(struct entry *entries, size_t i)
{
    for (size_t k = i; k-- > 0 && compare_place(&entries[k], &entries[i]) == 0;)
        if (is_same_finding(&entries[k], &entries[i])) {
            entries[k].runs |= entries[i].runs;
            return true;
        }
    return false;
}

static void name_runs(struct diagnostics *d, struct entry *e)
{
    const char **names = arena_new_array(d->arena, d->run_count + 1, const char *);
    size_t count = 0;

    for (size_t i = 0; i < d->run_count; i++)
        if ((e->runs >> i & 1) != 0)
            names[count++] = d->runs[i];
    e->shown.runs = count < d->run_count ? (const char *const *)names : NULL;
}

void diagnostics_sort(struct diagnostics *d)
{
    size_t kept = 0;

    if (d->sorted || d->entries.count == 0)
        return;
    qsort(d->entries.at, d->entries.count, sizeof *d->entries.at, compare_entries);
    for (size_t i = 0; i < d->entries.count; i++) {
        d->entries.at[kept] = d->entries.at[i];
        if (is_repeated(d->entries.at, kept))
            d->counts[d->entries.at[kept].shown.severity]--;
        else
            kept++;
    }
    d->entries.count = kept;
    for (size_t i = 0; d->run_count > 1 && i < kept; i++)
        name_runs(d, &d->entries.at[i]);
    d->sorted = true;
}

const struct diagnostic *diagnostics_at(struct diagnostics *d, size_t i)
{
    diagnostics_sort(d);
    return i < d->entries.count ? &d->entries.at[i].shown : NULL;
}
