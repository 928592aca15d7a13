#include "base/redact.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES 6u /* of the index; no pattern is shorter */
#define FILTER_BITS  18u
#define TEXT_MAX     (256u << 20)

enum form { FORM_PLAIN, FORM_HEX, FORM_BASE64 };

struct pattern {
    struct str text;
    enum form form;
    bool goes_on; /* base64: the next character has bits of the value too */
    uint32_t value;
};

/* The patterns that begin with the same bytes. */
struct group {
    uint64_t prefix;
    uint32_t from, to; /* to == 0: free */
};

struct redactor {
    struct arena *arena;
    struct {
        VEC_OF(struct pattern);
    } patterns; /* sorted */
    struct group *groups;
    size_t group_slots;
    uint8_t *filter;
};

/* ---- patterns ---- */

static void add_pattern(struct redactor *r, struct pattern p)
{
    if (p.text.len >= PREFIX_BYTES)
        vec_push(&r->patterns, p);
}

static void add_hex(struct redactor *r, struct str value, uint32_t index, const char *digits)
{
    char *text = arena_new_array(r->arena, 2 * value.len + 1, char);

    for (size_t i = 0; i < value.len; i++) {
        text[2 * i] = digits[(unsigned char)value.at[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)value.at[i] & 15];
    }
    add_pattern(r, (struct pattern){
                       .text = {text, 2 * value.len},
                         .form = FORM_HEX, .value = index
    });
}

/* The 6 bits from `bit` on of `shift` unknown bytes and the value. */
static unsigned sextet(struct str value, size_t shift, size_t bit)
{
    unsigned bits = 0;

    for (size_t i = bit; i < bit + 6; i++) {
        size_t byte = i / 8 - shift;
        bits = bits << 1 | ((unsigned)(unsigned char)value.at[byte] >> (7 - i % 8) & 1);
    }
    return bits;
}

/* The characters that are known whatever stands before and behind the value; `shift` bytes of a
 * group of three stand before it. */
static void add_base64(
    struct redactor *r, struct str value, uint32_t index, size_t shift, const char *last_two)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t first = (8 * shift + 5) / 6, end = 8 * (shift + value.len) / 6;
    char *text = arena_new_array(r->arena, end - first + 1, char);
    bool has_last = false;

    for (size_t i = first; i < end; i++) {
        unsigned bits = sextet(value, shift, 6 * i);
        text[i - first] = bits < 62 ? letters[bits] : last_two[bits - 62];
        has_last = has_last || bits >= 62;
    }
    if (last_two[0] == '-' && !has_last)
        return; /* the same in both alphabets */
    add_pattern(r, (struct pattern){
                       .text = {text, end - first},
                       .form = FORM_BASE64,
                       .goes_on = 8 * (shift + value.len) % 6 != 0,
                       .value = index
    });
}

static void add_forms(struct redactor *r, struct str value, uint32_t index)
{
    if (value.len < REDACT_BYTES_MIN)
        return;
    value = arena_copy_str(r->arena, value);
    add_pattern(r, (struct pattern){.text = value, .value = index});
    add_hex(r, value, index, "0123456789abcdef");
    add_hex(r, value, index, "0123456789ABCDEF");
    for (size_t shift = 0; shift < 3; shift++) {
        add_base64(r, value, index, shift, "+/");
        add_base64(r, value, index, shift, "-_");
    }
}

static void add_lines(struct redactor *r, struct str value, uint32_t index)
{
    while (value.len > 0) {
        struct str line = str_trim(str_cut(&value, '\n'));
        if (line.len >= REDACT_LINE_BYTES_MIN && !str_starts(line, "-----"))
            add_forms(r, line, index);
    }
}

static int compare_patterns(const void *left, const void *right)
{
    const struct pattern *a = left, *b = right;
    int order = str_cmp(a->text, b->text);

    return order != 0 ? order : (int)a->form - (int)b->form;
}

