#include "cli/arguments.h"

#include "base/must.h"
#include "test.h"

static struct arguments a;
static struct err e;

#define PARSE(...) parse((const char *const[]){"tend", __VA_ARGS__, NULL})

static bool parse(const char *const *argv)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    e = (struct err)ERR_INIT;
    arguments_fini(&a);
    return arguments_parse(&a, argc, argv, &e);
}

CASE(flags_stand_before_and_behind_the_command)
{
    CHECK_OK(
        PARSE("--json", "-p", "shop", "help", "-q", "version", "--state=/x", "-H", "me@there"), &e);
    CHECK_TEXT(a.command->name, "help");
    CHECK(arguments_flag(&a, "json") && arguments_flag(&a, "quiet"));
    CHECK(!arguments_flag(&a, "verbose"));
    CHECK_TEXT(arguments_value(&a, "project"), "shop");
    CHECK_TEXT(arguments_value(&a, "state"), "/x");
    CHECK_TEXT(arguments_value(&a, "host"), "me@there");
    CHECK_INT(a.words.count, 1);
    CHECK_TEXT(a.words.at[0], "version");
}

CASE(letters_may_stand_together)
{
    CHECK_OK(PARSE("-qvpshop", "version"), &e);
    CHECK(arguments_flag(&a, "quiet") && arguments_flag(&a, "verbose"));
    CHECK_TEXT(arguments_value(&a, "project"), "shop");
}

CASE(a_flag_may_be_given_several_times)
{
    CHECK_OK(PARSE("-f", "a.yaml", "-f", "b.yaml", "version"), &e);
    CHECK_INT(a.flags.count, 2);
    CHECK_TEXT(a.flags.at[0].value, "a.yaml");
    CHECK_TEXT(arguments_value(&a, "file"), "b.yaml");
}

CASE(the_last_word_may_lack_its_value)
{
    CHECK(!PARSE("version", "--project"));
    CHECK_TEXT(e.text, "--project needs a value: NAME");
    CHECK_TEXT(a.advice, "tend help version");
}

CASE(an_unknown_flag_names_its_neighbour)
{
    CHECK(!PARSE("version", "--projekt", "x"));
    CHECK_TEXT(e.text, "unknown flag --projekt");
    CHECK_TEXT(a.advice, "did you mean --project?");
    CHECK(!PARSE("version", "-Z"));
    CHECK_TEXT(e.text, "unknown flag -Z");
}

CASE(an_unknown_command_names_its_neighbour)
{
    CHECK(!PARSE("verison"));
    CHECK_INT(e.kind, ERR_INVALID);
    CHECK_TEXT(a.advice, "did you mean `tend version`?");
}

CASE(a_planned_command_is_not_supported)
{
    CHECK(!PARSE("deploy", "web"));
    CHECK_INT(e.kind, ERR_UNSUPPORTED);
    CHECK_TEXT(e.text, "not supported: `tend deploy` is not part of this version");
}

CASE(a_value_out_of_a_list_is_refused)
{
    CHECK(!PARSE("version", "--color=sometimes"));
    CHECK_TEXT(a.advice, "one of: auto always never");
    CHECK_OK(PARSE("version", "--color", "never"), &e);
}

CASE(a_flag_without_value_takes_none)
{
    CHECK(!PARSE("version", "--json=yes"));
    CHECK_TEXT(e.text, "--json takes no value");
}

CASE(two_dashes_end_the_flags)
{
    CHECK_OK(PARSE("help", "--", "--json"), &e);
    CHECK_TEXT(a.words.at[0], "--json");
    CHECK(!arguments_flag(&a, "json"));
}

CASE(too_many_and_too_few_arguments_are_refused)
{
    CHECK(!PARSE("version", "now"));
    CHECK_TEXT(e.text, "tend version: one argument too many: \"now\"");
    CHECK(!PARSE("completion"));
    CHECK_TEXT(e.text, "tend completion needs bash|zsh|fish");
}

CASE(help_is_understood_everywhere)
{
    CHECK_OK(PARSE("--help"), &e);
    CHECK(a.help && a.command == NULL);
    CHECK_OK(PARSE("completion", "-h"), &e);
    CHECK(a.help);
    CHECK_OK(PARSE("--version"), &e);
    CHECK(a.version);
}

/* What the whole table must keep, so that no row surprises. */
CASE(every_command_is_described)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = commands[i];
        size_t len = strlen(c->summary);

        CHECK_SAYING(len > 0 && c->summary[len - 1] != '.', "%s", c->name);
        CHECK_SAYING(c->usage != NULL && c->run != NULL, "%s", c->name);
        CHECK_SAYING(c->args_min <= c->args_max, "%s", c->name);
        for (size_t k = 0; k < c->example_count; k++)
            CHECK_SAYING(strstr(c->examples[k].line, "tend") != NULL, "%s", c->name);
        for (size_t k = 0; k < c->flag_count; k++) {
            const struct flag *flag = &c->flags[k];

            CHECK_SAYING(
                flag_find(c, str_from(flag->name)) == flag, "%s --%s twice", c->name, flag->name);
            CHECK_SAYING(flag->letter == 0 || flag_find_letter(c, flag->letter) == flag,
                "%s -%c twice", c->name, flag->letter);
        }
        for (size_t k = 0; k < global_flag_count; k++)
            CHECK_SAYING(flag_find(c, str_from(global_flags[k].name)) == &global_flags[k],
                "%s hides --%s", c->name, global_flags[k].name);
    }
}

CASE(no_command_is_both_there_and_planned)
{
    for (size_t i = 0; i < command_count; i++)
        CHECK_SAYING(!command_is_planned(str_from(commands[i]->name)), "%s", commands[i]->name);
}

TEST_MAIN()
