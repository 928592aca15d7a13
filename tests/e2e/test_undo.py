"""tend undo takes back the last change whatever it was, and tend drift tells what nobody asked tend for."""
import os
import stat

WEB = {"healthcheck": {"http": "/"}}


def web(tiny, **more):
    return {"web": {"command": [tiny], **WEB, **more}}


def undo(world, **kwargs):
    return world.tend("undo", "--yes", **kwargs)


def test_an_undo_of_an_apply_puts_files_back_and_an_undo_of_that_does_it_again(world, tiny):
    world.declare(web(tiny, environment={"COLOUR": "red"}), files={"f": {"content": "one\n", "mode": "0600"}})
    world.apply()
    world.declare(web(tiny, environment={"COLOUR": "blue"}),
                  files={"f": {"content": "two\n", "mode": "0644"}, "g": {"content": "new\n"}})
    world.apply()
    done = undo(world)
    assert "-two" in done.stdout and "+one" in done.stdout and "file g  is removed" in done.stdout, done.stdout
    assert (world.dir / "f").read_text() == "one\n" and not (world.dir / "g").exists()
    assert stat.S_IMODE((world.dir / "f").stat().st_mode) == 0o600
    assert b"COLOUR=red" in open(f"/proc/{world.pid('web/1')}/environ", "rb").read()
    undo(world)
    assert (world.dir / "f").read_text() == "two\n" and (world.dir / "g").read_text() == "new\n"
    assert b"COLOUR=blue" in open(f"/proc/{world.pid('web/1')}/environ", "rb").read()
    assert world.json("plan")["changes"] == []


def test_what_was_there_before_tend_comes_back_as_it_was(world):
    (world.dir / "theirs").write_bytes(b"\0precious\n")
    os.chmod(world.dir / "theirs", 0o640)
    (world.dir / "gone").write_text("removed\n")
    os.symlink("somewhere", world.dir / "link")
    world.declare({}, files={"theirs": {"content": "ours\n", "mode": "0644"}, "gone": {"ensure": "absent"},
                             "link": {"target": "elsewhere"}, "made": {"content": "x"}})
    world.apply()
    assert not (world.dir / "gone").exists()
    undo(world)
    assert (world.dir / "theirs").read_bytes() == b"\0precious\n"
    assert stat.S_IMODE((world.dir / "theirs").stat().st_mode) == 0o640
    assert (world.dir / "gone").read_text() == "removed\n"
    assert os.readlink(world.dir / "link") == "somewhere" and not (world.dir / "made").exists()
    world.declare({}, files={})
    assert world.json("plan")["changes"] == [], "none of it is tend's any more"


def test_the_undo_of_a_healing_brings_back_what_somebody_had_written(world):
    world.declare({}, files={"f": {"content": "x\n"}})
    world.apply()
    (world.dir / "f").write_text("by hand\n")
    world.apply()
    assert (world.dir / "f").read_text() == "x\n"
    undo(world)
    assert (world.dir / "f").read_text() == "by hand\n"
    undo(world)
    assert (world.dir / "f").read_text() == "x\n"


def test_scale_stop_start_and_down_are_undone(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.tend("scale", "web=3")
    undo(world)
    assert world.service("web")["desired"] == 1
    undo(world)
    assert world.service("web")["desired"] == 3
    world.tend("stop", "web")
    undo(world)
    world.wait_until("web", "ready")
    undo(world)
    world.wait_until("web", "stopped")
    undo(world)
    world.down("--keep-daemon")
    undo(world)
    assert world.service("web")["state"] == "ready", "as declared: what was set beside it went with down"


def test_a_restart_cannot_be_undone_and_says_so(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.tend("restart", "web")
    pid = world.pid("web/1")
    done = undo(world, check=False)
    assert done.returncode == 1 and "a restart cannot be undone" in done.stderr, done.stderr
    assert world.pid("web/1") == pid


def test_an_undo_shows_first_what_it_will_do_and_is_refused_when_something_came_between(world, tiny):
    world.declare(web(tiny))
    world.up()
    assert world.tend("undo", check=False).returncode == 2, "there is no terminal to ask on"
    event = world.api.get("/tend/v1/undo")["event"]
    world.tend("scale", "web=2")
    status, text = world.api.request("POST", "/tend/v1/undo", {"event": event})
    assert status == 409 and "something else was changed" in text, text
    assert world.service("web")["desired"] == 2


def test_the_first_apply_is_undone_to_nothing(world, tiny):
    world.declare(web(tiny), files={"f": {"content": "x"}}, directories={"d": {}})
    world.apply()
    undo(world)
    assert not (world.dir / "f").exists() and not (world.dir / "d").exists()
    assert world.status()["services"] == []
    undo(world)
    assert (world.dir / "f").exists() and world.service("web")["state"] == "ready"


def test_a_rollback_brings_files_back_too(world):
    for content in ("one\n", "two\n", "three\n"):
        world.declare({}, files={"f": {"content": content}})
        world.apply()
    assert "-two" in world.tend("history", "3").stdout and "+three" in world.tend("history", "3").stdout
    world.tend("rollback", "--to", "1", "--yes")
    assert (world.dir / "f").read_text() == "one\n"


def test_drift_is_told_with_and_without_a_daemon_and_healed(world, tiny):
    world.declare(web(tiny), files={"f": {"content": "x\n"}, "g": {"content": "y"}})
    world.apply()
    assert "No drift" in world.tend("drift").stderr
    (world.dir / "f").write_text("hacked\n")
    (world.dir / "g").unlink()
    world.tend("stop", "web")
    told = world.tend("drift", "--detailed-exitcode", check=False)
    assert told.returncode == 2
    for line in ("! file f  changed behind tend's back at 20", "! file g  removed behind tend's back",
                 "-hacked", "+x", "web is stopped by somebody"):
        assert line in told.stdout, told.stdout
    world.declare(web(tiny), files={})
    assert "-hacked" in world.tend("drift").stdout, "what counts is what was applied"
    world.tend("start", "web")
    world.down()
    world.declare(web(tiny), files={"f": {"content": "x\n"}, "g": {"content": "y"}})
    world.up()
    world.apply()
    assert (world.dir / "f").read_text() == "x\n" and (world.dir / "g").read_text() == "y"
    world.tend("daemon", "--help")
    pid = world.daemon_pid()
    world.api.request("POST", "/tend/v1/shutdown", {})
    world.wait_dead(pid)
    (world.dir / "f").write_text("hacked again\n")
    assert "-hacked again" in world.tend("drift").stdout
