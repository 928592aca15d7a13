#include "cli/watch_match.h"

#include "test.h"

CASE(a_pattern_without_a_slash_counts_at_any_depth)
{
    CHECK(watch_pattern_matches("node_modules", "node_modules"));
    CHECK(watch_pattern_matches("node_modules/", "web/node_modules/a/b.js"));
    CHECK(watch_pattern_matches("*.pyc", "a/b/c.pyc"));
    CHECK(!watch_pattern_matches("*.pyc", "a/b/c.py"));
    CHECK(!watch_pattern_matches("", "a"));
}

CASE(a_pattern_with_a_slash_is_relative_to_the_path)
{
    CHECK(watch_pattern_matches("build/out", "build/out/x"));
    CHECK(!watch_pattern_matches("build/out", "src/build/out"));
    CHECK(watch_pattern_matches("./build/*.o", "build/a.o"));
    CHECK(!watch_pattern_matches("build/*.o", "build/sub/a.o"));
    CHECK(watch_pattern_matches("/a", "a/b"));
    CHECK(!watch_pattern_matches("/a", "b/a"));
}

CASE(two_stars_are_any_number_of_directories)
{
    CHECK(watch_pattern_matches("**/test/*.c", "test/a.c"));
    CHECK(watch_pattern_matches("**/test/*.c", "x/y/test/a.c"));
    CHECK(watch_pattern_matches("src/**/gen", "src/gen/a"));
    CHECK(watch_pattern_matches("src/**/gen", "src/a/b/gen"));
    CHECK(!watch_pattern_matches("src/**/gen", "src/a/b/other"));
    CHECK(!watch_pattern_matches("**/**/**/**/**/**/**/**/**/**/x", "a/b/c/d/e/f/g/h/i/j/k/l/m"));
}

CASE(what_is_ignored_does_not_count_and_what_is_included_does)
{
    static const char *const ignore[] = {"tmp/", NULL}, *const include[] = {"*.py", NULL};
    struct service_watch w = {.path = "/srv/app", .ignore = ignore, .include = include};

    CHECK(watch_counts(&w, "/srv/app/a.py", false));
    CHECK(watch_counts(&w, "/srv/app/sub", true));
    CHECK(!watch_counts(&w, "/srv/app/a.txt", false));
    CHECK(!watch_counts(&w, "/srv/app/tmp/a.py", false));
    CHECK(!watch_counts(&w, "/srv/app/.git/x.py", false));
    CHECK(!watch_counts(&w, "/srv/app/.git", true));
    CHECK(!watch_counts(&w, "/srv/apple/a.py", false));
    CHECK(!watch_counts(&w, "/srv/app/.a.py.swp", false));
}

CASE(a_rule_may_be_about_one_file)
{
    struct service_watch w = {.path = "/srv/app/web.py"};

    CHECK(watch_counts(&w, "/srv/app/web.py", false));
    CHECK(!watch_counts(&w, "/srv/app/web.pyc", false));
    CHECK(!watch_counts(&w, "/srv/app/other.py", false));
}

TEST_MAIN()
