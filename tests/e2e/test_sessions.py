"""Daemons and terminals side by side: Ctrl-C, two projects, two daemons for one state."""
import os
import pty
import select
import signal
import subprocess
import time

import pytest

import children
import world as world_module

HTTP = {"http": "/", "interval": "200ms", "timeout": "500ms", "retries": 3}


@pytest.fixture
def neighbour():
    made = world_module.World("neighbour")
    yield made
    made.close()


def parent_of(pid):
    return children.parents_and_states()[pid][0]


class Foreground:
    """`tend up` on a terminal of its own."""

    def __init__(self, world, *words):
        self.seen = ""
        self.master, slave = pty.openpty()
        self.child = subprocess.Popen(
            [world_module.BUILD / "tend", "-f", world.file, "--listen", world.listen, *words], cwd=world.dir,
            env=world.env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0))
        os.close(slave)

    def read(self, timeout):
        if select.select([self.master], [], [], timeout)[0]:
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                pass  # the other side is closed

    def interrupt(self):
        os.write(self.master, b"\x03")

    def end(self, timeout=20):
        deadline = time.monotonic() + timeout * world_module.PATIENCE
        while self.child.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        return self.child.poll()

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.master)


def wait_ready(world, services, timeout=20):
    deadline = time.monotonic() + timeout * world_module.PATIENCE
    while time.monotonic() < deadline:
        try:
            if all(world.service(name)["state"] == "ready" for name in services):
                return
        except (OSError, KeyError, AssertionError):
            pass
        time.sleep(0.02)  # there is no daemon yet whose events could be followed
    raise AssertionError(f"{services} are not ready")


def test_ctrl_c_stops_what_was_started_and_nothing_else(world, neighbour, tiny):
    neighbour.declare({"other": {"command": tiny, "healthcheck": HTTP}})
    neighbour.up()
    others = neighbour.pid("other/1")
    world.declare({"web": {"command": tiny, "healthcheck": HTTP}})
    terminal = Foreground(world, "up")
    try:
        wait_ready(world, ["web"])
        web, daemon = world.pid("web/1"), world.daemon_pid()
        guard = parent_of(daemon)
        terminal.interrupt()
        assert terminal.end() == 130, terminal.seen
        for pid in (web, daemon, guard):
            world.wait_dead(pid)
    finally:
        terminal.close()
    assert neighbour.pid("other/1") == others and children.is_running(others)


def test_ctrl_c_leaves_a_daemon_that_was_there_before(world, tiny):
    world.declare({"old": {"command": tiny, "healthcheck": HTTP}})
    world.up()
    old, daemon = world.pid("old/1"), world.daemon_pid()
    world.declare({"old": {"command": tiny, "healthcheck": HTTP}, "new": {"command": tiny, "healthcheck": HTTP}})
    terminal = Foreground(world, "up")
    try:
        wait_ready(world, ["old", "new"])
        new = world.pid("new/1")
        terminal.interrupt()
        assert terminal.end() == 130, terminal.seen
        world.wait_dead(new)
    finally:
        terminal.close()
    assert world.daemon_pid() == daemon and world.pid("old/1") == old


def test_a_terminal_that_goes_away_leaves_everything_running(world, tiny):
    world.declare({"web": {"command": tiny, "healthcheck": HTTP}})
    terminal = Foreground(world, "up")
    wait_ready(world, ["web"])
    web, daemon = world.pid("web/1"), world.daemon_pid()
    os.kill(terminal.child.pid, signal.SIGKILL)
    terminal.child.wait()
    terminal.close()
    assert world.daemon_pid() == daemon and world.pid("web/1") == web


def test_a_second_daemon_on_the_same_state_names_the_first(world, tiny):
    world.declare({"web": {"command": tiny}})
    world.up()
    done = subprocess.run([world_module.BUILD / "tendd", "--project", world.name, "--state", world.state,
                           "--listen", "none"], env=world.env, cwd=world.dir, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 5
    assert str(world.daemon_pid()) in done.stdout + done.stderr
    assert world.service("web")["state"] == "ready"


def test_an_address_that_is_taken_names_its_holder(world, neighbour, tiny):
    world.declare({"web": {"command": tiny}})
    world.up()
    neighbour.listen = world.listen
    neighbour.declare({"web": {"command": tiny}})
    done = neighbour.tend("up", "-d", check=False, timeout=60)
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert world.listen in told and str(world.daemon_pid()) in told, told


def test_shutdown_leaves_the_services_and_up_takes_them_over(world, tiny):
    world.declare({"web": {"command": tiny, "healthcheck": HTTP}})
    world.up()
    web, daemon = world.pid("web/1"), world.daemon_pid()
    status, _ = world.api.request("POST", "/tend/v1/shutdown", {})
    assert status == 200
    world.wait_dead(daemon)
    assert children.is_running(web)
    world.up()
    assert world.pid("web/1") == web


def test_upgrading_is_ending_the_daemon_and_starting_the_new_one(world, tiny):
    """SIGTERM ends the daemon well: no service notices, the journal says who ended."""
    world.declare({"web": {"command": tiny, "healthcheck": HTTP}})
    world.up()
    web, daemon = world.pid("web/1"), world.daemon_pid()
    world.kill(daemon, signal.SIGTERM)
    world.wait_dead(daemon)
    world.up()
    assert world.pid("web/1") == web
    assert [e for e in world.events_until_now() if e["type"] == "daemon.stopped"]
