#include "record/segment.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT       1u
#define CHAIN_AT     16u
#define BODY_HASH_AT 48u

static const char segment_magic[8] = {'T', 'E', 'N', 'D', 'S', 'E', 'G', '1'};

/* ---- numbers ---- */

static void put_u32(unsigned char *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static void put_u64(unsigned char *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static uint32_t get_u32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t get_u64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

/* ---- the header of a file ---- */

void segment_name(uint32_t number, char out[SEGMENT_NAME_BYTES])
{
    (void)snprintf(out, SEGMENT_NAME_BYTES, "%08u.seg", number);
}

bool segment_name_parse(const char *name, uint32_t *out_number)
{
    struct str digits = str_from(name);
    uint64_t number;

    if (digits.len != 12 || !str_ends(digits, ".seg"))
        return false;
    digits.len = 8;
    if (!str_to_uint(digits, &number) || number == 0)
        return false;
    *out_number = (uint32_t)number;
    return true;
}

void segment_header_encode(const struct segment_header *h, unsigned char out[SEGMENT_HEADER_BYTES])
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, segment_magic, sizeof segment_magic);
    put_u32(out + 8, FORMAT);
    put_u32(out + 12, h->number);
    put_u64(out + 16, h->first_seq);
    put_u64(out + 24, (uint64_t)h->created_ns);
    memcpy(out + 32, h->node, SEGMENT_NODE_BYTES);
    memcpy(out + 48, h->before.at, HASH_BYTES);
    memcpy(out + 80, h->boot_id, strnlen(h->boot_id, CLOCK_BOOT_ID_BYTES - 1));
    put_u32(out + 124, crc32c(out, 124));
}

bool segment_header_decode(
    const unsigned char bytes[SEGMENT_HEADER_BYTES], struct segment_header *out, struct err *err)
{
    if (memcmp(bytes, segment_magic, sizeof segment_magic) != 0)
        return err_set(err, ERR_CORRUPT, "not a segment of a journal");
    if (get_u32(bytes + 124) != crc32c(bytes, 124))
        return err_set(err, ERR_CORRUPT, "the header's checksum is wrong");
    if (get_u32(bytes + 8) != FORMAT)
        return err_set(err, ERR_UNSUPPORTED, "written by another version of tend (format %u)",
            get_u32(bytes + 8));
    *out = (struct segment_header){
        .number = get_u32(bytes + 12),
        .first_seq = get_u64(bytes + 16),
        .created_ns = (int64_t)get_u64(bytes + 24),
    };
    memcpy(out->node, bytes + 32, SEGMENT_NODE_BYTES);
    memcpy(out->before.at, bytes + 48, HASH_BYTES);
    memcpy(out->boot_id, bytes + 80, CLOCK_BOOT_ID_BYTES - 1);
    return true;
}

/* ---- records ---- */

/* Where things are in a record, from its fixed part. */
struct shape {
    size_t type, actor, subject; /* offsets of the texts */
    size_t body, body_bytes;
    size_t bytes; /* of all, with padding */
};

static struct shape shape_of(const unsigned char *record)
{
    struct shape s;

    s.type = RECORD_HEADER_BYTES + 8u * record[111];
    s.actor = s.type + record[108];
    s.subject = s.actor + record[109];
    s.body = s.subject + record[110];
    s.body_bytes = get_u32(record + 104);
    s.bytes = (s.body + s.body_bytes + 7) / 8 * 8;
    return s;
}

static unsigned char *put_text(unsigned char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    at[len] = '\0';
    return at + len + 1;
}

