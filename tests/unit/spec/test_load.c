/* Files, variables, merging, documents: how a project is found and made. */
#include "world.h"

#include "spec/fields.h"
#include "spec/load.h"
#include "spec/node.h"

#include "base/clock.h"
#include "base/must.h"

#include <stdlib.h>
#include <sys/stat.h>

CASE(a_simple_file_gives_a_project)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "name: shop\n"
        "services:\n"
        "  web:\n"
        "    command: python3 web.py --title 'a b'\n"
        "    environment: {GREETING: , PLACE: \"${PLACE:-here}\", API_TOKEN: x}\n"
        "    depends_on: [api]\n"
        "    deploy: {replicas: 3}\n"
        "  api:\n"
        "    entrypoint: [python3]\n"
        "    command: [api.py]\n"
        "    ports: [\"8081:8081\"]\n"
        "    restart: on-failure:4\n");
    const struct project *p = load(w);
    CHECK_SAYING(p != NULL, "%s", told(w));
    CHECK_TEXT(p->name, "shop");
    CHECK_TEXT(p->dir, w->dir);
    CHECK_INT(p->service_count, 2);
    const struct service *web = &p->services[0], *api = project_service(p, STR("api"));
    CHECK_TEXT(web->argv[3], "a b");
    CHECK(web->argv[4] == NULL);
    CHECK_INT(web->environment_count, 3);
    CHECK_TEXT(web->environment[1].name, "GREETING");
    CHECK_TEXT(web->environment[1].value, "hello");
    CHECK(web->environment[0].secret && !web->environment[1].secret);
    CHECK_INT(web->replicas, 3);
    CHECK_INT(web->healthcheck.kind, PROBE_NONE);
    CHECK_INT(web->restart.condition, RESTART_ALWAYS);
    CHECK_TEXT(web->working_dir, w->dir);
    CHECK_TEXT(api->argv[1], "api.py");
    CHECK_INT(api->port, 8081);
    CHECK_INT(api->healthcheck.kind, PROBE_TCP);
    CHECK_INT(api->restart.max_attempts, 4);
    check_same_from_document(p);
    world_destroy(&w);
}

CASE(later_files_are_merged_over_earlier_ones)
{
    static const char *const files[] = {"a.yaml", "b.yaml"};
    struct world *w = world_create();

    put_file(w, "a.yaml",
        "services:\n"
        "  web:\n"
        "    command: [x, y]\n"
        "    environment: [A=1, B=2]\n"
        "    labels: {a: 1}\n"
        "    depends_on: [db]\n"
        "    healthcheck: {test: [CMD, a, b], interval: 3s}\n"
        "    ports: [80]\n"
        "    env_file: one.env\n"
        "    user: nobody\n"
        "    deploy: {resources: {limits: {memory: 64m, pids: 5}}}\n"
        "    hang: {dump_wait: 5s}\n"
        "  db: {command: x}\n");
    put_file(w, "b.yaml",
        "services:\n"
        "  web:\n"
        "    command: [z]\n"
        "    environment: {B: 3, C: 4}\n"
        "    labels: !override {b: 2}\n"
        "    depends_on: {cache: {condition: service_started}}\n"
        "    healthcheck: {test: [CMD, c], retries: 9}\n"
        "    ports: ['80:80']\n"
        "    env_file: [two.env]\n"
        "    user: !reset null\n"
        "    deploy: {resources: {limits: {pids: 6}}}\n"
        "  cache: {command: x}\n");
    put_file(w, "one.env", "E=1\nF=1\n");
    put_file(w, "two.env", "F=2\nA=no\n");
    w->options.files = files;
    w->options.file_count = 2;
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    const struct service *web = project_service(w->project, STR("web"));
    CHECK_TEXT(web->argv[0], "z");
    CHECK(web->argv[1] == NULL);
    CHECK_INT(web->environment_count, 5);
    CHECK_TEXT(web->environment[0].value, "1");
    CHECK_TEXT(web->environment[1].value, "3");
    CHECK_TEXT(web->environment[4].value, "2");
    CHECK_TEXT(web->labels[0], "b");
    CHECK(web->labels[2] == NULL);
    CHECK_INT(web->dependency_count, 2);
    CHECK_TEXT(web->dependencies[0].service, "cache");
    CHECK_TEXT(web->healthcheck.argv[0], "c");
    CHECK_INT(web->healthcheck.interval_ns, 3000000000);
    CHECK_INT(web->healthcheck.retries, 9);
    CHECK_INT(web->port, 80);
    CHECK(web->user == NULL);
    CHECK_INT(web->resources.memory_bytes, 64 << 20);
    CHECK_INT(web->resources.pids, 6);
    CHECK_INT(w->project->service_count, 3);
    check_same_from_document(w->project);
    world_destroy(&w);
}

