"""Commands that change something, against a daemon that only talks; and what a terminal sees."""
import fcntl
import json
import os
import pty
import queue
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from fake_daemon import FakeDaemon, ROOT, TEND, instance, service, status


@pytest.fixture
def daemon():
    with FakeDaemon() as made:
        yield made


OK = {"t": "result", "ok": True, "exit": 0, "text": "web restarted", "undo": None}


def progress(subject, state, text=""):
    return {"t": "progress", "subject": subject, "state": state, "text": text}


def test_an_operation_is_told_line_by_line_with_its_undo(daemon):
    daemon.stream("POST", "/tend/v1/services/web/scale", [
        {"t": "started", "event": 9}, progress("web/2", "starting"), progress("web/2", "probing", "port 20002"),
        {"t": "done", "subject": "web"},
        {"t": "result", "ok": True, "exit": 0, "text": "web has 2 instances", "undo": "tend scale web=1"}])
    done = daemon.tend("scale", "web=2")
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr == ("web/2 starting\nweb/2 probing: port 20002\nweb done\n"
                           "web has 2 instances\nundo: tend scale web=1\n")
    assert json.loads(daemon.requests[-1][3]) == {"replicas": 2}


def test_an_operation_as_json_is_one_object(daemon):
    daemon.stream("POST", "/tend/v1/services/web/restart", [{"t": "started", "event": 9}, OK])
    done = daemon.tend("restart", "web/3", "--json")
    assert json.loads(done.stdout) == {"v": 1, "ok": True, "exit": 0, "text": "web restarted", "undo": None, "event": 9}
    assert done.stderr == "" and json.loads(daemon.requests[-1][3]) == {"slot": 3}


def test_a_failure_shows_the_reason_and_the_last_log_lines(daemon):
    daemon.stream("POST", "/tend/v1/services/web/start", [
        progress("web/1", "failed", "exited with code 3"),
        {"t": "result", "ok": False, "exit": 1, "text": "web did not become ready", "undo": None}])
    daemon.stream("GET", "/tend/v1/logs", [{"at": "2026-11-24T00:00:01Z", "service": "web", "slot": 1,
                                            "stream": "stderr", "line": "no such \033[2Jfile"}])
    done = daemon.tend("start", "web")
    assert done.returncode == 1
    assert "web: exited with code 3" in done.stderr
    assert "| no such \\x1b[2Jfile" in done.stderr
    assert "error: web did not become ready\nhelp: tend why web\n" in done.stderr


def test_the_first_failure_ends_a_row_of_services(daemon):
    daemon.stream("POST", "/tend/v1/services/a/stop", [{**OK, "ok": False, "exit": 4}])
    daemon.stream("POST", "/tend/v1/services/b/stop", [OK])
    assert daemon.tend("stop", "a", "b").returncode == 4
    assert [r[1] for r in daemon.requests if r[0] == "POST"] == ["/tend/v1/services/a/stop"]


def test_a_connection_that_ends_early_is_partly_applied(daemon):
    daemon.stream("POST", "/tend/v1/services/web/restart", [progress("web/1", "stopping")])
    done = daemon.tend("restart", "web")
    assert done.returncode == 4
    assert "tend status shows how far it has come" in done.stderr


def test_quiet_says_nothing_when_all_is_well(daemon):
    daemon.stream("POST", "/tend/v1/pause", [OK])
    done = daemon.tend("pause", "--for", "30m", "-q")
    assert done.stdout == done.stderr == ""
    assert json.loads(daemon.requests[-1][3]) == {"for_ms": 1800000}
    daemon.tend("pause", "--end")
    assert json.loads(daemon.requests[-1][3]) == {"for_ms": 0}


def test_down_ends_the_daemon_too_unless_told_otherwise(daemon):
    daemon.stream("POST", "/tend/v1/down", [OK])
    assert daemon.tend("down", "--keep-daemon").returncode == 0
    assert json.loads(daemon.requests[-1][3]) == {"shutdown": False}


def test_down_without_a_daemon_is_fine_if_nothing_is_left(daemon):
    daemon.stop()
    done = daemon.tend("down")
    assert done.returncode == 0 and "Nothing of project shop runs" in done.stderr
    (daemon.run / "i" / "web.1").mkdir(parents=True)
    done = daemon.tend("down")
    assert done.returncode == 7 and "may still run" in done.stderr


# ---- a terminal

