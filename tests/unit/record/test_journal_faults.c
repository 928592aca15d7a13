/* What crashes, full disks, bad disks and meddlers do to a journal. */
#include "record/journal.h"

#include "base/crc32c.h"
#include "base/random.h"
#include "record/segment.h"

#include "journal_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *segment_path(struct fixture *f, uint32_t number)
{
    static char path[4][120];
    static int next;
    char name[SEGMENT_NAME_BYTES];

    next = (next + 1) % 4;
    segment_name(number, name);
    (void)snprintf(path[next], sizeof path[next], "%s/%s", f->dir, name);
    return path[next];
}

static struct buf load(const char *path)
{
    struct buf bytes = BUF_INIT(64 << 20);
    struct err err;

    CHECK_OK(fs_read(path, &bytes, &err), &err);
    return bytes;
}

static void store(const char *path, const void *bytes, size_t len)
{
    struct err err;

    CHECK_OK(fs_write_volatile(path, (struct str){bytes, len}, 0600, &err), &err);
}

/* Where each record begins, and at the end where the last one ends. */
static size_t record_starts(const struct buf *file, size_t *starts, size_t max)
{
    size_t count = 0;

    for (size_t at = SEGMENT_HEADER_BYTES; count < max; count++) {
        starts[count] = at;
        if (at >= file->len)
            break;
        at += record_bytes((unsigned char *)file->at + at);
    }
    return count;
}

static void verdict(struct fixture *f, struct journal_verdict *out)
{
    CHECK_OK(journal_verify(f->dir, NULL, NULL, out, &f->err), &f->err);
}

/* ---- torn ends ---- */

/* A file as it may be left by a crash: opening cuts it to `whole` events and goes on. */
static void check_torn(struct fixture *f, uint64_t whole, uint64_t torn)
{
    struct journal_verdict v;

    fixture_open(f, NULL);
    CHECK_INT(f->opened.head, whole);
    CHECK_INT(f->opened.torn_bytes, torn);
    CHECK(!f->opened.broken);
    CHECK_INT(say(f, "journal.torn_tail_cut", "daemon", 0, "{}"), whole + 1);
    journal_close(&f->journal);
    verdict(f, &v);
    CHECK_SAYING(
        v.ok && v.head_seq == whole + 1, "%llu: %s", (unsigned long long)v.broken_seq, v.reason);
}

CASE(an_end_torn_at_any_byte_is_cut_off_and_counted)
{
    struct fixture f;
    size_t starts[8];

    fixture_begin(&f);
    say_many(&f, 3);
    journal_close(&f.journal);
    struct buf file = load(segment_path(&f, 1));
    CHECK_INT(record_starts(&file, starts, 8), 3);
    for (size_t len = starts[2] + 1; len < file.len; len++) {
        struct journal_verdict v;
        store(segment_path(&f, 1), file.at, len);
        verdict(&f, &v);
        CHECK(v.ok && v.head_seq == 2 && v.torn_bytes == len - starts[2]);
        check_torn(&f, 2, len - starts[2]);
    }
    buf_fini(&file);
    fixture_end(&f);
}

/* A file system may have grown the file before the bytes came. */
CASE(zeros_or_rubbish_at_the_end_are_cut_off)
{
    static const size_t extra[] = {1, 8, 111, 112, 4096, 300000};

    for (size_t i = 0; i < 2 * sizeof extra / sizeof extra[0]; i++) {
        struct fixture f;
        fixture_begin(&f);
        say_many(&f, 3);
        journal_close(&f.journal);
        struct buf file = load(segment_path(&f, 1));
        char *room = buf_room(&file, extra[i / 2]);
        memset(room, i % 2 ? 0xff : 0, extra[i / 2]);
        buf_grew(&file, extra[i / 2]);
        store(segment_path(&f, 1), file.at, file.len);
        check_torn(&f, 3, extra[i / 2]);
        buf_fini(&file);
        fixture_end(&f);
    }
}

