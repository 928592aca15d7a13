"""`tend status`, `logs`, `events`, `why` against a daemon that only talks."""
import json
import queue
import re
import subprocess
import threading
import time

import pytest

from fake_daemon import FakeDaemon, TEND, instance, service, status

EVENT = {"seq": 3, "at": "2026-11-24T00:00:01.5Z", "type": "instance.exited", "severity": "warn",
         "actor": "shim", "subject": "web/1", "causes": [2], "evidence": {"signal": "SIGKILL", "ran_ms": 180000}}


@pytest.fixture
def daemon():
    with FakeDaemon() as made:
        yield made


def log(text, name="web", slot=1, stream="stdout"):
    return {"at": "2026-11-24T00:00:01.000000000Z", "service": name, "slot": slot, "stream": stream, "line": text}


# ---- status

def test_status_is_a_table(daemon):
    daemon.answer("GET", "/tend/v1/status", status(
        service("web", instance("web", 1), instance("web", 2, restarts=2)),
        service("db", instance("db", 1, state="backing_off", address=None), state="down")))
    done = daemon.tend("status")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("shop  tendd 812, up ")
    web = next(line for line in lines if line.startswith("web"))
    assert re.match(r"web +✓ ready +2/2 +2 ", web)
    assert "16 MiB" in web and "127.0.0.1:20001 127.0.0.1:20002" in web
    assert re.search(r"^db +✗ down +0/1", done.stdout, re.M)
    assert "\033" not in done.stdout


def test_status_verbose_names_instances_and_reasons(daemon):
    daemon.answer("GET", "/tend/v1/status", status(service("web", instance(
        "web", 1, state="backing_off", reason="next start in 2 s",
        last_exit={"at": "2026-11-24T00:00:00Z", "code": 3, "signal": None, "oom": False}), state="down")))
    out = daemon.tend("status", "-v").stdout
    assert re.search(r"web/1 +! backing_off +pid 901 .*next start in 2 s \(last: exited with 3\)", out)


def test_status_tells_what_is_degraded_and_paused(daemon):
    daemon.answer("GET", "/tend/v1/status", status(
        degraded=["journal: no space left"], paused_until="2099-01-01T12:00:00Z"))
    out = daemon.tend("status").stdout
    assert "degraded: journal: no space left" in out
    assert "hands off (paused) until 2099-01-01 12:00" in out
    assert "Nothing is declared yet" in out


def test_status_escapes_what_services_could_have_chosen(daemon):
    daemon.answer("GET", "/tend/v1/status", status(service("web", instance("web", 1, reason="\033]0;x\007"))))
    assert "\\x1b]0;x\\x07" in daemon.tend("status", "-v").stdout


def test_status_as_json_is_the_daemons(daemon):
    value = status(service("web", instance("web", 1)))
    daemon.answer("GET", "/tend/v1/status", value)
    assert json.loads(daemon.tend("status", "--json").stdout) == value


def test_status_exit_code_is_opt_in(daemon):
    daemon.answer("GET", "/tend/v1/status", status(service("web", instance("web", 1, state="failed"), state="down")))
    assert daemon.tend("status").returncode == 0
    assert daemon.tend("status", "--exit-code").returncode == 3


def test_an_unknown_service_is_an_error(daemon):
    daemon.answer("GET", "/tend/v1/status", status(service("web", instance("web", 1))))
    done = daemon.tend("status", "wbe")
    assert done.returncode == 1
    assert done.stderr == 'error: there is no service or job "wbe"\nhelp: tend status\n'


# ---- no daemon, refusals

def test_without_a_daemon_the_exit_code_is_7_and_help_says_how_to_start_it(daemon):
    daemon.stop()
    for words in (["status"], ["logs"], ["events"], ["why", "web"], ["restart", "web"]):
        done = daemon.tend(*words)
        assert done.returncode == 7, words
        assert "help: start it with: tend up -d" in done.stderr


def test_a_refusal_is_shown_with_its_advice(daemon):
    daemon.answer("GET", "/tend/v1/status", {"v": 1, "error": {
        "kind": "denied", "text": "not for you", "help": "ask the owner"}}, status=403)
    done = daemon.tend("status")
    assert done.returncode == 3
    assert done.stderr == "error: not for you\nhelp: ask the owner\n"
    told = json.loads(daemon.tend("status", "--json").stdout)
    assert told == {"v": 1, "error": {"kind": "denied", "text": "not for you", "help": "ask the owner"}}


