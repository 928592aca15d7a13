/* What an engine tells, read. */
#include "drive/docker/docker_private.h"

#include "base/clock.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t bytes, const json_t *text)
{
    const char *value = json_string_value(text);

    (void)snprintf(out, bytes, "%s", value != NULL ? value : "");
}

static int64_t time_of(const json_t *text)
{
    const char *value = json_string_value(text);
    int64_t wall_ns = 0;

    if (value == NULL || strncmp(value, "0001-", 5) == 0 || !clock_parse(str_from(value), &wall_ns))
        return 0;
    return wall_ns;
}

static void read_address(const json_t *root, struct container_view *out)
{
    json_t *networks = json_object_get(json_object_get(root, "NetworkSettings"), "Networks");
    const char *mode =
        json_string_value(json_object_get(json_object_get(root, "HostConfig"), "NetworkMode"));
    const char *name;
    json_t *network;

    if (mode != NULL && strcmp(mode, "host") == 0)
        (void)snprintf(out->address, sizeof out->address, "127.0.0.1");
    json_object_foreach(networks, name, network)
    {
        if (out->address[0] == '\0')
            copy(out->address, sizeof out->address, json_object_get(network, "IPAddress"));
    }
}

static void read_labels(const json_t *root, struct container_view *out)
{
    const json_t *labels = json_object_get(json_object_get(root, "Config"), "Labels");
    const char *number = json_string_value(json_object_get(labels, LABEL_NUMBER));
    int64_t value;

    copy(out->project, sizeof out->project, json_object_get(labels, LABEL_PROJECT));
    copy(out->service, sizeof out->service, json_object_get(labels, LABEL_SERVICE));
    copy(out->revision, sizeof out->revision, json_object_get(labels, LABEL_REVISION));
    if (number != NULL && str_to_int(str_from(number), &value) && value > 0 && value < 1000000)
        out->number = (int)value;
}

bool container_view_read(struct str json, struct container_view *out)
{
    json_t *root = json_loadb(json.at != NULL ? json.at : "", json.len, 0, NULL);
    const json_t *state = json_object_get(root, "State");

    *out = (struct container_view){0};
    if (!json_is_object(state)) {
        json_decref(root);
        return false;
    }
    out->running = json_is_true(json_object_get(state, "Running"));
    out->oom = json_is_true(json_object_get(state, "OOMKilled"));
    out->pid = (int)json_integer_value(json_object_get(state, "Pid"));
    out->code = (int)json_integer_value(json_object_get(state, "ExitCode"));
    out->started_wall_ns = time_of(json_object_get(state, "StartedAt"));
    out->finished_wall_ns = time_of(json_object_get(state, "FinishedAt"));
    read_address(root, out);
    read_labels(root, out);
    json_decref(root);
    return true;
}

static bool is_of_interest(const char *action)
{
    static const char *const actions[] = {
        "die", "oom", "destroy", "start", "stop", "kill", "pause", "unpause", "rename"};

    for (size_t i = 0; action != NULL && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(action, actions[i]) == 0)
            return true;
    return false;
}

bool docker_event_read(struct str json, char *out_name, size_t bytes)
{
    json_t *root = json_loadb(json.at != NULL ? json.at : "", json.len, 0, NULL);
    const json_t *attributes = json_object_get(json_object_get(root, "Actor"), "Attributes");
    bool ok = is_of_interest(json_string_value(json_object_get(root, "Action")));

    copy(out_name, bytes, json_object_get(attributes, "name"));
    json_decref(root);
    return ok && out_name[0] != '\0';
}