CASE(a_segment_whose_header_was_never_finished_is_made_again)
{
    for (size_t len = 0; len < SEGMENT_HEADER_BYTES; len += 9) {
        struct fixture f;
        char zeros[SEGMENT_HEADER_BYTES] = "TENDSEG1";
        fixture_begin(&f);
        say_many(&f, 3);
        journal_close(&f.journal);
        store(segment_path(&f, 2), zeros, len);
        check_torn(&f, 3, len);
        fixture_end(&f);
    }
}

/* ---- flipped bits and meddling ---- */

CASE(each_flipped_bit_is_found_at_its_event)
{
    struct fixture f;
    struct journal_verdict v;
    size_t starts[16];

    fixture_begin(&f);
    say_many(&f, 10);
    journal_close(&f.journal);
    struct buf file = load(segment_path(&f, 1));
    CHECK_INT(record_starts(&file, starts, 16), 10);
    for (size_t bit = 0; bit < 8 * file.len; bit += 3) {
        uint64_t seq = 1;
        while (seq < 10 && bit / 8 >= starts[seq])
            seq++;
        file.at[bit / 8] = (char)(file.at[bit / 8] ^ 1 << bit % 8);
        store(segment_path(&f, 1), file.at, file.len);
        file.at[bit / 8] = (char)(file.at[bit / 8] ^ 1 << bit % 8);
        verdict(&f, &v);
        CHECK_SAYING(!v.ok && v.broken_seq == seq && v.reason[0] != '\0',
            "bit %zu of event %llu: ok %d, event %llu, %s", bit, (unsigned long long)seq, v.ok,
            (unsigned long long)v.broken_seq, v.reason);
        CHECK_TEXT(v.file, "00000001.seg");
        CHECK_INT(v.offset, bit / 8 < SEGMENT_HEADER_BYTES ? 0 : starts[seq - 1]);
    }
    buf_fini(&file);
    fixture_end(&f);
}

static void fix_crc(unsigned char *record)
{
    uint32_t crc = crc32c(record + 8, record_bytes(record) - 8);

    memcpy(record + 4, &crc, sizeof crc);
}

/* Whoever can write the files can make checksums too, but not the chain. */
CASE(an_event_that_was_rewritten_with_a_good_checksum_breaks_the_chain)
{
    struct fixture f;
    struct journal_verdict v;
    size_t starts[16];

    fixture_begin(&f);
    say_many(&f, 10);
    journal_close(&f.journal);
    struct buf file = load(segment_path(&f, 1));
    (void)record_starts(&file, starts, 16);
    unsigned char *fifth = (unsigned char *)file.at + starts[4];
    fifth[88] ^= 1; /* its time */
    fix_crc(fifth);
    store(segment_path(&f, 1), file.at, file.len);
    verdict(&f, &v);
    CHECK(!v.ok && v.broken_seq == 5 && v.head_seq == 4 && v.events == 4);
    CHECK_TEXT(v.reason, "it does not follow the event before it (chain)");
    fifth[88] ^= 1;
    *(char *)memchr(fifth + 112, '5', 100) = '6'; /* its evidence */
    fix_crc(fifth);
    store(segment_path(&f, 1), file.at, file.len);
    verdict(&f, &v);
    CHECK(!v.ok && v.broken_seq == 5);
    CHECK_TEXT(v.reason, "its evidence is not what was written (hash)");
    buf_fini(&file);
    fixture_end(&f);
}