/* ---- index ---- */

static uint64_t prefix_at(const char *at)
{
    uint64_t prefix = 0;

    memcpy(&prefix, at, PREFIX_BYTES);
    return prefix;
}

static uint64_t mix(uint64_t prefix)
{
    prefix *= UINT64_C(0x9e3779b97f4a7c15);
    return prefix ^ prefix >> 29;
}

static size_t filter_bit(uint64_t hash)
{
    return (size_t)(hash >> (64 - FILTER_BITS));
}

static void put_group(struct redactor *r, struct group group)
{
    uint64_t hash = mix(group.prefix);
    size_t slot = (size_t)hash & (r->group_slots - 1);

    while (r->groups[slot].to != 0)
        slot = (slot + 1) & (r->group_slots - 1);
    r->groups[slot] = group;
    r->filter[filter_bit(hash) / 8] |= (uint8_t)(1u << filter_bit(hash) % 8);
}

static const struct group *find_group(const struct redactor *r, const char *at)
{
    uint64_t prefix = prefix_at(at), hash = mix(prefix);
    size_t slot = (size_t)hash & (r->group_slots - 1);

    if ((r->filter[filter_bit(hash) / 8] >> filter_bit(hash) % 8 & 1) == 0)
        return NULL;
    for (; r->groups[slot].to != 0; slot = (slot + 1) & (r->group_slots - 1))
        if (r->groups[slot].prefix == prefix)
            return &r->groups[slot];
    return NULL;
}

static void make_index(struct redactor *r)
{
    size_t count = r->patterns.count, from = 0;

    r->group_slots = 16;
    while (r->group_slots < 2 * count)
        r->group_slots *= 2;
    r->groups = mem_new_array(r->group_slots, struct group);
    r->filter = mem_new_array((1u << FILTER_BITS) / 8, uint8_t);
    for (size_t i = 1; i <= count; i++) {
        uint64_t prefix = prefix_at(r->patterns.at[from].text.at);
        if (i < count && prefix_at(r->patterns.at[i].text.at) == prefix)
            continue;
        put_group(r, (struct group){.prefix = prefix, .from = (uint32_t)from, .to = (uint32_t)i});
        from = i;
    }
}

struct redactor *redactor_create(const struct str *values, size_t count)
{
    struct redactor *r = mem_new(struct redactor);

    r->arena = arena_create(0);
    for (size_t i = 0; i < count; i++) {
        add_forms(r, values[i], (uint32_t)i);
        if (str_find(values[i], '\n') >= 0)
            add_lines(r, values[i], (uint32_t)i);
    }
    if (r->patterns.count > 0)
        qsort(r->patterns.at, r->patterns.count, sizeof *r->patterns.at, compare_patterns);
    make_index(r);
    return r;
}

void redactor_destroy(struct redactor **r)
{
    if (*r == NULL)
        return;
    arena_destroy(&(*r)->arena);
    vec_fini(&(*r)->patterns);
    free((*r)->groups);
    free((*r)->filter);
    free(*r);
    *r = NULL;
}

/* ---- finding ---- */

/* What a pattern covers from where it was found. */
struct hit {
    size_t len; /* 0: nothing */
    const struct pattern *pattern;
};

/* The first pattern of [from, to) whose byte at `depth` is at least `byte`. */
static uint32_t lower_bound(
    const struct redactor *r, uint32_t from, uint32_t to, size_t depth, unsigned byte)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        struct str text = r->patterns.at[middle].text;
        if (text.len <= depth || (unsigned char)text.at[depth] < byte)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static size_t common_bytes(struct str a, struct str b)
{
    size_t n = 0;

    while (n < a.len && n < b.len && a.at[n] == b.at[n])
        n++;
    return n;
}

/* The longest pattern at the start of `text`; of a longer one than REDACT_HEAD_BYTES what is there
 * of it, looked for only if `whole`. */
