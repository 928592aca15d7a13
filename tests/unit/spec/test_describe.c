#include "test.h"

#include "spec/describe.h"
#include "spec/schema.h"

#include "base/must.h"

#include <jansson.h>

static struct buf text = BUF_INIT(SCHEMA_BYTES_MAX);

static const char *forms_of(const char *path)
{
    struct field_place place;
    const char *nearest;

    buf_reset(&text);
    if (!describe_find(str_from(path), &place, &nearest))
        return "";
    describe_forms(place.field, &text);
    return text.at;
}

static const char *effect_of(const char *path)
{
    struct field_place place;
    const char *nearest;

    return describe_find(str_from(path), &place, &nearest) ? describe_effect(place.field) : "?";
}

static const char *nearest_to(const char *path)
{
    struct field_place place;
    const char *nearest = NULL;

    return describe_find(str_from(path), &place, &nearest) ? "found" : nearest;
}

CASE(forms_are_told_with_their_bounds)
{
    CHECK_TEXT(forms_of("command"), "a text or a list");
    CHECK_TEXT(forms_of("healthcheck.retries"), "a whole number from 1 to 1000000");
    CHECK_TEXT(forms_of("healthcheck.interval"), "a duration of at least 1ms");
    CHECK_TEXT(forms_of("mem_limit"), "a size of at least 1.0 MiB");
    CHECK_TEXT(forms_of("cpus"), "a number from 0.001 to 4096");
    CHECK_TEXT(forms_of("deploy.update_config.failure_action"),
        "one of 'rollback', 'pause' or 'continue'");
    CHECK_TEXT(
        forms_of("restart"), "one of 'no', 'on-failure', 'always' or 'unless-stopped' or a map");
    CHECK_TEXT(forms_of("healthcheck.watchdog"), "'true'");
    CHECK_TEXT(forms_of("env_file"), "a text, a list or a map");
}

CASE(what_a_change_does_is_told_where_the_row_says_it)
{
    CHECK_TEXT(effect_of("command"), "restarts");
    CHECK_TEXT(effect_of("stop_grace_period"), "lives on");
    CHECK_TEXT(effect_of("profiles"), "nothing");
    CHECK_TEXT(effect_of("network_mode"), "nothing");
    CHECK_TEXT(effect_of("deploy"), "");
    CHECK_TEXT(effect_of("image"), "restarts");
    CHECK_TEXT(effect_of("provider"), "");
}

CASE(a_path_leads_from_a_service_or_from_the_top_of_the_file)
{
    CHECK_TEXT(nearest_to("healthcheck.interval"), "found");
    CHECK_TEXT(nearest_to("services.web.healthcheck.interval"), "found");
    CHECK_TEXT(nearest_to("services.web"), "found");
    CHECK_TEXT(nearest_to("services"), "found");
    CHECK_TEXT(nearest_to("name"), "found");
    CHECK_TEXT(nearest_to("depends_on.db.condition"), "found");
    CHECK_TEXT(nearest_to("depends_on.condition"), "found");
    CHECK_TEXT(nearest_to("ports.target"), "found");
    CHECK_TEXT(nearest_to("env_file.path"), "found");
    CHECK_TEXT(nearest_to("build.context"), "found");
    CHECK_TEXT(nearest_to("networks.back.aliases"), "found");
}

CASE(a_wrong_path_is_not_found_and_a_near_key_suggested)
{
    CHECK_TEXT(nearest_to("healthchek"), "healthcheck");
    CHECK_TEXT(nearest_to("healthcheck.intervall"), "interval");
    CHECK_TEXT(nearest_to("servces"), "services");
    CHECK(nearest_to("") == NULL);
    CHECK(nearest_to(".") == NULL);
    CHECK(nearest_to("command.x") == NULL);
    CHECK(nearest_to("qqqqqq.x") == NULL);
}

CASE(a_row_is_shown_with_all_that_is_known_of_it)
{
    struct field_place place;
    const char *nearest;

    CHECK(describe_find(STR("healthcheck.timeout"), &place, &nearest));
    buf_reset(&text);
    describe_field("healthcheck.timeout", &place, &text);
    CHECK_TEXT(text.at, "healthcheck.timeout (in healthcheck)\n\n"
                        "    A probe that takes longer has failed.\n\n"
                        "    takes     a duration of at least 1ms\n"
                        "    default   1s\n"
                        "    a change  restarts nothing: running instances take it over\n");
    CHECK(describe_find(STR("provider"), &place, &nearest));
    buf_reset(&text);
    describe_field("provider", &place, &text);
    CHECK(strstr(text.at, "Not supported: ") != NULL);
    buf_reset(&text);
    describe_field_json("provider", &place, &text);
    CHECK(strstr(text.at, "\"support\":\"refused\"") != NULL);
}

static const struct field backup_rows[] = {
    {.name = "every", .type = FIELD_IGNORED, .help = "When."},
};
static const struct field_table backup_table = {
    .name = "a backup", .help = "A backup.", .fields = backup_rows, .count = COUNT(backup_rows)};
static const struct field_kind backups = {
    .name = "backups", .help = "Backups, by name.", .table = &backup_table};

/* The last case: registering is for ever. */
CASE(registered_kinds_are_in_the_schema_and_found_by_path)
{
    json_t *schema;

    CHECK_TEXT(nearest_to("backups.b.every") != NULL ? "found" : "not", "not");
    CHECK(fields_register(&backups));
    CHECK_TEXT(nearest_to("backups.b.every"), "found");
    buf_reset(&text);
    schema_write(&text);
    CHECK(!buf_full(&text));
    schema = json_loads(text.at, JSON_REJECT_DUPLICATES, NULL);
    CHECK(schema != NULL);
    const json_t *kind = json_object_get(json_object_get(schema, "properties"), "backups");
    const json_t *each = json_object_get(kind, "additionalProperties");
    CHECK_TEXT(json_string_value(json_object_get(each, "$ref")), "#/$defs/backup");
    CHECK(json_object_get(json_object_get(schema, "$defs"), "backup") != NULL);
    json_decref(schema);
    buf_reset(&text);
    describe_reference(&text);
    CHECK(strstr(text.at, "\n## backup\n\nA backup.\n") != NULL);
    buf_fini(&text);
}

TEST_MAIN()
