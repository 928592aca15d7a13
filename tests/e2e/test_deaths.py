"""kill -9 of the daemon, shims and services, in any order: services live, ends are told once."""
import os
import pathlib
import random
import signal
import struct
import time

import children

HTTP = {"http": "/", "interval": "200ms", "timeout": "500ms", "retries": 3}
GUARD_TURNS = 15
KILLS = int(os.environ.get("TEND_KILLS", "500" if "TEND_LONG" in os.environ else "20"))


def web(tiny, *args, replicas=2, **more):
    return {"web": {"command": [tiny, *args], "healthcheck": HTTP, "stop_grace_period": "1s",
                    "deploy": {"replicas": replicas}, **more}}


def pids(world, service="web"):
    return {i["id"]: i["pid"] for i in world.service(service)["instances"]}


def parent_of(pid):
    return children.parents_and_states()[pid][0]


def shim_of(world, subject):
    """From its state file: a shim that took over is nobody's parent (struct shim_state)."""
    state = (world.run_dir / "i" / subject.replace("/", ".") / "state").read_bytes()
    return struct.unpack_from("=i", state, 28)[0]


def is_whole(world):
    return all(s["state"] == "ready" and all(i["pid"] for i in s["instances"])
               for s in world.status()["services"])


def wait_whole(world, timeout=20):
    world.wait_for(lambda: is_whole(world), timeout, "everything ready")