CASE(anchors_and_merge_keys_share_what_services_have_in_common)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "name: t\n"
        "x-base: &base {user: nobody, environment: &env {A: 1}}\n"
        "services:\n"
        "  a: {<<: *base, command: x}\n"
        "  b: {<<: *base, command: x, environment: {<<: *env, B: '${GREETING}'}}\n");
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK_TEXT(w->project->services[0].user, "nobody");
    CHECK_INT(w->project->services[0].environment_count, 1);
    CHECK_TEXT(w->project->services[1].environment[1].value, "hello");
    world_destroy(&w);
}

CASE(files_are_searched_upwards_with_their_override)
{
    struct world *w = world_create();
    char below[128];

    (void)snprintf(below, sizeof below, "%s/a", w->dir);
    CHECK_INT(mkdir(below, 0700), 0);
    put_file(w, "compose.yml", "services: {web: {command: x}}\n");
    put_file(w, "compose.override.yaml", "services: {web: {user: nobody}}\n");
    put_file(w, "docker-compose.yml", "services: {}\n");
    w->options.dir = below;
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK_TEXT(w->project->dir, w->dir);
    CHECK_TEXT(w->project->services[0].user, "nobody");
    put_file(w, "tend.yaml", "services: {other: {command: x}}\n");
    project_unref(&w->project);
    CHECK(load(w) != NULL);
    CHECK_TEXT(w->project->services[0].name, "other");
    world_destroy(&w);
}

static const char *compose_variables(void *context, const char *name)
{
    const char *const *pairs = context;

    for (; *pairs != NULL; pairs += 2)
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    return NULL;
}

CASE(the_environment_wins_over_the_env_file_beside_it)
{
    const char *pairs[] = {"A", "outer", NULL};
    struct world *w = world_create();

    put_file(w, ".env", "A=file\nB=file ${A}\nCOMPOSE_PROJECT_NAME=from-file\n");
    put_file(w, "tend.yaml", "services: {s: {command: ['$A', '$B'], environment: {B: }}}\n");
    w->options.variable = compose_variables;
    w->options.variable_context = pairs;
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK_TEXT(w->project->services[0].argv[0], "outer");
    CHECK_TEXT(w->project->services[0].argv[1], "file file");
    CHECK_TEXT(w->project->services[0].environment[0].value, "file file");
    CHECK_TEXT(w->project->name, "from-file");
    world_destroy(&w);
}

CASE(composes_variables_choose_files_profiles_and_name)
{
    const char *pairs[] = {"COMPOSE_FILE", "a.yaml:b.yaml", "COMPOSE_PROFILES", "x, debug",
        "COMPOSE_PROJECT_NAME", "named", NULL};
    struct world *w = world_create();

    put_file(w, "a.yaml",
        "name: file\nservices: {a: {command: x}, d: {command: x, profiles: [debug]}}\n");
    put_file(w, "b.yaml", "services: {b: {command: x}, e: {command: x, profiles: [other]}}\n");
    w->options.variable = compose_variables;
    w->options.variable_context = pairs;
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK_TEXT(w->project->name, "named");
    CHECK_INT(w->project->service_count, 3);
    CHECK(project_service(w->project, STR("e")) == NULL);
    project_unref(&w->project);
    w->options.project_name = "mine";
    w->options.profiles = (const char *const[]){"other"};
    w->options.profile_count = 1;
    CHECK(load(w) != NULL);
    CHECK_TEXT(w->project->name, "mine");
    CHECK_INT(w->project->service_count, 4);
    world_destroy(&w);
}

CASE(references_become_addresses_of_fixed_ports)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "services:\n"
        "  web: {command: ['${services.my-api.url}/x', '${services.my-api.host}'],\n"
        "        environment: ['P=${services.my-api.port}']}\n"
        "  my-api: {command: x, ports: [{target: 8081, published: '8081'}]}\n");
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK_TEXT(w->project->services[0].argv[0], "http://127.0.0.1:8081/x");
    CHECK_TEXT(w->project->services[0].argv[1], "127.0.0.1");
    CHECK_TEXT(w->project->services[0].environment[0].value, "8081");
    world_destroy(&w);
}

