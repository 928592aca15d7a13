#include "base/zone.h"

#include "base/buf.h"
#include "base/calendar.h"
#include "base/fs.h"
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_S_MAX (26 * 3600)        /* RFC 9636 */
#define STEP_S_MAX   (INT64_C(1) << 59) /* before which there is nothing */
#define STEPS_MAX    4096

/* When a rule's half begins in each year. */
struct moment {
    enum { MOMENT_WEEK, MOMENT_JULIAN, MOMENT_ORDINAL } kind;
    int month, week, weekday; /* Mm.w.d; week 5 is the last */
    int day;                  /* Jn: 1 to 365 without 29 February; n: 0 to 365 with it */
    int time_s;               /* of the day, may be outside of it */
};

struct rule {
    int32_t standard_s, summer_s;
    bool has_summer;
    struct moment begin, end; /* of summer time, in the local time until then */
};

struct step {
    int64_t at_s;
    int32_t offset_s; /* from then on */
};

struct zone {
    int32_t first_s; /* before the first step */
    const struct step *steps;
    size_t count;
    bool has_rule; /* holds behind the last step */
    struct rule rule;
};

const struct zone *zone_utc(void)
{
    static const struct zone utc;

    return &utc;
}

/* ---- POSIX TZ ---- */

struct reader {
    struct str rest;
    bool ok;
};

static bool take_byte(struct reader *r, char byte)
{
    if (r->rest.len == 0 || r->rest.at[0] != byte)
        return false;
    r->rest = str_tail(r->rest, 1);
    return true;
}