class Terminal:
    """A command on a pty of the given size."""

    def __init__(self, daemon, *words, columns=80, rows=24, **environment):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.child = subprocess.Popen(daemon.command(*words), stdin=slave, stdout=slave, stderr=slave,
                                      env=daemon.environment(**environment), start_new_session=True,
                                      preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave = slave
        self.seen = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def wait_for(self, pattern, timeout=10):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.seen):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} did not come: {self.seen!r}"
            self.read(left)

    def read(self, timeout):
        if select.select([self.master], [], [], timeout)[0]:
            self.seen += os.read(self.master, 65536).decode(errors="replace")

    def end(self, timeout=10):
        """Its exit status, once everything it wrote was read."""
        deadline = time.monotonic() + timeout
        while self.child.poll() is None and time.monotonic() < deadline:
            self.read(0.02)
        while select.select([self.master], [], [], 0)[0]:
            self.read(0)
        code = self.child.poll()
        return code

    def settings_are_restored(self):
        now = termios.tcgetattr(self.slave)
        return now[3] == self.before[3]

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(daemon):
    opened = []

    def open_one(*words, **options):
        opened.append(Terminal(daemon, *words, **options))
        return opened[-1]
    yield open_one
    for one in opened:
        one.close()


def shop(**more):
    return status(service("web", instance("web", 1), instance("web", 2)), service("db", instance("db", 1)), **more)


EVENTS = [{"seq": 4, "at": "2026-11-24T00:00:01.5Z", "type": "instance.ready", "severity": "info", "actor": "tend",
           "subject": "web/1", "causes": [], "evidence": {}}]


def watch(daemon, terminal, **options):
    daemon.answer("GET", "/tend/v1/status", shop())
    daemon.more = queue.Queue()
    daemon.stream("GET", "/tend/v1/events", EVENTS, daemon.more)
    opened = terminal("status", "--watch", **options)
    opened.wait_for(r"q quit")
    return opened


def test_the_live_view_draws_moves_and_leaves_the_terminal_as_it_was(daemon, terminal):
    t = watch(daemon, terminal)
    assert "\033[?1049h" in t.seen and "web/2" in t.seen
    t.wait_for(r"web/1 is ready.*\[#4\]")
    daemon.answer("GET", "/tend/v1/why", {"v": 1, "subject": "web/1", "sentences": [
        {"depth": 0, "label": "", "text": "web/1 is ready since noon", "seq": 4}]})
    t.type("j\n")
    t.wait_for("web/1 is ready since noon")
    assert daemon.requests[-1][2] == {"subject": ["web/1"]} or {"subject": ["web/1"]} in [r[2] for r in daemon.requests]
    t.type("q")
    assert t.end() == 0
    assert t.seen.endswith("\033[?25h\033[?1049l") and t.settings_are_restored()
    daemon.more.put(None)


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(daemon, terminal, signo):
    t = watch(daemon, terminal)
    t.child.send_signal(signo)
    assert t.end() == 130
    assert t.seen.endswith("\033[?25h\033[?1049l") and t.settings_are_restored()
    daemon.more.put(None)


def test_a_crash_leaves_the_terminal_as_it_was(daemon, terminal):
    if "asan" in str(TEND):
        pytest.skip("sanitizers take the signal")
    t = watch(daemon, terminal)
    t.child.send_signal(signal.SIGSEGV)
    assert t.end() == -signal.SIGSEGV
    assert "\033[?1049l" in t.seen and t.settings_are_restored()
    daemon.more.put(None)


def test_the_live_view_shows_news_at_once_and_only_what_changed(daemon, terminal):
    t = watch(daemon, terminal)
    t.seen = ""
    daemon.answer("GET", "/tend/v1/status", status(
        service("web", instance("web", 1), instance("web", 2, state="failed"), state="degraded"),
        service("db", instance("db", 1))))
    daemon.more.put({**EVENTS[0], "seq": 5, "type": "instance.exited", "subject": "web/2", "evidence": {}})
    t.wait_for("degraded")
    assert "\033[2J" not in t.seen
    t.type("q")
    assert t.end() == 0
    daemon.more.put(None)


def test_the_live_view_follows_the_size_of_the_terminal(daemon, terminal):
    t = watch(daemon, terminal, columns=100, rows=30)
    t.seen = ""
    t.resize(40, 12)
    t.wait_for(r"\033\[12;1H.*q quit")
    drawn = re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "\0", t.seen)
    assert max(len(part) for part in drawn.split("\0")) <= 40
    t.type("q")
    assert t.end() == 0
    daemon.more.put(None)