size_t record_encode(struct buf *out, const struct event *e)
{
    size_t type = strlen(e->type), actor = strlen(e->actor), subject = strlen(e->subject);

    must(type <= EVENT_TYPE_BYTES_MAX && actor <= EVENT_ACTOR_BYTES_MAX);
    must(subject <= EVENT_SUBJECT_BYTES_MAX && e->cause_count <= EVENT_CAUSES_MAX);
    must(e->evidence.len <= EVENT_EVIDENCE_BYTES_MAX);
    size_t bytes =
        RECORD_HEADER_BYTES + 8 * e->cause_count + type + actor + subject + 3 + e->evidence.len;
    bytes = (bytes + 7) / 8 * 8;
    unsigned char *r = (unsigned char *)buf_room(out, bytes);
    if (r == NULL)
        return 0;
    memset(r, 0, RECORD_HEADER_BYTES);
    memset(r + bytes - 8, 0, 8);
    put_u32(r, (uint32_t)bytes);
    put_u64(r + 80, e->seq);
    put_u64(r + 88, (uint64_t)e->at_ns);
    put_u64(r + 96, (uint64_t)e->boot_ns);
    put_u32(r + 104, (uint32_t)e->evidence.len);
    r[108] = (unsigned char)(type + 1);
    r[109] = (unsigned char)(actor + 1);
    r[110] = (unsigned char)(subject + 1);
    r[111] = (unsigned char)e->cause_count;
    memcpy(r + RECORD_HEADER_BYTES, e->causes, 8 * e->cause_count);
    unsigned char *at = r + RECORD_HEADER_BYTES + 8 * e->cause_count;
    at = put_text(at, e->type, type);
    at = put_text(at, e->actor, actor);
    at = put_text(at, e->subject, subject);
    memcpy(at, e->evidence.at, e->evidence.len);
    buf_grew(out, bytes);
    return bytes;
}

size_t record_bytes(const unsigned char *record)
{
    return get_u32(record);
}

uint64_t record_seq(const unsigned char *record)
{
    return get_u64(record + 80);
}

bool record_is_erased(const unsigned char *record)
{
    return (get_u32(record + 8) & RECORD_FLAG_ERASED) != 0;
}

struct hash record_chain(const unsigned char *record)
{
    struct hash h;

    memcpy(h.at, record + CHAIN_AT, HASH_BYTES);
    return h;
}

static struct hash next_chain(
    const unsigned char *record, const struct shape *s, const struct hash *before)
{
    struct str parts[] = {
        {.at = (const char *)before->at,            .len = HASH_BYTES            },
        {.at = (const char *)record + BODY_HASH_AT, .len = s->body - BODY_HASH_AT},
    };
    return hash_of_parts(parts, COUNT(parts));
}

void record_seal(unsigned char *record, struct hash *chain)
{
    struct shape s = shape_of(record);
    struct hash body = hash_of(record + s.body, s.body_bytes);

    memcpy(record + BODY_HASH_AT, body.at, HASH_BYTES);
    *chain = next_chain(record, &s, chain);
    memcpy(record + CHAIN_AT, chain->at, HASH_BYTES);
    put_u32(record + 4, crc32c(record + 8, s.bytes - 8));
}

static bool has_texts(const unsigned char *record, const struct shape *s)
{
    size_t at = s->type;

    for (int i = 0; i < 3; i++) {
        size_t bytes = record[108 + i];
        if (bytes == 0 || strnlen((const char *)record + at, bytes) != bytes - 1)
            return false;
        at += bytes;
    }
    return true;
}

enum record_state record_check(const unsigned char *bytes, size_t len, const char **out_why)
{
    if (len < RECORD_HEADER_BYTES)
        return RECORD_UNFINISHED;
    struct shape s = shape_of(bytes);
    *out_why = "its length is wrong";
    if (get_u32(bytes) != s.bytes || s.bytes > RECORD_BYTES_MAX || bytes[111] > EVENT_CAUSES_MAX)
        return RECORD_DAMAGED;
    if (len < s.bytes)
        return RECORD_UNFINISHED;
    *out_why = "its checksum is wrong";
    if (get_u32(bytes + 4) != crc32c(bytes + 8, s.bytes - 8))
        return RECORD_DAMAGED;
    *out_why = "its number is impossible";
    if (record_seq(bytes) == 0 || record_seq(bytes) > INT64_MAX)
        return RECORD_DAMAGED;
    *out_why = "its texts are not whole";
    return has_texts(bytes, &s) ? RECORD_WHOLE : RECORD_DAMAGED;
}

static bool is_all_zero(const unsigned char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != 0)
            return false;
    return true;
}

static bool body_is_as_hashed(const unsigned char *record, const struct shape *s)
{
    if (record_is_erased(record))
        return is_all_zero(record + s->body, s->body_bytes);
    struct hash body = hash_of(record + s->body, s->body_bytes);
    return memcmp(body.at, record + BODY_HASH_AT, HASH_BYTES) == 0;
}