def test_a_daemon_that_talks_nonsense_is_an_error(daemon):
    daemon.answers[("GET", "/tend/v1/status")] = ("stream", ["no object"], None)
    done = daemon.tend("status")
    assert done.returncode == 1
    assert "the daemon's answer is no" in done.stderr


def test_a_run_directory_open_to_others_is_not_trusted(daemon):
    daemon.run.chmod(0o755)
    done = daemon.tend("status")
    assert done.returncode == 3
    assert "open to others" in done.stderr


def test_without_a_file_and_a_name_help_says_what_to_name(tmp_path, daemon):
    done = subprocess.run([TEND, "status"], cwd="/", capture_output=True, text=True, env=daemon.environment())
    assert done.returncode == 1
    assert "no tend.yaml or compose.yaml" in done.stderr
    assert "-p NAME" in done.stderr


# ---- logs

def test_logs_are_merged_with_names(daemon):
    daemon.stream("GET", "/tend/v1/logs", [log("hello"), log("oops", "worker", 12, "stderr")])
    done = daemon.tend("logs", "web", "worker", "--grep", "o&p", "-n", "5")
    assert done.stdout == "web/1    | hello\nworker/12 | oops\n"
    query = daemon.requests[-1][2]
    assert query["service"] == ["web,worker"]
    assert query["grep"] == ["o&p"] and query["tail"] == ["5"] and query["follow"] == ["0"]


def test_logs_of_one_instance(daemon):
    daemon.stream("GET", "/tend/v1/logs", [log("x")])
    assert daemon.tend("logs", "web/2", "--no-names").stdout == "x\n"
    query = daemon.requests[-1][2]
    assert query["service"] == ["web"] and query["slot"] == ["2"] and query["tail"] == ["100"]


def test_logs_into_a_pipe_are_the_bytes_that_were_written(daemon):
    daemon.stream("GET", "/tend/v1/logs", [log("a\033[2Jb\tü")])
    assert daemon.tend("logs", "--no-names").stdout == "a\033[2Jb\tü\n"


def test_a_long_line_arrives_whole(daemon):
    daemon.stream("GET", "/tend/v1/logs", [log("x" * 1_000_000)])
    assert daemon.tend("logs", "--no-names").stdout == "x" * 1_000_000 + "\n"


def test_many_lines_are_quick(daemon):
    daemon.stream("GET", "/tend/v1/logs", [log(f"line {i}") for i in range(5000)])
    done = daemon.tend("logs", "-n", "all", "--no-names")
    assert done.stdout.splitlines() == [f"line {i}" for i in range(5000)]


def test_since_is_asked_for_as_a_time(daemon):
    daemon.stream("GET", "/tend/v1/logs", [])
    assert daemon.tend("logs", "--since", "10m").returncode == 0
    query = daemon.requests[-1][2]
    assert re.match(r"\d{4}-\d\d-\d\dT.*Z$", query["since"][0]) and "tail" not in query


def test_wrong_words_are_usage_errors(daemon):
    for words in (["logs", "--since", "yesterdayish"], ["logs", "--tail", "-3"], ["logs", "we b"],
                  ["logs", "web/1", "web/2"], ["scale", "web"], ["scale", "web=x"], ["pause", "--for", "x"],
                  ["pause", "--for", "1h", "--end"], ["events", "--last", "0"], ["restart", "web/x"]):
        done = daemon.tend(*words)
        assert done.returncode == 2, words
        assert done.stderr.startswith("error: "), words
        assert "\nhelp: " in done.stderr, words


def test_following_outlives_the_daemon(daemon):
    first = queue.Queue()
    daemon.stream("GET", "/tend/v1/logs", [log("one")], first)
    child = subprocess.Popen(daemon.command("logs", "-f", "--no-names"), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env=daemon.environment())
    try:
        assert child.stdout.readline() == "one\n"
        daemon.stop()
        daemon.stream("GET", "/tend/v1/logs", [log("two")], queue.Queue())
        first.put(None)
        assert "the daemon went away" in child.stderr.readline()
        daemon.start()
        assert child.stdout.readline() == "two\n"
        assert daemon.requests[-1][2]["since"] == ["2026-11-24T00:00:01.000000001Z"]
    finally:
        child.kill()
        child.communicate()