CASE(an_event_taken_out_or_a_file_taken_away_is_found)
{
    struct fixture f;
    struct journal_verdict v;
    size_t starts[16];

    fixture_init(&f);
    fixture_open(&f, &(struct journal_options){.segment_bytes_max = 80 << 10});
    say_many(&f, 2000);
    journal_close(&f.journal);
    struct buf file = load(segment_path(&f, 2));
    struct segment_header h;
    CHECK_OK(segment_header_decode((unsigned char *)file.at, &h, &f.err), &f.err);
    (void)record_starts(&file, starts, 16);
    struct buf without = BUF_INIT(1 << 20);
    buf_add(&without, file.at, starts[3]);
    buf_add(&without, file.at + starts[4], file.len - starts[4]);
    store(segment_path(&f, 2), without.at, without.len);
    verdict(&f, &v);
    CHECK(!v.ok && v.broken_seq == h.first_seq + 3);
    store(segment_path(&f, 2), file.at, file.len);
    verdict(&f, &v);
    CHECK(v.ok);
    CHECK_INT(unlink(segment_path(&f, 2)), 0);
    verdict(&f, &v);
    CHECK(!v.ok);
    CHECK_INT(v.broken_seq, h.first_seq);
    CHECK_TEXT(v.file, "00000002.seg");
    CHECK_INT(unlink(segment_path(&f, 1)), 0);
    verdict(&f, &v);
    CHECK(!v.ok && v.broken_seq == 1);
    buf_fini(&file);
    buf_fini(&without);
    fixture_end(&f);
}

CASE(an_erased_body_is_no_damage)
{
    struct fixture f;
    struct journal_verdict v;
    size_t starts[16];
    struct journal_reader *hold = NULL;
    struct event e;

    fixture_begin(&f);
    say_many(&f, 3);
    journal_close(&f.journal);
    struct buf file = load(segment_path(&f, 1));
    (void)record_starts(&file, starts, 16);
    unsigned char *second = (unsigned char *)file.at + starts[1];
    char *body = memmem(second, record_bytes(second), "{\"n\":2}", 7);
    CHECK(body != NULL);
    memset(body, 0, 7);
    second[8] |= RECORD_FLAG_ERASED;
    fix_crc(second);
    store(segment_path(&f, 1), file.at, file.len);
    verdict(&f, &v);
    CHECK_SAYING(v.ok && v.erased == 1 && v.head_seq == 3, "%s", v.reason);
    fixture_open(&f, NULL);
    CHECK_OK(journal_read(f.journal, 2, &hold, &e, &f.err), &f.err);
    CHECK_STR(e.evidence, "{\"erased\":true}");
    journal_reader_destroy(&hold);
    memcpy(body, "{\"n\":9}", 7); /* a flag is no licence to write something else */
    fix_crc(second);
    store(segment_path(&f, 1), file.at, file.len);
    verdict(&f, &v);
    CHECK(!v.ok && v.broken_seq == 2);
    buf_fini(&file);
    fixture_end(&f);
}

CASE(damage_in_the_middle_is_left_told_and_read_around)
{
    struct fixture f;
    struct journal_verdict v;
    struct journal_health health;
    size_t starts[16];
    struct event e;

    fixture_begin(&f);
    say_many(&f, 10);
    journal_close(&f.journal);
    struct buf file = load(segment_path(&f, 1));
    (void)record_starts(&file, starts, 16);
    memset(file.at + starts[4] + 4, 0xee, 150); /* events 5 and, in part, 6 */
    store(segment_path(&f, 1), file.at, file.len);
    fixture_open(&f, NULL);
    CHECK(f.opened.broken);
    CHECK_INT(f.opened.head, 10);
    CHECK_INT(f.opened.torn_bytes, 0);
    journal_health(f.journal, &health);
    CHECK(health.broken && strstr(health.broken_text, "00000001.seg") != NULL);
    say_many(&f, 5); /* into a new segment */
    fixture_flush(&f);
    CHECK(fs_exists(segment_path(&f, 2)));
    struct journal_reader *r = journal_reader_create(f.journal, 0);
    for (uint64_t seq = 1; seq <= 4; seq++)
        CHECK(journal_reader_next(r, &e, &f.err) == JOURNAL_EVENT && e.seq == seq);
    CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_BROKEN);
    CHECK(strstr(f.err.text, "event 5") != NULL);
    CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_EVENT);
    uint64_t next = e.seq;
    CHECK(next == 6 || next == 7);
    for (uint64_t seq = next + 1; seq <= 15; seq++)
        CHECK(journal_reader_next(r, &e, &f.err) == JOURNAL_EVENT && e.seq == seq);
    CHECK_INT(journal_reader_next(r, &e, &f.err), JOURNAL_END);
    CHECK(!journal_read(f.journal, 5, &r, &e, &f.err));
    CHECK_INT(f.err.kind, ERR_CORRUPT);
    journal_reader_destroy(&r);
    verdict(&f, &v);
    CHECK(!v.ok && v.broken_seq == 5);
    buf_fini(&file);
    fixture_end(&f);
}

