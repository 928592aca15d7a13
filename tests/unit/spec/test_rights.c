/* ulimits, oom_score_adj and security_opt. */
#include "world.h"

#include <sys/resource.h>

static void check_refused(const char *line, const char *text)
{
    struct world *w = world_create();
    char file[600];

    (void)snprintf(file, sizeof file, "name: t\nservices:\n  s:\n    command: x\n    %s\n", line);
    put_file(w, "tend.yaml", file);
    CHECK(load(w) == NULL);
    CHECK_SAYING(strstr(told(w), text) != NULL, "%s", told(w));
    CHECK(strstr(told(w), "tend.yaml:5:") != NULL);
    world_destroy(&w);
}

CASE(limits_are_numbers_or_soft_and_hard)
{
    struct world *w = world_create();
    const struct service *s = load_service(w, "    command: x\n    ulimits: {nofile: {soft: 10, "
                                              "hard: -1}, core: 0, memlock: 8589934592}\n");

    CHECK_INT(s->ulimit_count, 3);
    CHECK_TEXT(s->ulimits[0].name, "core");
    CHECK_INT(s->ulimits[0].hard, 0);
    CHECK_INT(s->ulimits[1].soft, 8589934592);
    CHECK_INT(s->ulimits[2].resource, RLIMIT_NOFILE);
    CHECK_INT(s->ulimits[2].soft, 10);
    CHECK_INT(s->ulimits[2].hard, -1);
    world_destroy(&w);
}

CASE(wrong_limits_are_told)
{
    check_refused("ulimits: {nofiles: 3}", "did you mean 'nofile'?");
    check_refused("ulimits: {nofile: many}", "takes a number, -1 for no limit, not 'many'");
    check_refused("ulimits: {nofile: -2}", "takes a number, -1 for no limit, not '-2'");
    check_refused("ulimits: {nofile: {soft: 3}}", "'hard' is missing in a limit");
    check_refused("ulimits: {nofile: [3]}", "a number, or a map with soft and hard");
    check_refused("ulimits: {nofile: {soft: 3, hard: 4, had: 3}}", "unknown key 'had' in a limit");
    check_refused("ulimits: {nofile: {soft: 5, hard: 4}}", "soft limit of 'nofile' is above");
    check_refused("ulimits: {nofile: {soft: -1, hard: 4}}", "soft limit of 'nofile' is above");
    check_refused("ulimits: [nofile]", "a map from a limit to a number");
}

CASE(a_score_and_privileges_are_as_declared_or_the_daemons)
{
    struct world *w = world_create();
    const struct service *s = load_service(w, "    command: x\n");
    struct hash plain = s->revision;

    CHECK_INT(s->oom_score_adj, OOM_SCORE_UNSET);
    CHECK(!s->no_new_privileges);
    s = load_service(w,
        "    command: x\n    oom_score_adj: -500\n    security_opt: ['no-new-privileges:true']\n");
    CHECK_INT(s->oom_score_adj, -500);
    CHECK(s->no_new_privileges);
    CHECK(!hash_eq(&plain, &s->revision));
    s = load_service(w, "    command: x\n    security_opt: [no-new-privileges=false]\n");
    CHECK(hash_eq(&plain, &s->revision));
    world_destroy(&w);
}

CASE(processors_are_numbers_and_ranges)
{
    struct world *w = world_create();
    const struct service *s = load_service(w, "    command: x\n    cpuset: '1-3, 9'\n");

    CHECK_TEXT(s->cpuset, "1-3, 9");
    CHECK_INT(s->cpu_mask[0], 0xe);
    CHECK_INT(s->cpu_mask[1], 2);
    s = load_service(w, "    command: x\n    cpuset: ''\n");
    CHECK(s->cpu_mask == NULL);
    s = load_service(w, "    command: x\n    cpuset: 0\n");
    CHECK_INT(s->cpu_mask[0], 1);
    world_destroy(&w);
    check_refused("cpuset: 3-1", "takes processors such as 0-3 or 0,2, below 1024, not '3-1'");
    check_refused("cpuset: 0-1024", "takes processors");
    check_refused("cpuset: '1,,2'", "takes processors");
    check_refused("cpuset: 1-", "takes processors");
    check_refused("cpuset: -1", "takes processors");
}

CASE(what_a_process_cannot_be_kept_from_is_refused)
{
    check_refused("oom_score_adj: 1001", "from -1000 to 1000");
    check_refused("security_opt: ['seccomp:unconfined']", "only knows 'no-new-privileges:true'");
    check_refused("security_opt: no-new-privileges", "'security_opt' takes a list");
    check_refused("cap_drop: [NET_ROW]", "there is no capability 'NET_ROW'");
    check_refused("cap_add: [NET_ROW]", "did you mean 'NET_RAW'?");
    check_refused("cap_add: ALL", "'cap_add' takes a list of capabilities");
    check_refused("cpu_quota: 50000\n    cpus: 1", "say the same in two ways");
    check_refused("label_file: nowhere", "cannot read label_file 'nowhere': No such file");
    check_refused("env_file: {path: x, format: toml}", "only 'raw' is known");
}

CASE(rights_come_back_from_a_document)
{
    struct world *w = world_create();
    const struct service *s = load_service(w,
        "    command: x\n    cap_add: [cap_net_raw, CHOWN]\n    cap_drop: [ALL]\n"
        "    group_add: [daemon, 7]\n    hostname: h\n    cpu_shares: 512\n    cpu_quota: 50ms\n"
        "    mem_reservation: 1m\n    mem_limit: 8m\n    memswap_limit: -1\n");

    CHECK_INT(s->cap_add, 1 << 13 | 1);
    CHECK(s->cap_drop == CAPABILITIES_ALL);
    CHECK_TEXT(s->groups[1], "7");
    CHECK(s->resources.cpus > 0.499 && s->resources.cpus < 0.501);
    CHECK_INT(s->resources.swap_bytes, -1);
    check_same_from_document(w->project);
    world_destroy(&w);
}

TEST_MAIN()