static struct hit longest_at(const struct redactor *r, struct str text, bool whole)
{
    const struct group *group = text.len >= PREFIX_BYTES ? find_group(r, text.at) : NULL;
    struct hit hit = {0};

    if (group == NULL)
        return hit;
    uint32_t from = group->from, to = group->to;
    for (size_t depth = PREFIX_BYTES; from < to; depth++) {
        if (r->patterns.at[from].text.len == depth)
            hit = (struct hit){.len = depth, .pattern = &r->patterns.at[from]};
        if (depth == REDACT_HEAD_BYTES || depth >= text.len)
            break;
        from = lower_bound(r, from, to, depth, (unsigned char)text.at[depth]);
        to = lower_bound(r, from, to, depth, (unsigned char)text.at[depth] + 1u);
    }
    struct str head = {text.at, REDACT_HEAD_BYTES};
    if (from < to && text.len >= REDACT_HEAD_BYTES &&
        common_bytes(r->patterns.at[to - 1].text, head) == REDACT_HEAD_BYTES) {
        const struct pattern *p = &r->patterns.at[to - 1];
        size_t len = whole ? common_bytes(p->text, text) : REDACT_HEAD_BYTES;
        if (len > hit.len)
            hit = (struct hit){.len = len, .pattern = p};
    }
    return hit;
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_';
}

/* The end of what the hit at `at` covers: base64 has a last character with bits of the value, and
 * padding. */
static size_t end_of(struct str text, size_t at, const struct hit *hit)
{
    size_t end = at + hit->len;

    if (hit->pattern->form != FORM_BASE64 || hit->len != hit->pattern->text.len)
        return end;
    if (hit->pattern->goes_on && end < text.len && is_base64(text.at[end]))
        end++;
    for (int i = 0; i < 2 && end < text.len && text.at[end] == '='; i++)
        end++;
    return end;
}

/* The bytes of a text that are secret; made when the first one is found. */
struct marks {
    bool *at;
    size_t len;
};

static void mark(struct marks *m, size_t from, size_t to)
{
    if (m->at == NULL)
        m->at = mem_new_array(m->len + 1, bool);
    memset(m->at + from, 1, to - from);
}

/* Mark what is found in `text`; `place` says where in the marked text each byte of it begins (NULL:
 * it is the marked text). */
static void mark_in(
    const struct redactor *r, struct str text, const uint32_t *place, struct marks *m)
{
    size_t until = 0;

    for (size_t i = 0; i + PREFIX_BYTES <= text.len; i++) {
        struct hit hit = longest_at(r, str_tail(text, i), i + REDACT_HEAD_BYTES > until);
        if (hit.len == 0)
            continue;
        size_t end = end_of(text, i, &hit);
        if (end <= until)
            continue;
        mark(m, place != NULL ? place[i] : i, place != NULL ? place[end] : end);
        until = end;
    }
}

/* ---- other ways to write a text ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What "%41" or "\n" at `at` stands for; returns how many bytes it takes, 0 if it is none of these.
 */
typedef size_t (*unescape_fn)(struct str at, struct buf *out);

static size_t unescape_percent(struct str at, struct buf *out)
{
    if (at.at[0] == '+') {
        buf_add_byte(out, ' ');
        return 1;
    }
    if (at.at[0] != '%' || at.len < 3 || hex_digit(at.at[1]) < 0 || hex_digit(at.at[2]) < 0)
        return 0;
    buf_add_byte(out, (char)(hex_digit(at.at[1]) << 4 | hex_digit(at.at[2])));
    return 3;
}

/* Without '+', which may be one. */
static size_t unescape_percent_only(struct str at, struct buf *out)
{
    return at.at[0] == '%' ? unescape_percent(at, out) : 0;
}

