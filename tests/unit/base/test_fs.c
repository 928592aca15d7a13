#include "test.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[8][256];
    static int turn;
    char *path = paths[turn++ % 8];

    if (dir[0] == '\0') {
        (void)snprintf(dir, sizeof dir, "/tmp/tend-test-fs.XXXXXX");
        CHECK(mkdtemp(dir) != NULL);
    }
    (void)snprintf(path, 256, "%s/%s", dir, name);
    return path;
}

static mode_t mode_of(const char *path)
{
    struct stat st = {0};

    CHECK(stat(path, &st) == 0);
    return st.st_mode & 07777;
}

static int entries_beginning(const char *prefix)
{
    char command[512];

    (void)snprintf(command, sizeof command, "ls -a %s | grep -c '^%s'", dir, prefix);
    FILE *f = popen(command, "r");
    int count = -1;
    CHECK(f != NULL && fscanf(f, "%d", &count) == 1);
    (void)pclose(f);
    return count;
}

CASE(what_is_written_is_read)
{
    struct buf b = BUF_INIT(100);
    struct err err = ERR_INIT;

    CHECK_OK(fs_write(in_dir("a"), STR("one\0two"), 0600, &err), &err);
    CHECK_OK(fs_read(in_dir("a"), &b, &err), &err);
    CHECK_INT(b.len, 7);
    CHECK(memcmp(b.at, "one\0two", 7) == 0);
    CHECK_INT(mode_of(in_dir("a")), 0600);
    buf_fini(&b);
}

CASE(writing_replaces_the_whole_file_and_leaves_no_other)
{
    struct buf b = BUF_INIT(100);
    struct err err = ERR_INIT;

    CHECK_OK(fs_write(in_dir("b"), STR("a longer text"), 0644, &err), &err);
    CHECK_OK(fs_write_volatile(in_dir("b"), STR("short"), 0644, &err), &err);
    CHECK_OK(fs_read(in_dir("b"), &b, &err), &err);
    CHECK_STR(buf_str(&b), "short");
    CHECK_INT(entries_beginning("b"), 1);
    buf_fini(&b);
}

CASE(a_failed_write_leaves_the_old_file)
{
    struct err err = ERR_INIT;

    CHECK_OK(fs_make_dirs(in_dir("d"), 0755, &err), &err);
    CHECK(!fs_write(in_dir("d"), STR("x"), 0644, &err)); /* a folder cannot be replaced */
    CHECK_INT(entries_beginning("d"), 1);
    CHECK(!fs_write(in_dir("none/x"), STR("x"), 0644, &err));
    CHECK_INT(err.kind, ERR_MISSING);
    CHECK(strstr(err.text, "none/x") != NULL);
}

CASE(a_file_larger_than_the_bound_is_refused)
{
    struct buf small = BUF_INIT(4), exact = BUF_INIT(5);
    struct err err = ERR_INIT;

    CHECK_OK(fs_write_volatile(in_dir("five"), STR("12345"), 0644, &err), &err);
    CHECK(!fs_read(in_dir("five"), &small, &err));
    CHECK_INT(err.kind, ERR_LIMIT);
    CHECK_OK(fs_read(in_dir("five"), &exact, &err), &err);
    CHECK_STR(buf_str(&exact), "12345");
    buf_fini(&small);
    buf_fini(&exact);
}

CASE(files_of_proc_whose_size_is_0_are_read)
{
    struct buf b = BUF_INIT(1 << 20);
    struct err err = ERR_INIT;
    int fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    CHECK_OK(fs_read_at(fd, "status", &b, &err), &err);
    CHECK(str_starts(buf_str(&b), "Name:"));
    (void)close(fd);
    buf_fini(&b);
}

CASE(a_missing_file_says_so)
{
    struct buf b = BUF_INIT(10);
    struct err err = ERR_INIT;

    CHECK(!fs_read(in_dir("nothing"), &b, &err));
    CHECK_INT(err.kind, ERR_MISSING);
    CHECK_INT(err.sys, ENOENT);
    CHECK(!fs_exists(in_dir("nothing")));
}

