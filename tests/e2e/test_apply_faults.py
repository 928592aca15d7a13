"""What may go wrong while a plan with files is carried out: it is resumed, refused or told, never half done."""
import os
import pathlib
import re
import subprocess
import threading
import time

import pytest

from world import BUILD

MANY = 2500


def many(count=MANY, text="x\n", folder="out"):
    return {f"f{i}": {"path": f"{folder}/f{i}", "content": f"{i} {text}"} for i in range(count)}


def begin_apply(world):
    """tend apply, on its way; nobody has to read what it says."""
    return subprocess.Popen([BUILD / "tend", "-f", world.file, "--listen", world.listen, "apply", "--yes"],
                            cwd=world.dir, env=world.env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_some(folder, count=1, timeout=20):
    deadline = time.monotonic() + timeout
    while not folder.exists() or sum(1 for _ in folder.iterdir()) < count:
        assert time.monotonic() < deadline, f"nothing appears in {folder}"
        time.sleep(0.001)


def files_of(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("after", [1, 50, 700])
def test_an_apply_whose_daemon_is_killed_is_finished_by_the_next(world, tiny, after):
    web = {"web": {"command": [tiny], "healthcheck": {"http": "/"}, "depends_on": ["files.f7"]}}
    world.declare(web, files=many(), directories={"out": {}})
    world.tend("up", "-d", "--timeout", "1ms", check=False)  # a daemon that is guarded
    world.wait_event("operation.finished", timeout=60)
    world.declare(web, files=many(text="y\n"), directories={"out": {}})
    head = world.status()["head"]
    pid = world.daemon_pid()
    client = begin_apply(world)
    deadline = time.monotonic() + 30
    while sum((world.dir / f"out/f{i}").read_text().endswith("y\n") for i in range(0, MANY, 25)) < after / 25:
        assert time.monotonic() < deadline
    world.kill(pid)
    client.wait(timeout=30)
    world.wait_daemon(other_than=pid)
    request = world.wait_event("apply.requested", since=head)["seq"]
    world.wait_event("operation.finished", since=request, timeout=60)
    assert all((world.dir / f"out/f{i}").read_text() == f"{i} y\n" for i in range(MANY))
    assert len(files_of(world.dir / "out")) == MANY, "nothing half-written is left"
    assert world.json("plan", timeout=60)["changes"] == []
    assert world.service("web")["state"] == "ready"


def test_what_was_made_before_a_kill_is_known_as_made_by_tend(world):
    world.declare({}, files={}, directories={"out": {}})
    world.up()
    pid = world.daemon_pid()
    world.declare({}, files=many(), directories={"out": {}})
    head = world.status()["head"]
    client = begin_apply(world)
    wait_for_some(world.dir / "out", 20)
    world.kill(pid)
    client.wait(timeout=30)
    world.wait_daemon(other_than=pid)
    request = world.wait_event("apply.requested", since=head)["seq"]
    world.wait_event("operation.finished", since=request, timeout=60)
    world.declare({}, files={}, directories={})
    world.apply(timeout=60)
    assert not (world.dir / "out").exists(), "each file is removed as tend's own, and so the directory"


def test_a_second_apply_is_refused_with_the_owner_of_the_first(world):
    world.declare({}, files={}, directories={"out": {}})
    world.up()
    world.declare({}, files=many(), directories={"out": {}})
    first = begin_apply(world)
    wait_for_some(world.dir / "out")
    second = world.api.request("POST", "/tend/v1/apply", {"document": {
        "name": world.name, "services": {}, "x-tend-directory": str(world.dir)}})
    assert second[0] == 423, second
    assert re.search(r"user:\w+ is applying since .*: \d+ of 2500 changes are done", second[1]), second
    other = world.tend("down", check=False)
    assert other.returncode == 5 and "is applying since" in other.stderr, other.stderr
    assert first.wait(timeout=60) == 0
    assert len(files_of(world.dir / "out")) == MANY


@pytest.fixture
def small(world):
    """A file system of 512 kB."""
    folder = world.dir / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("may not mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_told_and_what_is_left_goes_on_with_the_next_apply(world, small):
    files = {f"f{i}": {"path": f"small/f{i}", "content": "x" * 100_000} for i in range(8)}
    files["after"] = {"path": "small/after", "content": "x", "depends_on": [f"files.f{i}" for i in range(8)]}
    files["elsewhere"] = {"content": "x"}
    world.declare({}, files=files)
    done = world.tend("apply", "--yes", check=False)
    assert done.returncode == 4, done.stderr
    assert "No space left on device" in done.stderr and "tend apply" in done.stderr, done.stderr
    there = files_of(small)
    assert 0 < len(there) < 8 and "after" not in there, there
    assert all((small / name).stat().st_size == 100_000 for name in there), "nothing is half-written"
    assert (world.dir / "elsewhere").exists()
    subprocess.run(["mount", "-o", "remount,size=2m", small], check=True)
    world.apply()
    assert len(files_of(small)) == 9
    assert world.json("plan")["changes"] == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory to somebody else")
def test_a_link_that_is_planted_while_files_are_written_leads_nowhere(world):
    victim, theirs = world.dir / "victim", world.dir / "theirs"
    victim.mkdir()
    (victim / "f3").write_text("precious")
    (theirs / "way").mkdir(parents=True)
    os.chown(theirs, 65534, 65534)
    os.chown(theirs / "way", 65534, 65534)
    world.declare({}, files={})
    world.up()
    world.declare({}, files=many(1000, folder="theirs/way"))
    done = threading.Event()

    def flip():
        link = theirs / "link"
        while not done.is_set():
            os.symlink(victim, link)
            os.lchown(link, 65534, 65534)
            os.rename(theirs / "way", theirs / "real")
            os.rename(link, theirs / "way")
            os.rename(theirs / "way", link)
            os.rename(theirs / "real", theirs / "way")
            os.unlink(link)

    flipper = threading.Thread(target=flip)
    flipper.start()
    try:
        for _ in range(3):
            code = world.tend("apply", "--yes", check=False, timeout=60).returncode
            assert code in (0, 1, 3, 4, 5, 6)
    finally:
        done.set()
        flipper.join()
    assert files_of(victim) == ["f3"] and (victim / "f3").read_text() == "precious"
    world.apply(timeout=60)
    assert len(files_of(theirs / "way")) == 1000


def test_a_state_directory_without_space_refuses_before_anything_is_done(world, small):
    world.state = small / "state"
    world.env["TEND_STATE"] = str(world.state)
    world.declare({}, files={})
    world.up()
    pathlib.Path(small / "filler").write_bytes(b"x" * 100_000)
    filler = os.open(small / "filler", os.O_WRONLY | os.O_APPEND)
    try:
        while os.write(filler, b"x" * 4096) > 0:
            pass
    except OSError:
        os.close(filler)
    world.declare({}, files={"f": {"content": "x"}})
    done = world.tend("apply", "--yes", check=False)
    assert done.returncode != 0 and "space" in done.stderr.lower(), done.stderr
    assert not (world.dir / "f").exists()
    (small / "filler").unlink()
    world.down()