# ---- events, why

def test_events_are_lines(daemon):
    daemon.stream("GET", "/tend/v1/events", [EVENT])
    out = daemon.tend("events", "-s", "web", "-t", "instance.exited").stdout
    assert "web/1" in out and "[#3]" in out and "\033" not in out
    query = daemon.requests[-1][2]
    assert query["subject"] == ["web"] and query["type"] == ["instance.exited"] and query["limit"] == ["50"]
    assert "instance.exited by shim, because of #2" in daemon.tend("events", "-v").stdout


def test_events_as_json_are_one_a_line(daemon):
    daemon.stream("GET", "/tend/v1/events", [EVENT, {**EVENT, "seq": 4}])
    lines = daemon.tend("events", "--json", "--since", "3").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [3, 4]
    assert daemon.requests[-1][2]["since"] == ["3"]


def test_followed_events_come_at_once(daemon):
    more = queue.Queue()
    daemon.stream("GET", "/tend/v1/events", [EVENT], more)
    child = subprocess.Popen(daemon.command("events", "-f", "--json"), stdout=subprocess.PIPE, text=True,
                             env=daemon.environment())
    try:
        assert json.loads(child.stdout.readline())["seq"] == 3
        more.put({**EVENT, "seq": 4})
        assert json.loads(child.stdout.readline())["seq"] == 4
    finally:
        child.kill()
        child.communicate()
        more.put(None)


def test_verify_by_the_daemon(daemon):
    daemon.answer("GET", "/tend/v1/verify", {"v": 1, "ok": True, "events": 12, "head": {"seq": 12, "hash": "ab" * 32},
                                             "broken": None})
    done = daemon.tend("events", "--verify")
    assert done.returncode == 0 and done.stdout == "✓ 12 events, the chain is whole; head abababababababab\n"
    daemon.answer("GET", "/tend/v1/verify", {"v": 1, "ok": False, "events": 12, "head": {"seq": 12, "hash": "ab" * 32},
                                             "broken": {"seq": 7, "reason": "hash differs"}})
    done = daemon.tend("events", "--verify")
    assert done.returncode == 1
    assert "event 7 is broken: hash differs" in done.stderr


def test_why_is_a_tree(daemon):
    daemon.answer("GET", "/tend/v1/why", {"v": 1, "subject": "web", "sentences": [
        {"depth": 0, "label": "", "text": "web/1 was restarted at 12:00:01", "seq": 81220},
        {"depth": 1, "label": "because", "text": "it was killed by SIGKILL", "seq": 81219},
        {"depth": 1, "label": "then", "text": "word " * 30, "seq": 81222}]})
    lines = daemon.tend("why", "web", COLUMNS="80").stdout.splitlines()
    assert lines[0].startswith("web/1 was restarted") and lines[0].endswith("[#81220]")
    assert lines[1].startswith("  because  it was killed") and lines[1].endswith("[#81219]")
    assert len(lines) > 3 and all(len(line) <= 80 for line in lines)
    assert daemon.requests[-1][2] == {"subject": ["web"]}
    daemon.tend("why", "#81219")
    assert daemon.requests[-1][2] == {"event": ["81219"]}


# ---- completion

def test_completion_offers_names_that_exist(daemon):
    daemon.answer("GET", "/tend/v1/status", status(service("web", instance("web", 1)), service("worker", instance("worker", 1))))
    assert daemon.tend("__complete", "--", "restart", "w").stdout == "web\nweb/1\nworker\nworker/1\n"
    assert daemon.tend("__complete", "--", "scale", "wo").stdout == "worker\n"
    daemon.stop()
    done = daemon.tend("__complete", "--", "restart", "w")
    assert done.returncode == 0 and done.stdout == done.stderr == ""


def test_the_bash_script_completes(daemon):
    daemon.answer("GET", "/tend/v1/status", status(service("web", instance("web", 1))))
    script = f"""
        PATH={TEND.parent}:$PATH
        source <(tend completion bash)
        COMP_WORDS=(tend -p shop --state {daemon.state} restart we); COMP_CWORD=6
        _tend tend we restart
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=daemon.environment())
    assert done.stdout == "web\nweb/1\n", done.stderr