def test_the_live_view_waits_for_a_daemon_that_went_away(daemon, terminal):
    t = watch(daemon, terminal)
    daemon.more.put(None)
    daemon.stop()
    daemon.run.joinpath("sock").unlink()
    # The thread of a kept connection still answers; a real daemon's would not.
    daemon.answers.clear()
    t.wait_for(r"✗ ")
    t.type("q")
    assert t.end() == 0


def test_progress_settles_in_place(daemon, terminal):
    more = queue.Queue()
    daemon.stream("POST", "/tend/v1/services/web/restart", [progress("web/1", "starting")], more)
    t = terminal("restart", "web")
    t.wait_for(r"web +.*starting")
    more.put(progress("web/1", "probing", "port 1"))
    t.wait_for(r"\033\[1A\r.*probing")
    more.put(progress("web/1", "ready"))
    more.put({"t": "done", "subject": "web"})
    more.put(OK)
    assert t.end() == 0
    assert "✓" in t.seen and "web restarted" in t.seen and "\033[32m" in t.seen


def test_no_color_and_ascii_are_honoured(daemon, terminal):
    daemon.stream("POST", "/tend/v1/services/web/restart", [progress("web/1", "ready"), {"t": "done", "subject": "web"}, OK])
    t = terminal("restart", "web", NO_COLOR="1", LANG="C", LC_ALL="C")
    assert t.end() == 0
    assert not re.search(r"\033\[[0-9;]*m", t.seen) and "+ web" in t.seen


def test_interrupting_an_operation_leaves_it_to_the_daemon(daemon, terminal):
    more = queue.Queue()
    daemon.stream("POST", "/tend/v1/services/web/restart", [progress("web/1", "starting")], more)
    t = terminal("restart", "web")
    t.wait_for("starting")
    t.type("\x03")
    assert t.end() == 130
    assert "the daemon goes on with it" in t.seen
    more.put(None)


def test_logs_on_a_terminal_are_escaped_but_keep_their_colours(daemon, terminal):
    daemon.stream("GET", "/tend/v1/logs", [{"at": "2026-11-24T00:00:01Z", "service": "web", "slot": 1, "stream": "stdout",
                                            "line": "\033[31mred\033[2J\033]0;x\007"}])
    t = terminal("logs")
    assert t.end() == 0
    assert "\033[31mred\\x1b[2J\\x1b]0;x\\x07\033[0m" in t.seen


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_status_fits_the_terminal(daemon, terminal, columns):
    daemon.answer("GET", "/tend/v1/status", shop())
    t = terminal("status", columns=columns)
    assert t.end() == 0
    assert "web" in t.seen


# ---- what the table says

