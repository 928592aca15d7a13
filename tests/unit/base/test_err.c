#include "test.h"

#include "base/err.h"

#include <errno.h>

static bool open_segment(struct err *err)
{
    errno = ENOENT;
    return err_sys(err, "open") || err_in(err, "segment %s", "0001");
}

static bool pass_on(struct err *err)
{
    TRY(open_segment(err));
    return true;
}

CASE(each_level_says_what_it_was_doing)
{
    struct err err = ERR_INIT;

    CHECK(!pass_on(&err));
    CHECK_TEXT(err.text, "segment 0001: open: No such file or directory");
    CHECK_INT(err.kind, ERR_MISSING);
    CHECK_INT(err.sys, ENOENT);
    CHECK(strstr(err.place, "test_err.c:") != NULL);
}

CASE(setting_replaces_what_was_there)
{
    struct err err = ERR_INIT;

    CHECK(!open_segment(&err));
    CHECK(!err_set(&err, ERR_LIMIT, "more than %d", 7));
    CHECK_TEXT(err.text, "more than 7");
    CHECK_INT(err.sys, 0);
    CHECK_INT(err.kind, ERR_LIMIT);
}

CASE(a_caller_without_interest_passes_NULL)
{
    CHECK(!open_segment(NULL));
    CHECK(!err_set(NULL, ERR_INVALID, "x"));
    CHECK(!err_in(NULL, "x"));
}

CASE(a_text_that_is_too_long_is_cut_and_terminated)
{
    struct err err = ERR_INIT;
    char longer[2 * ERR_TEXT_BYTES];

    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK(!err_set(&err, ERR_INVALID, "%s", longer));
    CHECK_INT(strlen(err.text), ERR_TEXT_BYTES - 1);
    CHECK(!err_in(&err, "outer"));
    CHECK(strncmp(err.text, "outer: aaa", 10) == 0);
    CHECK_INT(strlen(err.text), ERR_TEXT_BYTES - 1);
    errno = EIO;
    CHECK(!err_sys(&err, "%s", longer));
    CHECK_INT(strlen(err.text), ERR_TEXT_BYTES - 1);
}

CASE(a_prefix_without_room_leaves_the_inner_text)
{
    struct err err = ERR_INIT;
    char longer[ERR_TEXT_BYTES];

    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK(!err_set(&err, ERR_INVALID, "inner"));
    CHECK(!err_in(&err, "%s", longer));
    CHECK_TEXT(err.text, "inner");
}

CASE(errno_gives_a_kind_to_act_on)
{
    static const struct {
        int sys;
        enum err_kind kind;
    } kinds[] = {
        {ENOENT,       ERR_MISSING    },
        {EACCES,       ERR_DENIED     },
        {EPERM,        ERR_DENIED     },
        {EADDRINUSE,   ERR_CONFLICT   },
        {ETIMEDOUT,    ERR_TIMEOUT    },
        {ECONNREFUSED, ERR_UNREACHABLE},
        {ECANCELED,    ERR_CANCELLED  },
        {ENOSPC,       ERR_IO         }
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct err err = ERR_INIT;
        errno = kinds[i].sys;
        CHECK(!err_sys(&err, "try"));
        CHECK_INT(err.kind, kinds[i].kind);
    }
}

CASE(every_kind_has_a_name)
{
    for (int kind = ERR_NONE; kind <= ERR_CORRUPT; kind++) {
        const char *name = err_kind_name((enum err_kind)kind);
        CHECK(name != NULL && name[0] != '\0');
    }
    CHECK_TEXT(err_kind_name(ERR_UNREACHABLE), "unreachable");
}

TEST_MAIN()