static size_t unescape_unicode(struct str at, struct buf *out)
{
    unsigned code = 0;

    for (size_t i = 2; i < 6; i++) {
        if (i >= at.len || hex_digit(at.at[i]) < 0)
            return 0;
        code = code << 4 | (unsigned)hex_digit(at.at[i]);
    }
    if (code < 0x80) {
        buf_add_byte(out, (char)code);
    } else if (code < 0x800) {
        buf_add_byte(out, (char)(0xc0 | code >> 6));
        buf_add_byte(out, (char)(0x80 | (code & 0x3f)));
    } else {
        buf_add_byte(out, (char)(0xe0 | code >> 12));
        buf_add_byte(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(out, (char)(0x80 | (code & 0x3f)));
    }
    return 6;
}

static size_t unescape_json(struct str at, struct buf *out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *letter;

    if (at.at[0] != '\\' || at.len < 2)
        return 0;
    if (at.at[1] == 'u')
        return unescape_unicode(at, out);
    letter = strchr(letters, at.at[1]);
    if (letter == NULL || at.at[1] == '\0')
        return 0;
    buf_add_byte(out, meant[letter - letters]);
    return 2;
}

static void mark_unescaped(
    const struct redactor *r, struct str text, unescape_fn unescape, struct marks *m)
{
    struct buf plain = BUF_INIT(TEXT_MAX);
    uint32_t *place = mem_new_array(text.len + 2, uint32_t);
    size_t i = 0;

    while (i < text.len) {
        size_t before = plain.len, taken = unescape(str_tail(text, i), &plain);
        if (taken == 0) {
            buf_add_byte(&plain, text.at[i]);
            taken = 1;
        }
        for (size_t k = before; k < plain.len; k++)
            place[k] = (uint32_t)i;
        i += taken;
        place[plain.len] = (uint32_t)i;
    }
    mark_in(r, buf_str(&plain), place, m);
    free(place);
    buf_fini(&plain);
}

static struct marks find_all(const struct redactor *r, struct str text)
{
    struct marks m = {.len = text.len};

    if (r->patterns.count == 0 || text.len < PREFIX_BYTES || text.len > TEXT_MAX)
        return m;
    mark_in(r, text, NULL, &m);
    if (str_find(text, '%') >= 0)
        mark_unescaped(r, text, unescape_percent_only, &m);
    if (str_find(text, '+') >= 0)
        mark_unescaped(r, text, unescape_percent, &m);
    if (str_find(text, '\\') >= 0)
        mark_unescaped(r, text, unescape_json, &m);
    return m;
}

bool redactor_find(const struct redactor *r, struct str text, size_t *out_value)
{
    for (size_t i = 0; i + PREFIX_BYTES <= text.len; i++) {
        struct hit hit = longest_at(r, str_tail(text, i), true);
        if (hit.len > 0 && hit.pattern->form == FORM_PLAIN) {
            *out_value = hit.pattern->value;
            return true;
        }
    }
    return false;
}

static void find_all_at(const struct redactor *r, struct str text, bool *out_found)
{
    const struct group *group = find_group(r, text.at);
    uint32_t from = group != NULL ? group->from : 0, to = group != NULL ? group->to : 0;

    for (size_t depth = PREFIX_BYTES; from < to; depth++) {
        bool is_head = depth == REDACT_HEAD_BYTES;
        for (uint32_t i = from; i < to && (is_head || r->patterns.at[i].text.len == depth); i++)
            if (r->patterns.at[i].form == FORM_PLAIN)
                out_found[r->patterns.at[i].value] = true;
        if (is_head || depth >= text.len)
            break;
        from = lower_bound(r, from, to, depth, (unsigned char)text.at[depth]);
        to = lower_bound(r, from, to, depth, (unsigned char)text.at[depth] + 1u);
    }
}

void redactor_find_all(const struct redactor *r, struct str text, bool *out_found)
{
    for (size_t i = 0; i + PREFIX_BYTES <= text.len; i++)
        find_all_at(r, str_tail(text, i), out_found);
}

void redactor_write(const struct redactor *r, struct str text, struct buf *out)
{
    struct marks m = find_all(r, text);
    size_t from = 0;

    while (m.at != NULL && from < text.len) {
        size_t to = from;
        while (to < text.len && m.at[to] == m.at[from])
            to++;
        if (m.at[from])
            buf_add_text(out, REDACT_MARK);
        else
            buf_add(out, text.at + from, to - from);
        from = to;
    }
    if (m.at == NULL)
        buf_add_str(out, text);
    free(m.at);
}

/* ---- what the process knows ---- */

/* Written under the lock. Tables that were replaced stay reachable, and what they hold valid. */
static struct {
    pthread_mutex_t lock;
    struct map known; /* value → itself */
    struct {
        VEC_OF(struct str);
    } values; /* copies */
    size_t bytes;
    struct {
        VEC_OF(struct redactor *);
    } replaced;
} learned = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic(struct redactor *) current;

static bool take_value(struct str value)
{
    if (value.len < REDACT_BYTES_MIN || map_get(&learned.known, value) != NULL)
        return false;
    char *bytes = mem_new_array(value.len, char);
    memcpy(bytes, value.at, value.len);
    struct str copy = {.at = bytes, .len = value.len};
    vec_push(&learned.values, copy);
    (void)map_put(&learned.known, copy, &learned);
    learned.bytes += value.len;
    return true;
}

static bool fits(const struct str *values, size_t count)
{
    size_t bytes = learned.bytes, more = 0;

    for (size_t i = 0; i < count; i++) {
        if (values[i].len < REDACT_BYTES_MIN || map_get(&learned.known, values[i]) != NULL)
            continue;
        bytes += values[i].len;
        more++;
    }
    return learned.values.count + more <= REDACT_VALUES_MAX && bytes <= REDACT_ALL_BYTES_MAX;
}

bool redact_learn(const struct str *values, size_t count)
{
    bool is_new = false;

    (void)pthread_mutex_lock(&learned.lock);
    bool ok = fits(values, count);
    for (size_t i = 0; ok && i < count; i++)
        is_new = take_value(values[i]) || is_new;
    if (is_new) {
        struct redactor *before = atomic_load_explicit(&current, memory_order_relaxed);
        if (before != NULL)
            vec_push(&learned.replaced, before);
        atomic_store_explicit(&current, redactor_create(learned.values.at, learned.values.count),
            memory_order_release);
    }
    (void)pthread_mutex_unlock(&learned.lock);
    return ok;
}

static const struct redactor *known_now(void)
{
    return atomic_load_explicit(&current, memory_order_acquire);
}

bool redact_needed(struct str text)
{
    const struct redactor *r = known_now();

    if (r == NULL)
        return false;
    struct marks m = find_all(r, text);
    bool found = m.at != NULL;
    free(m.at);
    return found;
}

void redact_write(struct str text, struct buf *out)
{
    const struct redactor *r = known_now();

    if (r == NULL)
        buf_add_str(out, text);
    else
        redactor_write(r, text, out);
}

void redact_rest(struct buf *out, size_t from)
{
    struct str rest = str_tail(buf_str(out), from);
    struct buf clean = BUF_INIT(out->bytes_max);

    if (!redact_needed(rest))
        return;
    redact_write(rest, &clean);
    out->len = from;
    out->at[from] = '\0';
    buf_add_str(out, buf_str(&clean));
    buf_fini(&clean);
}

void redact_text(char *text, size_t bytes)
{
    struct buf clean = BUF_INIT(bytes * 4 + 64);

    if (!redact_needed(str_from(text)))
        return;
    redact_write(str_from(text), &clean);
    size_t len = clean.len < bytes ? clean.len : bytes - 1;
    memcpy(text, clean.at, len);
    text[len] = '\0';
    buf_fini(&clean);
}
