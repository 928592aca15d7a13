"""What people change: scale, replace, stop, start, restart, pause; and what does not work out."""
import os


HTTP = {"http": "/", "interval": "200ms", "timeout": "500ms", "retries": 2}


def web(tiny, *args, **more):
    return {"web": {"command": [tiny, *args], "healthcheck": HTTP, "stop_grace_period": "1s", **more}}


def pids(world, service):
    return {i["id"]: i["pid"] for i in world.service(service)["instances"]}


def test_scaling_keeps_those_that_run(world, tiny):
    world.declare(web(tiny))
    world.up()
    before = pids(world, "web")

    world.tend("scale", "web=4")
    after = pids(world, "web")
    assert len(after) == 4 and after["web/1"] == before["web/1"]
    ports = {i["address"] for i in world.service("web")["instances"]}
    assert len(ports) == 4

    world.tend("scale", "web=1")
    assert pids(world, "web") == before


def test_the_scale_is_an_override_that_every_plan_shows(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.tend("scale", "web=2")
    plan = world.tend("plan").stdout
    assert "scaled to 2" in plan and "tend scale web=1" in plan


def test_a_change_is_replaced_in_batches_and_reaches_the_process(world, tiny):
    world.declare(web(tiny, deploy={"replicas": 2}, environment={"COLOUR": "red"}))
    world.up()
    old = pids(world, "web")
    world.declare(web(tiny, deploy={"replicas": 2}, environment={"COLOUR": "blue"}))
    plan = world.tend("plan").stdout
    assert "environment.COLOUR" in plan and "red" in plan and "blue" in plan
    world.apply()
    new = pids(world, "web")
    assert not set(old.values()) & set(new.values())
    for pid in new.values():
        assert b"COLOUR=blue" in open(f"/proc/{pid}/environ", "rb").read()


def test_a_revision_that_does_not_become_ready_is_taken_back(world, tiny):
    world.declare(web(tiny, environment={"V": "1"}))
    world.up()
    world.declare(web("/bin/sleep", "60", environment={"V": "2"},
                      deploy={"update_config": {"deadline": "1s"}}))
    done = world.apply(check=False, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "taken back" in done.stdout + done.stderr
    world.wait_until("web", "ready")
    assert world.get("web") is not None
    assert "taken back" in world.why("web") or "taken back" in world.tend("events").stdout
    # The same file again changes nothing: the revision is held until it changes or somebody retries.
    pid = world.pid("web/1")
    world.apply(check=False)
    assert world.pid("web/1") == pid


def test_a_missing_program_says_where_it_was_looked_for(world):
    world.declare({"web": {"command": "no-such-program-here"}})
    done = world.tend("up", "-d", check=False, timeout=60)
    assert done.returncode == 1
    assert "no-such-program-here" in done.stdout + done.stderr
    assert "/usr/bin" in done.stdout + done.stderr


def test_stop_holds_until_start_and_restart_is_no_healing(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.tend("stop", "web")
    assert world.service("web")["state"] == "stopped"
    world.tend("start", "web")
    pid = world.pid("web/1")
    world.tend("restart", "web")
    assert world.pid("web/1") not in (0, None, pid)
    assert world.instance("web/1")["restarts"] == 0


def test_paused_it_keeps_its_hands_off_and_takes_them_back(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.tend("pause", "--for", "1h")
    pid, since = world.pid("web/1"), world.status()["head"]
    world.kill(pid)
    world.wait_event("instance.exited", "web/1", since)
    assert world.instance("web/1")["state"] == "backing_off"
    world.tend("pause", "--end")
    world.wait_until("web", "ready")
    assert world.pid("web/1") != pid


def test_dependencies_start_in_order_and_a_failed_job_stops_what_waits(world, tiny):
    world.declare({
        "setup": {"command": ["/bin/sh", "-c", "exit 7"], "restart": "no"},
        "web": {"command": tiny, "depends_on": {"setup": {"condition": "service_completed_successfully"}}},
    })
    done = world.tend("up", "-d", check=False, timeout=60)
    assert done.returncode == 1
    assert "code 7" in done.stdout + done.stderr
    assert world.instance("web/1")["state"] == "pending"


def test_limits_environment_and_identity_reach_the_process(world, tiny):
    world.declare({
        "db": {"command": tiny, "healthcheck": HTTP},
        "web": {"command": tiny, "working_dir": "/tmp", "environment": {"A": "b c", "API_TOKEN": "hush"},
                "depends_on": ["db"], **({"user": "nobody"} if os.getuid() == 0 else {})},
    })
    world.up()
    pid = world.pid("web/1")
    environ = dict(e.split("=", 1) for e in open(f"/proc/{pid}/environ").read().split("\0") if e)
    assert environ["A"] == "b c"
    assert environ["TEND_SERVICE"] == "web" and environ["TEND_INSTANCE"] == "web/1"
    assert environ["DB_HOST"] == "127.0.0.1"
    assert world.address("db/1").endswith(":" + environ["DB_PORT"])
    assert os.readlink(f"/proc/{pid}/cwd") == "/tmp"
    if os.getuid() == 0:
        import pwd
        assert os.stat(f"/proc/{pid}").st_uid == pwd.getpwnam("nobody").pw_uid
    # A secret is nowhere but there.
    for told in (world.tend("plan").stdout, world.tend("events", "--json").stdout, world.tend("status", "--json").stdout):
        assert "hush" not in told
    for path in world.state.joinpath("journal").iterdir():
        assert b"hush" not in path.read_bytes()


def test_a_port_that_is_taken_names_who_holds_it(world, tiny):
    import socket
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        world.declare(web(tiny, ports=[f"127.0.0.1:{port}:{port}"]))
        done = world.tend("up", "-d", check=False, timeout=60)
        assert done.returncode == 1
        assert str(os.getpid()) in done.stdout + done.stderr


def test_a_project_in_json_has_its_name_for_every_command(world, tiny):
    import json
    world.declare_text(json.dumps({"services": web(tiny), "name": world.name}))
    world.up()
    assert world.json("status")["project"] == world.name
