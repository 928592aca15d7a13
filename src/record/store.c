#include "base/fs.h"
#include "base/mem.h"
#include "record/journal_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCAN_BYTES (256u << 10)

/* ---- files ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

bool store_list(int dir_fd, struct segment_numbers *out, struct err *err)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd != -1 ? fdopendir(fd) : NULL;

    if (dir == NULL)
        return err_sys(err, "list segments");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        uint32_t number;
        if (segment_name_parse(entry->d_name, &number))
            vec_push(out, number);
    }
    (void)closedir(dir);
    if (out->count > 0)
        qsort(out->at, out->count, sizeof *out->at, by_number);
    return true;
}

bool store_open_file(int dir_fd, uint32_t number, int flags, int *out_fd, struct err *err)
{
    char name[SEGMENT_NAME_BYTES];

    segment_name(number, name);
    *out_fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *out_fd != -1 || err_sys(err, "%s", name);
}

bool store_read_header(int fd, uint32_t number, struct segment_header *out, struct err *err)
{
    unsigned char bytes[SEGMENT_HEADER_BYTES];
    ssize_t got = pread(fd, bytes, sizeof bytes, 0);

    if (got < 0)
        return err_sys(err, "%08u.seg: read", number);
    if (got < (ssize_t)sizeof bytes)
        return err_set(err, ERR_CORRUPT, "%08u.seg: too short for a segment", number);
    if (!segment_header_decode(bytes, out, err))
        return err_in(err, "%08u.seg", number);
    if (out->number != number)
        return err_set(err, ERR_CORRUPT, "%08u.seg: says it is number %u", number, out->number);
    if (out->first_seq == 0 || out->first_seq > INT64_MAX)
        return err_set(err, ERR_CORRUPT, "%08u.seg: begins with an impossible event", number);
    return true;
}

/* ---- what is where ---- */

static void add_mark(struct segment *g, uint64_t seq, off_t offset)
{
    if (seq >= g->first_seq && (seq - g->first_seq) / STORE_MARK_EVERY == g->marks.count &&
        (seq - g->first_seq) % STORE_MARK_EVERY == 0)
        vec_push(&g->marks, (uint32_t)offset);
}

void store_add(struct store *s, const struct segment_header *h)
{
    (void)pthread_mutex_lock(&s->lock);
    struct segment *g = vec_add(&s->segments);
    g->number = h->number;
    g->first_seq = h->first_seq;
    memcpy(g->boot_id, h->boot_id, sizeof g->boot_id);
    (void)pthread_mutex_unlock(&s->lock);
}

