#include "observe/logs/logs.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_NS (INT64_C(1795467600) * NS_PER_S) /* 2026-11-23T21:00:00Z */
#define WAIT_S   20

static char root[64], logs_dir[128];

static void begin(void)
{
    (void)strcpy(root, "/tmp/tend-test-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    (void)snprintf(logs_dir, sizeof logs_dir, "%s/logs", root);
    CHECK(mkdir(logs_dir, 0700) == 0);
}

static void end(void)
{
    CHECK(fs_remove_tree(root, NULL));
}

/* ---- a writer as the shim is one ---- */

struct writer {
    char path[256];
    int fd;
};

static void writer_open(struct writer *w, const char *service, int slot)
{
    (void)snprintf(w->path, sizeof w->path, "%s/%s", logs_dir, service);
    (void)mkdir(w->path, 0700);
    (void)snprintf(w->path, sizeof w->path, "%s/%s/%d.log", logs_dir, service, slot);
    w->fd = open(w->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    CHECK(w->fd != -1);
}

static void writer_rotate(struct writer *w, int kept)
{
    char from[300], to[300];

    for (int i = kept - 1; i >= 0; i--) {
        (void)snprintf(to, sizeof to, "%s.%d", w->path, i + 1);
        (void)snprintf(from, sizeof from, i > 0 ? "%s.%d" : "%s", w->path, i);
        (void)rename(from, to);
    }
    (void)close(w->fd);
    w->fd = open(w->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void put_bytes(struct writer *w, const char *bytes, size_t len)
{
    CHECK(write(w->fd, bytes, len) == (ssize_t)len);
}

static void put(struct writer *w, int64_t at_ns, const char *stream_and_tag, struct str text)
{
    struct buf b = BUF_INIT(4 << 20);
    char at[CLOCK_TEXT_BYTES];

    clock_format(at_ns, 9, at);
    buf_format(&b, "%s %s ", at, stream_and_tag);
    buf_add_str(&b, text);
    buf_add_byte(&b, '\n');
    put_bytes(w, b.at, b.len);
    buf_fini(&b);
}

static void put_line(struct writer *w, int64_t at_ms, const char *text)
{
    put(w, START_NS + at_ms * NS_PER_MS, "stdout F", str_from(text));
}

/* ---- a reader that writes down what it got ---- */

static struct buf got;

static bool note(void *data, const struct log_line *line)
{
    (void)data;
    buf_format(&got, "%s/%d %s%s%s|", line->service, line->slot,
        line->stream == LOG_STDERR ? "E " : "", line->malformed ? "? " : "",
        line->continues ? "> " : "");
    buf_add_str(&got, line->text);
    buf_add_byte(&got, '\n');
    return true;
}

static struct logs_query all(void)
{
    return (struct logs_query){.dir = logs_dir, .tail = -1};
}

static const char *read_text(const struct logs_query *query)
{
    struct err e = ERR_INIT;

    buf_fini(&got);
    buf_init(&got, 64 << 20);
    CHECK_OK(logs_read(query, note, NULL, &e), &e);
    return buf_str(&got).at;
}

CASE(services_and_slots_are_merged_by_time)
{
    struct writer web1, web2, db;
    begin();
    writer_open(&web1, "web", 1);
    writer_open(&web2, "web", 2);
    writer_open(&db, "db", 1);
    put_line(&web1, 10, "a");
    put_line(&web2, 20, "b");
    put_line(&db, 30, "c");
    put_line(&web1, 40, "d");
    put_line(&web1, 41, "e");
    put(&db, START_NS + 42 * NS_PER_MS, "stderr F", STR("f"));
    struct logs_query q = all();
    CHECK_TEXT(read_text(&q), "web/1 |a\nweb/2 |b\ndb/1 |c\nweb/1 |d\nweb/1 |e\ndb/1 E |f\n");
    q.slot = 2;
    CHECK_TEXT(read_text(&q), "web/2 |b\n");
    const char *const names[] = {"db", "nobody"};
    q = all();
    q.services = names;
    q.service_count = 2;
    CHECK_TEXT(read_text(&q), "db/1 |c\ndb/1 E |f\n");
    q.since_ns = START_NS + 31 * NS_PER_MS;
    CHECK_TEXT(read_text(&q), "db/1 E |f\n");
    q = all();
    q.since_ns = START_NS + 20 * NS_PER_MS;
    q.until_ns = START_NS + 40 * NS_PER_MS;
    CHECK_TEXT(read_text(&q), "web/2 |b\ndb/1 |c\n");
    q = all();
    q.tail = 2;
    CHECK_TEXT(read_text(&q), "web/1 |e\ndb/1 E |f\n");
    q.tail = 0;
    CHECK_TEXT(read_text(&q), "");
    q = all();
    q.grep = STR("a");
    CHECK_TEXT(read_text(&q), "web/1 |a\n");
    end();
}

CASE(a_services_own_order_is_kept_when_the_clock_steps_back)
{
    struct writer w;
    begin();
    writer_open(&w, "web", 1);
    put_line(&w, 100, "first");
    put_line(&w, 50, "second");
    put_line(&w, 101, "third");
    struct logs_query q = all();
    CHECK_TEXT(read_text(&q), "web/1 |first\nweb/1 |second\nweb/1 |third\n");
    end();
}

CASE(bytes_are_given_as_they_were_written)
{
    struct writer w;
    begin();
    writer_open(&w, "web", 1);
    put(&w, START_NS, "stdout F", (struct str){"\0\xff\x01 x\r", 6});
    put_bytes(&w, "Segmentation fault\n\n", 20);
    put_line(&w, 5, "");
    put_bytes(&w, "torn", 4);
    struct logs_query q = all();
    (void)read_text(&q);
    static const char want[] = "web/1 |\0\xff\x01 x\r\nweb/1 ? |Segmentation fault\nweb/1 ? "
                               "|\nweb/1 |\nweb/1 ? |torn\n";
    CHECK_INT(got.len, sizeof want - 1);
    CHECK(memcmp(got.at, want, got.len) == 0);
    end();
}

/* 40,000 lines "line N …", a millisecond apart, in five files. */
static void write_many(struct writer *w)
{
    char text[64];
    writer_open(w, "web", 1);
    for (int i = 0; i < 40000; i++) {
        if (i > 0 && i % 8000 == 0)
            writer_rotate(w, 10);
        (void)snprintf(text, sizeof text, "line %d with some text behind", i);
        put_line(w, i, text);
    }
}

struct numbers {
    int64_t first, last;
    int count;
    bool in_order;
};

static bool note_number(void *data, const struct log_line *line)
{
    struct numbers *n = data;
    struct str number = str_tail(line->text, 5); /* "line 17 …" */
    int64_t i = -1;

    CHECK(str_to_int(str_cut(&number, ' '), &i));
    if (n->count++ == 0)
        n->first = i;
    else if (i != n->last + 1)
        n->in_order = false;
    n->last = i;
    return true;
}

static struct numbers read_numbers(const struct logs_query *q)
{
    struct numbers n = {.in_order = true};
    struct err e = ERR_INIT;

    CHECK_OK(logs_read(q, note_number, &n, &e), &e);
    return n;
}

CASE(since_and_tail_reach_into_rotated_files)
{
    struct writer w;
    begin();
    write_many(&w);
    struct logs_query q = all();
    struct numbers n = read_numbers(&q);
    CHECK(n.in_order && n.count == 40000 && n.first == 0);
    static const int at[] = {0, 1, 3999, 7999, 8000, 8001, 23456, 39999};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        q = all();
        q.since_ns = START_NS + at[i] * NS_PER_MS;
        n = read_numbers(&q);
        CHECK_INT(n.first, at[i]);
        CHECK(n.in_order && n.last == 39999);
        q = all();
        q.tail = 40000 - at[i];
        n = read_numbers(&q);
        CHECK_INT(n.first, at[i]);
        CHECK(n.in_order && n.last == 39999);
    }
    q = all();
    q.tail = 1000000;
    CHECK_INT(read_numbers(&q).count, 40000);
    q.since_ns = START_NS + 39990 * NS_PER_MS;
    CHECK_INT(read_numbers(&q).first, 39990);
    q.tail = 3;
    CHECK_INT(read_numbers(&q).first, 39997);
    q = all();
    q.since_ns = START_NS + 50000 * NS_PER_MS;
    CHECK_INT(read_numbers(&q).count, 0);
    q = all();
    q.grep = STR("line 777 ");
    CHECK_INT(read_numbers(&q).count, 1);
    q.grep = STR("e 39");
    q.tail = 5;
    n = read_numbers(&q);
    CHECK(n.first == 39995 && n.last == 39999 && n.count == 5);
    q.grep = STR("no such text");
    CHECK_INT(read_numbers(&q).count, 0);
    end();
}

CASE(a_line_in_pieces_is_whole_again_even_across_files)
{
    struct writer w;
    struct buf want = BUF_INIT(4 << 20);
    begin();
    writer_open(&w, "web", 1);
    put_line(&w, 0, "before");
    char *piece = mem_alloc(1, LOG_PIECE_BYTES);
    for (int i = 0; i < 40; i++) {
        memset(piece, 'a' + i % 26, LOG_PIECE_BYTES);
        put(&w, START_NS + i, "stdout P", (struct str){piece, LOG_PIECE_BYTES});
        put(&w, START_NS + i, "stderr F", STR("other"));
        buf_add(&want, piece, LOG_PIECE_BYTES);
        if (i % 15 == 14)
            writer_rotate(&w, 10);
    }
    put(&w, START_NS + 99, "stdout F", STR("end"));
    buf_add_text(&want, "end\n");
    struct logs_query q = all();
    q.grep = STR("aaab");
    (void)read_text(&q);
    CHECK_INT(got.len, want.len + strlen("web/1 |"));
    CHECK(memcmp(got.at + strlen("web/1 |"), want.at, want.len) == 0);
    q = all();
    q.tail = 1; /* its beginning lies far before the last record */
    (void)read_text(&q);
    CHECK_INT(got.len, want.len + strlen("web/1 |"));
    buf_fini(&want);
    free(piece);
    end();
}

CASE(a_record_longer_than_any_block_comes_in_pieces)
{
    struct writer w;
    size_t len = 3 << 20;
    char *text = mem_alloc(1, len);
    begin();
    writer_open(&w, "web", 1);
    memset(text, 'x', len);
    put(&w, START_NS, "stdout F", (struct str){text, len});
    put_line(&w, 1, "behind");
    for (int malformed = 0; malformed < 2; malformed++) {
        struct logs_query q = all();
        (void)read_text(&q);
        size_t count = 0;
        for (size_t i = 0; i < got.len; i++)
            count += got.at[i] == 'x';
        CHECK_INT(count, len);
        CHECK(strstr(got.at, "\nweb/1 |behind\n") != NULL);
        writer_open(&w, "web", 1);
        CHECK(ftruncate(w.fd, 0) == 0);
        text[len - 1] = '\n';
        put_bytes(&w, text, len);
        put_line(&w, 1, "behind");
        len--;
    }
    free(text);
    end();
}

CASE(names_that_lead_elsewhere_are_refused)
{
    static const char *const names[] = {"../x", "", ".", ".."};
    struct err e = ERR_INIT;
    begin();
    for (size_t i = 0; i < 4; i++) {
        struct logs_query q = all();
        q.services = &names[i];
        q.service_count = 1;
        CHECK(!logs_read(&q, note, NULL, &e));
        CHECK_INT(e.kind, ERR_INVALID);
    }
    struct logs_query q = all();
    q.follow = true;
    CHECK(!logs_read(&q, note, NULL, &e));
    end();
}

/* ---- following ---- */

struct follower {
    struct logs_query query;
    struct logs_cancel *cancel;
    pthread_t thread;
    atomic_int count, wrong;
    int next[4]; /* by slot */
    int stop_at; /* the taker ends it; 0: never */
    bool ok;
    struct err err;
};

static bool note_followed(void *data, const struct log_line *line)
{
    struct follower *f = data;

    if (line->malformed || atoi(line->text.at + 5) != f->next[line->slot]++)
        f->wrong++;
    return ++f->count != f->stop_at;
}

static void *follow(void *data)
{
    struct follower *f = data;

    f->ok = logs_read(&f->query, note_followed, f, &f->err);
    return NULL;
}

static void follower_start(struct follower *f)
{
    struct err e = ERR_INIT;

    CHECK_OK(logs_cancel_create(&f->cancel, &e), &e);
    f->query.cancel = f->cancel;
    f->query.follow = true;
    CHECK(pthread_create(&f->thread, NULL, follow, f) == 0);
}

/* Until it has so many lines. */
static bool follower_has(struct follower *f, int count)
{
    for (int i = 0; i < WAIT_S * 1000 && f->count < count; i++)
        (void)usleep(1000);
    return f->count == count;
}

static void follower_stop(struct follower *f)
{
    logs_cancel(f->cancel);
    (void)pthread_join(f->thread, NULL);
    logs_cancel_destroy(&f->cancel);
}

static void put_number(struct writer *w, int number)
{
    char text[40];

    (void)snprintf(text, sizeof text, "line %d", number);
    put_line(w, number, text);
}

CASE(following_loses_nothing_and_doubles_nothing_across_rotations)
{
    struct writer w[3];
    struct follower f = {.query = all()};
    begin();
    for (int slot = 1; slot <= 2; slot++)
        writer_open(&w[slot], "web", slot);
    for (int i = 0; i < 100; i++)
        put_number(&w[1], i);
    follower_start(&f);
    for (int i = 100; i < 6000; i++) {
        put_number(&w[1], i);
        put_number(&w[2], i - 100);
        if (i % 250 == 0)
            writer_rotate(&w[1], 30); /* all are kept, however late the reader is */
        if (i % 333 == 0)
            writer_rotate(&w[2], 30);
    }
    CHECK_SAYING(follower_has(&f, 6000 + 5900), "%d lines came", (int)f.count);
    CHECK_INT(f.wrong, 0);
    follower_stop(&f);
    CHECK(!f.ok);
    CHECK_INT(f.err.kind, ERR_CANCELLED);
    end();
}

CASE(following_finds_new_services_and_slots)
{
    struct writer w[4];
    struct follower f = {.query = all()};
    const char *const names[] = {"later"};
    f.query.services = names;
    f.query.service_count = 1;
    begin();
    follower_start(&f);
    for (int slot = 1; slot <= 3; slot++) {
        writer_open(&w[slot], "later", slot);
        put_number(&w[slot], 0);
        CHECK_SAYING(follower_has(&f, 2 * slot - 1), "%d lines came", (int)f.count);
        put_number(&w[slot], 1);
        CHECK(follower_has(&f, 2 * slot));
    }
    CHECK_INT(f.wrong, 0);
    follower_stop(&f);
    end();
}

CASE(following_begins_at_the_tail_and_takes_whole_lines_only)
{
    struct writer w;
    struct follower f = {
        .query = all(), .next = {0, 98},
             .stop_at = 5
    };
    begin();
    writer_open(&w, "web", 1);
    for (int i = 0; i < 100; i++)
        put_number(&w, i);
    f.query.tail = 2;
    follower_start(&f);
    CHECK(follower_has(&f, 2));
    put(&w, START_NS, "stdout P", STR("line 1"));
    put_bytes(&w, "2026-11-23T21:06:00.1234567", 27);
    (void)usleep(20000);
    CHECK_INT(f.count, 2);
    put_bytes(&w, "89Z stdout F 00\n", 16);
    CHECK(follower_has(&f, 3));
    put_number(&w, 101);
    put_number(&w, 102); /* the taker has enough */
    (void)pthread_join(f.thread, NULL);
    CHECK(f.ok);
    CHECK_INT(f.wrong, 0);
    logs_cancel_destroy(&f.cancel);
    end();
}

CASE(following_ends_when_its_time_is_over)
{
    struct follower f = {.query = all()};
    begin();
    f.query.until_ns = clock_wall_ns() - 2 * NS_PER_S;
    follower_start(&f);
    (void)pthread_join(f.thread, NULL);
    CHECK(f.ok);
    logs_cancel_destroy(&f.cancel);
    end();
}

TEST_MAIN()