def test_the_reference_page_is_current():
    made = subprocess.run([TEND, "__reference"], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/reference/cli.md").read_text() == made, "tend __reference > docs/reference/cli.md"


def test_man_pages_are_written(tmp_path):
    subprocess.run([TEND, "__man", tmp_path], check=True)
    assert (tmp_path / "tend.1").read_text().startswith('.TH TEND 1')
    assert "\\-\\-follow" in (tmp_path / "tend-logs.1").read_text()


def test_every_command_has_help():
    names = re.findall(r"`tend ([a-z-]+)`\]", (ROOT / "docs/reference/cli.md").read_text())
    assert len(names) >= 15
    for name in names:
        by_word = subprocess.run([TEND, "help", name], capture_output=True, text=True, check=True).stdout
        by_flag = subprocess.run([TEND, name, "--help"], capture_output=True, text=True, check=True).stdout
        assert by_word == by_flag and by_word.startswith(f"tend {name}: ")


def test_the_overview_is_what_somebody_agreed_to():
    done = subprocess.run([TEND, "help"], capture_output=True, text=True, check=True)
    golden = ROOT / "tests/e2e/golden/help.txt"
    assert done.stdout == golden.read_text(), f"tend help > {golden.relative_to(ROOT)}"


def test_dial_stdio_carries_requests(daemon):
    daemon.answer("GET", "/tend/v1/status", shop())
    done = subprocess.run(daemon.command("dial-stdio"), capture_output=True, timeout=10, env=daemon.environment(),
                          input=b"GET /tend/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert done.stdout.startswith(b"HTTP/1.1 200") and b'"shop"' in done.stdout


def test_another_machine_is_reached_by_ssh(daemon, tmp_path):
    """An ssh that runs the command here, and writes down how it was called."""
    daemon.answer("GET", "/tend/v1/status", shop())
    fake = tmp_path / "ssh"
    fake.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/called\n"
                    f"while [ \"$1\" != -- ]; do shift; done\nPATH={TEND.parent}:$PATH exec sh -c \"$3\"\n")
    fake.chmod(0o755)
    done = daemon.tend("status", "-H", "me@there", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0 and done.stdout.startswith("shop"), done.stderr
    called = (tmp_path / "called").read_text().splitlines()
    assert called[-3:-1] == ["--", "me@there"]
    assert called[-1] == f"tend dial-stdio --project 'shop' --state '{daemon.state}'"
    done = daemon.tend("status", "-H", "-oProxyCommand=touch")
    assert done.returncode != 0 and "cannot be a host" in done.stderr


# ---- check, plan, apply, up

YAML = "name: shop\nservices:\n  web:\n    command: sleep 100\n"
PLAN = {"v": 1, "project": "shop", "digest": "ab" * 32, "counts": {"create": 1, "update": 0, "replace": 0, "delete": 0},
        "changes": [{"action": "create", "kind": "service", "name": "web", "wave": 0, "fields": [], "summary": "is started"}],
        "notes": [], "text": "  + service web is started\n\nPlan: 1 to create, 0 to update, 0 to replace, 0 to delete.\n"}
NO_CHANGES = {**PLAN, "changes": [], "text": "No changes. What runs is what is declared.\n"}


@pytest.fixture
def declared(daemon):
    (daemon.scratch / "tend.yaml").write_text(YAML)
    return daemon


def test_check_needs_no_daemon(declared):
    declared.stop()
    done = declared.tend("check")
    assert done.returncode == 0 and done.stdout == "✓ shop: 1 service\n"
    (declared.scratch / "tend.yaml").write_text(YAML.replace("command", "comand"))
    done = declared.tend("check")
    assert done.returncode == 1 and "did you mean 'command'?" in done.stdout
    told = json.loads(declared.tend("check", "--json").stdout)
    assert told["v"] == 1 and not told["ok"] and told["errors"] >= 1 and told["diagnostics"][0]["line"] == 4


def test_plan_without_a_daemon_creates_everything(declared):
    declared.stop()
    done = declared.tend("plan")
    assert done.returncode == 0 and "+ service web" in done.stdout and "no daemon runs" in done.stderr
    assert declared.tend("plan", "--detailed-exitcode").returncode == 2
    assert json.loads(declared.tend("plan", "--json").stdout)["counts"]["create"] == 1


def test_plan_is_the_daemons(declared):
    declared.answer("POST", "/tend/v1/plan", NO_CHANGES)
    done = declared.tend("plan", "--detailed-exitcode")
    assert done.returncode == 0 and done.stdout.startswith("No changes.") and done.stderr == ""
    document = json.loads(declared.requests[-1][3])
    assert document["name"] == "shop" and "web" in document["services"]


def test_apply_sends_the_plan_that_was_shown(declared):
    declared.answer("POST", "/tend/v1/plan", PLAN)
    declared.stream("POST", "/tend/v1/apply", [{**OK, "text": "shop is as declared", "undo": "tend down"}])
    done = declared.tend("apply", "-y")
    assert done.returncode == 0 and "+ service web" in done.stdout and "undo: tend down" in done.stderr
    body = json.loads(declared.requests[-1][3])
    assert body["plan"] == PLAN["digest"] and body["document"]["name"] == "shop"


def test_apply_without_a_terminal_does_not_guess(declared):
    done = declared.tend("apply")
    assert done.returncode == 2 and declared.requests == []


def test_a_stale_plan_has_its_own_exit_code(declared):
    declared.answer("POST", "/tend/v1/plan", PLAN)
    declared.answer("POST", "/tend/v1/apply", {"v": 1, "error": {
        "kind": "conflict", "text": "the plan is stale", "help": "tend plan"}}, status=409)
    assert declared.tend("apply", "--yes").returncode == 6


def test_apply_asks_on_a_terminal(declared, terminal):
    declared.answer("POST", "/tend/v1/plan", PLAN)
    t = terminal("-f", str(declared.scratch / "tend.yaml"), "apply")
    t.wait_for(r"Apply\?.*\[y/N\]")
    t.type("n\n")
    assert t.end() == 1 and "Nothing was changed" in t.seen
    assert not [r for r in declared.requests if r[1] == "/tend/v1/apply"]


def test_up_detached_ends_with_what_to_look_at(declared):
    declared.answer("POST", "/tend/v1/plan", PLAN)
    declared.answer("GET", "/tend/v1/status", shop())
    declared.stream("POST", "/tend/v1/apply", [progress("web/1", "ready"), {"t": "done", "subject": "web"}, OK])
    done = declared.tend("up", "-d")
    assert done.returncode == 0 and done.stdout == ""
    assert "  + web\n" in done.stderr and "shop is up." in done.stderr
    assert "127.0.0.1:20001  (and 1 more" in done.stderr
    assert "kill -9 901" in done.stderr and "undo:  tend down" in done.stderr


def test_up_fails_with_the_reason(declared):
    declared.answer("POST", "/tend/v1/plan", PLAN)
    declared.stream("GET", "/tend/v1/logs", [])
    declared.stream("POST", "/tend/v1/apply", [progress("web/1", "failed", "exited with code 3"),
                                               {**OK, "ok": False, "exit": 1, "text": "web did not become ready"}])
    done = declared.tend("up", "-d")
    assert done.returncode == 1
    assert "web: exited with code 3" in done.stderr and "help: tend why web" in done.stderr


def test_up_starts_what_somebody_had_stopped_and_apply_does_not(declared):
    declared.answer("POST", "/tend/v1/plan", PLAN)
    declared.answer("GET", "/tend/v1/status", status(service("web", instance("web", 1))))
    declared.stream("POST", "/tend/v1/apply", [OK])
    assert declared.tend("up", "-d").returncode == 0
    assert declared.tend("apply", "--yes").returncode == 0
    bodies = [json.loads(r[3]) for r in declared.requests if r[1] == "/tend/v1/apply"]
    assert [b.get("start", False) for b in bodies] == [True, False]


def test_up_follows_the_logs_and_stops_what_it_started(declared, terminal):
    more = queue.Queue()
    declared.answer("POST", "/tend/v1/plan", PLAN)
    declared.answer("GET", "/tend/v1/status", shop())
    declared.stream("POST", "/tend/v1/apply", [progress("web/1", "ready"), {"t": "done", "subject": "web"}, OK])
    declared.stream("POST", "/tend/v1/services/web/stop", [{**OK, "text": "web stopped"}])
    declared.stream("GET", "/tend/v1/logs", [{"at": "2026-11-24T00:00:01Z", "service": "web", "slot": 1,
                                              "stream": "stdout", "line": "listening"}], more)
    t = terminal("-f", str(declared.scratch / "tend.yaml"), "up")
    t.wait_for("listening")
    t.type("\x03")
    assert t.end() == 130
    assert "web stopped" in t.seen
    assert [r[1] for r in declared.requests if r[0] == "POST"][-1] == "/tend/v1/services/web/stop"
    more.put(None)


def test_up_leaves_alone_what_ran_before(declared, terminal):
    more = queue.Queue()
    declared.answer("POST", "/tend/v1/plan", NO_CHANGES | {"counts": {"create": 0}})
    declared.answer("GET", "/tend/v1/status", shop())
    declared.stream("POST", "/tend/v1/apply", [OK])
    declared.stream("GET", "/tend/v1/logs", [], more)
    t = terminal("-f", str(declared.scratch / "tend.yaml"), "up")
    t.wait_for("Ctrl-C stops")
    t.type("\x03")
    assert t.end() == 130 and "goes on" in t.seen
    assert [r[1] for r in declared.requests if r[0] == "POST"] == ["/tend/v1/plan", "/tend/v1/apply"]
    more.put(None)


# ---- exec

def test_exec_runs_with_the_environment_and_folder_of_the_service(daemon):
    daemon.answer("GET", "/tend/v1/services/web/environment", {
        "v": 1, "service": "web", "slot": 2, "working_dir": "/usr", "user": None,
        "environment": ["PORT=20002", "PATH=/usr/bin:/bin"]})
    done = daemon.tend("exec", "web/2", "--", "sh", "-c", "echo $PORT; pwd; env | wc -l; exit 9", "--flag")
    assert done.stdout.split() == ["20002", "/usr", "3"] or done.stdout.split()[:2] == ["20002", "/usr"]
    assert done.returncode == 9
    assert daemon.requests[-1][2] == {"slot": ["2"]}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_exec_becomes_the_user_of_the_service(daemon):
    daemon.answer("GET", "/tend/v1/services/web/environment", {
        "v": 1, "working_dir": "/", "user": "nobody", "environment": {"PATH": "/usr/bin:/bin"}})
    assert daemon.tend("exec", "web", "id", "-un").stdout == "nobody\n"


def test_exec_of_nothing_has_the_code_of_shells(daemon):
    daemon.answer("GET", "/tend/v1/services/web/environment", {
        "v": 1, "working_dir": "/", "user": None, "environment": {"PATH": "/usr/bin:/bin"}})
    done = daemon.tend("exec", "web", "no-such-program")
    assert done.returncode == 127 and "error: no-such-program: " in done.stderr
