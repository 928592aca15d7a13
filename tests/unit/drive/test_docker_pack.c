/* What of a context is sent: .dockerignore's patterns, and the archive. */
#include "drive/docker/ignore.h"
#include "drive/docker/pack.h"

#include "base/fs.h"

#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ignored(const char *lines, const char *path)
{
    struct arena *a = arena_create(0);
    struct ignore ignore;
    struct err err = ERR_INIT;

    CHECK_OK(ignore_read(a, str_from(lines), &ignore, &err), &err);
    bool matches = ignore_matches(&ignore, str_from(path));
    arena_destroy(&a);
    return matches;
}

CASE(patterns_match_as_dockers_do)
{
    static const struct {
        const char *lines, *path;
        bool matches;
    } rows[] = {
        {"*.log",          "a.log",          true },
        {"*.log",          "sub/a.log",      false},
        {"**/*.log",       "sub/deep/a.log", true },
        {"**/*.log",       "a.log",          true },
        {"sub",            "sub/a",          true },
        {"/sub/",          "sub/a",          true },
        {"sub/*",          "sub/a/b",        true },
        {"a?c",            "abc",            true },
        {"a?c",            "a/c",            false},
        {"[a-c]x",         "bx",             true },
        {"[^a-c]x",        "bx",             false},
        {"# comment\n\n",  "# comment",      false},
        {"*\n!keep",       "keep",           false},
        {"*\n!keep\nkeep", "keep",           true },
        {"sub\n!sub/keep", "sub/keep",       false},
        {"a/**/z",         "a/b/c/z",        true },
        {"a/**/z",         "a/z",            true },
        {"a/**",           "a/b",            true },
        {"[",              "[",              true },
        {"\\*",            "*",              true },
        {"\\*",            "x",              false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_SAYING(ignored(rows[i].lines, rows[i].path) == rows[i].matches, "%s: %s",
            rows[i].lines, rows[i].path);
}

CASE(a_hostile_pattern_takes_linear_time)
{
    char pattern[400], path[4000];

    for (size_t i = 0; i + 1 < sizeof pattern; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 2] = 'c';
    pattern[sizeof pattern - 1] = 0;
    for (size_t i = 0; i + 1 < sizeof path; i++)
        path[i] = 'a';
    path[sizeof path - 2] = 'b';
    path[sizeof path - 1] = 0;
    CHECK(!ignored(pattern, path));
}

struct place {
    char dir[64];
};

static struct hash digest_of(const char *dir, int64_t *out_bytes)
{
    char path[] = "/tmp/tend-pack-out-XXXXXX";
    struct pack pack = {.dir = dir, .dockerfile = "Dockerfile", .fd = mkstemp(path)};
    struct err err = ERR_INIT;

    CHECK_OK(pack_context(&pack, &err), &err);
    *out_bytes = pack.bytes;
    (void)close(pack.fd);
    (void)unlink(path);
    return pack.digest;
}

static void put(const char *dir, const char *name, const char *text)
{
    struct err err = ERR_INIT;
    char path[300];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_OK(fs_write_volatile(path, str_from(text), 0644, &err), &err);
}

CASE(the_digest_changes_with_what_a_build_can_see_alone)
{
    struct place place = {"/tmp/tend-pack-XXXXXX"};
    struct err err = ERR_INIT;
    int64_t bytes, more;

    CHECK(mkdtemp(place.dir) != NULL);
    put(place.dir, "Dockerfile", "FROM scratch\n");
    put(place.dir, ".dockerignore", "*\n!b\n");
    put(place.dir, "b", "1");
    struct hash first = digest_of(place.dir, &bytes);
    put(place.dir, "left-out", "2");
    put(place.dir, "b", "1"); /* another time, the same bytes */
    struct hash second = digest_of(place.dir, &more);
    CHECK(hash_eq(&first, &second) && bytes == more && bytes % 512 == 0);
    put(place.dir, "b", "2");
    second = digest_of(place.dir, &more);
    CHECK(!hash_eq(&first, &second));
    CHECK_OK(fs_remove_tree(place.dir, &err), &err);
    struct pack gone = {.dir = place.dir, .dockerfile = "Dockerfile", .fd = -1};
    CHECK(!pack_context(&gone, &err));
}

TEST_MAIN()
