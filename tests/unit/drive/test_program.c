#include "base/fs.h"
#include "drive/process/process.h"
#include "drive/process/users.h"

#include "test.h"

#include <unistd.h>

static char dir[64];

static void put(const char *name, const char *text, mode_t mode)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK(fs_write_volatile(path, str_from(text), mode, NULL));
}

CASE(missing_not_executable_a_directory_and_a_missing_interpreter_are_told_apart)
{
    struct err err = ERR_INIT;
    char *path, expected[256];

    (void)snprintf(dir, sizeof dir, "/tmp/tend-program-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    put("plain", "echo\n", 0600);
    put("script", "#!/no/such/interpreter -x\n", 0700);
    put("good", "#!/bin/sh\n", 0700);
    CHECK(!program_find(&path, "nothing", dir, "/", &err) && err.kind == ERR_MISSING);
    (void)snprintf(expected, sizeof expected, "no program \"nothing\" in PATH; tried %s", dir);
    CHECK_TEXT(err.text, expected);
    CHECK(!program_find(&path, "plain", dir, "/", &err) && err.kind == ERR_DENIED);
    CHECK(!program_find(&path, "/tmp", dir, "/", &err) && err.kind == ERR_INVALID);
    CHECK(!program_find(&path, "script", dir, "/", &err) && err.kind == ERR_MISSING);
    CHECK(strstr(err.text, "its interpreter /no/such/interpreter") != NULL);
    CHECK_OK(program_find(&path, "./good", NULL, dir, &err), &err);
    (void)snprintf(expected, sizeof expected, "%s/good", dir);
    CHECK_TEXT(path, expected);
    free(path);
    CHECK(fs_remove_tree(dir, NULL));
}

CASE(users_are_names_or_numbers_with_or_without_a_group)
{
    struct user_ids ids;
    struct err err = ERR_INIT;

    CHECK_OK(user_resolve(NULL, &ids, &err), &err);
    CHECK(!ids.change);
    CHECK(!user_resolve("no-such-user", &ids, &err) && err.kind == ERR_MISSING);
    CHECK(!user_resolve("root:no-such-group", &ids, &err) && err.kind == ERR_MISSING);
    CHECK(!user_resolve(":1", &ids, &err) && err.kind == ERR_INVALID);
    CHECK(!user_resolve("1:", &ids, &err) && err.kind == ERR_INVALID);
    CHECK(!user_resolve("4294967295", &ids, &err)); /* (uid_t)-1 */
    if (geteuid() != 0)
        SKIP("the rest needs root");
    CHECK_OK(user_resolve("nobody", &ids, &err), &err);
    CHECK_INT(ids.uid, 65534);
    CHECK(ids.change && ids.group_count >= 1);
    CHECK_OK(user_resolve("12345:54321", &ids, &err), &err);
    CHECK_INT(ids.uid, 12345);
    CHECK_INT(ids.gid, 54321);
    CHECK_INT(ids.group_count, 0);
}

TEST_MAIN()
