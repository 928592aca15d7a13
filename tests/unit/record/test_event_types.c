#include "record/event_types.h"

#include "test.h"

CASE(rows_are_sorted_so_that_each_is_found)
{
    size_t count;
    const struct event_type *all = event_types_all(&count);

    for (size_t i = 0; i < count; i++) {
        CHECK(i == 0 || strcmp(all[i - 1].name, all[i].name) < 0);
        CHECK(event_type_find(all[i].name) == &all[i]);
    }
    CHECK(event_type_find("instance.dreaming") == NULL);
}

CASE(a_row_that_folds_a_state_names_it)
{
    size_t count;
    const struct event_type *all = event_types_all(&count);

    for (size_t i = 0; i < count; i++) {
        bool has = all[i].fold != EVENT_FOLD_NONE && all[i].fold != EVENT_FOLD_REMOVE;
        CHECK_SAYING(has == (all[i].state != NULL), "%s", all[i].name);
    }
}

CASE(braces_and_brackets_of_sentences_match)
{
    size_t count;
    const struct event_type *all = event_types_all(&count);

    for (size_t i = 0; i < count; i++) {
        int braces = 0, brackets = 0;
        for (const char *c = all[i].sentence; *c != '\0'; c++) {
            braces += *c == '{' ? 1 : *c == '}' ? -1 : 0;
            brackets += *c == '[' ? 1 : *c == ']' ? -1 : 0;
            CHECK_SAYING(
                braces >= 0 && braces <= 1 && brackets >= 0 && brackets <= 1, "%s", all[i].name);
        }
        CHECK_SAYING(braces == 0 && brackets == 0, "%s", all[i].name);
    }
}

CASE(severities_read_back)
{
    enum event_severity s;

    for (int i = EVENT_INFO; i <= EVENT_ERROR; i++) {
        CHECK(event_severity_parse(str_from(event_severity_name((enum event_severity)i)), &s));
        CHECK_INT(s, i);
    }
    CHECK(!event_severity_parse(STR("fatal"), &s));
    CHECK_INT(event_severity_of("instance.failed"), EVENT_ERROR);
    CHECK_INT(event_severity_of("from.the.future"), EVENT_INFO);
}

TEST_MAIN()
