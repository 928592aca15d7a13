#include "cli/completion.h"

#include "base/must.h"
#include "test.h"

static struct buf out = BUF_INIT(1 << 16);

static void names(void *data, enum completes what, struct str prefix, struct buf *to)
{
    (void)data;
    (void)prefix;
    buf_add_text(to, what == COMPLETES_INSTANCE ? "web\nweb/1\n" : "web\n");
}

#define OFFERS(...) offers((const char *const[]){__VA_ARGS__, NULL})

static const char *offers(const char *const *words)
{
    size_t count = 0;

    while (words[count] != NULL)
        count++;
    buf_reset(&out);
    completion_candidates(words, count, names, NULL, &out);
    return out.at != NULL ? out.at : "";
}

CASE(commands_are_offered_first)
{
    CHECK(strstr(OFFERS(""), "version\tprint the version\n") != NULL);
    CHECK_TEXT(OFFERS("vers"), "version\tprint the version\n");
    CHECK(strstr(OFFERS(""), "__complete") == NULL);
}

CASE(flags_are_offered_behind_a_dash)
{
    CHECK_TEXT(
        OFFERS("version", "--js"), "--json\tprint JSON: one object, or one a line for streams\n");
}

CASE(values_of_a_flag_are_offered)
{
    CHECK_TEXT(OFFERS("--color", "a"), "auto\nalways\n");
    CHECK_TEXT(OFFERS("-f", ""), ":file\n");
    CHECK_TEXT(OFFERS("--state", ""), ":dir\n");
}

CASE(arguments_are_offered_by_their_kind)
{
    CHECK_TEXT(OFFERS("completion", ""), "bash\nzsh\nfish\n");
    CHECK_TEXT(OFFERS("-p", "shop", "completion", "z"), "zsh\n");
    CHECK_TEXT(OFFERS("completion", "zsh", ""), "");
}

CASE(each_shell_has_a_script)
{
    CHECK(strstr(completion_script(STR("bash")), "__complete") != NULL);
    CHECK(completion_script(STR("zsh")) != NULL && completion_script(STR("fish")) != NULL);
    CHECK(completion_script(STR("tcsh")) == NULL);
}

TEST_MAIN()
