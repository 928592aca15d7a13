#include "engine/hands_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "drive/process/users.h"

#include <stdio.h>

static void on_result(void *data, const struct probe_result *r)
{
    struct hand *hand = OBJ(hand, HAND_MAGIC, data);

    hands_now(hand->hands);
    engine_on_probe(hand->hands->engine, hand->instance, r->ok, r->detail, r->duration_ns);
}

static bool create_probe(struct hand *hand, struct err *err)
{
    struct hands *h = hand->hands;
    const struct instance *i = hand->instance;
    struct healthcheck check = i->spec->healthcheck;
    struct arena *a = arena_create(0);
    struct user_ids ids;
    struct probe_user user;
    char log_path[4352];
    struct probe_target target = {
        .check = &check,
        .port = i->port,
        .working_dir = i->spec->working_dir,
        .log_path = log_path,
        .log_since_ns = i->started_wall_ns,
    };
    bool ok = true;

    if (hand->container != NULL)
        hands_container_target(hand, &check, &check.host, &target.log_since_ns);
    (void)snprintf(log_path, sizeof log_path, "%s/%s/%d.log", h->logs_dir, i->spec->name, i->slot);
    if (i->spec->healthcheck.kind == PROBE_EXEC) {
        target.environment = hands_variables(h, a, i);
        target.view_pid = hands_view_pid(h, i);
        ok = user_resolve(i->spec->user, &ids, err);
        if (ok && ids.change) {
            user = (struct probe_user){.uid = ids.uid,
                .gid = ids.gid,
                .groups = ids.groups,
                .group_count = ids.group_count};
            target.user = &user;
        }
    }
    ok = ok && probe_create(&hand->probe, h->prober, &target, on_result, hand, err);
    arena_destroy(&a);
    return ok;
}

void hands_probe(void *data, struct instance *i, enum engine_probe mode)
{
    struct hand *hand = hand_of(data, i);
    struct err err = ERR_INIT;

    if (hand->container != NULL && hands_container_probe(hand, mode))
        return;
    if (mode == ENGINE_PROBE_OFF) {
        if (hand->probe != NULL)
            probe_stop(hand->probe);
        return;
    }
    probe_destroy(&hand->probe);
    if (i->spec->healthcheck.kind == PROBE_NONE)
        return;
    if (!create_probe(hand, &err)) {
        log_error("probe.failed", "instance=%s err=\"%s\"", i->subject, err.text);
        return;
    }
    probe_start(hand->probe, mode == ENGINE_PROBE_STARTUP ? PROBE_STARTUP : PROBE_STEADY);
}
