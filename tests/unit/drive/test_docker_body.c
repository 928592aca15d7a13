/* What is declared, in the engine's words. */
#include "drive/docker/body.h"

#include "spec/load.h"

#include "test.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

struct made {
    const struct project *project;
    struct arena *arena;
    struct body_instance instance;
    json_t *json;
};

static const struct project *load_text(const char *text)
{
    struct diagnostics *d = diagnostics_create();
    struct buf told = BUF_INIT(1 << 16);
    const struct project *p = spec_load_document(str_from(text), (struct str){0}, d);

    diagnostics_render(d, &told, false);
    CHECK_SAYING(p != NULL, "%s", told.at != NULL ? told.at : "");
    buf_fini(&told);
    diagnostics_destroy(&d);
    return p;
}

static struct made make(const char *service, const char *rest)
{
    struct made m = {.arena = arena_create(0)};
    struct buf text = BUF_INIT(1 << 16), body = BUF_INIT(1 << 20);
    struct err err = ERR_INIT;

    buf_format(&text,
        "{\"name\":\"shop\",\"services\":{\"web\":%s}%s,\"x-tend-directory\":\"/srv\"}", service,
        rest);
    m.project = load_text(text.at);
    m.instance = (struct body_instance){
        .project = m.project, .service = &m.project->services[0], .slot = 2, .revision = "abc"};
    CHECK_OK(body_container(m.arena, &m.instance, &body, &err), &err);
    m.json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    CHECK(m.json != NULL);
    buf_fini(&text);
    buf_fini(&body);
    return m;
}

static void end(struct made *m)
{
    json_decref(m->json);
    project_unref(&m->project);
    arena_destroy(&m->arena);
}

/* "HostConfig.Memory" as JSON text. */
static const char *at(const struct made *m, const char *path)
{
    const json_t *value = m->json;
    struct str rest = str_from(path);

    while (value != NULL && rest.len > 0) {
        struct str key = str_cut(&rest, '.');
        int64_t index;
        value = json_is_array(value) && str_to_int(key, &index)
                    ? json_array_get(value, (size_t)index)
                    : json_object_get(value, arena_copy_str(m->arena, key).at);
    }
    if (value == NULL)
        return "absent";
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    const char *kept = arena_copy(m->arena, text);
    free(text);
    return kept;
}

CASE(a_container_is_labelled_as_compose_does_and_restarted_by_tend_alone)
{
    struct made m = make("{\"image\":\"nginx:1\",\"environment\":{\"A\":\"b\"}}", "");

    CHECK_TEXT(body_container_name(m.arena, &m.instance), "shop-web-2");
    CHECK_TEXT(at(&m, "Image"), "\"nginx:1\"");
    CHECK_TEXT(at(&m, "Cmd"), "absent");
    CHECK_TEXT(at(&m, "Env"), "[\"A=b\"]");
    CHECK(strstr(at(&m, "Labels"), "\"com.docker.compose.project\":\"shop\"") != NULL);
    CHECK(strstr(at(&m, "Labels"), "\"com.docker.compose.container-number\":\"2\"") != NULL);
    CHECK_TEXT(at(&m, "HostConfig.RestartPolicy.Name"), "\"no\"");
    CHECK_TEXT(at(&m, "HostConfig.NetworkMode"), "\"shop_default\"");
    CHECK_TEXT(at(&m, "NetworkingConfig.EndpointsConfig.shop_default.Aliases.0"), "\"web\"");
    end(&m);
}

CASE(ports_mounts_limits_and_rights_are_passed_on)
{
    struct made m = make(
        "{\"image\":\"a\",\"command\":[\"x\"],\"entrypoint\":[],"
        "\"ports\":[{\"target\":80,\"published\":\"8080\",\"host_ip\":\"127.0.0.1\"},"
        "{\"target\":80,\"published\":\"81\"},{\"target\":53,\"protocol\":\"udp\"}],"
        "\"volumes\":[{\"type\":\"bind\",\"source\":\"/s\",\"target\":\"/t\",\"read_only\":true},"
        "{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/d\"},"
        "{\"type\":\"tmpfs\",\"target\":\"/m\",\"tmpfs\":{\"size\":4096}}],"
        "\"secrets\":[{\"source\":\"s\"}],\"cap_add\":[\"NET_ADMIN\"],\"read_only\":true,"
        "\"deploy\":{\"resources\":{\"limits\":{\"memory\":64000000,\"cpus\":0.5}}},"
        "\"healthcheck\":{\"exec\":[\"true\"]},\"tmpfs\":[\"/run:size=1m\"]}",
        ",\"volumes\":{\"data\":{}},\"secrets\":{\"s\":{\"file\":\"/etc/s\"}}");

    CHECK_TEXT(at(&m, "Entrypoint"), "[]");
    CHECK_TEXT(at(&m, "HostConfig.PortBindings.80/tcp"),
        "[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"},{\"HostPort\":\"81\"}]");
    CHECK_TEXT(at(&m, "HostConfig.PortBindings.53/udp"), "[{\"HostPort\":\"\"}]");
    CHECK_TEXT(at(&m, "HostConfig.Binds"), "[\"/s:/t:ro\"]");
    CHECK_TEXT(at(&m, "HostConfig.Mounts.0.Source"), "\"shop_data\"");
    CHECK_TEXT(at(&m, "HostConfig.Mounts.1.TmpfsOptions.SizeBytes"), "4096");
    CHECK_TEXT(at(&m, "HostConfig.Mounts.2.Target"), "\"/run/secrets/s\"");
    CHECK_TEXT(at(&m, "HostConfig.Memory"), "64000000");
    CHECK_TEXT(at(&m, "HostConfig.NanoCpus"), "500000000");
    CHECK_TEXT(at(&m, "HostConfig.CapAdd"), "[\"NET_ADMIN\"]");
    CHECK_TEXT(at(&m, "HostConfig.ReadonlyRootfs"), "true");
    CHECK_TEXT(at(&m, "HostConfig.Tmpfs./run"), "\"size=1m\"");
    CHECK_TEXT(at(&m, "Healthcheck.Test"), "[\"NONE\"]"); /* tend asks itself */
    end(&m);
}

CASE(shared_names_are_the_projects_unless_they_are_external)
{
    struct made m = make("{\"image\":\"a\",\"network_mode\":\"host\"}",
        ",\"networks\":{\"a\":{},\"b\":{\"external\":true},\"c\":{\"name\":\"real\"}}");

    CHECK_TEXT(body_network_name(m.arena, m.project, "a"), "shop_a");
    CHECK_TEXT(body_network_name(m.arena, m.project, "b"), "b");
    CHECK_TEXT(body_network_name(m.arena, m.project, "c"), "real");
    CHECK_TEXT(body_network_name(m.arena, m.project, "default"), "shop_default");
    CHECK_TEXT(at(&m, "HostConfig.NetworkMode"), "\"host\"");
    CHECK_TEXT(at(&m, "NetworkingConfig"), "absent");
    CHECK_INT(body_network_count(m.instance.service->container), 0);
    end(&m);
}

TEST_MAIN()
