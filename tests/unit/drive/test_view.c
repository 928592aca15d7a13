/* What a process sees of files where it cannot have a view of its own. (With one: tests/e2e.) */
#include "process_fixture.h"

#include "base/arena.h"
#include "spec/project.h"

#include <sys/stat.h>

static struct fixture *without_mounts(void)
{
    struct fixture *f = fixture_new();

    process_driver_destroy(&f->driver);
    f->no_mounts = true;
    fixture_driver(f);
    return f;
}

static const char *const sleeping[] = {"sleep", "1000", NULL};

CASE(secrets_lie_in_the_run_directory_and_go_with_it)
{
    struct fixture *f = without_mounts();
    struct process_file files[] = {
        {.is_secret = true,
         .source = "db",
         .target = "db",
         .uid = -1,
         .gid = -1,
         .mode = 0400,
         .bytes = STR("hunter2")},
        {.source = "motd",                 .target = "motd", .uid = -1, .gid = -1, .mode = 0444, .bytes = STR("")},
    };
    struct process_spec spec = fixture_spec(sleeping);
    struct arena *a = arena_create(0);
    struct buf text = BUF_INIT(100);
    struct err err = ERR_INIT;
    struct stat st;

    spec.files = files;
    spec.file_count = 2;
    CHECK_OK(process_start(f->driver, &spec, f, &f->process, &err), &err);
    CHECK(fixture_wait(f, told_so_many, 1) && f->told[0].kind == PROCESS_STARTED);
    const char *dir = process_files_dir(f->driver, a, "web", 1, true);
    const char *path = arena_format(a, "%s/db", dir);
    CHECK_OK(fs_read(path, &text, &err), &err);
    CHECK_TEXT(text.at, "hunter2");
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0400 && st.st_uid == geteuid());
    CHECK(fs_exists(arena_format(a, "%s/motd", process_files_dir(f->driver, a, "web", 1, false))));
    process_stop(f->process, SIGKILL, 0);
    CHECK(fixture_wait(f, is_gone, 1));
    process_forget(&f->process);
    CHECK(!fs_exists(path));
    buf_fini(&text);
    arena_destroy(&a);
    fixture_free(f);
}

static void check_denied(struct fixture *f, const struct process_spec *spec, const char *why)
{
    struct err err = ERR_INIT;

    CHECK(!process_start(f->driver, spec, f, &f->process, &err));
    CHECK_SAYING(err.kind == ERR_DENIED && strstr(err.text, why) != NULL, "%s", err.text);
}

CASE(what_needs_a_mount_is_refused_and_says_so)
{
    struct fixture *f = without_mounts();
    struct service_mount mounts[] = {
        {.kind = MOUNT_BIND, .source = "/usr", .target = "/usr"}
    };
    struct process_file file = {
        .is_secret = true, .source = "db", .target = "/etc/db", .bytes = STR("x")};
    struct process_spec spec = fixture_spec(sleeping);
    struct err err = ERR_INIT;

    spec.mounts = mounts;
    spec.mount_count = 1;
    CHECK(!process_has_view(f->driver, &spec));
    mounts[0].read_only = true;
    check_denied(f, &spec, "volumes: /usr: only root");
    mounts[0] = (struct service_mount){.kind = MOUNT_TMPFS, .target = "/srv/x"};
    check_denied(f, &spec, "volumes: /srv/x: only root");
    spec.mount_count = 0;
    spec.read_only = true;
    check_denied(f, &spec, "read_only: only root");
    spec.read_only = false;
    spec.files = &file;
    spec.file_count = 1;
    check_denied(f, &spec, "secret db: its target /etc/db: only root");
    file.target = "db";
    file.bytes = (struct str){0};
    CHECK(!process_start(f->driver, &spec, f, &f->process, &err) && err.kind == ERR_MISSING);
    fixture_free(f);
}

TEST_MAIN()
