"""Containers on a real engine: made from what is declared, healed, adopted, logged, and removed."""
import http.client
import json
import re

import pytest
from engine import TINY_IMAGE, Engine, Unusable
from world import World, free_port


@pytest.fixture(scope="module")
def engine_of_module():
    engine = None
    try:
        engine = Engine()
        engine.start()
        engine.make_image()
    except Unusable as problem:
        if engine is not None:
            engine.close()
        pytest.skip(f"no container engine can run here: {problem}")
    yield engine
    engine.close()


@pytest.fixture
def engine(engine_of_module):
    yield engine_of_module
    engine_of_module.thaw()
    engine_of_module.clear()


@pytest.fixture
def world(engine):
    made = World()
    made.env["DOCKER_HOST"] = engine.host
    yield made
    made.tend("down", check=False, timeout=60)
    made.close(keep=engine.pids())


def web(port, **more):
    return {"image": TINY_IMAGE, "command": ["httpd", "-f", "-p", "80", "-h", "/www"], "ports": [f"{port}:80"],
            "healthcheck": {"http": "/", "interval": "1s"}, "stop_signal": "SIGKILL", **more}


def fetch(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def answers(port):
    try:
        return fetch(port) == "hello\n"
    except OSError:
        return False


def test_what_is_declared_is_read_back_from_the_engine(world, engine):
    port = free_port()
    (world.dir / "page").mkdir()
    (world.dir / "secret").write_text("hush\n")
    world.declare({"web": web(port, environment={"A": "b c"}, labels={"team": "x"}, cap_drop=["NET_RAW"],
                              read_only=True, tmpfs=["/scratch"], volumes=["./page:/page:ro", "data:/data"],
                              mem_limit="64m", secrets=["s"], user="0:0", working_dir="/www", init=True,
                              hostname="box", ulimits={"nofile": {"soft": 100, "hard": 200}})},
                  volumes={"data": {}}, secrets={"s": {"file": "./secret"}})
    world.up()
    assert fetch(port) == "hello\n"
    seen = engine.inspect("e2e-web-1")
    host = seen["HostConfig"]
    assert "A=b c" in seen["Config"]["Env"]
    assert seen["Config"]["Labels"]["com.docker.compose.project"] == "e2e"
    assert (seen["Config"]["Labels"]["team"], seen["Config"]["Hostname"]) == ("x", "box")
    assert host["RestartPolicy"]["Name"] == "no" and host["ReadonlyRootfs"] and host["Init"]
    assert (host["Memory"], host["CapDrop"]) == (64 << 20, ["NET_RAW"])
    assert host["Ulimits"][0] == {"Name": "nofile", "Soft": 100, "Hard": 200}
    mounts = {m["Destination"]: m for m in seen["Mounts"]}
    assert mounts["/data"]["Name"] == "e2e_data" and not mounts["/page"]["RW"]
    assert mounts["/run/secrets/s"]["Source"] == str(world.dir / "secret")
    assert list(seen["NetworkSettings"]["Networks"]) == ["e2e_default"]


def test_services_reach_each_other_by_name(world):
    port = free_port()
    world.declare({"web": web(port),
                   "asks": {"image": TINY_IMAGE, "command": ["sh", "-c", "wget -q -O- http://web/ && sleep 1000"],
                            "depends_on": {"web": {"condition": "service_healthy"}}, "stop_signal": "SIGKILL",
                            "healthcheck": {"log": "hello"}}})
    world.up()
    world.wait_until("asks", "ready")


def test_a_crash_is_healed_and_explained(world, engine):
    port = free_port()
    world.declare({"web": web(port)})
    world.up()
    before = world.pid("web/1")
    engine.call("POST", "/containers/e2e-web-1/kill")
    world.wait_for(lambda: world.pid("web/1") not in (0, before) and world.instance("web/1")["state"] == "ready",
                   what="another start")
    assert fetch(port) == "hello\n"
    assert "SIGKILL" in world.why("web/1")


def test_an_exec_probe_runs_inside_and_an_unhealthy_container_is_replaced(world):
    world.declare({"s": {"image": TINY_IMAGE, "command": ["sh", "-c", "touch /ok; sleep 2; rm /ok; sleep 1000"],
                         "healthcheck": {"test": ["CMD", "test", "-e", "/ok"], "interval": "200ms", "retries": 2},
                         "stop_signal": "SIGKILL"}})
    world.up()
    hung = world.wait_event("instance.hung", "s/1", timeout=30)
    assert "exit code 1" in json.dumps(hung)
    world.wait_until("s", "ready", timeout=30)


def test_the_next_daemon_takes_over_what_runs(world, engine):
    port = free_port()
    world.declare({"web": web(port), "counts": {
        "image": TINY_IMAGE, "stop_signal": "SIGKILL",
        "command": ["sh", "-c", "i=0; while true; do i=$$((i+1)); echo line $$i; sleep 0.05; done"]}})
    world.up()
    started = engine.inspect("e2e-web-1")["State"]["StartedAt"]
    daemon = world.daemon_pid()
    world.kill(daemon)
    world.wait_daemon(other_than=daemon)
    world.wait_until("web", "ready")
    assert engine.inspect("e2e-web-1")["State"]["StartedAt"] == started
    assert world.instance("web/1")["restarts"] == 0
    at_least = int(re.findall(r"line (\d+)", world.tend("logs", "counts", "--tail", "1").stdout)[-1]) + 20
    path = world.state / "logs" / "counts" / "1.log"
    while f"line {at_least}\n" not in path.read_text():
        world.pause_between_looks()
    lines = [int(n) for n in re.findall(r"line (\d+)\n", path.read_text())]
    assert lines == list(range(1, lines[-1] + 1))  # each once, in order, across both daemons


def test_output_is_kept_byte_for_byte(world):
    world.declare({"s": {"image": TINY_IMAGE, "stop_signal": "SIGKILL",
                         "command": ["sh", "-c", "printf 'a\\n\\n b \\n'; printf 'err\\n' >&2; printf tail; sleep 1000"],
                         "healthcheck": {"log": "err"}}})
    world.up()
    path = world.state / "logs" / "s" / "1.log"
    found = [line.split(" ", 3)[1:] for line in path.read_text().splitlines()]
    out = [(kind, text) for stream, kind, text in found if stream == "stdout"]
    assert out[:3] == [("F", "a"), ("F", ""), ("F", " b ")]
    assert ["stderr", "F", "err"] in found


def write_context(folder, page="built\n"):
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(f"FROM {TINY_IMAGE}\nARG GREETING\nENV GREETING=$GREETING\n"
                                       "COPY . /src\nRUN cp /src/index.html /www/index.html\n"
                                       'CMD ["httpd", "-f", "-p", "80", "-h", "/www"]\n')
    (folder / "index.html").write_text(page)
    (folder / ".dockerignore").write_text("# not sent\n*.log\nsecret\n!keep.log\n")
    (folder / "a.log").write_text("x")
    (folder / "keep.log").write_text("x")
    (folder / "secret").mkdir(exist_ok=True)
    (folder / "secret" / "key").write_text("x")
    (folder / ("long-" * 30)).write_text("x")


def test_an_image_is_built_once_for_each_context(world, engine):
    port = free_port()
    write_context(world.dir / "app")
    world.declare({"web": web(port, image="e2e-built:1", command=None,
                              build={"context": "./app", "args": {"GREETING": "hi"}})})
    world.up("--timeout", "60s")
    assert fetch(port) == "built\n"
    seen = engine.inspect("e2e-web-1")
    assert "GREETING=hi" in seen["Config"]["Env"]
    world.declare({"web": web(port, image="e2e-built:1", command=["sh", "-c", "ls /src > /www/list; exec httpd -f -p 80 -h /www"],
                              build={"context": "./app", "args": {"GREETING": "hi"}})})
    world.apply()
    world.wait_until("web", "ready")
    again = engine.inspect("e2e-web-1")
    assert again["Image"] == seen["Image"] and again["Id"] != seen["Id"]  # not built anew
    listed = world_list(port)
    assert "keep.log" in listed and "a.log" not in listed and "secret" not in listed and "long-" * 30 in listed
    write_context(world.dir / "app", "changed\n")
    world.declare({"web": web(port, image="e2e-built:1", command=None,
                              build={"context": "./app", "args": {"GREETING": "hi"}})})
    world.apply()
    world.wait_until("web", "ready")
    assert fetch(port) == "changed\n"


def world_list(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/list")
        return connection.getresponse().read().decode().split()
    finally:
        connection.close()


def test_a_build_that_fails_says_why(world):
    folder = world.dir / "app"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {TINY_IMAGE}\nRUN false\n")
    world.declare({"s": {"build": "./app"}, "t": {"build": {"context": "./app", "ssh": ["default"]}}})
    world.tend("up", "-d", "--timeout", "10s", check=False)
    assert "cannot be built" in world.why("s/1") and "non-zero code" in world.why("s/1")
    assert "BuildKit" in world.why("t/1")


def test_down_removes_the_containers(world, engine):
    world.declare({"web": web(free_port())})
    world.up()
    assert engine.names() == ["e2e-web-1"]
    assert engine.call("GET", "/networks/e2e_default")[0] == 200
    world.down()
    assert engine.names() == []
    assert engine.call("GET", "/networks/e2e_default")[0] == 404


def test_a_change_replaces_the_container(world, engine):
    port = free_port()
    world.declare({"web": web(port)})
    world.up()
    first = engine.inspect("e2e-web-1")["Id"]
    world.declare({"web": web(port, environment={"NEW": "1"})})
    world.apply()
    world.wait_until("web", "ready")
    seen = engine.inspect("e2e-web-1")
    assert seen["Id"] != first and "NEW=1" in seen["Config"]["Env"]
    world.apply()
    assert engine.inspect("e2e-web-1")["Id"] == seen["Id"]


def test_a_missing_image_and_a_foreign_name_are_told(world, engine):
    status, body = engine.call("POST", "/containers/create?name=e2e-taken-1",
                               json.dumps({"Image": TINY_IMAGE, "Cmd": ["sleep", "1000"]}))
    assert status == 201, body
    world.declare({"missing": {"image": "no-such-registry.invalid/x:1", "pull_policy": "never"},
                   "taken": {"image": TINY_IMAGE, "command": ["sleep", "1000"]}})
    world.tend("up", "-d", "--timeout", "5s", check=False)
    assert "no image" in world.why("missing/1")
    assert "belongs to another container" in world.why("taken/1")
    world.tend("down", check=False)
    assert engine.names() == ["e2e-taken-1"]  # not ours to remove


def test_a_frozen_engine_holds_up_nothing_and_heals_nothing(world, engine):
    port = free_port()
    world.declare({"web": web(port), "s": {
        "image": TINY_IMAGE, "command": ["sleep", "1000"], "stop_signal": "SIGKILL",
        "healthcheck": {"test": "true", "interval": "200ms", "timeout": "500ms", "retries": 2}}})
    world.up()
    since = world.status()["head"]
    engine.freeze()
    try:
        for _ in range(40):
            world.status()  # answers within the client's bound each time
            world.pause_between_looks()
    finally:
        engine.thaw()
    world.wait_until("s", "ready")
    assert not [e for e in world.api.events(since=since) if e["type"] == "instance.hung"]


def test_an_engine_that_was_killed_and_comes_back_gets_its_containers_again(world, engine):
    port = free_port()
    world.declare({"web": web(port)})
    world.up()
    engine.kill()
    world.wait_for(lambda: any("containers" in d for d in world.status()["degraded"]), what="a word of it")
    engine.start()
    world.wait_for(lambda: not world.status()["degraded"] and world.service("web")["state"] == "ready" and
                   answers(port), timeout=60, what="web ready again")


def test_without_an_engine_the_reason_is_told(world):
    world.env["DOCKER_HOST"] = f"unix://{world.dir}/nothing.sock"
    world.declare({"web": web(free_port())})
    world.tend("up", "-d", "--timeout", "3s", check=False)
    assert "no container engine" in world.why("web/1")