CASE(dollars_survive_the_way_through_the_document)
{
    struct world *w = world_create();
    const struct service *s = load_service(w, "    command: ['$$HOME', '$${X}']\n");

    CHECK_TEXT(s->argv[0], "$HOME");
    CHECK_TEXT(s->argv[1], "${X}");
    world_destroy(&w);
}

CASE(nodes_of_the_project_know_where_they_were_declared)
{
    struct world *w = world_create();
    const struct service *s = load_service(w, "    command: x\n    deploy:\n      replicas: 3\n");
    const struct node *replicas = node_get(node_get(s->node, "deploy"), "replicas");

    CHECK_INT(replicas->span.line, 6);
    CHECK_TEXT(replicas->span.source->name, "tend.yaml");
    CHECK_INT(replicas->span.source->text.len, 0);
    CHECK(node_get(w->project->node, "services") != NULL);
    world_destroy(&w);
}

CASE(a_dependency_that_may_be_missing_is_left_out)
{
    struct world *w = world_create();
    const struct service *s =
        load_service(w, "    command: x\n"
                        "    depends_on: {gone: {condition: service_started, required: false}}\n");

    CHECK_INT(s->dependency_count, 0);
    CHECK(strstr(told(w), "does not wait for 'gone'") != NULL);
    world_destroy(&w);
}

static const struct field job_rows[] = {
    {.name = "schedule", .type = FIELD_TEXT, .help = "When."},
};
static const struct field_table job_table = {
    .name = "a job", .help = "A job.", .fields = job_rows, .count = 1};
static const struct field_kind jobs = {.name = "tasks", .help = "Tasks.", .table = &job_table};

CASE(registered_maps_are_checked_and_kept_in_the_document)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "tasks: {}\nservices: {s: {command: x}}\n");
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), "unknown key 'tasks'") != NULL);
    CHECK(fields_register(&jobs));
    (void)load_service(w, "    command: x\ntasks:\n  night: {schedule: $GREETING, x-note: [1]}\n");
    const struct node *night = node_get(node_get(w->project->node, "tasks"), "night");
    CHECK_STR(node_get(night, "schedule")->text, "hello");
    put_file(w, "tend.yaml", "services: {s: {command: x}}\ntasks: {night: {shedule: x}}\n");
    project_unref(&w->project);
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), "did you mean 'schedule'?") != NULL);
    world_destroy(&w);
}

CASE(lines_of_env_files_are_never_shown)
{
    struct world *w = world_create();

    put_file(w, ".env", "TOKEN \"hunter2\n");
    put_file(w, "a.env", "OTHER=\"hunter2\n");
    put_file(w, "tend.yaml", "services: {s: {command: x, env_file: a.env}}\n");
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), ".env:1:1") != NULL);
    CHECK(strstr(told(w), "a.env:1:1") != NULL);
    CHECK(strstr(told(w), "hunter2") == NULL);
    world_destroy(&w);
}

CASE(warnings_are_errors_when_strict)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "services: {s: {command: '$NOPE x'}}\n");
    CHECK(load(w) != NULL);
    CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_WARNING), 1);
    project_unref(&w->project);
    w->options.strict = true;
    CHECK(load(w) == NULL);
    world_destroy(&w);
}

CASE(nothing_to_load_is_told)
{
    static const char *const missing[] = {"nowhere.yaml"};
    struct world *w = world_create();

    put_file(w, "tend.yaml", "");
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), "'tend.yaml' is empty") != NULL);
    w->options.files = missing;
    w->options.file_count = 1;
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), "cannot read 'nowhere.yaml': No such file or directory") != NULL);
    world_destroy(&w);
}

CASE(a_document_is_checked_and_shows_no_values)
{
    struct diagnostics *d = diagnostics_create();
    struct buf text = BUF_INIT(1 << 16);

    CHECK(spec_load_document(STR("{\"services\":{}}"), (struct str){0}, d) == NULL);
    CHECK(spec_load_document(STR("[1]"), (struct str){0}, d) == NULL);
    CHECK(spec_load_document(STR(""), (struct str){0}, d) == NULL);
    CHECK(spec_load_document(STR("{"), (struct str){0}, d) == NULL);
    CHECK(spec_load_document(
              STR("{\"name\":\"a\",\"x-tend-directory\":\"/\",\"services\":{\"s\":{\"env_file\":"
                  "\"/etc/shadow\",\"environment\":{\"A_TOKEN\":\"hunter2\"},\"comand\":1}}}"),
              (struct str){0}, d) == NULL);
    diagnostics_render(d, &text, false);
    CHECK(strstr(text.at, "hunter2") == NULL);
    CHECK(strstr(text.at, "not supported: env_file in a resolved document") != NULL);
    buf_fini(&text);
    diagnostics_destroy(&d);
}

