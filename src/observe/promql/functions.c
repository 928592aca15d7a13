#include "observe/promql/functions.h"

#include "observe/promql/calls.h"
#include "observe/promql/window.h"

#include <math.h>
#include <string.h>

static double map_deg(double v)
{
    return v * 180 / M_PI;
}

static double map_rad(double v)
{
    return v * M_PI / 180;
}

static double map_sgn(double v)
{
    return v < 0 ? -1 : v > 0 ? 1 : v;
}

#define V TYPE_VECTOR
#define S TYPE_SCALAR

/* clang-format off: it crashes */
static const struct function functions[] = {
    {"abs", "v", V, .map = fabs, .help = "The absolute value of every sample."},
    {"absent", "v", V, .node = call_absent, .help = "1, with the labels that the selector's equality matchers name, where the vector is empty; else nothing."},
    {"absent_over_time", "m", V, .node = call_absent_over_time, .help = "As absent, of a range vector: where no series has a sample in the window."},
    {"acos", "v", V, .map = acos, .help = "The arccosine of every sample."},
    {"acosh", "v", V, .map = acosh, .help = "The inverse hyperbolic cosine of every sample."},
    {"asin", "v", V, .map = asin, .help = "The arcsine of every sample."},
    {"asinh", "v", V, .map = asinh, .help = "The inverse hyperbolic sine of every sample."},
    {"atan", "v", V, .map = atan, .help = "The arctangent of every sample."},
    {"atanh", "v", V, .map = atanh, .help = "The inverse hyperbolic tangent of every sample."},
    {"avg_over_time", "m", V, .window = window_avg, .sweep = sweep_avg, .help = "The mean of the samples in the window."},
    {"ceil", "v", V, .map = ceil, .help = "Every sample rounded up to a whole number."},
    {"changes", "m", V, .window = window_changes, .sweep = sweep_changes, .help = "How often the value changed within the window."},
    {"clamp", "vss", V, .node = call_clamp, .help = "Every sample, but not below the first and not above the second number."},
    {"clamp_max", "vs", V, .node = call_clamp_max, .help = "Every sample, but not above the number."},
    {"clamp_min", "vs", V, .node = call_clamp_min, .help = "Every sample, but not below the number."},
    {"cos", "v", V, .map = cos, .help = "The cosine of every sample."},
    {"cosh", "v", V, .map = cosh, .help = "The hyperbolic cosine of every sample."},
    {"count_over_time", "m", V, .window = window_count, .sweep = sweep_count, .help = "The number of samples in the window."},
    {"day_of_month", "?v", V, .unsafe_at = true, .map = date_day_of_month, .node = call_date, .help = "The day of the month, 1 to 31, of the times (seconds since 1970, UTC); of the evaluation time without an argument."},
    {"day_of_week", "?v", V, .unsafe_at = true, .map = date_day_of_week, .node = call_date, .help = "The day of the week, 0 (Sunday) to 6."},
    {"day_of_year", "?v", V, .unsafe_at = true, .map = date_day_of_year, .node = call_date, .help = "The day of the year, 1 to 366."},
    {"days_in_month", "?v", V, .unsafe_at = true, .map = date_days_in_month, .node = call_date, .help = "The number of days of the month, 28 to 31."},
    {"deg", "v", V, .map = map_deg, .help = "Radians to degrees."},
    {"delta", "m", V, .window = window_delta, .sweep = sweep_delta, .help = "The difference between the last and the first sample of the window, extrapolated to all of it; for gauges."},
    {"deriv", "m", V, .window = window_deriv, .help = "The per-second slope of a least-squares line through the samples; for gauges."},
    {"double_exponential_smoothing", "mss", V, .experimental = true, .window = window_double_smoothing, .help = "The last value of Holt's linear trend, with a smoothing and a trend factor between 0 and 1; for gauges."},
    {"end", "", S, .experimental = true, .unsafe_at = true, .node = call_end, .help = "The end of the query's range, in seconds since 1970."},
    {"exp", "v", V, .map = exp, .help = "e to the power of every sample."},
    {"first_over_time", "m", V, .experimental = true, .keeps_name = true, .window = window_first, .help = "The oldest sample in the window."},
    {"floor", "v", V, .map = floor, .help = "Every sample rounded down to a whole number."},
    {"histogram_avg", "v", V, .node = call_histogram_avg, .help = "Sum by count of native histograms."},
    {"histogram_count", "v", V, .node = call_histogram_count, .help = "The number of observations of native histograms."},
    {"histogram_fraction", "ssv", V, .node = call_histogram_fraction, .help = "The estimated share of observations between two values, of native and classic histograms."},
    {"histogram_quantile", "sv", V, .node = call_histogram_quantile, .help = "The estimated quantile of native histograms, and of classic ones by their `le` buckets."},
    {"histogram_quantiles", "vtss9", V, .experimental = true, .node = call_histogram_quantiles, .help = "Up to ten quantiles at once, in series that a label of the given name tells apart."},
    {"histogram_stddev", "v", V, .node = call_histogram_stddev, .help = "The estimated standard deviation of the observations of native histograms."},
    {"histogram_stdvar", "v", V, .node = call_histogram_stdvar, .help = "The estimated variance of the observations of native histograms."},
    {"histogram_sum", "v", V, .node = call_histogram_sum, .help = "The sum of the observations of native histograms."},
    {"holt_winters", "mss", V, .window = window_double_smoothing, .help = "What Prometheus 2 called double_exponential_smoothing; still understood."},
    {"hour", "?v", V, .unsafe_at = true, .map = date_hour, .node = call_date, .help = "The hour, 0 to 23."},
    {"idelta", "m", V, .window = window_idelta, .help = "The difference between the last two samples; for gauges."},
    {"increase", "m", V, .window = window_increase, .sweep = sweep_increase, .help = "How much a counter grew within the window, resets taken into account, extrapolated to all of it."},
    {"info", "v?v", V, .experimental = true, .node = call_info, .help = "Adds the labels of the matching info metrics (target_info unless a selector says otherwise)."},
    {"irate", "m", V, .window = window_irate, .help = "The per-second increase of a counter between the last two samples."},
    {"label_join", "vttt*", V, .node = call_label_join, .help = "Sets a label to the values of others, with a separator between them."},
    {"label_replace", "vtttt", V, .node = call_label_replace, .help = "Sets a label to a replacement ($1 is a group) where the regular expression matches all of another label's value."},
    {"last_over_time", "m", V, .keeps_name = true, .window = window_last, .sweep = sweep_last, .help = "The newest sample in the window."},
    {"ln", "v", V, .map = log, .help = "The natural logarithm of every sample."},
    {"log10", "v", V, .map = log10, .help = "The decimal logarithm of every sample."},
    {"log2", "v", V, .map = log2, .help = "The binary logarithm of every sample."},
    {"mad_over_time", "m", V, .experimental = true, .window = window_mad, .help = "The median absolute deviation of the samples in the window."},
    {"max_of", "ss", S, .experimental = true, .node = call_max_of, .help = "The larger of two numbers."},
    {"max_over_time", "m", V, .window = window_max, .sweep = sweep_max, .help = "The largest sample in the window."},
    {"min_of", "ss", S, .experimental = true, .node = call_min_of, .help = "The smaller of two numbers."},
    {"min_over_time", "m", V, .window = window_min, .sweep = sweep_min, .help = "The smallest sample in the window."},
    {"minute", "?v", V, .unsafe_at = true, .map = date_minute, .node = call_date, .help = "The minute, 0 to 59."},
    {"month", "?v", V, .unsafe_at = true, .map = date_month, .node = call_date, .help = "The month, 1 to 12."},
    {"pi", "", S, .node = call_pi, .help = "Pi."},
    {"predict_linear", "ms", V, .unsafe_at = true, .window = window_predict_linear, .help = "The value in so many seconds from the evaluation time, by a least-squares line through the samples; for gauges."},
    {"present_over_time", "m", V, .window = window_present, .help = "1 for every series that has a sample in the window."},
    {"quantile_over_time", "sm", V, .window = window_quantile, .help = "The quantile (0 to 1) of the samples in the window."},
    {"rad", "v", V, .map = map_rad, .help = "Degrees to radians."},
    {"range", "", S, .experimental = true, .unsafe_at = true, .node = call_range, .help = "The length of the query's range in seconds."},
    {"rate", "m", V, .window = window_rate, .sweep = sweep_rate, .help = "The per-second increase of a counter, averaged over the window, resets taken into account, extrapolated to all of it."},
    {"resets", "m", V, .window = window_resets, .sweep = sweep_resets, .help = "How often a counter was reset within the window."},
    {"round", "v?s", V, .node = call_round, .help = "Every sample rounded to the nearest multiple of the number (1), halves up."},
    {"scalar", "v", S, .node = call_scalar, .help = "The sample of a vector with one element; NaN if it has none or several."},
    {"sgn", "v", V, .map = map_sgn, .help = "The sign of every sample: -1, 0 or 1."},
    {"sin", "v", V, .map = sin, .help = "The sine of every sample."},
    {"sinh", "v", V, .map = sinh, .help = "The hyperbolic sine of every sample."},
    {"sort", "v", V, .keeps_name = true, .node = call_sort, .help = "Sorted by value, smallest first; only instant queries keep the order."},
    {"sort_by_label", "vt*", V, .experimental = true, .keeps_name = true, .node = call_sort_by_label, .help = "Sorted by the values of the labels, in natural order."},
    {"sort_by_label_desc", "vt*", V, .experimental = true, .keeps_name = true, .node = call_sort_by_label_desc, .help = "As sort_by_label, the other way round."},
    {"sort_desc", "v", V, .keeps_name = true, .node = call_sort_desc, .help = "Sorted by value, largest first."},
    {"sqrt", "v", V, .map = sqrt, .help = "The square root of every sample."},
    {"start", "", S, .experimental = true, .unsafe_at = true, .node = call_start, .help = "The start of the query's range, in seconds since 1970."},
    {"start_timestamp", "v", V, .experimental = true, .node = call_start_timestamp, .help = "When the counter of each sample began, in seconds since 1970."},
    {"stddev_over_time", "m", V, .window = window_stddev, .help = "The population standard deviation of the samples in the window."},
    {"stdvar_over_time", "m", V, .window = window_stdvar, .help = "The population variance of the samples in the window."},
    {"step", "", S, .experimental = true, .unsafe_at = true, .node = call_step, .help = "The step of the query in seconds; 0 for an instant query."},
    {"sum_over_time", "m", V, .window = window_sum, .sweep = sweep_sum, .help = "The sum of the samples in the window."},
    {"tan", "v", V, .map = tan, .help = "The tangent of every sample."},
    {"tanh", "v", V, .map = tanh, .help = "The hyperbolic tangent of every sample."},
    {"time", "", S, .unsafe_at = true, .node = call_time, .help = "The evaluation time in seconds since 1970."},
    {"timestamp", "v", V, .unsafe_at = true, .node = call_timestamp, .help = "The time of each sample in seconds since 1970."},
    {"ts_of_first_over_time", "m", V, .experimental = true, .window = window_ts_first, .help = "The time of the oldest sample in the window."},
    {"ts_of_last_over_time", "m", V, .experimental = true, .window = window_ts_last, .help = "The time of the newest sample in the window."},
    {"ts_of_max_over_time", "m", V, .experimental = true, .window = window_ts_max, .help = "The time of the (last) largest sample in the window."},
    {"ts_of_min_over_time", "m", V, .experimental = true, .window = window_ts_min, .help = "The time of the (last) smallest sample in the window."},
    {"vector", "s", V, .keeps_name = true, .node = call_vector, .help = "The number as a vector with one element that has no labels."},
    {"year", "?v", V, .unsafe_at = true, .map = date_year, .node = call_date, .help = "The year."},
};

