/* openapi.json and the route table say the same: both ways, each path, method, class and summary.
 */
#include "serve/routes.h"

#include "test.h"

#include <jansson.h>
#include <strings.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;

static json_t *load(void)
{
    json_error_t wrong;
    json_t *root = json_loadb(openapi_json, openapi_json_len, JSON_REJECT_DUPLICATES, &wrong);

    CHECK_SAYING(root != NULL, "openapi.json:%d: %s", wrong.line, wrong.text);
    return root;
}

static json_t *find_operation(json_t *root, const struct route *r)
{
    char method[16] = "";

    for (size_t i = 0; r->method[i] != '\0'; i++)
        method[i] = (char)(r->method[i] | 0x20);
    return json_object_get(json_object_get(json_object_get(root, "paths"), r->pattern), method);
}

CASE(each_route_is_described)
{
    json_t *root = load();
    size_t count;
    const struct route *routes = routes_all(&count);

    for (size_t i = 0; i < count; i++) {
        const struct route *r = &routes[i];
        json_t *op = find_operation(root, r);
        CHECK_SAYING(op != NULL, "openapi.json has no %s %s", r->method, r->pattern);
        CHECK_TEXT(json_string_value(json_object_get(op, "summary")), r->summary);
        CHECK_TEXT(
            json_string_value(json_object_get(op, "x-tend-class")), guard_class_name(r->class));
        bool token = json_array_size(json_object_get(op, "security")) > 0;
        CHECK_SAYING(
            token == (r->class == GUARD_MUTATE && !r->local_only), "security of %s", r->pattern);
        CHECK_SAYING(json_is_true(json_object_get(op, "x-tend-local-only")) == r->local_only,
            "x-tend-local-only of %s", r->pattern);
        CHECK_SAYING((json_object_get(op, "requestBody") != NULL) == (r->body_bytes_max > 0),
            "requestBody of %s", r->pattern);
    }
    json_decref(root);
}

CASE(nothing_is_described_that_is_not_there)
{
    json_t *root = load(), *path, *op;
    const char *pattern, *method;
    size_t count, described = 0;
    const struct route *routes = routes_all(&count);

    CHECK_TEXT(json_string_value(json_object_get(root, "openapi")), "3.1.0");
    json_object_foreach(json_object_get(root, "paths"), pattern, path)
    {
        json_object_foreach(path, method, op)
        {
            bool found = false;
            for (size_t i = 0; i < count; i++)
                found = found || (strcmp(routes[i].pattern, pattern) == 0 &&
                                     strcasecmp(routes[i].method, method) == 0);
            CHECK_SAYING(found, "there is no route %s %s", method, pattern);
            described++;
        }
    }
    CHECK_INT(described, count);
    json_decref(root);
}

static void check_references(json_t *root, json_t *value)
{
    const char *key;
    json_t *inner;
    size_t i;

    json_object_foreach(value, key, inner)
    {
        if (strcmp(key, "$ref") == 0) {
            const char *name = json_string_value(inner);
            CHECK(strncmp(name, "#/components/schemas/", 21) == 0);
            CHECK_SAYING(
                json_object_get(json_object_get(json_object_get(root, "components"), "schemas"),
                    name + 21) != NULL,
                "%s is not defined", name);
        }
        check_references(root, inner);
    }
    json_array_foreach(value, i, inner) check_references(root, inner);
}

CASE(references_lead_somewhere)
{
    json_t *root = load();

    check_references(root, root);
    json_decref(root);
}

static struct http_target target;

static struct route_match match(const char *method, const char *path)
{
    struct route_match m;
    struct err err;

    CHECK_OK(http_target_parse(&target, str_from(path), &err), &err);
    routes_match(str_from(method), &target, &m);
    return m;
}

CASE(paths_lead_to_their_routes)
{
    CHECK_TEXT(match("GET", "/").route->pattern, "/");
    CHECK_TEXT(match("HEAD", "/metrics?x=1").route->pattern, "/metrics");
    CHECK_TEXT(match("GET", "/tend/v1/services/web").route->pattern, "/tend/v1/services/{name}");
    struct route_match m = match("POST", "/tend/v1/services/my%20web/stop");
    CHECK_TEXT(m.route->pattern, "/tend/v1/services/{name}/stop");
    CHECK_STR(m.name, "my web");
}

CASE(unknown_paths_and_methods_are_told_apart)
{
    static const char *const unknown[] = {"/x", "/tend/v1", "/tend/v1/status/",
        "/tend/v1/services/", "/tend/v1/services//stop", "/TEND/v1/status", "/metrics/", "//"};

    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct route_match m = match("GET", unknown[i]);
        CHECK_SAYING(m.route == NULL && !m.path_is_known, "%s", unknown[i]);
    }
    struct route_match m = match("DELETE", "/tend/v1/status");
    CHECK(m.route == NULL && m.path_is_known);
    CHECK_TEXT(m.allow, "GET, HEAD");
    m = match("GET", "/tend/v1/apply");
    CHECK(m.route == NULL && m.path_is_known);
    CHECK_TEXT(m.allow, "POST");
}

TEST_MAIN()