CASE(a_project_lives_until_its_last_reference_goes)
{
    struct world *w = world_create();
    (void)load_service(w, "    command: x\n");
    const struct project *again = project_ref(w->project);

    project_unref(&w->project);
    CHECK(w->project == NULL);
    CHECK_TEXT(again->services[0].name, "s");
    project_unref(&again);
    project_unref(&again);
    world_destroy(&w);
}

CASE(a_thousand_services_load_in_little_time)
{
    struct world *w = world_create();
    struct buf text = BUF_INIT(4 << 20);

    buf_add_text(&text, "services:\n");
    for (int i = 0; i < 1000; i++)
        buf_format(&text,
            "  svc%d:\n    command: [python3, -m, worker, '%d']\n    environment: {N: '%d', A: b}\n"
            "    healthcheck: {http: /healthz, interval: 1s, timeout: 500ms}\n"
            "    depends_on: [svc%d]\n",
            i, i, i, i > 0 ? i - 1 : 999);
    put_file(w, "tend.yaml", text.at);
    int64_t before = clock_boot_ns();
    CHECK(load(w) == NULL);
    CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 1); /* the circle of them all */
    CHECK(clock_boot_ns() - before < 2 * NS_PER_S);
    buf_fini(&text);
    world_destroy(&w);
}

CASE(large_texts_that_aliases_multiply_are_refused)
{
    struct world *w = world_create();
    struct buf text = BUF_INIT(4 << 20);

    buf_add_text(&text, "x-text: &t \"$LARGE\"\nservices:\n  s:\n    command: [x");
    for (int i = 0; i < 200000; i++)
        buf_add_text(&text, ", *t");
    buf_add_text(&text, "]\n");
    put_file(w, "tend.yaml", text.at);
    char *large = mem_alloc(1, 100001);
    memset(large, 'x', 100000);
    const char *pairs[] = {"LARGE", large, NULL};
    w->options.variable = compose_variables;
    w->options.variable_context = pairs;
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), "grows to more than 128 MiB") != NULL);
    free(large);
    buf_fini(&text);
    world_destroy(&w);
}

CASE(a_byte_order_mark_is_no_column_and_carriage_returns_no_text)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "\xef\xbb\xbfserivces:\r\n  web:\r\n    command: x\r\n");
    CHECK(load(w) == NULL);
    CHECK_SAYING(strstr(told(w), "--> tend.yaml:1:1\n") != NULL, "%s", told(w));
    CHECK(strstr(told(w), "1 | serivces:\n") != NULL);
    world_destroy(&w);
    w = world_create();
    put_file(w, "tend.yaml",
        "\xef\xbb\xbfservices:\r\n  web:\r\n    command: |-\r\n      a\r\n      b\r\n");
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK_TEXT(w->project->services[0].argv[1], "b");
    world_destroy(&w);
}

/* Each with 20,000 keys in one map: known, unknown, names of variables and of services. */
CASE(twenty_thousand_keys_of_one_map_take_no_time)
{
    static const char *const heads[] = {"    environment:\n", "", "    depends_on:\n"};
    static const char *const lines[][2] = {
        {"      KEY",  ": 1\n"                           },
        {"    comand", ": 1\n"                           },
        {"      web",  ": {condition: service_started}\n"}
    };

    for (size_t i = 0; i < COUNT(heads); i++) {
        struct world *w = world_create();
        struct buf text = BUF_INIT(4 << 20);
        buf_format(&text, "services:\n  web:\n    command: x\n%s", heads[i]);
        for (int k = 0; k < 20000; k++) {
            char line[80];
            (void)snprintf(line, sizeof line, "%s%d%s", lines[i][0], k, lines[i][1]);
            buf_add_text(&text, line);
        }
        put_file(w, "tend.yaml", text.at);
        int64_t before = clock_boot_ns();
        CHECK((load(w) != NULL) == (i == 0));
        CHECK_SAYING(clock_boot_ns() - before < 3 * NS_PER_S, "%s", heads[i]);
        if (i > 0)
            CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 20000);
        buf_fini(&text);
        world_destroy(&w);
    }
}

TEST_MAIN()
