#include "test.h"

#include "spec/fields.h"
#include "spec/load.h"
#include "spec/node.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A project folder of its own, with files. */
struct world {
    char dir[64];
    struct diagnostics *diagnostics;
    const struct project *project;
    struct load_options options;
};

static const char *no_variables(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "GREETING") == 0 ? "hello" : NULL;
}

static struct world *world_create(void)
{
    struct world *w = mem_new(struct world);

    (void)snprintf(w->dir, sizeof w->dir, "/tmp/tend-load-XXXXXX");
    if (mkdtemp(w->dir) == NULL)
        abort();
    w->diagnostics = diagnostics_create();
    w->options = (struct load_options){.dir = w->dir, .variable = no_variables};
    return w;
}

static void world_destroy(struct world **w)
{
    struct err err = ERR_INIT;

    project_unref(&(*w)->project);
    diagnostics_destroy(&(*w)->diagnostics);
    if (!fs_remove_tree((*w)->dir, &err))
        (void)printf("# %s\n", err.text);
    free(*w);
    *w = NULL;
}

static void put_file(struct world *w, const char *name, const char *text)
{
    struct err err = ERR_INIT;
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    CHECK_OK(fs_write_volatile(path, str_from(text), 0600, &err), &err);
}

static const char *told(struct world *w)
{
    static struct buf text = BUF_INIT(1 << 20);

    buf_reset(&text);
    diagnostics_render(w->diagnostics, &text, false);
    return text.at != NULL ? text.at : "";
}

static const struct project *load(struct world *w)
{
    w->project = spec_load(&w->options, w->diagnostics);
    return w->project;
}

static void check_same_from_document(const struct project *p)
{
    struct diagnostics *d = diagnostics_create();
    const struct project *again = spec_load_document(p->document, (struct str){0}, d);

    CHECK(again != NULL);
    CHECK_STR(again->document, p->document.at);
    CHECK(hash_eq(&again->digest, &p->digest));
    for (size_t i = 0; i < p->service_count; i++) {
        const struct service *s = &p->services[i];
        const struct service *same = project_service(again, str_from(s->name));
        CHECK(same != NULL && hash_eq(&same->revision, &s->revision));
    }
    project_unref(&again);
    diagnostics_destroy(&d);
}

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

/* A service with these lines under it, as a project of its own. */
static const struct service *load_service(struct world *w, const char *lines)
{
    struct buf text = BUF_INIT(1 << 20);

    buf_format(&text, "name: t\nservices:\n  s:\n%s", lines);
    put_file(w, "tend.yaml", text.at);
    buf_fini(&text);
    project_unref(&w->project);
    diagnostics_destroy(&w->diagnostics);
    w->diagnostics = diagnostics_create();
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    check_same_from_document(w->project);
    return &w->project->services[0];
}

CASE(defaults_are_as_the_header_says)
{
    struct world *w = world_create();
    const struct service *s = load_service(w, "    command: x\n");

    CHECK_INT(s->replicas, 1);
    CHECK_INT(s->port, 0);
    CHECK(s->user == NULL);
    CHECK_INT(s->stop_signal, 15);
    CHECK_INT(s->stop_grace_ns, 10000000000);
    CHECK_INT(s->restart.window_ns, 60000000000);
    CHECK_INT(s->restart.delay_ns, 50000000);
    CHECK_INT(s->restart.delay_max_ns, 30000000000);
    CHECK_INT(s->restart.stable_ns, 10000000000);
    CHECK_INT(s->healthcheck.interval_ns, 10000000000);
    CHECK_INT(s->healthcheck.timeout_ns, 1000000000);
    CHECK_INT(s->healthcheck.retries, 3);
    CHECK_INT(s->healthcheck.start_interval_ns, 50000000);
    CHECK_INT(s->hang.dump_signal, 0);
    CHECK_INT(s->hang.dump_wait_ns, 1000000000);
    CHECK_INT(s->resources.memory_bytes, -1);
    CHECK_INT(s->resources.pids, -1);
    CHECK_INT(s->update.parallelism, 1);
    CHECK_INT(s->update.deadline_ns, 60000000000);
    CHECK_INT(s->update.on_failure, UPDATE_ROLLBACK);
    CHECK_INT(s->logging.file_bytes_max, 10 << 20);
    CHECK_INT(s->logging.files_max, 5);
    CHECK(s->labels == NULL || s->labels[0] == NULL);
    world_destroy(&w);
}