CASE(putting_writes_into_an_existing_file_only)
{
    struct buf b = BUF_INIT(10);
    struct err err = ERR_INIT;

    CHECK(!fs_put(in_dir("put"), STR("1"), &err));
    CHECK_INT(err.kind, ERR_MISSING);
    CHECK_OK(fs_write_volatile(in_dir("put"), STR("0"), 0644, &err), &err);
    CHECK_OK(fs_put(in_dir("put"), STR("1"), &err), &err);
    CHECK_OK(fs_read(in_dir("put"), &b, &err), &err);
    CHECK_STR(buf_str(&b), "1");
    buf_fini(&b);
}

CASE(folders_are_made_all_the_way_down)
{
    struct err err = ERR_INIT;

    CHECK_OK(fs_make_dirs(in_dir("x/y//z"), 0700, &err), &err);
    CHECK_OK(fs_make_dirs(in_dir("x/y/z/"), 0700, &err), &err);
    CHECK_INT(mode_of(in_dir("x/y/z")), 0700);
    CHECK_OK(fs_make_dirs("/", 0700, &err), &err);
}

CASE(a_file_in_the_way_is_no_folder)
{
    struct err err = ERR_INIT;

    CHECK_OK(fs_write_volatile(in_dir("file"), STR("x"), 0644, &err), &err);
    CHECK(!fs_make_dirs(in_dir("file"), 0700, &err));
    CHECK(!fs_make_dirs(in_dir("file/below"), 0700, &err));
    CHECK(!fs_make_dirs("", 0700, &err));
}

CASE(removing_a_tree_follows_no_links)
{
    struct err err = ERR_INIT;

    CHECK_OK(fs_make_dirs(in_dir("tree/a/b"), 0755, &err), &err);
    CHECK_OK(fs_make_dirs(in_dir("outside"), 0755, &err), &err);
    CHECK_OK(fs_write_volatile(in_dir("outside/kept"), STR("x"), 0644, &err), &err);
    CHECK_OK(fs_write_volatile(in_dir("tree/a/b/f"), STR("x"), 0644, &err), &err);
    CHECK(symlink(in_dir("outside"), in_dir("tree/a/link")) == 0);
    CHECK_OK(fs_remove_tree(in_dir("tree"), &err), &err);
    CHECK(!fs_exists(in_dir("tree")));
    CHECK(fs_exists(in_dir("outside/kept")));
    CHECK_OK(fs_remove_tree(in_dir("tree"), &err), &err); /* missing is fine */
}

CASE(all_bytes_go_through_a_slow_pipe)
{
    struct err err = ERR_INIT;
    int ends[2];
    static char big[300000];

    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        _exit(fs_write_all(ends[1], (struct str){big, sizeof big}, NULL) ? 0 : 1);
    }
    (void)close(ends[1]);
    size_t total = 0;
    char part[1000];
    for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;)
        total += (size_t)got;
    (void)close(ends[0]);
    CHECK_INT(total, sizeof big);
    CHECK(!fs_write_all(-1, STR("x"), &err));
    CHECK_INT(err.sys, EBADF);
}

static void check_absolute(const char *base, const char *path, const char *want)
{
    char *got = fs_absolute(base, str_from(path));

    CHECK_TEXT(got, want);
    free(got);
}

CASE(paths_are_made_absolute_by_text_alone)
{
    check_absolute("/a/b", "c", "/a/b/c");
    check_absolute("/a/b", "../c", "/a/c");
    check_absolute("/a/b", "./.././../../..", "/");
    check_absolute("/a/b", "/x//y/./z/", "/x/y/z");
    check_absolute("/a/b", "", "/a/b");
    check_absolute("/", ".", "/");
    check_absolute("/a/b", "...", "/a/b/...");
}

CASE(a_very_long_path_is_kept_whole)
{
    static char path[100001];

    memset(path, 'p', sizeof path - 1);
    char *got = fs_absolute("/a", str_from(path));
    CHECK_INT(strlen(got), 100003);
    free(got);
}

CASE(zz_the_test_cleans_up)
{
    struct err err = ERR_INIT;

    (void)in_dir("");
    CHECK_OK(fs_remove_tree(dir, &err), &err);
    CHECK(!fs_exists(dir));
}

TEST_MAIN()
