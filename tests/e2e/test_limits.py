"""Services that hang, multiply, eat memory or die again and again: bounded, told apart, healed."""
import os
import pathlib
import signal
import time

import pytest

import children

HTTP = {"http": "/", "interval": "100ms", "timeout": "200ms", "retries": 2}


def can_limit(world):
    return not [d for d in world.status()["degraded"] if "limit" in d or "cgroup" in d]


def limited(tiny, *args, **limits):
    return {"command": [tiny, *args], "deploy": {"resources": {"limits": limits}},
            "stop_grace_period": "200ms"}


def up_with_limits(world, services):
    world.declare({"probe": {"command": ["/bin/sleep", "1000"]}})
    world.up()
    if not can_limit(world):
        pytest.skip("; ".join(world.status()["degraded"]))
    world.declare({"probe": {"command": ["/bin/sleep", "1000"]}, **services})
    return world.tend("apply", "--yes", check=False, timeout=60)


def cgroup_file(pid, controller, v1, v2):
    """What stands in a file of the process's control group."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            root, name = f"/sys/fs/cgroup/{controller}", v1
        elif not controllers and pathlib.Path(f"/sys/fs/cgroup{path}/{v2}").exists():
            root, name = "/sys/fs/cgroup", v2
        else:
            continue
        file = pathlib.Path(f"{root}{path}/{name}")
        return file.read_text().strip(), name == v2
    pytest.skip(f"no control group has {controller}")


def test_shares_and_reservations_are_the_control_groups(world, tiny):
    done = up_with_limits(world, {"web": {
        "command": ["/bin/sleep", "1000"], "cpu_shares": 512, "cpu_quota": 50000, "cpu_period": "100ms",
        "mem_limit": "64m", "deploy": {"resources": {"reservations": {"memory": "16m"}}}}})
    assert done.returncode == 0, done.stderr
    web = world.pid("web/1")
    shares, is_v2 = cgroup_file(web, "cpu", "cpu.shares", "cpu.weight")
    assert shares == ("20" if is_v2 else "512")
    assert cgroup_file(web, "memory", "memory.soft_limit_in_bytes", "memory.low")[0] == str(16 << 20)
    quota, is_v2 = cgroup_file(web, "cpu", "cpu.cfs_quota_us", "cpu.max")
    assert quota == ("50000 100000" if is_v2 else "50000")


def test_swap_is_limited_where_the_kernel_can(world, tiny):
    done = up_with_limits(world, {"web": {
        "command": ["/bin/sleep", "1000"], "mem_limit": "64m", "memswap_limit": "96m"}})
    if done.returncode != 0 and "memsw" in done.stderr + done.stdout:
        pytest.skip("this kernel does not count swap")
    limit, is_v2 = cgroup_file(world.pid("web/1"), "memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
    assert limit == str((32 if is_v2 else 96) << 20)


def test_a_stopped_process_is_found_hanging_and_replaced_and_why_tells(world, tiny):
    world.declare({"web": {"command": tiny, "healthcheck": HTTP, "stop_grace_period": "100ms"}})
    world.up()
    before, since = world.pid("web/1"), world.status()["head"]
    world.kill(before, signal.SIGSTOP)
    hung = world.wait_event("instance.hung", "web/1", since)
    assert hung["evidence"]["function"] == "probe"
    world.wait_for(lambda: world.instance("web/1")["state"] == "ready" and world.pid("web/1") != before)
    assert not children.is_running(before)
    told = world.why("web/1")
    assert "hang" in told or "probes in a row failed" in told, told


def test_a_fork_bomb_stays_within_its_limit_and_harms_nobody(world, tiny):
    """tiny bomb forks without end; pids: 20 ends it there."""
    up_with_limits(world, {
        "web": {"command": tiny, "healthcheck": HTTP},
        "bomb": limited(tiny, "bomb", pids=20)})
    world.wait_until("web", "ready")
    bomb = world.pid("bomb/1")

    def family():
        table = children.parents_and_states()
        members, layer = {bomb}, {bomb}
        while layer:
            layer = {p for p, (parent, state) in table.items() if parent in layer and state != "Z"} - members
            members |= layer
        return members

    deadline = time.monotonic() + 10
    while len(family()) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)  # nothing tells when a process forks
    assert 15 <= len(family()) <= 20
    assert world.get("web") == "ok"
    members = family()
    world.tend("stop", "bomb", timeout=30)
    for pid in members:
        world.wait_dead(pid)
    assert world.service("web")["state"] == "ready"


def test_memory_over_the_limit_is_told_apart_from_a_kill(world, tiny):
    up_with_limits(world, {"eater": {**limited(tiny, "eat", "200", memory="32m"), "restart": "no"},
                           "other": {"command": [tiny, "sleep"], "restart": "no"}})
    since = 0
    told = world.wait_event("instance.oom_killed", "eater/1", since)
    assert "memory" in told["text"]
    world.kill(world.pid("other/1"))
    told = world.wait_event("instance.exited", "other/1", since)
    assert told["evidence"]["signal"] == "SIGKILL"
    assert world.instance("eater/1")["last_exit"]["oom"] is True
    assert world.instance("other/1")["last_exit"]["oom"] is False
    assert "memory limit" in world.why("eater/1")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_storm_of_crash_loops_leaves_the_others_ready_and_tend_calm(world, tiny):
    """200 instances that would restart some 10,000 times a minute if nobody limited them."""
    world.declare({
        "web": {"command": tiny, "healthcheck": HTTP, "deploy": {"replicas": 2}},
        **{f"loop{n}": {"command": [tiny, "exit", "1"], "deploy": {
            "replicas": 20, "restart_policy": {"condition": "any", "delay": "10ms"}}} for n in range(10)}})
    world.tend("up", "-d", check=False, timeout=60)
    world.wait_until("web", "ready")
    daemon, web = world.daemon_pid(), {i["id"]: i["pid"] for i in world.service("web")["instances"]}
    head, cpu, begun = world.status()["head"], cpu_seconds(daemon), time.monotonic()
    seconds = 10
    while time.monotonic() < begun + seconds:
        assert world.get("web", timeout=2) == "ok"
        time.sleep(0.2)
    took = time.monotonic() - begun
    events = world.status()["head"] - head
    used = cpu_seconds(daemon) - cpu
    assert {i["id"]: i["pid"] for i in world.service("web")["instances"]} == web
    assert used / took < 0.5, f"{used:.2f} s of CPU in {took:.1f} s"
    # 50 restarts a second, each told in four or five sentences; and what the leases still had.
    assert events / took < 600, f"{events} events in {took:.1f} s"
    print(f"{used / took:.2f} of a core, {events / took:.0f} events/s")
    told = {e["type"] for e in world.events_until_now()}
    assert "storm.limited" in told, told
    assert not [t for t in told if t.startswith("bug.")]
    assert world.tend("events", "--verify").returncode == 0
    world.tend("down", timeout=60)


def test_a_service_that_dies_again_and_again_after_a_while_is_slowed_down(world, tiny):
    world.declare({"web": {"command": [tiny, "exit", "3", "200"]}})
    world.tend("up", "-d", check=False, timeout=60)
    told = world.wait_event("instance.backing_off", "web/1")
    assert told["evidence"]["function"] == "backoff"
    assert told["evidence"]["value"] == 4
