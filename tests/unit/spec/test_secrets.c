/* What counts as a secret, where it is hidden, and what stays readable. */
#include "world.h"

#include "spec/node.h"

#include "base/redact.h"

static const char *secret_value;

static const char *outer(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "TEND_VAR_pw") == 0 ? secret_value : NULL;
}

static struct world *with(const char *text)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", text);
    w->options.variable = outer;
    return w;
}

CASE(a_secret_variable_is_shown_nowhere)
{
    struct world *w = with("name: t\nvariables: {pw: {secret: true}}\n"
                           "services: {a: {command: [a, \"--pw=${var.pw}\"], "
                           "environment: {CODE: \"x${var.pw}y\"}}}\n");
    struct buf out = BUF_INIT(1 << 16);

    secret_value = "zaphod-beeblebrox";
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK(w->project->services[0].environment[0].secret);
    CHECK(strstr(told(w), "warning[exposed-secret]: the command line of service 'a'") != NULL);
    spec_write_redacted(w->project, false, &out);
    CHECK(strstr(out.at, "zaphod") == NULL && strstr(out.at, "\"--pw=***\"") != NULL);
    CHECK(strstr(out.at, "\"x-tend-secrets\":[]") != NULL);
    CHECK(redact_needed(STR("… zaphod-beeblebrox")));
    check_same_from_document(w->project);
    buf_fini(&out);
    world_destroy(&w);
}

CASE(the_document_tells_the_daemon_what_is_secret)
{
    static const char document[] =
        "{\"name\":\"t\",\"services\":{\"a\":{\"command\":[\"a\"],\"environment\":{\"CODE\":"
        "\"ford-prefect-42\"}}},\"x-tend-directory\":\"/"
        "\",\"x-tend-secrets\":[\"ford-prefect-42\"]}";
    struct diagnostics *d = diagnostics_create();

    CHECK(!redact_needed(STR("ford-prefect-42")));
    const struct project *p = spec_load_document(str_from(document), (struct str){0}, d);
    CHECK(p != NULL && p->services[0].environment[0].secret);
    CHECK(redact_needed(STR("ford-prefect-42")));
    project_unref(&p);
    diagnostics_destroy(&d);
}

CASE(a_revision_holds_no_hash_of_a_secret_without_the_key)
{
    struct world *w = with("name: t\nvariables: {pw: {secret: true}}\n"
                           "services: {a: {command: [a, \"${var.pw}\"]}}\n");

    secret_value = "trillian-mcmillan";
    const struct project *p = load(w);
    CHECK_SAYING(p != NULL, "%s", told(w));
    struct hash before = p->services[0].revision;
    w->options.revision_key = STR("another key of thirty-two bytes!");
    project_unref(&w->project);
    CHECK(load(w) != NULL);
    CHECK(!hash_eq(&before, &w->project->services[0].revision));
    world_destroy(&w);
}

CASE(a_flag_cannot_set_a_secret_and_a_wrong_one_is_not_told)
{
    static const char *const flags[] = {"pw=slartibartfast"};
    struct world *w = with("name: t\nvariables: {pw: {secret: true, type: int}}\n"
                           "services: {a: {command: a}}\n");

    secret_value = "deep-thought-42";
    CHECK(load(w) == NULL);
    CHECK_SAYING(
        strstr(told(w), "variable 'pw' takes a whole number, not '***'") != NULL, "%s", told(w));
    CHECK(strstr(told(w), "deep-thought") == NULL);
    w->options.vars = flags;
    w->options.var_count = 1;
    CHECK(load(w) == NULL);
    CHECK(strstr(told(w), "exposed-secret") != NULL && strstr(told(w), "slarti") == NULL);
    world_destroy(&w);
}

CASE(names_and_urls_in_an_environment_tell_secrets)
{
    struct world *w = with("name: t\nservices:\n  a:\n    command: a\n"
                           "    environment:\n"
                           "      DB_PASSWORD: swordfish\n"
                           "      DATABASE_URL: postgres://arthur:dent%21tea@db/x\n"
                           "      SORT_KEY: created_at\n"
                           "      SIGNING_KEY: a1b2c3d4e5\n");

    secret_value = NULL;
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK(redact_needed(STR("the swordfish")));
    CHECK(redact_needed(STR("dent%21tea")) && redact_needed(STR("dent!tea")));
    CHECK(redact_needed(STR("a1b2c3d4e5")));
    CHECK(!redact_needed(STR("created_at")) && !redact_needed(STR("arthur")));
    world_destroy(&w);
}

CASE(what_is_a_name_stays_readable)
{
    struct world *w =
        with("name: t\nvariables: {pw: {secret: true}}\n"
             "services:\n"
             "  postgres-main: {command: a, environment: {POSTGRES_PASSWORD: postgres}}\n"
             "  b: {command: b, environment: {A_TOKEN: replicas, P: \"${var.pw}\"}}\n");

    secret_value = "postgres-main";
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    CHECK(!redact_needed(STR("postgres-main")) && !redact_needed(STR("replicas")));
    CHECK_SAYING(
        strstr(told(w), "warning[weak-secret]: this secret is also a name") != NULL, "%s", told(w));
    world_destroy(&w);
}

CASE(what_is_told_of_a_file_hides_what_it_shows_of_secrets)
{
    struct world *w = with("name: t\nservices:\n  a:\n    command: a\n"
                           "    environment: {API_TOKEN: marvin-the-android, A}\n"
                           "    comand: b\n"
                           "    environmnt: {API_TOKEN: marvin-the-android}\n");

    CHECK(load(w) == NULL);
    CHECK_SAYING(strstr(told(w), "environmnt: {API_TOKEN: ***}") != NULL, "%s", told(w));
    CHECK(strstr(told(w), "marvin") == NULL);
    world_destroy(&w);
}

TEST_MAIN()
