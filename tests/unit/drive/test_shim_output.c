#include "process_fixture.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* The service's bytes again, out of all its files, the oldest first. */
static void join_file(struct fixture *f, const char *name, const char *stream, struct buf *out)
{
    char *log = fixture_log(f, name);
    size_t length = strlen(log);
    char path[256];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/web/%s", f->logs, name);
    if (stat(path, &st) == 0)
        length = (size_t)st.st_size; /* it may hold zeros */
    for (struct str rest = {log, length}; rest.len > 0;) {
        struct str line = str_cut(&rest, '\n');
        CHECK_SAYING(
            line.len >= 40 && line.at[29] == 'Z' && line.at[30] == ' ', "%.*s", 60, line.at);
        if (memcmp(line.at + 31, stream, 6) != 0)
            continue;
        buf_add(out, line.at + 40, line.len - 40);
        if (line.at[38] == 'F')
            buf_add_byte(out, '\n');
    }
    free(log);
}

static bool has_bytes(struct fixture *f, struct buf *out, size_t wanted)
{
    for (int i = 0; i < WAIT_MS / 20; i++) {
        buf_reset(out);
        join_file(f, "1.log", "stdout", out);
        if (out->len >= wanted)
            return true;
        fixture_pass(f, 20);
    }
    return false;
}

CASE(both_streams_land_in_one_file_and_the_last_line_is_finished)
{
    struct fixture *f = fixture_new();
    struct process_spec spec =
        fixture_spec(ARGV("sh", "-c", "echo one; echo two >&2; printf three; exit 0"));
    struct buf out = BUF_INIT(1 << 20);

    fixture_start(f, &spec);
    CHECK(fixture_wait(f, is_gone, 1));
    join_file(f, "1.log", "stdout", &out);
    CHECK_STR(buf_str(&out), "one\nthree\n");
    buf_reset(&out);
    join_file(f, "1.log", "stderr", &out);
    CHECK_STR(buf_str(&out), "two\n");
    buf_fini(&out);
    fixture_free(f);
}

CASE(an_unfinished_line_is_shown_soon_and_goes_on)
{
    struct fixture *f = fixture_new();
    struct process_spec spec =
        fixture_spec(ARGV("sh", "-c", "printf ask; sleep 0.6; echo ' and answer'; sleep 100"));
    struct buf out = BUF_INIT(1 << 20);

    fixture_start(f, &spec);
    CHECK(has_bytes(f, &out, 3));
    CHECK_STR(buf_str(&out), "ask");
    CHECK(has_bytes(f, &out, 4));
    CHECK_STR(buf_str(&out), "ask and answer\n");
    buf_fini(&out);
    fixture_free(f);
}

CASE(a_line_of_a_megabyte_and_binary_come_back_byte_for_byte)
{
    struct fixture *f = fixture_new();
    char path[128], command[256];
    struct buf bytes = BUF_INIT(8 << 20), out = BUF_INIT(8 << 20);

    for (int i = 0; i < 1 << 20; i++)
        buf_add_byte(&bytes, 'x');
    buf_add_byte(&bytes, '\n');
    for (int i = 0; i < 300000; i++)
        buf_add_byte(&bytes, (char)(i * 7 + i / 256));
    buf_add_byte(&bytes, '\n');
    (void)snprintf(path, sizeof path, "%s/bytes", f->dir);
    CHECK(fs_write_volatile(path, buf_str(&bytes), 0600, NULL));
    (void)snprintf(command, sizeof command, "cat %s; sleep 100", path);
    struct process_spec spec = fixture_spec(ARGV("sh", "-c", command));
    fixture_start(f, &spec);
    CHECK(has_bytes(f, &out, bytes.len));
    CHECK_INT(out.len, bytes.len);
    CHECK(memcmp(out.at, bytes.at, out.len) == 0);
    buf_fini(&bytes);
    buf_fini(&out);
    fixture_free(f);
}