CASE(a_journal_of_a_newer_tend_is_refused)
{
    struct fixture f;

    fixture_begin(&f);
    say_many(&f, 1);
    journal_close(&f.journal);
    struct buf file = load(segment_path(&f, 1));
    file.at[8] = 2;
    uint32_t crc = crc32c(file.at, 124);
    memcpy(file.at + 124, &crc, sizeof crc);
    store(segment_path(&f, 1), file.at, file.len);
    CHECK(!journal_open(&f.journal, f.dir, NULL, NULL, &f.err));
    CHECK_INT(f.err.kind, ERR_UNSUPPORTED);
    buf_fini(&file);
    fixture_end(&f);
}

/* ---- full disks ---- */

static struct journal_health told[2]; /* one written before each count */
static int told_count;

static void on_health(void *data, const struct journal_health *health)
{
    (void)data;
    if (told_count < 2)
        told[told_count] = *health;
    __atomic_add_fetch(&told_count, 1, __ATOMIC_SEQ_CST);
}

static void await_told(int count)
{
    int64_t deadline_ms = clock_boot_ms() + 20000;

    while (__atomic_load_n(&told_count, __ATOMIC_SEQ_CST) < count)
        CHECK(clock_boot_ms() < deadline_ms && usleep(500) == 0);
}

static void on_promise(void *data, const struct err *err)
{
    __atomic_store_n((int *)data, err == NULL ? 1 : 2, __ATOMIC_SEQ_CST);
}

/* Says until the disk is full; then what people ask is refused, what tend decides is kept. */
static void fill_disk(struct fixture *f)
{
    struct event asked = {.type = "apply.requested", .actor = "user:ana", .subject = "project"};
    int promise = 0;
    uint64_t seq;

    __atomic_store_n(&told_count, 0, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&told_count, __ATOMIC_SEQ_CST) == 0) {
        say_many(f, 20);
        if (!journal_flush(f->journal, clock_boot_ms() + 20000, &f->err))
            await_told(1);
    }
    CHECK(told[0].failing && told[0].text[0] != '\0');
    CHECK(!journal_append_durable(f->journal, &asked, &seq, on_promise, &promise, &f->err));
    CHECK_INT(f->err.kind, ERR_IO);
    CHECK_INT(promise, 0);
    CHECK(say(f, "instance.exited", "web/1", 0, "{}") == journal_head(f->journal));
    journal_when_durable(f->journal, journal_head(f->journal), on_promise, &promise);
    CHECK_INT(promise, 2);
    while (say(f, "instance.exited", "web/1", 0, "{}") != 0)
        ;
    struct journal_health health;
    journal_health(f->journal, &health);
    CHECK(health.failing && health.dropped == 1 && health.waiting > 0);
}

static void check_recovery(struct fixture *f)
{
    await_told(2);
    CHECK(!told[1].failing);
    fixture_flush(f);
    CHECK_INT(journal_durable(f->journal), journal_head(f->journal));
    CHECK(say(f, "daemon.recovered", "daemon", 0, "{}") != 0);
    fixture_flush(f);
    check_verifies(f, journal_head(f->journal));
}

