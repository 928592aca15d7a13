/* err.h - why something failed, on the caller's stack.
 *
 * A function that can fail takes `struct err *err` last and returns bool, or a pointer that is NULL
 * on failure. The error holds a kind to act on, the errno, the place that found it, and a text that
 * each level prefixes with what it was doing:
 *
 *     if (s->fd == -1)
 *         return err_sys(err, "open");                "open: No such file or directory"
 *     ...
 *     return err_in(err, "segment %s", path);         "segment .../0001: open: No such file ..."
 *
 * err_set, err_sys and err_in always return false, so failing is one statement. Reporting allocates
 * nothing, there is nothing to free, and a `struct err` may be copied across threads.
 * `err` may be NULL where a caller has no interest in the reason. Any thread. */
#ifndef TEND_BASE_ERR_H
#define TEND_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum err_kind {
    ERR_NONE,
    ERR_INVALID,     /* the input is wrong; trying again changes nothing */
    ERR_MISSING,     /* a thing that was named is not there */
    ERR_CONFLICT,    /* somebody else holds it, or it changed meanwhile */
    ERR_DENIED,      /* not allowed */
    ERR_TIMEOUT,     /* the deadline passed */
    ERR_LIMIT,       /* a stated bound was exceeded */
    ERR_UNREACHABLE, /* nobody answers at that address */
    ERR_CANCELLED,   /* the caller gave up */
    ERR_IO,          /* the system said no: see sys */
    ERR_UNSUPPORTED, /* known, and not supported here */
    ERR_CORRUPT,     /* stored bytes are not what was written */
    ERR_LOCKED,      /* somebody else is at it, and is named: try again later */
};

#define ERR_TEXT_BYTES 480

struct err {
    enum err_kind kind;
    int sys;           /* errno, 0 where none was involved */
    const char *place; /* "record/segment.c:120" */
    char text[ERR_TEXT_BYTES];
};

#define ERR_INIT         \
    {                    \
        .kind = ERR_NONE \
    }

#define ERR_STRING_(x) #x
#define ERR_STRING(x)  ERR_STRING_(x)
#define HERE           __FILE__ ":" ERR_STRING(__LINE__)

#define MUST_USE       __attribute__((warn_unused_result))

/* Set kind and text. */
#define err_set(err, kind, ...) err_set_at((err), (kind), HERE, __VA_ARGS__)
/* Set from errno: the text gets ": strerror" behind it, and a kind that fits. */
#define err_sys(err, ...) err_sys_at((err), HERE, __VA_ARGS__)

bool err_set_at(struct err *err, enum err_kind kind, const char *place, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool err_sys_at(struct err *err, const char *place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "<what>: " in front of the text. */
bool err_in(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "invalid", "missing", … as logs and the API spell it. */
const char *err_kind_name(enum err_kind kind);

/* A failure that is truly of no interest; say why beside it. (A cast to void does not silence
 * MUST_USE.) */
static inline void err_ignore(bool ok)
{
    (void)ok;
}

/* Pass a failure on where nothing is to be added and nothing to be released. */
#define TRY(call)         \
    do {                  \
        if (!(call))      \
            return false; \
    } while (0)

#endif
