#include "drive/process/cgroup.h"

#include "process_fixture.h"

CASE(a_hybrid_host_gives_limits_by_v1_and_tracking_by_v2)
{
    struct cgroup_world *w = cgroup_world_parse("shop",
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
        "4:memory:/boxes/7\n1:cpu,cpuacct:/\n0::/\n");

    CHECK_TEXT(cgroup_world_dir(w, CGROUP_MEMORY), "/sys/fs/cgroup/memory/boxes/7/tend/shop");
    CHECK_TEXT(cgroup_world_dir(w, CGROUP_CPU), "/sys/fs/cgroup/cpu,cpuacct/tend/shop");
    CHECK(cgroup_world_dir(w, CGROUP_PIDS) == NULL);
    CHECK_TEXT(cgroup_degraded(w, CGROUP_PIDS), "no cgroup hierarchy has the pids controller");
    CHECK(cgroup_degraded(w, CGROUP_MEMORY) == NULL);
    cgroup_world_destroy(&w);
}

CASE(a_mount_that_shows_a_part_of_the_hierarchy_is_understood)
{
    struct cgroup_world *w = cgroup_world_parse("shop",
        "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
        "4:memory:/docker/abc\n");

    CHECK_TEXT(cgroup_world_dir(w, CGROUP_MEMORY), "/sys/fs/cgroup/memory/tend/shop");
    cgroup_world_destroy(&w);
}

CASE(nonsense_is_no_world)
{
    struct cgroup_world *w =
        cgroup_world_parse("shop", "a b c\n\n - \n 1 2 3 / - cgroup2\n", "::\n:\n0\n");

    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        CHECK(cgroup_degraded(w, (enum cgroup_controller)c) != NULL);
    cgroup_world_destroy(&w);
}

static bool can_limit(struct fixture *f, enum cgroup_controller c)
{
    struct cgroup_world *w = cgroup_world_create(strrchr(f->run, '/') + 1);
    bool can = cgroup_degraded(w, c) == NULL;

    cgroup_world_destroy(&w);
    return can;
}

static bool ended_once(struct fixture *f)
{
    return f->told_count > 1 && f->told[1].kind == PROCESS_EXITED;
}

CASE(running_out_of_its_memory_is_told_apart_from_a_kill)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "eat", "100"));

    if (!can_limit(f, CGROUP_MEMORY)) {
        f->gone_count = 1;
        fixture_free(f);
        SKIP("no memory controller for us");
    }
    spec.limits.memory_bytes = 20 << 20;
    spec.lease.burst = 0;
    fixture_start(f, &spec);
    CHECK(fixture_wait(f, ended_once, 0));
    CHECK_INT(f->told[1].signal, SIGKILL);
    CHECK(f->told[1].oom);
    struct cgroup_usage usage;
    CHECK(process_usage(f->process, &usage));
    CHECK(usage.oom_kills >= 1);
    CHECK(usage.cpu_us > 0);
    fixture_free(f);
}

CASE(a_fork_bomb_stays_in_its_box_and_can_be_stopped)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "bomb"));
    struct cgroup_usage usage;

    if (!can_limit(f, CGROUP_PIDS)) {
        f->gone_count = 1;
        fixture_free(f);
        SKIP("no pids controller for us");
    }
    spec.limits.pids = 40;
    spec.limits.cpus = 0.2;
    fixture_start(f, &spec);
    fixture_pass(f, 200);
    CHECK(process_usage(f->process, &usage));
    CHECK(usage.pids > 1 && usage.pids <= 40);
    process_stop(f->process, SIGTERM, 100);
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK(process_usage(f->process, &usage));
    CHECK_INT(usage.pids, 0);
    fixture_free(f);
}

CASE(groups_are_gone_when_the_process_is_forgotten)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));
    struct cgroup_world *w = cgroup_world_create(strrchr(f->run, '/') + 1);
    const char *dir = cgroup_world_dir(w, CGROUP_MEMORY);
    char path[512];

    if (dir == NULL) {
        cgroup_world_destroy(&w);
        f->gone_count = 1;
        fixture_free(f);
        SKIP("no memory controller for us");
    }
    (void)snprintf(path, sizeof path, "%s/web.1", dir);
    fixture_start(f, &spec);
    CHECK(fs_exists(path));
    process_stop(f->process, SIGKILL, 0);
    CHECK(fixture_wait(f, is_gone, 1));
    process_forget(&f->process);
    for (int i = 0; i < 100 && fs_exists(path); i++)
        fixture_pass(f, 20);
    CHECK(!fs_exists(path));
    fixture_free(f);
    cgroup_world_destroy(&w);
}

TEST_MAIN()
