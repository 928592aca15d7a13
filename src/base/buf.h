/* buf.h - bytes that grow, up to a bound given when the buffer is made.
 *
 *     struct buf out = BUF_INIT(64 << 10);
 *     buf_format(&out, "%s=%d\n", name, n);
 *     if (buf_full(&out)) return err_set(err, ERR_LIMIT, …);
 *     buf_fini(&out);
 *
 * Appending past the bound keeps what was there, sets `overflow`, and ignores all later appends, so
 * that a writer checks once at its end. `at` is always terminated by a zero byte that `len` does
 * not count; before the first append it is NULL. One thread at a time. */
#ifndef TEND_BASE_BUF_H
#define TEND_BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *at;
    size_t len;
    size_t capacity;
    size_t bytes_max;
    bool overflow;
};

#define BUF_INIT(max)      \
    {                      \
        .bytes_max = (max) \
    }

void buf_init(struct buf *b, size_t bytes_max);
void buf_fini(struct buf *b);
/* Empty it, keep its memory. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_text(struct buf *b, const char *terminated);
void buf_add_str(struct buf *b, struct str text);
void buf_add_byte(struct buf *b, char byte);
void buf_format(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_format_list(struct buf *b, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Room for `len` more bytes at the end, or NULL past the bound; then buf_grew says how many came.
 */
char *buf_room(struct buf *b, size_t len);
void buf_grew(struct buf *b, size_t len);
/* Drop the first `len` bytes. */
void buf_drop(struct buf *b, size_t len);

static inline bool buf_full(const struct buf *b)
{
    return b->overflow;
}

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){.at = b->at != NULL ? b->at : "", .len = b->len};
}

/* The memory, which the caller then frees; never NULL. The buffer is empty afterwards. */
char *buf_take(struct buf *b);

#endif