CASE(every_key_lands_where_it_belongs)
{
    struct world *w = world_create();
    const struct service *s = load_service(w,
        "    entrypoint: sh -c\n"
        "    command: ['echo hi']\n"
        "    user: 1000:1000\n"
        "    working_dir: /\n"
        "    stop_signal: QUIT\n"
        "    stop_grace_period: 1m30s\n"
        "    restart: {condition: on-failure, delay: 1s, max_delay: 2s, max_attempts: 4,\n"
        "      window: 3s, stable: 5s, stop_on: [7, 3, 3]}\n"
        "    healthcheck: {tcp: 'localhost:99', interval: 2s, timeout: 3s, retries: 4,\n"
        "      start_period: 5s, start_interval: 6s}\n"
        "    hang: {dump_signal: 3, dump_wait: 2s}\n"
        "    labels: {b: 2, a: one}\n"
        "    logging: {driver: local, options: {max-size: 1m, max-file: '2'}}\n"
        "    deploy:\n"
        "      replicas: '3'\n"
        "      resources: {limits: {cpus: '1.5', memory: 100m, pids: 50}}\n"
        "      update_config: {parallelism: 0, delay: 1s, monitor: 2s, deadline: 3s,\n"
        "        failure_action: pause, order: stop-first}\n");

    CHECK_TEXT(s->argv[0], "sh");
    CHECK_TEXT(s->argv[2], "echo hi");
    CHECK_TEXT(s->user, "1000:1000");
    CHECK_TEXT(s->working_dir, "/");
    CHECK_INT(s->stop_signal, 3);
    CHECK_INT(s->stop_grace_ns, 90000000000);
    CHECK_INT(s->restart.condition, RESTART_ON_FAILURE);
    CHECK_INT(s->restart.delay_ns, 1000000000);
    CHECK_INT(s->restart.delay_max_ns, 2000000000);
    CHECK_INT(s->restart.max_attempts, 4);
    CHECK_INT(s->restart.window_ns, 3000000000);
    CHECK_INT(s->restart.stable_ns, 5000000000);
    CHECK_INT(s->restart.stop_code_count, 2);
    CHECK_INT(s->restart.stop_codes[0], 3);
    CHECK_INT(s->restart.stop_codes[1], 7);
    CHECK_INT(s->healthcheck.kind, PROBE_TCP);
    CHECK_TEXT(s->healthcheck.host, "localhost");
    CHECK_INT(s->healthcheck.port, 99);
    CHECK_INT(s->healthcheck.interval_ns, 2000000000);
    CHECK_INT(s->healthcheck.timeout_ns, 3000000000);
    CHECK_INT(s->healthcheck.retries, 4);
    CHECK_INT(s->healthcheck.start_period_ns, 5000000000);
    CHECK_INT(s->healthcheck.start_interval_ns, 6000000000);
    CHECK_INT(s->hang.dump_signal, 3);
    CHECK_INT(s->hang.dump_wait_ns, 2000000000);
    CHECK_TEXT(s->labels[0], "a");
    CHECK_TEXT(s->labels[3], "2");
    CHECK_INT(s->logging.file_bytes_max, 1 << 20);
    CHECK_INT(s->logging.files_max, 2);
    CHECK_INT(s->replicas, 3);
    CHECK(s->resources.cpus == 1.5);
    CHECK_INT(s->resources.memory_bytes, 100 << 20);
    CHECK_INT(s->resources.pids, 50);
    CHECK_INT(s->update.parallelism, 0);
    CHECK_INT(s->update.delay_ns, 1000000000);
    CHECK_INT(s->update.monitor_ns, 2000000000);
    CHECK_INT(s->update.deadline_ns, 3000000000);
    CHECK_INT(s->update.on_failure, UPDATE_PAUSE);
    world_destroy(&w);
}

