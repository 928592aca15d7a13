/* decimal.h - binary floating point numbers as decimal text, and back.
 *
 * The text is the shortest that reads back as the same number, laid out as Go's strconv does it,
 * because Prometheus' formats are defined by that: 'f' never has an exponent, 'e' always has one of
 * at least two digits, 'g' has one below 1e-4 and from 1e21 on. Not-a-number is "NaN", the
 * infinities are "+Inf" and "-Inf". Any thread. */
#ifndef TEND_BASE_DECIMAL_H
#define TEND_BASE_DECIMAL_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* The longest is an 'f' of the smallest number: "-0.", 323 zeros, 17 digits. */
#define DECIMAL_TEXT_BYTES 352

#ifdef __cplusplus
extern "C" {
#endif

/* Each returns the length; the text is terminated. */
size_t decimal_format_f(double value, char out[DECIMAL_TEXT_BYTES]);
size_t decimal_format_e(double value, char out[DECIMAL_TEXT_BYTES]);
size_t decimal_format_g(double value, char out[DECIMAL_TEXT_BYTES]);
/* As the Prometheus API writes sample values: 'f', but 'e' below 1e-6 and from 1e21 on. */
size_t decimal_format_api(double value, char out[DECIMAL_TEXT_BYTES]);

/* The whole text, as Go's strconv.ParseFloat reads it: decimal or hexadecimal ("0x1p-2"), "inf",
 * "+Inf", "infinity", "nan" in any case. What overflows is false. */
bool decimal_parse(struct str text, double *out) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
