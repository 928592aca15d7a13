/* What the keys of a service become, and what a change of them does. */
#include "world.h"

#include "spec/load.h"

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
        {"deploy: {resources: {limits: {memory: 10m}}}", true },
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

TEST_MAIN()