void store_mark(struct store *s, uint32_t number, uint64_t seq, off_t offset)
{
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = s->segments.count; i-- > 0;) {
        if (s->segments.at[i].number == number) {
            add_mark(&s->segments.at[i], seq, offset);
            break;
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void place_in(const struct segment *g, uint64_t seq, struct store_place *out)
{
    uint64_t mark = seq > g->first_seq ? (seq - g->first_seq) / STORE_MARK_EVERY : 0;

    if (g->marks.count > 0 && mark >= g->marks.count)
        mark = g->marks.count - 1;
    out->number = g->number;
    out->first_seq = g->first_seq;
    out->offset = g->marks.count > 0 ? g->marks.at[mark] : SEGMENT_HEADER_BYTES;
    memcpy(out->boot_id, g->boot_id, sizeof out->boot_id);
}

bool store_find(struct store *s, uint64_t seq, struct store_place *out)
{
    size_t low = 0;

    (void)pthread_mutex_lock(&s->lock);
    for (size_t high = s->segments.count; low < high;) { /* low: those that begin at or before */
        size_t middle = low + (high - low) / 2;
        if (s->segments.at[middle].first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        place_in(&s->segments.at[low - 1], seq, out);
    (void)pthread_mutex_unlock(&s->lock);
    return low > 0;
}

bool store_next(struct store *s, uint32_t number, struct store_place *out)
{
    bool found = false;

    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = s->segments.count; i-- > 0 && s->segments.at[i].number > number;) {
        place_in(&s->segments.at[i], s->segments.at[i].first_seq, out);
        out->offset = SEGMENT_HEADER_BYTES;
        found = true;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

/* ---- opening ---- */

static void note_broken(struct tail *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note_broken(struct tail *t, const char *fmt, ...)
{
    va_list args;

    if (t->broken_text[0] != '\0')
        return; /* the first says where to look */
    va_start(args, fmt);
    (void)vsnprintf(t->broken_text, sizeof t->broken_text, fmt, args);
    va_end(args);
}

/* What a scan of the last segment learns. */
struct scan {
    uint64_t last_seq; /* 0: it has no whole record */
    struct hash chain;
    off_t end;    /* behind the last whole record */
    bool damaged; /* whole records follow damaged bytes */
};

static bool scan_records(struct store *s, struct window *w, const struct segment_header *h,
    struct scan *out, struct err *err)
{
    off_t offset = SEGMENT_HEADER_BYTES;

    *out = (struct scan){.end = offset};
    for (;;) {
        const unsigned char *record;
        enum record_state state;
        const char *why;
        TRY(window_record(w, offset, &record, &state, &why, err));
        if (record == NULL)
            return true;
        if (state != RECORD_WHOLE) {
            off_t next;
            TRY(window_resync(w, offset + 8, &next, err));
            if (next == -1)
                return true;
            out->damaged = true;
            offset = next;
            continue;
        }
        out->last_seq = record_seq(record);
        out->chain = record_chain(record);
        if (h != NULL)
            store_mark(s, h->number, out->last_seq, offset);
        offset += (off_t)record_bytes(record);
        out->end = offset;
    }
}

static bool cut(int fd, struct tail *t, const struct scan *scan, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) == -1)
        return err_sys(err, "stat");
    if (st.st_size <= scan->end)
        return true;
    t->torn_bytes = (uint64_t)(st.st_size - scan->end);
    t->torn_number = t->number;
    if (ftruncate(fd, scan->end) == -1 || fdatasync(fd) == -1)
        return err_sys(err, "cut off an unfinished write");
    return true;
}

static void take_scan(struct tail *t, const struct segment_header *h, const struct scan *scan)
{
    t->head = scan->last_seq > 0 ? scan->last_seq : h->first_seq - 1;
    t->chain = scan->last_seq > 0 ? scan->chain : h->before;
    t->end = scan->end;
    t->may_grow = !scan->damaged && strcmp(h->boot_id, clock_boot_id()) == 0;
    if (scan->damaged)
        note_broken(t, "%08u.seg: damaged events in the middle", t->number);
}

static bool open_tail(
    struct store *s, int fd, const struct segment_header *h, struct tail *t, struct err *err)
{
    struct window w;
    struct scan scan;

    window_init(&w, fd, SCAN_BYTES);
    bool ok = scan_records(s, &w, h, &scan, err) && cut(fd, t, &scan, err);
    window_fini(&w);
    if (ok)
        take_scan(t, h, &scan);
    return ok;
}

/* A last file without a good header: a crash interrupted its making, unless it has records. */
static bool open_headless(int dir_fd, int fd, bool is_last, struct tail *t, struct err *err)
{
    struct window w;
    struct scan scan;
    struct stat st;
    char name[SEGMENT_NAME_BYTES];

    window_init(&w, fd, SCAN_BYTES);
    bool ok = scan_records(NULL, &w, NULL, &scan, err);
    window_fini(&w);
    TRY(ok);
    if (scan.last_seq > 0 || !is_last) {
        note_broken(t, "%08u.seg: its header is damaged", t->number);
        t->head = scan.last_seq;
        t->chain = scan.chain;
        return true;
    }
    segment_name(t->number, name);
    if (fstat(fd, &st) == -1 || unlinkat(dir_fd, name, 0) == -1)
        return err_sys(err, "remove unfinished %s", name);
    t->torn_bytes = (uint64_t)st.st_size;
    t->torn_number = t->number;
    t->number--;
    return true;
}

/* Sets t->head from one file, or leaves it 0 if it has nothing to tell. */
static bool open_end(
    struct store *s, uint32_t number, bool is_last, struct tail *t, struct err *err)
{
    struct segment_header h;
    int fd;

    TRY(store_open_file(s->dir_fd, number, O_RDWR, &fd, err));
    bool ok = store_read_header(fd, number, &h, err);
    if (ok)
        ok = open_tail(s, fd, &h, t, err);
    else if (err->kind == ERR_CORRUPT)
        ok = open_headless(s->dir_fd, fd, is_last, t, err);
    (void)close(fd);
    return ok || err_in(err, "%08u.seg", number);
}

static bool add_segment(struct store *s, uint32_t number, struct tail *t, struct err *err)
{
    struct segment_header h;
    int fd;

    TRY(store_open_file(s->dir_fd, number, O_RDONLY, &fd, err));
    bool ok = store_read_header(fd, number, &h, err);
    (void)close(fd);
    if (ok) {
        store_add(s, &h);
        memcpy(t->node, h.node, sizeof t->node);
        t->has_node = true;
        return true;
    }
    return err->kind == ERR_CORRUPT; /* told by open_headless, or by reading */
}

static bool open_all(struct store *s, struct tail *t, struct err *err)
{
    struct segment_numbers numbers = {0};
    bool ok = store_list(s->dir_fd, &numbers, err);

    for (size_t i = 0; ok && i < numbers.count; i++)
        ok = add_segment(s, numbers.at[i], t, err);
    for (size_t i = numbers.count; ok && i-- > 0 && t->end == 0 && t->head == 0;) {
        bool is_last = i + 1 == numbers.count;
        if (is_last)
            t->number = numbers.at[i];
        ok = open_end(s, numbers.at[i], is_last, t, err);
        if (ok && t->end > 0 && numbers.at[i] != t->number)
            t->may_grow = false; /* damaged files stand behind it */
    }
    vec_fini(&numbers);
    return ok;
}

bool store_open(struct store *s, const char *dir, struct tail *out, struct err *err)
{
    *s = (struct store){.dir_fd = -1};
    *out = (struct tail){0};
    (void)pthread_mutex_init(&s->lock, NULL);
    if (!fs_make_dirs(dir, 0700, err))
        return false;
    s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd == -1)
        return err_sys(err, "%s", dir);
    return open_all(s, out, err) || err_in(err, "%s", dir);
}

void store_close(struct store *s)
{
    for (size_t i = 0; i < s->segments.count; i++)
        vec_fini(&s->segments.at[i].marks);
    vec_fini(&s->segments);
    if (s->dir_fd != -1)
        (void)close(s->dir_fd);
    (void)pthread_mutex_destroy(&s->lock);
}