def assert_sound(world):
    """The chain verifies, nothing is left to do, no bug was journalled."""
    assert world.tend("events", "--verify").returncode == 0
    done = world.tend("plan", "--detailed-exitcode", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [e for e in world.api.events() if e["type"].startswith("bug.")]


def exits(world, since, subject=None):
    return [e for e in world.events_until_now(since)
            if e["type"] in ("instance.exited", "instance.lost") and subject in (None, e["subject"])]


def test_a_killed_daemon_is_back_within_a_second_without_anybody(world, tiny):
    world.declare(web(tiny))
    world.up()
    before, daemon, since = pids(world), world.daemon_pid(), world.status()["head"]
    begun = time.monotonic()
    world.kill(daemon)
    world.wait_daemon(other_than=daemon)
    assert time.monotonic() - begun < 1 * (4 if "TEND_SANITIZED" in os.environ else 1)
    wait_whole(world)
    assert pids(world) == before and not exits(world, since)
    assert_sound(world)


def test_down_ends_daemon_and_guard_and_leaves_nothing_behind(world, tiny):
    world.declare(web(tiny))
    world.up()
    left = set(children.descendants())
    assert {world.daemon_pid(), parent_of(world.daemon_pid()), *pids(world).values()} <= left
    world.tend("down")
    for pid in left:
        world.wait_dead(pid)
    assert not (world.run_dir / "i").exists() or not list((world.run_dir / "i").iterdir())


def test_a_killed_shim_leaves_its_service_alone(world, tiny):
    world.declare(web(tiny))
    world.up()
    before, since = pids(world), world.status()["head"]
    world.kill(parent_of(before["web/1"]))
    world.wait_event("instance.adopted", "web/1", since)
    wait_whole(world)
    assert pids(world) == before
    # The new shim is a parent in all but name: it sees the end, and starts it again.
    since = world.status()["head"]
    world.kill(before["web/1"])
    world.wait_for(lambda: is_whole(world) and pids(world)["web/1"] not in (None, before["web/1"]))
    assert len(exits(world, since, "web/1")) == 1
    assert pids(world)["web/2"] == before["web/2"]
    assert_sound(world)


def test_a_shim_killed_while_the_daemon_is_dead_is_replaced_by_the_next(world, tiny):
    world.declare(web(tiny))
    world.up()
    before, daemon = pids(world), world.daemon_pid()
    guard = parent_of(daemon)
    world.kill(guard)
    world.kill(daemon)
    world.wait_dead(daemon)
    world.kill(parent_of(before["web/1"]))
    world.tend("up", "-d")
    wait_whole(world)
    assert pids(world) == before
    assert_sound(world)


def test_a_service_killed_with_its_shim_is_started_again(world, tiny):
    world.declare(web(tiny))
    world.up()
    before, since = pids(world), world.status()["head"]
    shim = parent_of(before["web/1"])
    os.kill(shim, signal.SIGSTOP)  # so that it cannot be quicker
    world.kill(before["web/1"])
    world.kill(shim)
    world.wait_for(lambda: is_whole(world) and pids(world)["web/1"] not in (None, before["web/1"]))
    assert len(exits(world, since, "web/1")) == 1
    assert pids(world)["web/2"] == before["web/2"]
    assert_sound(world)


def test_daemon_guard_shim_and_service_killed_at_once(world, tiny):
    world.declare(web(tiny))
    world.up()
    before, daemon, since = pids(world), world.daemon_pid(), world.status()["head"]
    for pid in (parent_of(daemon), daemon, parent_of(before["web/1"]), before["web/1"]):
        world.kill(pid)
    world.wait_dead(before["web/1"])
    world.wait_dead(daemon)
    world.tend("up", "-d")
    world.wait_for(lambda: is_whole(world) and pids(world)["web/1"] not in (None, before["web/1"]))
    assert len(exits(world, since, "web/1")) == 1
    assert pids(world)["web/2"] == before["web/2"]
    assert_sound(world)


def test_everything_killed_comes_back_with_one_command(world, tiny):
    world.declare(web(tiny))
    world.up()
    before, daemon = pids(world), world.daemon_pid()
    victims = [parent_of(daemon), daemon]
    for pid in before.values():
        victims += [parent_of(pid), pid]
    for pid in victims:
        world.kill(pid)
    for pid in victims:
        world.wait_dead(pid)
    world.tend("up", "-d")
    wait_whole(world)
    assert not set(before.values()) & set(pids(world).values())
    assert_sound(world)


def test_deaths_in_any_order_are_told_once_each(world, tiny):
    world.declare(web(tiny, replicas=3))
    world.up()
    for order in (("daemon", "service"), ("service", "daemon"), ("daemon", "shim"), ("shim", "daemon"),
                  ("shim", "service"), ("daemon", "shim", "service"), ("service", "shim", "daemon")):
        before, daemon, since = pids(world), world.daemon_pid(), world.status()["head"]
        victims = {"daemon": daemon, "service": before["web/2"], "shim": shim_of(world, "web/2")}
        for who in order:
            if children.is_running(victims[who]):
                world.kill(victims[who])
        if "daemon" in order:
            world.wait_daemon(other_than=daemon)
        world.wait_for(lambda: is_whole(world) and
                       (pids(world)["web/2"] != before["web/2"] or "service" not in order), 20, str(order))
        after = pids(world)
        assert after["web/1"] == before["web/1"] and after["web/3"] == before["web/3"], order
        if "service" in order:
            told = exits(world, since, "web/2")
            assert len(told) == 1, (order, told)
            if "shim" not in order:
                assert told[0]["actor"] == "shim"
        else:
            assert after["web/2"] == before["web/2"], order
            assert not exits(world, since), order
        assert not exits(world, since, "web/1") and not exits(world, since, "web/3"), order
    assert_sound(world)


def told_scale(world):
    return len(world.service("web")["instances"])


def ready_scale(world, count):
    service = world.service("web")
    return len(service["instances"]) == count and service["ready"] == count


def settle_scale(world, wanted, timeout=20):
    """Exactly what was acknowledged last; an unacknowledged wish may have come true or not."""
    world.wait_for(lambda: any(ready_scale(world, count) for count in wanted), timeout,
                   f"scale {wanted}")


def kill_soon(world, rng, daemon):
    """The daemon dies somewhere within what is going on."""
    time.sleep(rng.random() * 0.03)  # the moment is what is being varied
    if children.is_running(daemon):
        world.kill(daemon)
    world.wait_dead(daemon)


def start_tend(world, *args):
    import subprocess
    import world as module
    return subprocess.Popen([module.BUILD / "tend", "-f", world.file, "--listen", world.listen, *args],
                            cwd=world.dir, env=world.env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def replace_guard(world):
    """A guard restarts 20 times at once and slowly from then on, until its daemon is stable again."""
    daemon = world.wait_daemon()
    world.kill(parent_of(daemon))
    world.kill(daemon)
    world.wait_dead(daemon)
    world.up()


def test_random_deaths_of_the_daemon_lose_and_touch_nothing(world, tiny):
    """Under load and during changes: what was acknowledged stays, what was not meant is not touched."""
    seed = int(os.environ.get("TEND_SEED", "1"))
    rng = random.Random(seed)

    def declare(colour):
        world.declare({
            "steady": {"command": tiny, "healthcheck": HTTP, "deploy": {"replicas": 2}},
            **web(tiny, replicas=1, environment={"COLOUR": str(colour)}),
        })

    declare(0)
    world.up()
    steady, colour, scale = pids(world, "steady"), 0, {1}
    for turn in range(KILLS):
        daemon = world.wait_daemon()
        if turn % 3 == 2:
            colour += 1
            declare(colour)
            change, wanted = start_tend(world, "apply", "--yes"), None
        else:
            count = rng.randint(1, 4)
            change, wanted = start_tend(world, "scale", f"web={count}"), count
        kill_soon(world, rng, daemon)
        code = change.wait(60)
        world.wait_daemon(20, other_than=daemon)
        if wanted is not None:
            scale = {wanted} if code == 0 else scale | {wanted}
        if turn % 5 == 4:
            settle_scale(world, scale, 30)
            scale = {told_scale(world)}
        if turn % GUARD_TURNS == GUARD_TURNS - 1:
            replace_guard(world)
        assert pids(world, "steady") == steady, f"turn {turn}, seed {seed}"
    world.apply(timeout=60)
    settle_scale(world, scale, 30)
    wait_whole(world)
    for pid in pids(world).values():
        assert f"COLOUR={colour}".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    assert pids(world, "steady") == steady
    assert not exits(world, 0, "steady/1") and not exits(world, 0, "steady/2")
    assert_sound(world)


def test_random_deaths_of_anything_heal(world, tiny):
    """Daemon, shims and services die in any combination, a moment apart or at once."""
    seed = int(os.environ.get("TEND_SEED", "1"))
    rng = random.Random(seed)
    # Tokens are given back after a second, so that what is tried here is not the back-off.
    world.declare(web(tiny, replicas=3, restart="always"))
    world.up()
    for turn in range(KILLS // 2):
        daemon, before = world.wait_daemon(), pids(world)
        spared = rng.choice(sorted(before))
        victims = [shim_of(world, s) for s in before if s != spared and rng.random() < 0.5]
        victims += [pid for s, pid in before.items() if s != spared and rng.random() < 0.5]
        victims += [daemon] if rng.random() < 0.5 else []
        rng.shuffle(victims)
        for pid in victims:
            if children.is_running(pid):
                world.kill(pid)
            time.sleep(rng.choice((0, 0, 0.001, 0.005, 0.02)))  # the moment is what is being varied
        dead = [pid for pid in victims if pid in before.values()]
        world.wait_daemon(20, other_than=daemon if daemon in victims else None)
        world.wait_for(lambda gone=dead: is_whole(world) and not set(gone) & set(pids(world).values()), 30,
                       f"turn {turn} of seed {seed}: {victims}")
        assert pids(world)[spared] == before[spared], f"turn {turn}, seed {seed}"
        if turn % 5 == 4:
            replace_guard(world)
            world.tend("restart", "web", timeout=60)  # rows of restarts begin anew
    wait_whole(world)
    assert_sound(world)
