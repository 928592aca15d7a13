#include "insight/sentence.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/units.h"
#include "record/event_types.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VALUE_BYTES_MAX    200
#define SENTENCE_BYTES_MAX 2048
#define PATH_PARTS_MAX     4
#define MEMBERS_MAX        12 /* of evidence that is shown generically */

/* ---- values ---- */

/* The bytes of the character at `at` (valid UTF-8), and whether a terminal may see it. */
static size_t character(const char *at, bool *out_is_control)
{
    unsigned char c = (unsigned char)*at;
    size_t bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    *out_is_control = c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)at[1] < 0xa0);
    return bytes;
}

static size_t add_valid(struct buf *out, struct str text, size_t left)
{
    size_t at = 0;

    while (at < text.len) {
        bool is_control;
        size_t bytes = character(text.at + at, &is_control);
        if (bytes > left)
            break;
        if (is_control)
            buf_add_byte(out, ' ');
        else
            buf_add(out, text.at + at, bytes);
        at += bytes;
        left -= bytes;
    }
    return at;
}

void sentence_clean(struct str text, size_t bytes_max, struct buf *out)
{
    size_t left = bytes_max;

    while (text.len > 0) {
        size_t valid = str_utf8_valid(text);
        size_t taken = add_valid(out, (struct str){.at = text.at, .len = valid}, left);
        text = str_tail(text, taken);
        left -= taken;
        if (taken < valid || left < 3) {
            buf_add_text(out, text.len > 0 ? "…" : "");
            return;
        }
        if (text.len > 0) {
            buf_add_text(out, "\xef\xbf\xbd");
            text = str_tail(text, 1);
            left -= 3;
        }
    }
}

static void add_text(struct buf *out, struct str text)
{
    sentence_clean(text, VALUE_BYTES_MAX, out);
}

static void add_about(struct buf *out, double ns)
{
    char text[UNITS_TEXT_BYTES];
    double size = ns < 0 ? -ns : ns;

    units_format_about(size < 9e18 ? (int64_t)size : INT64_MAX, text);
    buf_format(out, "%s%s", ns < 0 ? "-" : "", text);
}

/* How a number is shown follows from the unit that ends its name. */
static void add_number(struct buf *out, struct str name, const json_t *value, int64_t now_ns)
{
    double number = json_number_value(value);
    char text[SENTENCE_TIME_BYTES];

    if (str_is(name, "until_ns") || str_ends(name, "_at_ns")) {
        sentence_time(json_is_integer(value) ? json_integer_value(value) : 0, now_ns, text);
        buf_add_text(out, text);
    } else if (str_ends(name, "_ns")) {
        add_about(out, number);
    } else if (str_ends(name, "_ms")) {
        add_about(out, number * 1e6);
    } else if (str_ends(name, "_bytes") && number > -9e18 && number < 9e18) {
        units_format_bytes((int64_t)number, text);
        buf_add_text(out, text);
    } else if (json_is_integer(value)) {
        buf_format(out, "%lld", (long long)json_integer_value(value));
    } else {
        buf_format(out, "%.4g", number);
    }
}

/* False for what counts as missing: null and the empty text. */
static bool add_value(struct buf *out, struct str name, const json_t *value, int64_t now_ns)
{
    if (value == NULL || json_is_null(value))
        return false;
    if (json_is_string(value)) {
        struct str text = {.at = json_string_value(value), .len = json_string_length(value)};
        add_text(out, text);
        return text.len > 0;
    }
    if (json_is_number(value)) {
        add_number(out, name, value, now_ns);
        return true;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text != NULL)
        add_text(out, str_from(text));
    free(text);
    return true;
}

/* ---- fields ---- */

struct source {
    const struct event *event;
    json_t *evidence; /* NULL: none that can be read */
};

static const json_t *find_member(const json_t *object, struct str path)
{
    for (int i = 0; path.len > 0 && object != NULL; i++) {
        char key[64];
        struct str part = str_cut(&path, '.');
        if (part.len >= sizeof key || i >= PATH_PARTS_MAX)
            return NULL;
        memcpy(key, part.at, part.len);
        key[part.len] = '\0';
        object = json_object_get(object, key);
    }
    return object;
}

/* Who, for people: "user:ana" is ana. */
static struct str actor_name(const char *actor)
{
    struct str name = str_from(actor);