const struct function *functions_all(size_t *out_count)
{
    *out_count = sizeof functions / sizeof *functions;
    return functions;
}

const struct function *function_find(struct str name)
{
    size_t low = 0, high = sizeof functions / sizeof *functions;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_cmp(name, str_from(functions[middle].name));
        if (order == 0)
            return &functions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

struct function_arity function_arity(const struct function *f)
{
    struct function_arity a = {0, 0};
    bool optional = false;

    for (const char *p = f->args; *p != '\0'; p++) {
        if (*p == '?') {
            optional = true;
        } else if (*p == '*') {
            a.min--; /* none is enough */
            a.max = SIZE_MAX;
        } else if (*p >= '0' && *p <= '9') {
            a.min--;
            a.max += (size_t)(*p - '0') - 1;
        } else {
            a.min += !optional;
            a.max++;
        }
    }
    return a;
}

enum value_type function_arg_type(const struct function *f, size_t i)
{
    char letter = 'v';

    for (const char *p = f->args; *p != '\0'; p++) {
        if (*p == '?' || *p == '*' || (*p >= '0' && *p <= '9'))
            continue;
        letter = *p;
        if (i-- == 0)
            break;
    }
    switch (letter) {
    case 's':
        return TYPE_SCALAR;
    case 't':
        return TYPE_STRING;
    case 'm':
        return TYPE_MATRIX;
    default:
        return TYPE_VECTOR;
    }
}
