"""The spine: start, kill, restart, why; and the daemon's own death."""
import signal

import children


def web(tiny, **more):
    return {"web": {"command": tiny, **more}}


def is_ready_with_another_pid(world, before):
    instance = world.instance("web/1")
    return instance["state"] == "ready" and instance["pid"] not in (None, before)


HTTP = {"http": "/healthz", "interval": "200ms", "timeout": "200ms", "retries": 2}


def test_up_starts_what_is_declared_and_down_stops_it(world, tiny):
    world.declare(web(tiny, healthcheck=HTTP))
    world.up()
    world.wait_until("web", "ready")
    pid = world.pid("web/1")
    assert world.get("web/1") is not None
    world.down("--keep-daemon")
    world.wait_dead(pid)
    assert not [s for s in world.status()["services"] if s["ready"]]


def test_a_killed_process_is_back_with_another_pid_and_why_tells(world, tiny):
    world.declare(web(tiny, healthcheck=HTTP))
    world.up()
    world.wait_until("web/1", "ready")
    before = world.pid("web/1")
    since = world.status()["head"]

    world.kill(before)
    world.wait_event("instance.restarted", "web/1", since)
    world.wait_for(lambda: is_ready_with_another_pid(world, before))

    assert world.instance("web/1")["restarts"] == 1
    told = world.why("web/1")
    assert "SIGKILL" in told
    assert "restarted" in told


def test_a_hanging_process_is_replaced(world, tiny):
    world.declare(web(tiny, healthcheck=HTTP, stop_grace_period="200ms"))
    world.up()
    world.wait_until("web/1", "ready")
    before = world.pid("web/1")
    since = world.status()["head"]

    world.kill(before, signal.SIGSTOP)
    world.wait_event("instance.hung", "web/1", since)
    world.wait_for(lambda: is_ready_with_another_pid(world, before))
    assert not children.is_running(before)


def test_services_outlive_the_daemon_and_the_next_one_adopts_them(world, tiny):
    world.declare(web(tiny, healthcheck=HTTP, deploy={"replicas": 2}))
    world.up()
    world.wait_until("web", "ready")
    pids = {i["id"]: i["pid"] for i in world.service("web")["instances"]}
    daemon = world.daemon_pid()

    world.kill(daemon)
    assert world.wait_daemon(other_than=daemon) != daemon
    world.wait_for(lambda: {i["id"]: i["pid"] for i in world.service("web")["instances"]} == pids)
    assert all(i["restarts"] == 0 for i in world.service("web")["instances"])


def test_a_process_killed_while_the_daemon_is_dead_is_restarted_and_told(world, tiny):
    world.declare(web(tiny, healthcheck=HTTP))
    world.up()
    world.wait_until("web/1", "ready")
    service, daemon, since = world.pid("web/1"), world.daemon_pid(), world.status()["head"]

    world.kill(daemon)
    world.kill(service)
    world.wait_daemon(other_than=daemon)
    world.wait_for(lambda: is_ready_with_another_pid(world, service))
    events = [e for e in world.events_until_now(since) if e["subject"] == "web/1"]
    exited = [e for e in events if e["type"] == "instance.exited"]
    assert len(exited) == 1
    assert exited[0]["actor"] == "shim"


def test_the_chain_of_the_journal_verifies(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.wait_until("web", "ready")
    assert world.tend("events", "--verify").returncode == 0


def test_an_unchanged_project_gives_an_empty_plan(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.wait_until("web", "ready")
    pid = world.pid("web/1")
    assert world.tend("plan", "--detailed-exitcode").returncode == 0
    world.apply()
    assert world.pid("web/1") == pid


def test_an_unknown_key_is_an_error_with_a_suggestion(world):
    world.declare_text("name: e2e\nservices:\n  web:\n    comand: sleep 1\n")
    done = world.tend("check", check=False)
    assert done.returncode == 1
    assert "tend.yaml:4:5" in done.stdout + done.stderr
    assert "did you mean 'command'?" in done.stdout + done.stderr
