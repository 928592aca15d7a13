"""Plans that are kept: applied exactly as they were shown, or refused with the reason."""
import os
import re
import stat

from world import World

HTTP = {"http": "/", "interval": "200ms", "timeout": "500ms", "retries": 2}


def web(tiny, **more):
    return {"web": {"command": [tiny], "healthcheck": HTTP, "stop_grace_period": "1s", **more}}


def kept(world):
    path = world.dir / "release.plan"
    world.tend("plan", "--out", path)
    return path


def test_a_kept_plan_is_applied_without_the_file_it_came_from(world, tiny):
    world.declare(web(tiny, environment={"API_TOKEN": "hush-hush"}, deploy={"resources": {"limits": {"cpus": "0.1"}}}))
    path = kept(world)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    world.declare(web(tiny, environment={"COLOUR": "never"}))
    done = world.tend("apply", path)
    assert "hush-hush" not in done.stdout + done.stderr
    assert b"API_TOKEN=hush-hush" in open(f"/proc/{world.pid('web/1')}/environ", "rb").read()


def test_a_plan_that_the_world_has_overtaken_says_what_changed_since(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.declare(web(tiny, environment={"COLOUR": "red"}))
    path = kept(world)
    world.declare({**web(tiny, environment={"COLOUR": "blue"}), "new": {"command": ["/bin/sleep", "60"]}})
    world.apply()
    pid = world.pid("web/1")
    done = world.tend("apply", path, check=False)
    assert done.returncode == 6, done.stderr
    assert "service web has changed" in done.stderr and "service new is new" in done.stderr
    assert world.pid("web/1") == pid
    assert world.tend("apply", "--json", path, check=False).returncode == 6


def test_a_plan_is_applied_once_and_then_stale(world, tiny):
    world.declare(web(tiny))
    path = kept(world)
    world.tend("apply", path)
    assert world.tend("apply", path, check=False).returncode == 6


def test_a_plan_that_was_edited_damaged_or_is_none_is_refused(world, tiny):
    world.declare(web(tiny))
    path = kept(world)
    whole = path.read_bytes()
    for broken, said in (
            (whole.replace(b'"command"', b'"Command"'), "changed or damaged"),
            (whole[:-20], "changed or damaged"),
            (whole.replace(b"tend-plan 1", b"tend-plan 2", 1), "format 2"),
            (b"", "no plan"), (b"name: shop\n", "no plan"), (b"\0\xff" * 5000, "no plan")):
        path.write_bytes(broken)
        done = world.tend("apply", path, check=False)
        assert done.returncode == 1 and said in done.stderr, (broken[:40], done.stderr)
    assert world.status()["services"] == []
    assert world.tend("apply", world.dir / "none.plan", check=False).returncode == 1


def resealed(text):
    """As somebody would write it who knows the format: the hash fits again."""
    import hashlib
    head, _, body = text.partition(b"\n")
    return b"tend-plan 1 " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def test_a_plan_whose_hash_was_made_to_fit_is_refused_by_the_daemon(world, tiny):
    world.declare(web(tiny))
    path = kept(world)
    whole = path.read_bytes()
    path.write_bytes(resealed(whole.replace(b'"1s"', b'"2s"')))
    done = world.tend("apply", path, check=False)
    assert done.returncode == 1 and "was changed after it was made" in done.stderr, done.stderr
    other = resealed(re.sub(rb'"seal":"[0-9a-f]{64}"', b'"seal":"' + b"0" * 64 + b'"', whole))
    path.write_bytes(other)
    done = world.tend("apply", path, check=False)
    assert done.returncode == 1 and "not made here" in done.stderr, done.stderr
    assert world.status()["services"] == []
    path.write_bytes(whole)
    world.tend("apply", path)


def test_a_plan_of_another_project_is_refused(world, tiny):
    world.declare(web(tiny))
    path = kept(world)
    world.declare_text(world.file.read_text().replace(f'"{world.name}"', '"other"', 1))
    done = world.tend("apply", path, check=False)
    assert done.returncode == 1 and "of the project" in done.stderr


def test_digests_of_what_was_observed_do_not_tell_what_it_is(world, tiny):
    """They are keyed: the same service has another one in another state directory."""
    services = web(tiny, working_dir="/")
    other = World()
    try:
        plans = []
        for one in (world, other):
            one.declare(services, **{"x-tend-directory": "/"})
            one.up()
            plans.append(one.json("plan"))
    finally:
        other.close()
    assert [seen["name"] for seen in plans[0]["observed"]] == ["web"]
    assert plans[0]["observed"] != plans[1]["observed"]
    assert plans[0]["seal"] != plans[1]["seal"]
