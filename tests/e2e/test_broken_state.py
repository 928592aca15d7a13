"""A state directory that is full, torn, deleted or lies; services stay up whatever it does."""
import contextlib
import ctypes
import os
import shutil
import sqlite3
import struct
import subprocess
import urllib.request

import pytest

import children

HTTP = {"http": "/", "interval": "200ms", "timeout": "500ms", "retries": 3}


def web(tiny, replicas=2, **more):
    return {"web": {"command": tiny, "healthcheck": HTTP, "stop_grace_period": "1s",
                    "deploy": {"replicas": replicas}, **more}}


def pids(world, service="web"):
    return {i["id"]: i["pid"] for i in world.service(service)["instances"]}


def parent_of(pid):
    return children.parents_and_states()[pid][0]


def kill_and_see_it_back(world, subject):
    before = world.pid(subject)
    world.kill(before)
    world.wait_for(lambda: world.instance(subject)["state"] == "ready"
                   and world.pid(subject) not in (None, before), what=f"{subject} is back")


def end_daemon(world):
    """The daemon ends and stays away: its guard first."""
    daemon = world.daemon_pid()
    for pid in (parent_of(daemon), daemon):
        world.kill(pid)
    world.wait_dead(daemon)


def verify(world):
    done = world.tend("events", "--verify", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def numbers(world):
    return [e["seq"] for e in world.events_until_now()]


# ---- a full disk

libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def small_disk(path, size):
    """A tmpfs of so many bytes."""
    path.mkdir(parents=True)
    if libc.mount(b"tmpfs", str(path).encode(), b"tmpfs", 0, f"size={size},mode=700".encode()) != 0:
        pytest.skip("only root may mount a small disk here")
    try:
        yield path
    finally:
        children.end_all()
        libc.umount2(str(path).encode(), 2)


def fill(path):
    """Write until nothing fits any more."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass


def refuse_soon(world):
    """The newest page of the journal may still take some; the first command that is refused."""
    for _ in range(40):
        done = world.tend("restart", "other", check=False)
        if done.returncode != 0:
            return done
    raise AssertionError("the journal goes on, though nothing fits on the disk")


def test_on_a_full_disk_services_are_healed_and_status_says_so(world, tiny):
    with small_disk(world.state, "24m"):
        world.declare({**web(tiny), "other": {"command": ["/bin/sleep", "1000"]}})
        world.up()
        fill(world.state / "ballast")
        refused = refuse_soon(world)
        # What people ask for is refused with the reason, since it could not be kept.
        assert refused.returncode == 1 and "space" in refused.stdout + refused.stderr
        world.wait_for(lambda: world.status()["degraded"], what="status says degraded")
        assert "space" in " ".join(world.status()["degraded"])
        kill_and_see_it_back(world, "web/1")
        kill_and_see_it_back(world, "web/2")
        assert len(pids(world)) == 2
        (world.state / "ballast").unlink()
        world.wait_for(lambda: not [d for d in world.status()["degraded"] if "journal" in d], 30,
                       what="it recovers")
        seen = numbers(world)
        assert seen == list(range(1, len(seen) + 1))
        assert [e for e in world.api.events() if e["type"] == "daemon.degraded"]
        assert [e for e in world.api.events() if e["type"] == "daemon.recovered"]
        verify(world)
        world.tend("scale", "web=3")
        assert len(pids(world)) == 3


def test_a_daemon_that_dies_on_a_full_disk_comes_back_there(world, tiny):
    with small_disk(world.state, "24m"):
        world.declare(web(tiny))
        world.up()
        before, daemon = pids(world), world.daemon_pid()
        fill(world.state / "ballast")
        world.kill(daemon)
        world.wait_daemon(other_than=daemon)
        assert pids(world) == before
        kill_and_see_it_back(world, "web/1")
        (world.state / "ballast").unlink()
        world.wait_for(lambda: not [d for d in world.status()["degraded"] if "journal" in d], 30,
                       what="it recovers")
        world.tend("scale", "web=1")
        verify(world)


MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096


def test_while_the_state_cannot_be_written_shims_heal_and_then_the_daemon_is_back(world, tiny):
    """A daemon that starts there says why it cannot, again and again, until it can."""
    world.declare(web(tiny))
    world.up()
    if os.getuid() != 0:
        pytest.skip("only root may bind a read-only view over the journal")
    journal = str(world.state / "journal").encode()
    daemon, before, address = world.daemon_pid(), pids(world), world.address("web/1")
    since = world.status()["head"]
    if libc.mount(journal, journal, None, MS_BIND, None) != 0:
        pytest.skip("no bind mounts here")
    try:
        assert libc.mount(None, journal, None, MS_BIND | MS_RDONLY | MS_REMOUNT, None) == 0
        world.kill(daemon)
        world.wait_dead(daemon)
        world.kill(before["web/1"])
        world.wait_dead(before["web/1"])
        for _ in range(100):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/", timeout=1) as answer:
                assert answer.read() == b"ok"
                break
            world.pause_between_looks()
        else:
            raise AssertionError("nobody has started web/1 again")
        for _ in range(100):
            if "Read-only" in (world.state / "guard" / "daemon.log").read_text():
                break
            world.pause_between_looks()
        assert libc.mount(None, journal, None, MS_BIND | MS_REMOUNT, None) == 0
        world.wait_daemon(20)
        world.wait_until("web", "ready")
        assert pids(world)["web/2"] == before["web/2"] and pids(world)["web/1"] != before["web/1"]
        told = [e for e in world.events_until_now(since) if e["type"] == "instance.exited"]
        assert len(told) == 1 and told[0]["actor"] == "shim"
        verify(world)
    finally:
        children.end_all()
        libc.umount2(journal, 2)


# ---- torn files

def test_a_torn_database_is_rebuilt_and_said(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.tend("scale", "web=3")
    before = pids(world)
    end_daemon(world)
    (world.state / "state.db").write_bytes(os.urandom(8192))
    (world.state / "state.db-wal").unlink(missing_ok=True)  # it would put the torn pages right again
    world.tend("up", "-d")
    world.wait_until("web", "ready")
    assert pids(world) == before
    assert "views.rebuilt" in (world.state / "guard" / "daemon.log").read_text()
    verify(world)
    assert world.tend("plan", "--detailed-exitcode").returncode == 0


@pytest.mark.parametrize("tail", [b"\0" * 512, b"torn", b"\xa5\x5a" * 350], ids=["zeros", "short", "noise"])
def test_a_torn_tail_of_the_journal_is_cut_and_journalled(world, tiny, tail):
    world.declare(web(tiny))
    world.up()
    world.tend("scale", "web=3")
    before = pids(world)
    end_daemon(world)
    segment = sorted((world.state / "journal").glob("*.seg"))[-1]
    with open(segment, "ab") as file:
        file.write(tail)
    world.tend("up", "-d")
    assert pids(world) == before
    told = [e for e in world.events_until_now() if e["type"] == "journal.torn_tail_cut"]
    assert len(told) == 1
    verify(world)


def test_a_changed_event_is_found_with_its_number(world, tiny):
    world.declare(web(tiny))
    world.up()
    end_daemon(world)
    segment = sorted((world.state / "journal").glob("*.seg"))[0]
    data = bytearray(segment.read_bytes())
    at = data.index(b"service.declared")
    data[at] ^= 1
    segment.write_bytes(data)
    done = world.tend("up", "-d", check=False)
    if done.returncode == 0:
        done = world.tend("events", "--verify", check=False)
    assert done.returncode != 0
    assert "3" in done.stdout + done.stderr


def dump(world):
    with contextlib.closing(sqlite3.connect(world.state / "state.db")) as db:
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY 1")]
        return {table: sorted(map(repr, db.execute(f"SELECT * FROM {table}"))) for table in tables}


def test_replaying_the_journal_gives_the_same_state(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.tend("scale", "web=3")
    kill_and_see_it_back(world, "web/2")
    world.tend("restart", "web")
    world.tend("stop", "web")
    world.tend("start", "web")
    status = world.status()["services"]
    end_daemon(world)
    shutil.copy(world.state / "state.db", world.dir / "before.db")
    # Up to the same event, folded anew: every row is the same.
    world.tend("up", "-d")
    head = world.status()["head"]
    world.events_until_now()
    end_daemon(world)
    world_dump = dump(world)
    for path in world.state.glob("state.db*"):
        path.unlink()
    world.tend("up", "-d")
    after = world.status()["services"]

    def essence(services):
        return [[s["name"], s["state"], s["revision"], s["desired"],
                 [[i[k] for k in ("id", "state", "pid", "address", "incarnation", "restarts", "revision")]
                  for i in s["instances"]]] for s in services]

    assert essence(after) == essence(status)
    world.events_until_now()
    end_daemon(world)
    rebuilt = dump(world)
    for table, rows in world_dump.items():
        if table in ("meta", "events", "causes"):
            continue
        assert [r for r in rebuilt[table] if "apply.requested" not in r and "'document'" not in r] == \
            [r for r in rows if "apply.requested" not in r and "'document'" not in r], table
    assert head > 0


# ---- a run directory that lies

def test_a_foreign_process_with_the_pid_of_a_dead_one_is_never_signalled(world, tiny):
    """The run directory names a pid that meanwhile belongs to somebody else."""
    world.declare(web(tiny, replicas=1))
    world.up()
    before = world.pid("web/1")
    end_daemon(world)
    state = world.run_dir / "i" / "web.1" / "state"
    shim = struct.unpack_from("=i", state.read_bytes(), 28)[0]
    world.kill(shim)
    world.kill(before)
    world.wait_dead(shim)
    world.wait_dead(before)
    with subprocess.Popen(["/bin/sleep", "1000"]) as stranger:
        try:
            data = bytearray(state.read_bytes())
            struct.pack_into("=i", data, 24, stranger.pid)  # the pid of another, with the old start time
            state.write_bytes(data)
            world.tend("up", "-d")
            world.wait_for(lambda: world.instance("web/1")["state"] == "ready" and
                           world.pid("web/1") not in (None, before, stranger.pid), what="another web/1")
            assert stranger.poll() is None
            world.tend("restart", "web")
            world.down()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_living_stranger_is_not_taken_for_the_service(world, tiny):
    """The same while the daemon's own journal names that pid."""
    world.declare(web(tiny, replicas=1))
    world.up()
    before = world.pid("web/1")
    end_daemon(world)
    run = world.run_dir / "i" / "web.1"
    shim = struct.unpack_from("=i", (run / "state").read_bytes(), 28)[0]
    world.kill(shim)
    world.kill(before)
    world.wait_dead(shim)
    shutil.rmtree(run)
    world.tend("up", "-d")
    world.wait_for(lambda: world.instance("web/1")["state"] == "ready" and
                   world.pid("web/1") not in (None, before), what="another web/1")
    assert world.get("web/1") is not None


# ---- time

JUMPER = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
/* The wall clock is off by what the file named by $CLOCK_STEP says, in seconds. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    int code = (int)syscall(SYS_clock_gettime, clock, t);
    if (code == 0 && clock == CLOCK_REALTIME) {
        long step = 0;
        FILE *file = fopen(getenv("CLOCK_STEP") ? getenv("CLOCK_STEP") : "/nonexistent", "re");
        if (file != NULL) {
            if (fscanf(file, "%ld", &step) != 1)
                step = 0;
            fclose(file);
        }
        t->tv_sec += step;
    }
    return code;
}
"""


def test_a_clock_that_jumps_moves_no_deadline_and_is_told(world, tiny):
    if "TEND_SANITIZED" in os.environ:
        pytest.skip("sanitizers must be loaded before any other library")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library, step = world.dir / "jumper.so", world.dir / "step"
    (world.dir / "jumper.c").write_text(JUMPER)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, world.dir / "jumper.c"], check=True)
    step.write_text("0")
    world.env["LD_PRELOAD"] = str(library)
    world.env["CLOCK_STEP"] = str(step)
    world.declare(web(tiny, replicas=1))
    world.up()
    before, since = world.pid("web/1"), world.status()["head"]
    for seconds in (86400, -86400 * 3):
        step.write_text(str(seconds))
        told = world.wait_event("clock.jumped", since=since)
        since = told["seq"]
        assert abs(abs(told["evidence"]["step_ms"]) - abs(seconds) * 1000) < 5000 or seconds < 0
        assert world.pid("web/1") == before
        kill_and_see_it_back(world, "web/1")
        before = world.pid("web/1")
    assert not [e for e in world.events_until_now() if e["type"] in ("instance.hung", "instance.quarantined")]
    verify(world)