    if (str_starts(name, "user:"))
        return str_tail(name, 5);
    if (str_is(name, "token"))
        return STR("somebody with the API token");
    return name;
}

/* "1 change", "2 changes" */
static bool add_noun(struct buf *out, struct str noun, const json_t *count)
{
    bool is_one = json_is_integer(count) && json_integer_value(count) == 1;

    if (noun.len > 0)
        buf_format(out, " %.*s%s", STR_ARG(noun), is_one ? "" : "s");
    return true;
}

static bool add_field(struct buf *out, const struct source *s, struct str noun)
{
    struct str name = str_cut(&noun, '#');
    struct str service = str_from(s->event->subject);
    struct str text;

    if (str_is(name, "subject"))
        text = str_from(s->event->subject);
    else if (str_is(name, "actor"))
        text = actor_name(s->event->actor);
    else if (str_is(name, "service"))
        text = str_cut(&service, '/');
    else
        return add_value(out, name, find_member(s->evidence, name), s->event->at_ns) &&
               add_noun(out, noun, find_member(s->evidence, name));
    add_text(out, text);
    return text.len > 0;
}

/* ---- templates ---- */

static bool add_fields(struct buf *out, const struct source *s, struct str text)
{
    while (text.len > 0) {
        buf_add_str(out, str_cut(&text, '{'));
        if (text.len == 0)
            break;
        if (!add_field(out, s, str_cut(&text, '}')))
            return false;
    }
    return true;
}

/* One alternative: parts in brackets may fail, the rest may not. */
static bool add_alternative(struct buf *out, const struct source *s, struct str text)
{
    while (text.len > 0) {
        if (!add_fields(out, s, str_cut(&text, '[')))
            return false;
        struct str optional = str_cut(&text, ']');
        size_t before = out->len;
        if (optional.len > 0 && !add_fields(out, s, optional))
            out->len = before;
    }
    return true;
}

static bool add_sentence(struct buf *out, const struct source *s, const char *sentence)
{
    struct str rest = str_from(sentence);

    while (rest.len > 0) {
        out->len = 0;
        if (add_alternative(out, s, str_cut(&rest, '|')))
            return true;
    }
    out->len = 0;
    return false;
}

static void add_generic(struct buf *out, const struct source *s)
{
    const char *key;
    json_t *value;
    int members = 0;

    add_text(out, str_from(s->event->type));
    buf_add_text(out, ": ");
    add_text(out, str_from(s->event->subject));
    json_object_foreach(s->evidence, key, value)
    {
        if (strcmp(key, "set") == 0)
            continue;
        if (members++ == MEMBERS_MAX) {
            buf_add_text(out, " …");
            break;
        }
        buf_add_byte(out, ' ');
        add_text(out, str_from(key));
        buf_add_byte(out, '=');
        (void)add_value(out, str_from(key), value, s->event->at_ns); /* nothing for null */
    }
}

void sentence_render(const struct event *e, struct buf *out)
{
    const struct event_type *type = event_type_find(e->type);
    struct source s = {
        .event = e, .evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL)};
    struct buf text = BUF_INIT(SENTENCE_BYTES_MAX);

    if (type == NULL || !add_sentence(&text, &s, type->sentence))
        add_generic(&text, &s);
    buf_add(out, text.at != NULL ? text.at : "", text.len);
    buf_fini(&text);
    json_decref(s.evidence);
}

/* ---- times ---- */

void sentence_time(int64_t wall_ns, int64_t now_ns, char out[SENTENCE_TIME_BYTES])
{
    time_t t = (time_t)(wall_ns / NS_PER_S), now = (time_t)(now_ns / NS_PER_S);
    struct tm at = {0}, today = {0};

    (void)localtime_r(&t, &at);
    (void)localtime_r(&now, &today);
    bool same_day = at.tm_year == today.tm_year && at.tm_yday == today.tm_yday;
    size_t len =
        strftime(out, SENTENCE_TIME_BYTES, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &at);
    (void)snprintf(out + len, SENTENCE_TIME_BYTES - len, ".%03d",
        (int)(wall_ns % NS_PER_S / NS_PER_MS < 0 ? 0 : wall_ns % NS_PER_S / NS_PER_MS));
}
