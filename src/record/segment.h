/* segment.h - the bytes of the journal: a file is a header and records, nothing in between.
 *
 * All numbers are little-endian; a record begins at a multiple of 8.
 *
 *   segment header (128 bytes)                    record
 *     0  "TENDSEG1"                                 0  u32 bytes of the whole record, with padding
 *     8  u32 format, 1                              4  u32 CRC-32C of everything behind it
 *    12  u32 number, as in the file's name          8  u32 flags: 1 = the body was erased
 *    16  u64 seq of its first record               12  u32 zero
 *    24  i64 wall clock when it was made, ns       16  chain (32)
 *    32  node, 16 random bytes                     48  SHA-256 of the body (32)            ┐
 *    48  chain of the record before (32);          80  u64 seq                             │
 *        zeros before event 1                      88  i64 wall clock, ns                  │
 * chained 80  boot id, 36 characters (or zeros)         96  i64 boot clock, ns                  │
 *   116  zeros                                    104  u32 bytes of the body               │
 *   124  u32 CRC-32C of the 124 before            108  u8 bytes of type, u8 of actor,      │
 *                                                      u8 of subject, u8 number of causes  │
 *                                                 112  u64 causes …                        │
 *                                                      type, actor, subject, each with a   │
 *                                                      zero behind, counted above          ┘
 *                                                      body: the evidence, JSON
 *                                                      zeros up to a multiple of 8
 *
 * chain = SHA-256(chain of the record before ‖ the chained bytes). It covers the body's hash, not
 * the body: a body can be overwritten with zeros (flag 1, new CRC) and the chain still verifies.
 * A segment belongs to one boot: boot clocks within it can be compared.
 *
 * Pure functions on bytes, and a window for reading a file of any size. Any thread. */
#ifndef TEND_RECORD_SEGMENT_H
#define TEND_RECORD_SEGMENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "record/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SEGMENT_HEADER_BYTES 128u
#define SEGMENT_NAME_BYTES   16 /* "00000001.seg" and more than enough */
#define SEGMENT_NODE_BYTES   16
#define RECORD_HEADER_BYTES  112u
#define RECORD_BYTES_MAX     (EVENT_EVIDENCE_BYTES_MAX + 1024u)
#define RECORD_FLAG_ERASED   1u

struct segment_header {
    uint32_t number;
    uint64_t first_seq;
    int64_t created_ns;
    unsigned char node[SEGMENT_NODE_BYTES];
    struct hash before; /* the chain in front of its first record */
    char boot_id[CLOCK_BOOT_ID_BYTES];
};

void segment_name(uint32_t number, char out[SEGMENT_NAME_BYTES]);
/* False if it is not a segment's name. */
bool segment_name_parse(const char *name, uint32_t *out_number);
void segment_header_encode(const struct segment_header *h, unsigned char out[SEGMENT_HEADER_BYTES]);
/* ERR_CORRUPT, or ERR_UNSUPPORTED for a newer format. */
MUST_USE bool segment_header_decode(
    const unsigned char bytes[SEGMENT_HEADER_BYTES], struct segment_header *out, struct err *err);

/* Appends the record of `e` to `out`, not sealed yet; e->seq and its times must be set and its
 * texts within their bounds. Returns its bytes, 0 if `out` is full (nothing is appended). */
size_t record_encode(struct buf *out, const struct event *e);
size_t record_bytes(const unsigned char *record);
uint64_t record_seq(const unsigned char *record);
/* Fills in body hash, chain and CRC; `chain` is that of the record before and becomes this one's.
 */
void record_seal(unsigned char *record, struct hash *chain);

enum record_state {
    RECORD_WHOLE,
    RECORD_UNFINISHED, /* the bytes end before the record does */
    RECORD_DAMAGED,
};
/* Looks at `len` bytes, RECORD_BYTES_MAX being always enough; `*out_why` says what is wrong with a
 * damaged one. Nothing else may be asked of a record that is not whole. */
enum record_state record_check(const unsigned char *bytes, size_t len, const char **out_why);
/* Whether the record follows `chain`, and its body its hash. Moves `chain` on if it does. */
bool record_follows(const unsigned char *record, struct hash *chain, const char **out_why);
bool record_is_erased(const unsigned char *record);
struct hash record_chain(const unsigned char *record);
/* Texts point into the record; boot_id is left alone. */
void record_decode(const unsigned char *record, struct event *out);

/* ---- a window on a file ---- */

struct window {
    int fd;
    unsigned char *at;
    size_t len, capacity; /* bytes there, room */
    off_t offset;         /* of `at` in the file */
};

/* `bytes` is what it reads at once; at least RECORD_BYTES_MAX is read where needed. */
void window_init(struct window *w, int fd, size_t bytes);
void window_fini(struct window *w);
/* Forget what was read (the file may have grown or changed). */
void window_reset(struct window *w, int fd);
/* At least `want` bytes from `offset`, fewer only at the file's end. NULL: could not be read. */
const unsigned char *window_get(
    struct window *w, off_t offset, size_t want, size_t *out_len, struct err *err);
/* The record at `offset`: whole or damaged as by record_check; unfinished also at the very end,
 * where `*out_record` is NULL. False: could not be read. */
MUST_USE bool window_record(struct window *w, off_t offset, const unsigned char **out_record,
    enum record_state *out_state, const char **out_why, struct err *err);
/* The first whole record at or behind `offset`; `*out_offset` -1 if there is none. */
MUST_USE bool window_resync(struct window *w, off_t offset, off_t *out_offset, struct err *err);

#endif