static const struct journal_options impatient = {
    .on_health = on_health, .retry_ms = 5, .queue_bytes_max = 256 << 10};

CASE(a_disk_that_takes_no_more_is_survived_without_a_gap)
{
    struct fixture f;
    struct rlimit limit, before;

    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit = before;
    limit.rlim_cur = 20011; /* in the middle of a record */
    fixture_init(&f);
    fixture_open(&f, &impatient);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    fill_disk(&f);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
    check_recovery(&f);
    fixture_end(&f);
}

CASE(a_full_file_system_is_survived_without_a_gap)
{
    struct fixture f;
    char ballast[100];

    fixture_init(&f);
    if (unshare(CLONE_NEWNS) == -1 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount("tmpfs", f.root, "tmpfs", 0, "size=128k") == -1) {
        (void)rmdir(f.root);
        SKIP("needs to mount a file system");
    }
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", f.root);
    fixture_open(&f, &impatient);
    store(ballast, (char[40000]){0}, 40000);
    fill_disk(&f);
    CHECK(strstr(told[0].text, "No space left on device") != NULL);
    CHECK_INT(unlink(ballast), 0);
    CHECK_INT(mount("tmpfs", f.root, "tmpfs", MS_REMOUNT, "size=4m"), 0);
    check_recovery(&f);
    journal_close(&f.journal);
    CHECK_INT(umount(f.root), 0);
    fixture_end(&f);
}

/* ---- kill -9 ---- */

/* Appends for ever, and writes the number of each durable event to the pipe. */
static void tell_parent(void *data, const struct err *err)
{
    uint64_t seq = journal_durable(*(struct journal **)data);

    if (err == NULL)
        (void)!write(3, &seq, sizeof seq);
}

static _Noreturn void append_for_ever(const char *dir)
{
    struct journal *j;
    struct journal_options options = {.segment_bytes_max = 100 << 10};
    struct event e = {.type = "apply.requested", .actor = "user:ana", .subject = "project"};
    char evidence[3000];

    if (!journal_open(&j, dir, &options, NULL, NULL))
        _exit(1);
    for (uint64_t i = 0;; i++) {
        uint64_t seq;
        int len = snprintf(evidence, sizeof evidence, "{\"i\":\"%0*llu\"}", (int)(i % 2000) + 1,
            (unsigned long long)i);
        e.evidence = (struct str){evidence, (size_t)len};
        while (!journal_append_durable(j, &e, &seq, tell_parent, &j, NULL))
            (void)usleep(100);
    }
}

static uint64_t last_told(int fd)
{
    uint64_t seq, last = 0;

    while (read(fd, &seq, sizeof seq) == sizeof seq)
        last = seq > last ? seq : last;
    return last;
}

CASE(killed_at_any_moment_nothing_that_was_promised_is_lost)
{
    struct fixture f;
    struct random random = {.state = 20261124};
    uint64_t head = 0;

    fixture_init(&f);
    for (int round = 0; round < 60; round++) {
        int ends[2];
        CHECK_INT(pipe(ends), 0);
        pid_t child = fork();
        CHECK(child != -1);
        if (child == 0) {
            (void)dup2(ends[1], 3);
            append_for_ever(f.dir);
        }
        (void)close(ends[1]);
        struct pollfd first = {.fd = ends[0], .events = POLLIN};
        CHECK_INT(poll(&first, 1, 20000), 1); /* it runs: something is durable */
        (void)usleep((useconds_t)random_below(&random, 6000));
        CHECK_INT(kill(child, SIGKILL), 0);
        CHECK_INT(waitpid(child, NULL, 0), child);
        uint64_t promised = last_told(ends[0]);
        (void)close(ends[0]);
        fixture_open(&f, NULL);
        CHECK(promised > head && f.opened.head >= promised && !f.opened.broken);
        head = f.opened.head;
        journal_close(&f.journal);
        check_verifies(&f, head);
    }
    fixture_end(&f);
}

TEST_MAIN()
