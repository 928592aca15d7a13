#include "base/units.h"

#include "base/clock.h"
#include "base/must.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    double size;
};

static const struct unit durations[] = {
    {"ns",  1                },
    {"us",  1e3              },
    {"µs", 1e3              },
    {"ms",  1e6              },
    {"s",   1e9              },
    {"m",   60e9             },
    {"h",   3600e9           },
    {"d",   24 * 3600e9      },
    {"w",   7 * 24 * 3600e9  },
    {"y",   365 * 24 * 3600e9},
};

static const struct unit sizes[] = {
    {"",    1              },
    {"b",   1              },
    {"k",   1024.0         },
    {"kb",  1024.0         },
    {"kib", 1024.0         },
    {"m",   1048576.0      },
    {"mb",  1048576.0      },
    {"mib", 1048576.0      },
    {"g",   1073741824.0   },
    {"gb",  1073741824.0   },
    {"gib", 1073741824.0   },
    {"t",   1099511627776.0},
    {"tb",  1099511627776.0},
    {"tib", 1099511627776.0},
};

/* Digits with at most one point; exact for what people write. */
static bool take_number(struct str *text, double *out)
{
    double value = 0, scale = 1;
    bool point = false;
    size_t digits = 0, i = 0;

    for (; i < text->len; i++) {
        char c = text->at[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            value = value * 10 + (c - '0');
            scale *= point ? 10 : 1;
            digits++;
        } else {
            break;
        }
    }
    *text = str_tail(*text, i);
    *out = value / scale;
    return digits > 0 && digits < 20;
}

static struct str take_unit(struct str *text)
{
    size_t len = 0;

    while (
        len < text->len && text->at[len] != '.' && !(text->at[len] >= '0' && text->at[len] <= '9'))
        len++;
    struct str unit = {.at = text->at, .len = len};
    *text = str_tail(*text, len);
    return unit;
}

static bool unit_size(
    const struct unit *units, size_t count, struct str name, bool any_case, double *out)
{
    for (size_t i = 0; i < count; i++) {
        bool same = name.len == strlen(units[i].name) &&
                    (any_case ? strncasecmp(name.at, units[i].name, name.len)
                              : strncmp(name.at, units[i].name, name.len)) == 0;
        if (same) {
            *out = units[i].size;
            return true;
        }
    }
    return false;
}

bool units_parse_duration(struct str text, int64_t *out_ns)
{
    double total = 0;

    if (text.len == 0)
        return false;
    if (str_is(text, "0")) {
        *out_ns = 0;
        return true;
    }
    while (text.len > 0) {
        double number, size;
        if (!take_number(&text, &number) ||
            !unit_size(durations, COUNT(durations), take_unit(&text), false, &size))
            return false;
        total += number * size;
    }
    if (total >= 9.2e18)
        return false;
    *out_ns = (int64_t)(total + 0.5);
    return true;
}

bool units_parse_bytes(struct str text, int64_t *out_bytes)
{
    double number, size;

    if (!take_number(&text, &number))
        return false;
    while (text.len > 0 && text.at[0] == ' ')
        text = str_tail(text, 1);
    if (!unit_size(sizes, COUNT(sizes), text, true, &size) || number * size >= 9.2e18)
        return false;
    *out_bytes = (int64_t)(number * size);
    return true;
}

void units_format_duration(int64_t ns, char out[UNITS_TEXT_BYTES])
{
    static const struct {
        const char *name;
        int64_t ns;
    } whole[] = {
        {"h", 3600 * NS_PER_S},
        {"m", 60 * NS_PER_S  },
    };
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < COUNT(whole); i++) {
        if (ns < whole[i].ns)
            continue;
        len += (size_t)snprintf(out + len, UNITS_TEXT_BYTES - len, "%lld%s",
            (long long)(ns / whole[i].ns), whole[i].name);
        ns %= whole[i].ns;
    }
    if (ns == 0 && len > 0)
        return;
    if (ns == 0)
        (void)snprintf(out, UNITS_TEXT_BYTES, "0s");
    else if (ns >= NS_PER_S)
        (void)snprintf(out + len, UNITS_TEXT_BYTES - len, "%.12gs", (double)ns / 1e9);
    else if (ns >= NS_PER_MS)
        (void)snprintf(out + len, UNITS_TEXT_BYTES - len, "%.12gms", (double)ns / 1e6);
    else if (ns >= 1000)
        (void)snprintf(out + len, UNITS_TEXT_BYTES - len, "%.12gus", (double)ns / 1e3);
    else
        (void)snprintf(out + len, UNITS_TEXT_BYTES - len, "%lldns", (long long)ns);
}

void units_format_about(int64_t ns, char out[UNITS_TEXT_BYTES])
{
    int64_t s = ns / NS_PER_S;

    if (ns < 0)
        (void)snprintf(out, UNITS_TEXT_BYTES, "0 s");
    else if (s >= 86400)
        (void)snprintf(out, UNITS_TEXT_BYTES, "%lld d %lld h", (long long)(s / 86400),
            (long long)(s % 86400 / 3600));
    else if (s >= 3600)
        (void)snprintf(out, UNITS_TEXT_BYTES, "%lld h %lld min", (long long)(s / 3600),
            (long long)(s % 3600 / 60));
    else if (s >= 600)
        (void)snprintf(out, UNITS_TEXT_BYTES, "%lld min", (long long)(s / 60));
    else if (s >= 60)
        (void)snprintf(
            out, UNITS_TEXT_BYTES, "%lld min %lld s", (long long)(s / 60), (long long)(s % 60));
    else if (s >= 10)
        (void)snprintf(out, UNITS_TEXT_BYTES, "%lld s", (long long)s);
    else if (s >= 1)
        (void)snprintf(out, UNITS_TEXT_BYTES, "%.1f s", (double)ns / 1e9);
    else if (ns >= 10 * NS_PER_MS)
        (void)snprintf(out, UNITS_TEXT_BYTES, "%lld ms", (long long)(ns / NS_PER_MS));
    else
        (void)snprintf(out, UNITS_TEXT_BYTES, "%.1f ms", (double)ns / 1e6);
}

void units_format_bytes(int64_t bytes, char out[UNITS_TEXT_BYTES])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t i = 0;

    while (fabs(value) >= 1024 && i + 1 < COUNT(names)) {
        value /= 1024;
        i++;
    }
    (void)snprintf(
        out, UNITS_TEXT_BYTES, value < 10 && i > 0 ? "%.1f %s" : "%.0f %s", value, names[i]);
}
