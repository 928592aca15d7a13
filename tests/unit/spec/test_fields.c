#include "test.h"

#include "spec/fields.h"

#include "base/must.h"

/* Every table that can be reached from the project's, each once. */
static const struct field_table *tables[64];
static size_t table_count;

static void collect(const struct field_table *table)
{
    for (size_t i = 0; i < table_count; i++)
        if (tables[i] == table)
            return;
    tables[table_count++] = table;
    for (size_t i = 0; i < table->count; i++)
        if (table->fields[i].table != NULL)
            collect(table->fields[i].table);
}

CASE(every_row_says_what_is_needed_to_decode_encode_and_explain_it)
{
    table_count = 0;
    collect(&fields_project);
    CHECK(table_count >= 12);
    for (size_t t = 0; t < table_count; t++) {
        CHECK(tables[t]->help != NULL && tables[t]->name != NULL);
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct field *f = &tables[t]->fields[i];
            CHECK_SAYING(f->help != NULL && f->help[0] != '\0', "%s has no help", f->name);
            CHECK_SAYING(f->type != FIELD_CUSTOM || f->decode != NULL, "%s: decode", f->name);
            CHECK_SAYING(f->type != FIELD_CUSTOM || f->input_only || f->encode != NULL,
                "%s: encode", f->name);
            CHECK_SAYING(f->type != FIELD_CUSTOM || f->forms != 0, "%s: forms", f->name);
            CHECK_SAYING(f->type != FIELD_CHOICE || f->choices != NULL, "%s: choices", f->name);
            CHECK_SAYING(f->type != FIELD_MAP || f->table != NULL, "%s: table", f->name);
            for (size_t k = 0; k < i; k++)
                CHECK_SAYING(strcmp(tables[t]->fields[k].name, f->name) != 0, "%s: twice", f->name);
        }
    }
}

CASE(a_row_is_found_by_name_and_a_near_one_suggested)
{
    CHECK(field_find(&fields_service, STR("command")) != NULL);
    CHECK(field_find(&fields_service, STR("comman")) == NULL);
    CHECK(field_find(&fields_service, STR("")) == NULL);
    CHECK_TEXT(field_nearest(&fields_service, STR("enviroment")), "environment");
    CHECK(field_nearest(&fields_service, STR("qqqqqqqq")) == NULL);
    CHECK_TEXT(field_nearest(&fields_service, STR("imag")), "image");
    CHECK(field_nearest(&fields_service, STR("provde")) == NULL);
}

static const struct field job_rows[] = {
    {.name = "schedule", .type = FIELD_IGNORED, .help = "When."},
};
static const struct field_table job_table = {
    .name = "a job", .help = "A job.", .fields = job_rows, .count = COUNT(job_rows)};

CASE(other_top_level_maps_are_registered_once)
{
    static const struct field_kind jobs = {.name = "tasks", .help = "Tasks.", .table = &job_table};
    static const struct field_kind again = {.name = "tasks", .help = "Tasks.", .table = &job_table};
    static const struct field_kind taken = {.name = "services", .help = "No.", .table = &job_table};
    size_t count;

    CHECK(fields_register(&jobs));
    CHECK(!fields_register(&again));
    CHECK(!fields_register(&taken));
    CHECK(fields_kind(STR("tasks")) == &jobs);
    CHECK(fields_kinds(&count)[0] == &jobs && count == 1);
}

TEST_MAIN()