CASE(short_keys_write_the_same_fields)
{
    struct world *w = world_create();
    const struct service *s = load_service(
        w, "    command: x\n    scale: 4\n    mem_limit: 64m\n    cpus: 0.25\n    pids_limit: 9\n");

    CHECK_INT(s->replicas, 4);
    CHECK_INT(s->resources.memory_bytes, 64 << 20);
    CHECK(s->resources.cpus == 0.25);
    CHECK_INT(s->resources.pids, 9);
    world_destroy(&w);
}

CASE(probes_are_read_in_all_their_forms)
{
    static const struct {
        const char *text;
        enum probe_kind kind;
        const char *host;
        int port;
        const char *path;
    } rows[] = {
        {"{http: /healthz}",              PROBE_HTTP,     "127.0.0.1", 0,  "/healthz"      },
        {"{http: ':81/x?y=z'}",           PROBE_HTTP,     "127.0.0.1", 81, "/x?y=z"        },
        {"{http: 'http://localhost:81'}", PROBE_HTTP,     "localhost", 81, "/"             },
        {"{http: 'http://127.0.0.1/x'}",  PROBE_HTTP,     "127.0.0.1", 80, "/x"            },
        {"{http: 'http://[::1]:81/x'}",   PROBE_HTTP,     "::1",       81, "/x"            },
        {"{tcp: true}",                   PROBE_TCP,      "127.0.0.1", 0,  NULL            },
        {"{tcp: 81}",                     PROBE_TCP,      "127.0.0.1", 81, NULL            },
        {"{tcp: ':81'}",                  PROBE_TCP,      "127.0.0.1", 81, NULL            },
        {"{tcp: '[::1]:81'}",             PROBE_TCP,      "::1",       81, NULL            },
        {"{unix: run/x.sock}",            PROBE_UNIX,     "127.0.0.1", 0,  "/run/x.sock"   },
        {"{watchdog: true}",              PROBE_WATCHDOG, "127.0.0.1", 0,  NULL            },
        {"{log: 'ready to serve'}",       PROBE_LOG,      "127.0.0.1", 0,  "ready to serve"},
        {"{disable: true, test: x}",      PROBE_NONE,     "127.0.0.1", 0,  NULL            },
        {"{test: [NONE]}",                PROBE_NONE,     "127.0.0.1", 0,  NULL            },
    };
    struct world *w = world_create();
    char lines[200];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(lines, sizeof lines,
            "    command: x\n    working_dir: /\n    ports: [9]\n    healthcheck: %s\n",
            rows[i].text);
        const struct healthcheck *h = &load_service(w, lines)->healthcheck;
        CHECK_SAYING(h->kind == rows[i].kind, "%s is %d", rows[i].text, h->kind);
        CHECK_TEXT(h->host, rows[i].host);
        CHECK_INT(h->port, rows[i].port);
        if (rows[i].path != NULL)
            CHECK_TEXT(h->path, rows[i].path);
    }
    world_destroy(&w);
}

CASE(a_test_of_compose_runs_a_program_with_composes_timeout)
{
    struct world *w = world_create();
    const struct healthcheck *h =
        &load_service(w, "    command: x\n    healthcheck: {test: [CMD-SHELL, 'a | b']}\n")
             ->healthcheck;

    CHECK_INT(h->kind, PROBE_EXEC);
    CHECK_TEXT(h->argv[0], "/bin/sh");
    CHECK_TEXT(h->argv[2], "a | b");
    CHECK_INT(h->timeout_ns, 30000000000);
    h = &load_service(w, "    command: x\n    healthcheck: {test: [CMD, a, b], timeout: 2s}\n")
             ->healthcheck;
    CHECK_TEXT(h->argv[1], "b");
    CHECK_INT(h->timeout_ns, 2000000000);
    h = &load_service(w, "    command: x\n    healthcheck: {exec: 'a b'}\n")->healthcheck;
    CHECK_TEXT(h->argv[2], "a b");
    CHECK_INT(h->timeout_ns, 1000000000);
    world_destroy(&w);
}

