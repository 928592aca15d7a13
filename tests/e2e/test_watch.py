"""tend watch: what is declared under develop.watch happens when files change."""
import contextlib
import signal
import subprocess
import time

from world import BUILD, PATIENCE

SLEEP = ["/bin/sleep", "1000"]


@contextlib.contextmanager
def watching(world, *args):
    """A `tend watch` that has begun; ended by Ctrl-C."""
    with open(world.dir / "watch.txt", "w+", encoding="utf-8") as out:
        child = subprocess.Popen([BUILD / "tend", "-f", world.file, "--listen", world.listen, "watch", *args],
                                 cwd=world.dir, env=world.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            until(lambda: "Ctrl-C ends it" in (world.dir / "watch.txt").read_text(), child)
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            child.wait(20 * PATIENCE)


def until(true, child=None, timeout=20):
    """Files tell nobody when they change: look again until it is so."""
    deadline = time.monotonic() + timeout * PATIENCE
    while not true():
        assert child is None or child.poll() is None, "it ended"
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.05)


def told(world):
    return (world.dir / "watch.txt").read_text()


def test_a_changed_file_restarts_the_service(world):
    (world.dir / "app").mkdir()
    (world.dir / "app" / "web.py").write_text("one")
    world.declare({
        "web": {"command": SLEEP, "develop": {"watch": [
            {"action": "restart", "path": "app", "ignore": ["cache/"]}]}},
        "other": {"command": SLEEP}})
    with watching(world) as child:
        web, other = world.pid("web/1"), world.pid("other/1")
        (world.dir / "app" / "web.py").write_text("two")
        world.wait_for(lambda: world.pid("web/1") not in (None, 0, web))
        until(lambda: "web: web.py changed: restarting" in told(world), child)
        again = world.pid("web/1")
        (world.dir / "app" / "cache").mkdir()
        (world.dir / "app" / "cache" / "x").write_text("does not count")
        (world.dir / "app" / "new").mkdir()
        (world.dir / "app" / "new" / "part.py").write_text("counts")
        world.wait_for(lambda: world.pid("web/1") not in (None, 0, again))
        assert "cache" not in told(world)
        assert world.pid("other/1") == other
    assert world.instance("web/1")["state"] == "ready"  # the services go on


def test_files_are_copied_and_removed(world):
    (world.dir / "src").mkdir()
    (world.dir / "src" / "index.html").write_text("one")
    target = world.dir / "www"
    world.declare({"web": {"command": SLEEP, "develop": {"watch": [
        {"action": "sync", "path": "src", "target": str(target), "initial_sync": True, "include": ["*.html"]}]}}})
    with watching(world) as child:
        web = world.pid("web/1")
        assert (target / "index.html").read_text() == "one"
        (world.dir / "src" / "deep").mkdir()
        (world.dir / "src" / "deep" / "page.html").write_text("page")
        (world.dir / "src" / "note.txt").write_text("does not count")
        until(lambda: (target / "deep" / "page.html").exists(), child)
        (world.dir / "src" / "index.html").unlink()
        until(lambda: not (target / "index.html").exists(), child)
        assert not (target / "note.txt").exists()
        assert world.pid("web/1") == web


def test_sync_and_restart_copies_first(world):
    (world.dir / "conf").write_text("one")
    target = world.dir / "there"
    world.declare({"web": {"command": ["/bin/sh", "-c", f"cat {target} 2>&1; exec sleep 1000"], "develop": {"watch": [
        {"action": "sync+restart", "path": "conf", "target": str(target)}]}}})
    with watching(world, "web") as child:
        before = world.pid("web/1")
        (world.dir / "new").write_text("two")
        (world.dir / "new").rename(world.dir / "conf")  # as editors save
        world.wait_for(lambda: world.pid("web/1") not in (None, 0, before))
        assert target.read_text() == "two"
        until(lambda: "two" in world.tend("logs", "web").stdout, child)


def test_nothing_to_watch_is_said(world):
    world.declare({"web": {"command": SLEEP}})
    done = world.tend("watch", check=False)
    assert done.returncode == 2 and "develop" in done.stderr
    world.declare({"web": {"command": SLEEP, "develop": {"watch": [{"action": "rebuild", "path": "."}]}}})
    done = world.tend("check", check=False)
    assert done.returncode == 1 and "not built" in done.stdout + done.stderr
