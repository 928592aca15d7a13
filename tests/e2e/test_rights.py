"""What a process may do, read back from /proc: ulimits, cpuset, oom_score_adj, no-new-privileges."""
import os
import pathlib


def limit(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith(name):
            return line[len("Max realtime priority  "):].split()[:2]
    raise KeyError(name)


def status(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return line.split()[1]
    raise KeyError(key)


def test_limits_score_and_privileges_are_those_declared(world):
    world.declare({
        "plain": {"command": ["/bin/sleep", "1000"]},
        "web": {"command": ["/bin/sleep", "1000"], "oom_score_adj": 345,
                "ulimits": {"nofile": {"soft": 200, "hard": 300}, "core": 0, "nproc": 4321},
                "security_opt": ["no-new-privileges:true"]}})
    world.up()
    web, plain = world.pid("web/1"), world.pid("plain/1")
    assert limit(web, "Max open files") == ["200", "300"]
    assert limit(web, "Max core file size") == ["0", "0"]
    assert limit(web, "Max processes") == ["4321", "4321"]
    assert limit(plain, "Max open files") != ["200", "300"]
    assert limit(plain, "Max processes") == limit("self", "Max processes")
    assert pathlib.Path(f"/proc/{web}/oom_score_adj").read_text().strip() == "345"
    assert pathlib.Path(f"/proc/{plain}/oom_score_adj").read_text() == \
        pathlib.Path("/proc/self/oom_score_adj").read_text()
    assert (status(web, "NoNewPrivs"), status(plain, "NoNewPrivs")) == ("1", "0")


def test_it_runs_on_the_processors_declared(world):
    here = sorted(os.sched_getaffinity(0))
    world.declare({"web": {"command": ["/bin/sleep", "1000"], "cpuset": str(here[-1])}})
    world.up()
    assert os.sched_getaffinity(world.pid("web/1")) == {here[-1]}


def test_a_changed_limit_restarts_and_holds_after_a_crash(world):
    web = {"command": ["/bin/sleep", "1000"], "ulimits": {"nofile": 200}}
    world.declare({"web": web})
    world.up()
    before = world.pid("web/1")
    world.declare({"web": {**web, "ulimits": {"nofile": 250}}})
    world.up()
    after = world.pid("web/1")
    assert after != before
    assert limit(after, "Max open files") == ["250", "250"]
    world.kill(after)
    world.wait_for(lambda: world.pid("web/1") not in (None, 0, after))
    assert limit(world.pid("web/1"), "Max open files") == ["250", "250"]
