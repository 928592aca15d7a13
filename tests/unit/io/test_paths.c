#include "io/paths.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static char scratch[64];

static const char *make_scratch(void)
{
    (void)snprintf(scratch, sizeof scratch, "/tmp/tend-test-XXXXXX");
    CHECK(mkdtemp(scratch) != NULL);
    return scratch;
}

CASE(a_project_name_is_short_and_lower_case)
{
    CHECK(paths_project_valid(STR("shop")));
    CHECK(paths_project_valid(STR("9-to_5")));
    CHECK(!paths_project_valid(STR("")));
    CHECK(!paths_project_valid(STR("-f")));
    CHECK(!paths_project_valid(STR("Shop")));
    CHECK(!paths_project_valid(STR("a/b")));
    CHECK(!paths_project_valid(
        STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
}

CASE(a_folder_gives_a_name)
{
    char name[PATHS_PROJECT_BYTES];

    CHECK(paths_project_from_dir(STR("/srv/My Shop.v2/"), name));
    CHECK_TEXT(name, "myshopv2");
    CHECK(paths_project_from_dir(STR("_x"), name));
    CHECK_TEXT(name, "x");
    CHECK(!paths_project_from_dir(STR("/"), name));
}

CASE(the_run_directory_does_not_change_when_the_state_directory_is_made)
{
    struct paths before, after;
    struct err e = ERR_INIT;
    char dir[128];

    (void)snprintf(dir, sizeof dir, "%s/deep/er", make_scratch());
    CHECK_OK(paths_find(&before, "shop", dir, &e), &e);
    CHECK_TEXT(before.state_dir, dir);
    CHECK_OK(paths_make(&before, &e), &e);
    CHECK_OK(paths_find(&after, "shop", dir, &e), &e);
    CHECK_TEXT(before.run_dir, after.run_dir);
    CHECK_OK(paths_check_run(&after, &e), &e);
    CHECK_OK(paths_find(&after, NULL, dir, &e), &e);
    CHECK_TEXT(after.project, "shop");
    CHECK(rmdir(after.run_dir) == 0);
    CHECK(!paths_find(&after, NULL, dir, &e));
    CHECK_INT(e.kind, ERR_UNREACHABLE);
}

CASE(a_link_to_the_state_directory_is_the_same_project)
{
    struct paths a, b;
    struct err e = ERR_INIT;
    char link[128];

    (void)snprintf(link, sizeof link, "%s/link", make_scratch());
    CHECK(symlink(scratch, link) == 0);
    CHECK_OK(paths_find(&a, "shop", scratch, &e), &e);
    CHECK_OK(paths_find(&b, "shop", link, &e), &e);
    CHECK_TEXT(a.run_dir, b.run_dir);
}

CASE(a_run_directory_open_to_others_is_refused)
{
    struct paths p;
    struct err e = ERR_INIT;

    CHECK_OK(paths_find(&p, "shop", make_scratch(), &e), &e);
    CHECK_OK(paths_make(&p, &e), &e);
    CHECK(chmod(p.run_dir, 0755) == 0);
    CHECK(!paths_check_run(&p, &e));
    CHECK_INT(e.kind, ERR_DENIED);
    CHECK(rmdir(p.run_dir) == 0);
    CHECK(symlink(scratch, p.run_dir) == 0);
    CHECK(!paths_check_run(&p, &e));
    CHECK(unlink(p.run_dir) == 0);
}

CASE(the_flag_wins_over_the_variable)
{
    struct paths p;
    struct err e = ERR_INIT;

    CHECK(setenv("TEND_STATE", "/nowhere/at/all", 1) == 0);
    CHECK_OK(paths_find(&p, "shop", NULL, &e), &e);
    CHECK_TEXT(p.state_dir, "/nowhere/at/all");
    CHECK_OK(paths_find(&p, "shop", "/else/where/../x", &e), &e);
    CHECK_TEXT(p.state_dir, "/else/x");
    CHECK(unsetenv("TEND_STATE") == 0);
}

CASE(a_wrong_project_name_is_invalid)
{
    struct paths p;
    struct err e = ERR_INIT;

    CHECK(!paths_find(&p, "../x", NULL, &e));
    CHECK_INT(e.kind, ERR_INVALID);
}

TEST_MAIN()