CASE(a_burst_of_100_MB_is_complete_over_all_rotations)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "burst", "104857600", "100"));
    char path[300], expected = 'a';
    uint64_t total = 0;

    spec.log_bytes_max = 32 << 20;
    spec.log_files_max = 20;
    fixture_start(f, &spec);
    int64_t began = clock_boot_ms();
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/web/1.log.4", f->logs); /* 140 MB of records */
    while (stat(path, &st) == -1 && clock_boot_ms() - began < WAIT_MS)
        fixture_pass(f, 5);
    int64_t took = clock_boot_ms() - began;
    printf("# 4 rotations after %lld ms\n", (long long)took);
    fixture_pass(f, 300);
    for (int number = 10; number >= 0; number--) {
        char name[32];
        (void)snprintf(name, sizeof name, number > 0 ? "1.log.%d" : "1.log", number);
        (void)snprintf(path, sizeof path, "%s/web/%s", f->logs, name);
        if (stat(path, &st) == -1)
            continue;
        CHECK(st.st_size <= spec.log_bytes_max);
        char *log = fixture_log(f, name);
        for (struct str rest = {log, (size_t)st.st_size}; rest.len > 0; total++) {
            struct str line = str_cut(&rest, '\n');
            CHECK_INT(line.len, 139);
            CHECK(line.at[40] == expected && line.at[138] == expected);
            expected = expected == 'z' ? 'a' : (char)(expected + 1);
        }
        free(log);
    }
    CHECK_INT(total, 1048576 + (104857600 % 100 > 0));
    fixture_free(f);
}

CASE(too_many_rotated_files_are_dropped_the_oldest_first)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "burst", "1000000", "100"));
    char path[300];

    spec.log_bytes_max = 100000;
    spec.log_files_max = 2;
    fixture_start(f, &spec);
    fixture_pass(f, 300);
    (void)snprintf(path, sizeof path, "%s/web/1.log.2", f->logs);
    CHECK(fs_exists(path));
    (void)snprintf(path, sizeof path, "%s/web/1.log.3", f->logs);
    CHECK(!fs_exists(path));
    struct buf out = BUF_INIT(1 << 20);
    join_file(f, "1.log", "stdout", &out);
    CHECK(out.len > 0 && out.at[0] == out.at[98]);
    buf_fini(&out);
    fixture_free(f);
}

static bool has_gap(struct fixture *f)
{
    return f->gaps >= f->argument;
}

CASE(on_a_full_disk_output_is_dropped_and_counted_and_the_service_lives)
{
    struct fixture *f = fixture_new();
    char disk[300], filler[320];

    if (geteuid() != 0) {
        f->gone_count = 1;
        fixture_free(f);
        SKIP("needs root to mount a small file system");
    }
    (void)snprintf(disk, sizeof disk, "%s/web", f->logs);
    CHECK(fs_make_dirs(disk, 0700, NULL));
    if (mount("tmpfs", disk, "tmpfs", 0, "size=256k") == -1) {
        f->gone_count = 1;
        fixture_free(f);
        SKIP("no tmpfs may be mounted here");
    }
    (void)snprintf(filler, sizeof filler, "%s/filler", disk);
    struct buf full = BUF_INIT(1 << 20);
    for (int i = 0; i < 200 << 10; i++)
        buf_add_byte(&full, 'x');
    CHECK(fs_write_volatile(filler, buf_str(&full), 0600, NULL));
    buf_fini(&full);
    struct process_spec spec = fixture_spec(ARGV("sh", "-c",
        "seq -f 'line number %g of many' 1 20000; while :; do echo alive; sleep 0.05; done"));
    fixture_start(f, &spec);
    int pid = process_pid(f->process);
    bool dropped = fixture_wait(f, has_gap, 1) && f->gap.error == ENOSPC;
    bool lives = !process_is_dead(pid);
    CHECK(unlink(filler) == 0); /* space again */
    bool recovered = fixture_wait(f, has_gap, 2) && f->gap.error == 0;
    fixture_pass(f, 200);
    char *log = fixture_log(f, "1.log");
    bool told = strstr(log, " stderr F tend: ") != NULL &&
                strstr(log, " bytes of output were dropped: no space left on device\n") != NULL;
    bool goes_on = strstr(strstr(log, "dropped"), " stdout F alive\n") != NULL;
    free(log);
    uint64_t bytes = f->gap.dropped_bytes_total;
    process_stop(f->process, SIGKILL, 0);
    (void)fixture_wait(f, is_gone, 1);
    (void)umount2(disk, MNT_DETACH);
    CHECK(dropped);
    CHECK(lives);
    CHECK(recovered);
    CHECK(bytes > 100000);
    CHECK(told);
    CHECK(goes_on);
    fixture_free(f);
}

CASE(a_log_that_somebody_removed_comes_back)
{
    struct fixture *f = fixture_new();
    struct process_spec spec =
        fixture_spec(ARGV("sh", "-c", "while :; do echo tick; sleep 0.02; done"));
    struct buf out = BUF_INIT(1 << 20);
    char path[300];

    fixture_start(f, &spec);
    CHECK(has_bytes(f, &out, 10));
    (void)snprintf(path, sizeof path, "%s/web/1.log", f->logs);
    CHECK(unlink(path) == 0);
    CHECK(has_bytes(f, &out, 10));
    buf_fini(&out);
    fixture_free(f);
}

TEST_MAIN()