CASE(restart_is_read_in_all_its_forms)
{
    static const struct {
        const char *text;
        enum restart_condition condition;
        int attempts;
    } rows[] = {
        {"restart: 'no'",                                                      RESTART_NO,             0},
        {"restart: no",                                                        RESTART_NO,             0},
        {"restart: false",                                                     RESTART_NO,             0},
        {"restart: always",                                                    RESTART_ALWAYS,         0},
        {"restart: on-failure",                                                RESTART_ON_FAILURE,     0},
        {"restart: on-failure:3",                                              RESTART_ON_FAILURE,     3},
        {"restart: unless-stopped",                                            RESTART_UNLESS_STOPPED, 0},
        {"deploy: {restart_policy: {condition: none}}",                        RESTART_NO,             0},
        {"deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}", RESTART_ON_FAILURE,
         2                                                                                              },
        {"deploy: {restart_policy: {condition: any}}",                         RESTART_ALWAYS,         0},
        {"deploy: {restart_policy: {}}",                                       RESTART_ALWAYS,         0},
    };
    struct world *w = world_create();
    char lines[200];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(lines, sizeof lines, "    command: x\n    %s\n", rows[i].text);
        const struct service *s = load_service(w, lines);
        CHECK_SAYING(s->restart.condition == rows[i].condition, "%s", rows[i].text);
        CHECK_INT(s->restart.max_attempts, rows[i].attempts);
    }
    world_destroy(&w);
}

CASE(what_restarts_a_service_changes_its_revision_and_nothing_else_does)
{
    static const struct {
        const char *line;
        bool restarts;
    } rows[] = {
        {"command: [x, y]",                              true },
        {"entrypoint: [e]",                              true },
        {"environment: {A: b}",                          true },
        {"environment: {A_TOKEN: b}",                    true },
        {"working_dir: /tmp",                            true },
        {"user: nobody",                                 true },
        {"ports: [8080]",                                true },
        {"logging: {options: {max-size: 1m}}",           true },
        {"healthcheck: {http: /}",                       false},
        {"restart: 'no'",                                false},
        {"stop_signal: INT",                             false},
        {"stop_grace_period: 3s",                        false},
        {"deploy: {replicas: 3}",                        false},
        {"deploy: {resources: {limits: {memory: 10m}}}", false},
        {"deploy: {update_config: {parallelism: 2}}",    false},
        {"hang: {dump_signal: QUIT}",                    false},
        {"labels: {a: b}",                               false},
        {"x-note: anything",                             false},
        {"depends_on: []",                               false},
    };
    struct world *w = world_create();
    struct hash plain = load_service(w, "    command: x\n")->revision;
    char lines[200];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool has_command = strncmp(rows[i].line, "command", 7) == 0;
        (void)snprintf(
            lines, sizeof lines, "    %s\n%s", rows[i].line, has_command ? "" : "    command: x\n");
        const struct service *s = load_service(w, lines);
        CHECK_SAYING(hash_eq(&s->revision, &plain) != rows[i].restarts, "%s", rows[i].line);
    }
    world_destroy(&w);
}

CASE(the_digest_does_not_depend_on_order_or_form)
{
    struct world *w = world_create();
    struct hash one, other;

    (void)load_service(w, "    command: x y\n    environment: {A: 1, B: 2}\n    scale: 2\n");
    one = w->project->digest;
    (void)load_service(
        w, "    deploy: {replicas: 2}\n    environment: [B=2, A=1]\n    command: [x, y]\n");
    other = w->project->digest;
    CHECK(hash_eq(&one, &other));
    world_destroy(&w);
}

