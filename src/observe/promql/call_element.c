/* Functions of each sample that take more than the sample: clamp, round, dates, timestamps. */
#include "observe/promql/calls.h"

#include <math.h>

/* ---- clamp, round ---- */

/* As Go's math.Min and math.Max do it with not-a-number. */
static double clamp(double v, double low, double high)
{
    double least = isinf(v) == -1 || isinf(high) == -1 ? -INFINITY
                   : isnan(v) || isnan(high)           ? NAN
                   : v < high                          ? v
                                                       : high;

    if (isinf(least) == 1 || isinf(low) == 1)
        return INFINITY;
    return isnan(least) || isnan(low) ? NAN : least > low ? least : low;
}

static void clamp_rows(
    struct query *q, struct matrix *m, const struct grid *g, const double *low, const double *high)
{
    for (size_t k = 0; k < m->count; k++) {
        struct row *row = &m->rows[k];
        row_drop_histograms(row, g);
        for (size_t i = 0; i < g->count; i++) {
            double a = low != NULL ? low[i] : -INFINITY, b = high != NULL ? high[i] : INFINITY;
            if (b < a)
                bit_clear(row->present, i);
            row->values[i] = clamp(row->values[i], a, b);
        }
        row_lose_name(q, row);
    }
    matrix_drop_empty(m, g);
}

CALL(call_clamp)
{
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    clamp_rows(
        q, &out->vector, g, eval_scalar(q, n->call.args[1], g), eval_scalar(q, n->call.args[2], g));
}

CALL(call_clamp_min)
{
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    clamp_rows(q, &out->vector, g, eval_scalar(q, n->call.args[1], g), NULL);
}

CALL(call_clamp_max)
{
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    clamp_rows(q, &out->vector, g, NULL, eval_scalar(q, n->call.args[1], g));
}

CALL(call_round)
{
    double *to = n->call.arg_count > 1 ? eval_scalar(q, n->call.args[1], g) : NULL;

    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    for (size_t k = 0; k < out->vector.count; k++) {
        struct row *row = &out->vector.rows[k];
        row_drop_histograms(row, g);
        for (size_t i = 0; i < g->count; i++) {
            double inverse = 1.0 / (to != NULL ? to[i] : 1);
            row->values[i] = floor(row->values[i] * inverse + 0.5) / inverse;
        }
        row_lose_name(q, row);
    }
    matrix_drop_empty(&out->vector, g);
}

/* ---- dates: the Gregorian calendar in UTC, on days since 1970 ---- */

struct date {
    int64_t year, month, day, day_of_year, days, seconds;
};

#define SECONDS_MAX 9.2e18

/* What is no time at all: in Go it comes out as 2^63 seconds after 1970. */
static const struct date no_date = {.days = INT64_C(106751991167300), .seconds = 55808};

static struct date date_of(double t)
{
    bool is_time = t > -SECONDS_MAX && t < SECONDS_MAX;
    int64_t seconds = is_time ? (int64_t)t : 0;
    struct date d =
        is_time ? (struct date){.days = seconds / 86400, .seconds = seconds % 86400} : no_date;

    if (d.seconds < 0) {
        d.seconds += 86400;
        d.days--;
    }
    /* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March. */
    int64_t z = d.days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    d.day = doy - (153 * mp + 2) / 5 + 1;
    d.month = mp < 10 ? mp + 3 : mp - 9;
    d.year = yoe + era * 400 + (d.month <= 2);
    return d;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

double date_day_of_month(double t)
{
    return (double)date_of(t).day;
}

double date_day_of_week(double t)
{
    int64_t days = date_of(t).days;

    return (double)(((days + 4) % 7 + 7) % 7); /* 1970 began on a Thursday */
}

double date_days_in_month(double t)
{
    struct date d = date_of(t);

    return month_days[d.month - 1] + (d.month == 2 && is_leap(d.year));
}

double date_day_of_year(double t)
{
    struct date d = date_of(t);
    int64_t days = d.day + (d.month > 2 && is_leap(d.year));

    for (int64_t m = 0; m < d.month - 1; m++)
        days += month_days[m];
    return (double)days;
}

double date_hour(double t)
{
    return (double)(date_of(t).seconds / 3600);
}

double date_minute(double t)
{
    return (double)(date_of(t).seconds / 60 % 60);
}

double date_month(double t)
{
    return (double)date_of(t).month;
}

double date_year(double t)
{
    return (double)date_of(t).year;
}

CALL(call_date)
{
    struct row *row = matrix_add(q, &out->vector);

    out->type = TYPE_VECTOR;
    row_init(q, row, &labels_none, g);
    bits_fill(row->present, g->count);
    for (size_t i = 0; i < g->count; i++) {
        int64_t ms = grid_time(g, i);
        row->values[i] = n->call.function->map((double)(ms / 1000));
    }
}

/* ---- timestamps ---- */

struct collector {
    struct query *q;
    const struct grid *g;
    struct matrix *out;
};

static void collect(void *self, struct row *row)
{
    struct collector *c = self;

    row->histograms = NULL; /* the times are what is wanted */
    row_lose_name(c->q, row);
    row_copy(c->q, matrix_add(c->q, c->out), row, c->g);
}

/* Of a plain selector the samples' own times; of anything else the time of the step. */
static void times_of(struct query *q, const struct node *n, const struct grid *g,
    enum select_what what, struct value *out)
{
    const struct node *arg = node_unwrap(n->call.args[0]);
    struct collector c = {q, g, &out->vector};

    out->type = TYPE_VECTOR;
    if (arg->kind == NODE_SELECTOR) {
        select_each_of(q, arg, g, what, collect, &c);
        return;
    }
    if (what == SELECT_START)
        return;
    eval_vector(q, arg, g, &out->vector);
    for (size_t k = 0; k < out->vector.count; k++) {
        struct row *row = &out->vector.rows[k];
        row->histograms = NULL;
        for (size_t i = 0; i < g->count; i++)
            row->values[i] = (double)grid_time(g, i) / 1000;
        row_lose_name(q, row);
    }
}

CALL(call_timestamp)
{
    times_of(q, n, g, SELECT_TIME, out);
}

CALL(call_start_timestamp)
{
    if (q->options->start_timestamps)
        times_of(q, n, g, SELECT_START, out);
}
