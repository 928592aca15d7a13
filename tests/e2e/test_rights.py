"""What a process may do, read back from /proc: ulimits, cpuset, oom_score_adj, no-new-privileges."""
import os
import pathlib
import subprocess

import pytest

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can give rights")
SLEEP = ["/bin/sleep", "1000"]


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


def mask(pid, name):
    return int(status(pid, name), 16)


NET_BIND_SERVICE, NET_RAW, CHOWN = 1 << 10, 1 << 13, 1


@root_only
def test_capabilities_are_those_declared(world):
    world.declare({
        "low": {"command": SLEEP, "working_dir": "/", "user": "nobody", "cap_add": ["NET_BIND_SERVICE"]},
        "bound": {"command": SLEEP, "working_dir": "/", "user": "nobody", "cap_drop": ["ALL"],
                  "cap_add": ["CAP_NET_RAW"]},
        "root": {"command": SLEEP, "cap_drop": ["chown"]}})
    world.up()
    low, bound, root = world.pid("low/1"), world.pid("bound/1"), world.pid("root/1")
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert mask(low, kind) == NET_BIND_SERVICE
        assert mask(bound, kind) == NET_RAW
    assert mask(bound, "CapBnd") == NET_RAW
    assert mask(low, "CapBnd") == mask("self", "CapBnd")
    assert mask(root, "CapEff") == mask("self", "CapEff") & ~CHOWN
    assert mask(root, "CapBnd") == mask("self", "CapBnd") & ~CHOWN


@root_only
def test_groups_are_added_to_those_of_the_user(world):
    world.declare({"web": {"command": SLEEP, "working_dir": "/", "user": "nobody", "group_add": ["daemon", 12345]},
                   "own": {"command": SLEEP, "group_add": ["54321"]}})
    world.up()

    def groups(subject):
        for line in pathlib.Path(f"/proc/{world.pid(subject)}/status").read_text().splitlines():
            if line.startswith("Groups:"):
                return {int(word) for word in line.split()[1:]}
    usual = {int(word) for word in subprocess.check_output(["id", "-G", "nobody"]).split()}
    daemon = int(subprocess.check_output(["getent", "group", "daemon"]).split(b":")[2])
    assert groups("web/1") == usual | {daemon, 12345}
    assert groups("own/1") == set(os.getgroups()) | {54321}


@root_only
def test_a_host_name_of_its_own(world):
    world.declare({"web": {"command": ["/bin/sh", "-c", "hostname; exec sleep 1000"], "hostname": "web-of-test"}})
    world.up()
    assert os.readlink(f"/proc/{world.pid('web/1')}/ns/uts") != os.readlink("/proc/self/ns/uts")
    world.wait_for(lambda: "web-of-test" in world.tend("logs", "web").stdout)


def test_a_group_that_is_not_there_is_named(world):
    world.declare({"web": {"command": SLEEP, "group_add": ["no-such-group"]}})
    done = world.tend("up", "-d", check=False)
    assert done.returncode != 0 and "group_add" in done.stderr


def test_labels_and_variables_come_from_files_too(world):
    (world.dir / "labels").write_text("tier=front\nowner=nobody\n")
    (world.dir / "raw.env").write_text("QUOTED='a b' # no comment\nPLAIN=$HOME\n")
    world.declare({"web": {"command": SLEEP, "label_file": "labels", "labels": {"owner": "me"},
                           "env_file": [{"path": "raw.env", "format": "raw"}]}})
    world.up()
    declared = world.api.get("/tend/v1/declared")
    assert declared["services"]["web"]["labels"] == {"tier": "front", "owner": "me"}
    environment = pathlib.Path(f"/proc/{world.pid('web/1')}/environ").read_bytes().split(b"\0")
    assert b"QUOTED='a b' # no comment" in environment and b"PLAIN=$HOME" in environment


def test_without_a_log_output_goes_nowhere(world):
    world.declare({"web": {"command": ["/bin/sh", "-c", "echo quiet; exec sleep 1000"], "logging": {"driver": "none"}}})
    world.up()
    web = world.pid("web/1")
    assert [os.readlink(f"/proc/{web}/fd/{fd}") for fd in (0, 1, 2)] == ["/dev/null"] * 3
    assert "quiet" not in world.tend("logs", "web").stdout
    world.declare({"web": {"command": ["x"], "logging": {"driver": "none"}, "healthcheck": {"log": "ready"}}})
    assert "keeps none" in world.tend("check", check=False).stdout