CASE(secrets_enter_a_revision_by_a_key_and_are_redacted)
{
    struct world *w = world_create();
    struct buf text = BUF_INIT(1 << 16);
    const char *lines = "    command: x\n    environment: {DB_PASSWORD: hunter2, LEVEL: info}\n";
    struct hash zero = load_service(w, lines)->revision;

    w->options.revision_key = STR("a key");
    put_file(w, "tend.yaml",
        "name: t\nservices:\n  s: {command: x, environment: {DB_PASSWORD: "
        "hunter2, LEVEL: info}}\n");
    project_unref(&w->project);
    CHECK(load(w) != NULL);
    CHECK(!hash_eq(&zero, &w->project->services[0].revision));
    spec_write_redacted(w->project, false, &text);
    CHECK(strstr(text.at, "hunter2") == NULL);
    CHECK(strstr(text.at, "\"DB_PASSWORD\":\"***\"") != NULL);
    CHECK(strstr(text.at, "\"LEVEL\":\"info\"") != NULL);
    buf_reset(&text);
    spec_write_redacted(w->project, true, &text);
    CHECK(strstr(text.at, "\"LEVEL\":\"***\"") != NULL);
    buf_fini(&text);
    world_destroy(&w);
}

CASE(secrets_are_told_by_name_or_by_url)
{
    static const struct {
        const char *name, *value;
        bool secret;
    } rows[] = {
        {"DB_PASSWORD",           "x",                    true },
        {"PGPASSWORD",            "x",                    true },
        {"API_KEY",               "x",                    true },
        {"key",                   "x",                    true },
        {"GITHUB_TOKEN",          "x",                    true },
        {"AWS_SECRET_ACCESS_KEY", "x",                    true },
        {"MYSQL_PWD",             "x",                    true },
        {"DATABASE_URL",          "postgres://u:p@h/db",  true },
        {"DATABASE_URL",          "postgres://h:5432/db", false},
        {"PWD",                   "/",                    false},
        {"KEYBOARD",              "us",                   false},
        {"MONKEY",                "x",                    false},
        {"PATH",                  "/bin",                 false},
        {"COMPASS",               "x",                    false},
        {"LOG_LEVEL",             "info",                 false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_SAYING(
            spec_is_secret(str_from(rows[i].name), str_from(rows[i].value)) == rows[i].secret, "%s",
            rows[i].name);
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
static const struct field_kind jobs = {.name = "jobs", .help = "Jobs.", .table = &job_table};

CASE(registered_maps_are_checked_and_kept_in_the_document)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "jobs: {}\nservices: {s: {command: x}}\n");
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), "unknown key 'jobs'") != NULL);
    CHECK(fields_register(&jobs));
    (void)load_service(w, "    command: x\njobs:\n  night: {schedule: $GREETING, x-note: [1]}\n");
    const struct node *night = node_get(node_get(w->project->node, "jobs"), "night");
    CHECK_STR(node_get(night, "schedule")->text, "hello");
    put_file(w, "tend.yaml", "services: {s: {command: x}}\njobs: {night: {shedule: x}}\n");
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

/* With TEND_CORPUS=DIR: each Compose file there is loaded or refused for reasons. */
CASE(compose_files_of_others_load_or_say_why_not)
{
    const char *corpus = getenv("TEND_CORPUS");
    struct world *w = world_create();
    char pattern[512];
    glob_t found;

    if (corpus == NULL) {
        world_destroy(&w);
        SKIP("TEND_CORPUS is not set");
    }
    (void)snprintf(pattern, sizeof pattern, "%s/samples/compose/*.y*ml", corpus);
    CHECK_INT(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *files[] = {found.gl_pathv[i]};
        w->options.files = files;
        w->options.file_count = 1;
        w->options.project_name = "sample";
        diagnostics_destroy(&w->diagnostics);
        w->diagnostics = diagnostics_create();
        if (load(w) != NULL)
            check_same_from_document(w->project);
        else
            CHECK(diagnostics_count(w->diagnostics, SEVERITY_ERROR) > 0);
        CHECK_SAYING(strstr(told(w), "unknown key") == NULL, "%s: %s", files[0], told(w));
        project_unref(&w->project);
    }
    globfree(&found);
    world_destroy(&w);
}

TEST_MAIN()