bool record_follows(const unsigned char *record, struct hash *chain, const char **out_why)
{
    struct shape s = shape_of(record);
    struct hash wanted = next_chain(record, &s, chain), got = record_chain(record);

    *out_why = "it does not follow the event before it (chain)";
    if (!hash_eq(&wanted, &got))
        return false;
    *out_why = "its evidence is not what was written (hash)";
    if (!body_is_as_hashed(record, &s))
        return false;
    *chain = wanted;
    return true;
}

void record_decode(const unsigned char *record, struct event *out)
{
    struct shape s = shape_of(record);
    const char *boot_id = out->boot_id;

    *out = (struct event){
        .seq = get_u64(record + 80),
        .at_ns = (int64_t)get_u64(record + 88),
        .boot_ns = (int64_t)get_u64(record + 96),
        .boot_id = boot_id,
        .type = (const char *)record + s.type,
        .actor = (const char *)record + s.actor,
        .subject = (const char *)record + s.subject,
        .cause_count = record[111],
        .evidence = {.at = (const char *)record + s.body, .len = s.body_bytes},
    };
    memcpy(out->causes, record + RECORD_HEADER_BYTES, 8 * out->cause_count);
    if (record_is_erased(record))
        out->evidence = STR("{\"erased\":true}");
}

/* ---- a window on a file ---- */

void window_init(struct window *w, int fd, size_t bytes)
{
    *w = (struct window){.fd = fd, .at = mem_alloc(bytes, 1), .capacity = bytes};
}

void window_fini(struct window *w)
{
    free(w->at);
    *w = (struct window){.fd = -1};
}

void window_reset(struct window *w, int fd)
{
    w->fd = fd;
    w->len = 0;
    w->offset = 0;
}

static bool fill(struct window *w, off_t offset, struct err *err)
{
    w->offset = offset;
    w->len = 0;
    while (w->len < w->capacity) {
        ssize_t got = pread(w->fd, w->at + w->len, w->capacity - w->len, offset + (off_t)w->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, "read");
        if (got == 0)
            break;
        w->len += (size_t)got;
    }
    return true;
}

const unsigned char *window_get(
    struct window *w, off_t offset, size_t want, size_t *out_len, struct err *err)
{
    bool inside = offset >= w->offset && offset - w->offset <= (off_t)w->len &&
                  w->len - (size_t)(offset - w->offset) >= want;

    if (!inside) {
        if (want > w->capacity) {
            w->at = mem_resize(w->at, want, 1);
            w->capacity = want;
        }
        if (!fill(w, offset, err))
            return NULL;
    }
    *out_len = w->len - (size_t)(offset - w->offset);
    return w->at + (offset - w->offset);
}

bool window_record(struct window *w, off_t offset, const unsigned char **out_record,
    enum record_state *out_state, const char **out_why, struct err *err)
{
    size_t len;
    const unsigned char *at = window_get(w, offset, RECORD_HEADER_BYTES, &len, err);

    *out_record = NULL;
    if (at == NULL)
        return false;
    *out_state = record_check(at, len, out_why);
    if (*out_state == RECORD_UNFINISHED && len >= RECORD_HEADER_BYTES) {
        at = window_get(w, offset, shape_of(at).bytes, &len, err);
        if (at == NULL)
            return false;
        *out_state = record_check(at, len, out_why);
    }
    if (len > 0)
        *out_record = at;
    return true;
}

bool window_resync(struct window *w, off_t offset, off_t *out_offset, struct err *err)
{
    const unsigned char *record;
    enum record_state state;
    const char *why;

    for (offset = (offset + 7) / 8 * 8;; offset += 8) {
        TRY(window_record(w, offset, &record, &state, &why, err));
        if (state == RECORD_WHOLE) {
            *out_offset = offset;
            return true;
        }
        size_t len;
        if (window_get(w, offset, RECORD_HEADER_BYTES, &len, err) == NULL)
            return false;
        if (len < RECORD_HEADER_BYTES) {
            *out_offset = -1;
            return true;
        }
    }
}