static int take_number(struct reader *r, int max)
{
    int value = 0, digits = 0;

    while (r->rest.len > 0 && r->rest.at[0] >= '0' && r->rest.at[0] <= '9' && digits < 4) {
        value = value * 10 + (r->rest.at[0] - '0');
        r->rest = str_tail(r->rest, 1);
        digits++;
    }
    if (digits == 0 || value > max)
        r->ok = false;
    return value;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "CET", or "<+03>" */
static void skip_abbreviation(struct reader *r)
{
    size_t len = 0;

    if (take_byte(r, '<')) {
        ptrdiff_t end = str_find(r->rest, '>');
        r->ok = r->ok && end > 0;
        r->rest = str_tail(r->rest, end >= 0 ? (size_t)end + 1 : r->rest.len);
        return;
    }
    while (len < r->rest.len && is_letter(r->rest.at[len]))
        len++;
    r->ok = r->ok && len >= 3;
    r->rest = str_tail(r->rest, len);
}

/* [+-]hh[:mm[:ss]] */
static int take_time(struct reader *r, int hours_max)
{
    int sign = take_byte(r, '-') ? -1 : 1, seconds;

    if (sign == 1)
        (void)take_byte(r, '+');
    seconds = take_number(r, hours_max) * 3600;
    if (take_byte(r, ':'))
        seconds += take_number(r, 59) * 60;
    if (take_byte(r, ':'))
        seconds += take_number(r, 59);
    return sign * seconds;
}

static void take_week(struct reader *r, struct moment *m)
{
    m->kind = MOMENT_WEEK;
    m->month = take_number(r, 12);
    r->ok = take_byte(r, '.') && r->ok;
    m->week = take_number(r, 5);
    r->ok = take_byte(r, '.') && r->ok;
    m->weekday = take_number(r, 6);
    r->ok = r->ok && m->month >= 1 && m->week >= 1;
}

/* ",M3.5.0/2" */
static void take_moment(struct reader *r, struct moment *m)
{
    *m = (struct moment){.kind = MOMENT_ORDINAL, .time_s = 2 * 3600};
    r->ok = take_byte(r, ',') && r->ok;
    if (take_byte(r, 'M'))
        take_week(r, m);
    else if (take_byte(r, 'J')) {
        m->kind = MOMENT_JULIAN;
        m->day = take_number(r, 365);
        r->ok = r->ok && m->day >= 1;
    } else
        m->day = take_number(r, 365);
    if (take_byte(r, '/'))
        m->time_s = take_time(r, 167);
}

static bool parse_rule(struct str text, struct rule *out)
{
    struct reader r = {.rest = text, .ok = true};

    *out = (struct rule){0};
    skip_abbreviation(&r);
    out->standard_s = out->summer_s = -take_time(&r, 24);
    if (!r.ok || r.rest.len == 0)
        return r.ok;
    skip_abbreviation(&r);
    out->has_summer = true;
    out->summer_s = out->standard_s + 3600;
    if (r.rest.len > 0 && r.rest.at[0] != ',')
        out->summer_s = -take_time(&r, 24);
    take_moment(&r, &out->begin);
    take_moment(&r, &out->end);
    return r.ok && r.rest.len == 0;
}

bool zone_parse_rule(struct arena *a, struct str text, const struct zone **out, struct err *err)
{
    struct zone *z = arena_new(a, struct zone);

    z->has_rule = true;
    if (!parse_rule(text, &z->rule))
        return err_set(err, ERR_INVALID, "a rule of a time zone cannot be read");
    z->first_s = z->rule.standard_s;
    *out = z;
    return true;
}

/* ---- what a rule says ---- */

static int64_t day_of_moment(const struct moment *m, int year)
{
    int64_t first = calendar_day(year, 1, 1);
    int days, ahead, in_month;

    switch (m->kind) {
    case MOMENT_JULIAN:
        return first + m->day - 1 + (m->day >= 60 && calendar_days_in(year, 2) == 29);
    case MOMENT_ORDINAL:
        return first + m->day;
    default:
        first = calendar_day(year, m->month, 1);
        in_month = calendar_days_in(year, m->month);
        ahead = (m->weekday - calendar_weekday(first) + 7) % 7;
        days = ahead + (m->week - 1) * 7;
        return first + (days >= in_month ? days - 7 : days);
    }
}

static int64_t begin_of_summer(const struct rule *rule, int year)
{
    return day_of_moment(&rule->begin, year) * CALENDAR_DAY_S + rule->begin.time_s -
           rule->standard_s;
}

static int64_t end_of_summer(const struct rule *rule, int year)
{
    return day_of_moment(&rule->end, year) * CALENDAR_DAY_S + rule->end.time_s - rule->summer_s;
}

/* Where summer time goes on all year, each one's end is the next one's begin. */
struct change {
    struct step step;
    bool begins;
};

static int by_time(const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    if (x->step.at_s == y->step.at_s)
        return (int)x->begins - (int)y->begins;
    return x->step.at_s < y->step.at_s ? -1 : 1;
}

enum { YEARS_AROUND = 3, CHANGES = 2 * YEARS_AROUND };

/* The changes of the years around a time, in order. */
static void changes_around(const struct rule *rule, int64_t at_s, struct change out[CHANGES])
{
    int second;
    int year = calendar_date(calendar_day_of(at_s, &second)).year;

    for (int k = 0; k < YEARS_AROUND; k++) {
        out[2 * k] = (struct change){
            .step = {begin_of_summer(rule, year - 1 + k), rule->summer_s},
            .begins = true,
        };
        out[2 * k + 1] = (struct change){
            .step = {end_of_summer(rule, year - 1 + k), rule->standard_s},
        };
    }
    qsort(out, CHANGES, sizeof *out, by_time);
}

static struct zone_stretch stretch_of_rule(const struct rule *rule, int64_t at_s)
{
    struct zone_stretch s = {.from_s = INT64_MIN,
        .until_s = INT64_MAX,
        .offset_s = rule->standard_s,
        .before_s = rule->standard_s};
    struct change changes[CHANGES];

    if (!rule->has_summer)
        return s;
    changes_around(rule, at_s, changes);
    for (int k = 0; k < CHANGES; k++) {
        const struct step *change = &changes[k].step;

        if (change->at_s > at_s) {
            s.until_s = change->at_s;
            break;
        }
        s.from_s = change->at_s;
        s.before_s = k > 0 ? changes[k - 1].step.offset_s : change->offset_s;
        s.offset_s = change->offset_s;
    }
    return s;
}

/* ---- looking up ---- */

/* How many steps are at or before it. */
static size_t steps_until(const struct zone *z, int64_t at_s)
{
    size_t low = 0, high = z->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (z->steps[middle].at_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int32_t offset_before(const struct zone *z, size_t step)
{
    return step > 0 ? z->steps[step - 1].offset_s : z->first_s;
}

struct zone_stretch zone_at(const struct zone *z, int64_t at_s)
{
    size_t passed = steps_until(z, at_s);
    struct zone_stretch s = {.from_s = passed > 0 ? z->steps[passed - 1].at_s : INT64_MIN,
        .until_s = passed < z->count ? z->steps[passed].at_s : INT64_MAX,
        .offset_s = offset_before(z, passed),
        .before_s = passed > 0 ? offset_before(z, passed - 1) : z->first_s};

    if (passed == z->count && z->has_rule) {
        struct zone_stretch by_rule = stretch_of_rule(&z->rule, at_s);

        if (by_rule.from_s > s.from_s)
            return by_rule;
        s.until_s = by_rule.until_s;
        s.offset_s = by_rule.offset_s;
        if (passed == 0)
            s.before_s = s.offset_s;
    }
    return s;
}

/* ---- TZif ---- */

/*   4 "TZif"   1 version   15 reserved   6 × 4 counts: isut, isstd, leap, time, type, char
 *   time × size   times of changes        type × 6   offset (4), is summer time, abbreviation
 *   time × 1      type of each            char, leap × (size + 4), isstd, isut
 * Version 2 and later have all of it once more with 8-byte times, then a rule between line feeds.
 */
#define HEADER_BYTES 44

struct block {
    uint32_t isut, isstd, leap, times, types, chars;
    size_t size;  /* of a time */
    size_t bytes; /* behind the header */
};

static int64_t big_endian(const char *at, size_t size)
{
    uint64_t value = (at[0] & 0x80) != 0 ? UINT64_MAX : 0;

    for (size_t k = 0; k < size; k++)
        value = value << 8 | (uint8_t)at[k];
    return (int64_t)value;
}

static bool read_header(struct str bytes, size_t size, struct block *out)
{
    uint32_t *counts[] = {
        &out->isut, &out->isstd, &out->leap, &out->times, &out->types, &out->chars};

    *out = (struct block){.size = size};
    if (bytes.len < HEADER_BYTES || memcmp(bytes.at, "TZif", 4) != 0)
        return false;
    for (size_t k = 0; k < 6; k++) {
        *counts[k] = (uint32_t)big_endian(bytes.at + 20 + 4 * k, 4);
        if (*counts[k] > STEPS_MAX)
            return false;
    }
    out->bytes = out->times * (size + 1) + out->types * 6 + out->chars + out->leap * (size + 4) +
                 out->isstd + out->isut;
    return out->types > 0 && out->types <= 256 && bytes.len >= HEADER_BYTES + out->bytes;
}

static bool read_block(struct arena *a, const char *at, const struct block *b, struct zone *z)
{
    const char *types = at + b->times * b->size, *offsets = types + b->times;
    struct step *steps = arena_new_array(a, b->times + 1, struct step);

    for (uint32_t t = 0; t < b->types; t++) {
        int64_t offset = big_endian(offsets + 6 * t, 4);
        if (offset < -OFFSET_S_MAX || offset > OFFSET_S_MAX)
            return false;
    }
    for (uint32_t k = 0; k < b->times; k++) {
        uint8_t type = (uint8_t)types[k];
        if (type >= b->types)
            return false;
        steps[k].at_s = big_endian(at + k * b->size, b->size);
        steps[k].offset_s = (int32_t)big_endian(offsets + 6 * type, 4);
        if (steps[k].at_s < -STEP_S_MAX || steps[k].at_s > STEP_S_MAX ||
            (k > 0 && steps[k].at_s <= steps[k - 1].at_s))
            return false;
    }
    z->first_s = (int32_t)big_endian(offsets, 4);
    z->steps = steps;
    z->count = b->times;
    return true;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; an empty one says nothing of the years to come. */
static bool read_footer(struct str rest, struct zone *z)
{
    ptrdiff_t end;

    if (rest.len < 2 || rest.at[0] != '\n')
        return false;
    rest = str_tail(rest, 1);
    end = str_find(rest, '\n');
    if (end < 0)
        return false;
    rest.len = (size_t)end;
    z->has_rule = rest.len > 0;
    return rest.len == 0 || parse_rule(rest, &z->rule);
}

bool zone_parse(struct arena *a, struct str bytes, const struct zone **out, struct err *err)
{
    struct zone *z = arena_new(a, struct zone);
    struct block block;
    bool ok;

    ok = read_header(bytes, 4, &block);
    if (ok && bytes.at[4] >= '2') {
        bytes = str_tail(bytes, HEADER_BYTES + block.bytes);
        ok = read_header(bytes, 8, &block) &&
             read_footer(str_tail(bytes, HEADER_BYTES + block.bytes), z);
    }
    if (!ok || !read_block(a, bytes.at + HEADER_BYTES, &block, z))
        return err_set(err, ERR_CORRUPT, "this is no TZif file (RFC 9636)");
    *out = z;
    return true;
}

/* ---- the system's files ---- */

#define ZONES_DIR "/usr/share/zoneinfo"

static bool is_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";

    return name[0] != '\0' && name[0] != '/' && strlen(name) < 64 &&
           name[strspn(name, allowed)] == '\0' && strstr(name, "//") == NULL;
}

static bool read_zone(struct arena *a, const char *path, const struct zone **out, struct err *err)
{
    struct buf bytes = BUF_INIT(ZONE_FILE_BYTES_MAX);
    bool ok = fs_read(path, &bytes, err) && zone_parse(a, buf_str(&bytes), out, err);

    buf_fini(&bytes);
    return ok;
}

bool zone_load(struct arena *a, const char *name, const struct zone **out, struct err *err)
{
    char path[128];

    if (name == NULL) {
        if (!read_zone(a, "/etc/localtime", out, NULL))
            *out = zone_utc();
        return true;
    }
    if (!is_name(name))
        return err_set(err, ERR_INVALID, "'%.60s' is no name of a time zone", name);
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0) {
        *out = zone_utc();
        return true;
    }
    (void)snprintf(path, sizeof path, ZONES_DIR "/%s", name);
    if (!fs_exists(ZONES_DIR))
        return err_set(err, ERR_MISSING, "this system has no time zones (install tzdata)");
    if (!read_zone(a, path, out, err))
        return err_set(err, ERR_MISSING, "there is no time zone '%s'", name);
    return true;
}

const char *zone_nearest(struct arena *a, struct str typed)
{
    const char *names[600];
    struct buf text = BUF_INIT(ZONE_FILE_BYTES_MAX);
    const char *nearest = NULL;
    size_t count = 0;

    if (fs_read(ZONES_DIR "/zone1970.tab", &text, NULL)) {
        struct str rest = buf_str(&text);

        while (rest.len > 0 && count < COUNT(names)) {
            struct str line = str_cut(&rest, '\n');

            if (line.len == 0 || line.at[0] == '#')
                continue;
            (void)str_cut(&line, '\t');
            (void)str_cut(&line, '\t');
            names[count++] = arena_copy_str(a, str_cut(&line, '\t')).at;
        }
        nearest = str_nearest(typed, names, count);
    }
    buf_fini(&text);
    return nearest;
}
