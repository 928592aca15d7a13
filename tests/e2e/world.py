"""One project in a folder of its own, with the real programs: what a test drives tend with."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import children
from api import Api

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TEND_BUILD", ROOT / "build")).resolve()
TINY = BUILD / "tests" / "programs" / "tiny"

# Sanitized programs are several times slower; what is bounded stays bounded.
PATIENCE = 4 if "TEND_SANITIZED" in os.environ else 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    """Everything lies below `dir`; leaving it ends every process that was started."""

    def __init__(self, name="e2e"):
        self.name = name
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tend-e2e-"))
        self.state = self.dir / "state"
        self.file = self.dir / "tend.yaml"
        self.listen = f"127.0.0.1:{free_port()}"
        (self.dir / "run").mkdir(mode=0o700)
        self.env = {
            "PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": str(self.dir), "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.dir / "run"), "TEND_STATE": str(self.state), "NO_COLOR": "1",
            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
        }
        self.api = Api(str(self.run_dir / "sock"))

    @property
    def run_dir(self):
        """As src/io/paths.h says."""
        hash8 = hashlib.sha256(str(self.state.resolve()).encode()).hexdigest()[:8]
        base = pathlib.Path("/run/tend") if os.getuid() == 0 else self.dir / "run" / "tend"
        return base / f"{self.name}-{hash8}"

    # ---- declaring

    def declare(self, services, **rest):
        """Write tend.yaml; the values are JSON, which is YAML."""
        lines = [f"{key}: {json.dumps(value)}" for key, value in
                 {"name": self.name, "services": services, **rest}.items()]
        self.file.write_text("\n".join(lines) + "\n")

    def declare_text(self, text):
        self.file.write_text(text)

    # ---- the command line

    def tend(self, *args, check=True, timeout=30, stdin=subprocess.DEVNULL):
        """Run a command to its end; the finished process, with its output as text."""
        done = subprocess.run([BUILD / "tend", "-f", self.file, "--listen", self.listen, *map(str, args)],
                              cwd=self.dir, env=self.env, stdin=stdin, capture_output=True,
                              text=True, errors="replace", timeout=timeout * PATIENCE, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"tend {' '.join(map(str, args))}: exit status {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def json(self, *args, **kwargs):
        return json.loads(self.tend("--json", *args, **kwargs).stdout)

    def up(self, *args):
        return self.tend("up", "-d", *args)

    def apply(self, *args, **kwargs):
        return self.tend("apply", "--yes", *args, **kwargs)

    def down(self, *args):
        return self.tend("down", *args)

    def why(self, subject):
        return self.tend("why", subject).stdout

    # ---- looking

    def status(self):
        return self.api.status()

    def service(self, name):
        for service in self.status()["services"]:
            if service["name"] == name:
                return service
        raise KeyError(name)

    def instance(self, subject):
        """"web/1", or "web" for its first instance."""
        name, _, slot = subject.partition("/")
        for instance in self.service(name)["instances"]:
            if not slot or instance["slot"] == int(slot):
                return instance
        raise KeyError(subject)

    def pid(self, subject):
        return self.instance(subject)["pid"]

    def address(self, subject):
        return self.instance(subject)["address"]

    def get(self, subject, path="/", timeout=2):
        """Body of a GET to an instance; None if it does not answer with 200."""
        try:
            with urllib.request.urlopen(f"http://{self.address(subject)}{path}", timeout=timeout) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None

    def daemon_pid(self):
        return self.status()["pid"]

    # ---- waiting: on events, each time with a bound

    def wait_for(self, true, timeout=15, what="it"):
        """Wait until true() holds, looking again after each event."""
        deadline = time.monotonic() + timeout * PATIENCE
        since = self.status()["head"]
        while not true():
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{what} did not come true in {timeout * PATIENCE} s;\n"
                                     f"{json.dumps(self.status(), indent=1)}")
            for event in self.api.follow(since, min(left, 1)):
                since = event["seq"]
                break

    def wait_until(self, subject, state, timeout=15):
        """Wait until a service ("web") or instance ("web/1") is in a state."""
        def is_there():
            try:
                found = self.instance(subject) if "/" in subject else self.service(subject)
            except KeyError:
                return False
            return found["state"] == state
        self.wait_for(is_there, timeout, f"{subject} {state}")

    def wait_event(self, type, subject=None, since=0, timeout=15):
        """The first event of that type (and subject) after `since`."""
        deadline = time.monotonic() + timeout * PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            for event in self.api.follow(since, left):
                since = event["seq"]
                if event["type"] == type and subject in (None, event["subject"]):
                    return event
                if time.monotonic() > deadline:
                    break
        raise AssertionError(f"no {type} of {subject} in {timeout * PATIENCE} s")

    def events_until_now(self, since=0):
        """All that status knows of: what is decided may be a commit ahead of what can be read."""
        head = self.status()["head"]
        self.wait_for(lambda: head <= since or self.api.events(since=head - 1), what=f"event {head}")
        return self.api.events(since=since)

    @staticmethod
    def pause_between_looks():
        """Where nothing tells that something has changed (a file that grows)."""
        time.sleep(0.05)

    def wait_dead(self, pid, timeout=5):
        deadline = time.monotonic() + timeout * PATIENCE
        while children.is_running(pid):
            assert time.monotonic() < deadline, f"pid {pid} still runs"
            time.sleep(0.005)

    def wait_daemon(self, timeout=10, other_than=None):
        """Wait until a daemon answers (another one than `other_than`); its pid."""
        deadline = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < deadline:
            try:
                pid = self.daemon_pid()
                if pid != other_than:
                    return pid
            except (OSError, AssertionError):
                pass
            time.sleep(0.01)
        raise AssertionError("no daemon answers")

    # ---- hurting

    def kill(self, pid, signo=signal.SIGKILL):
        assert pid in children.descendants(), f"pid {pid} is none of this test's"
        os.kill(pid, signo)

    # ---- the end

    def evidence(self):
        """What a failed test wants to show."""
        parts = [f"world: {self.dir}"]
        try:
            parts.append(json.dumps(self.status()))
            parts += [json.dumps(e) for e in self.api.events()[-40:]]
        except (OSError, AssertionError, ValueError) as problem:
            parts.append(f"(no status: {problem!r})")
        logs = [p for folder in (self.state, self.run_dir) if folder.exists()
                for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix in (".log", ".txt")]
        for path in logs[:20]:
            parts.append(f"--- {path}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-25:]))
        return "\n".join(parts)

    def bugs(self):
        """What the daemon said of itself that it never should: sanitizers and `must`."""
        logs = (self.state / "guard").glob("daemon.log*") if self.state.exists() else []
        lines = [line for path in logs for line in path.read_text(errors="replace").splitlines()]
        return [line for line in lines
                if re.search(r"Sanitizer|runtime error:|tend: bug:|bug\.|SUMMARY", line)]

    def close(self, keep=()):
        left = children.end_all(keep)
        bugs = self.bugs()
        shutil.rmtree(self.run_dir, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not left, f"could not end {left}"
        assert not bugs, "\n".join(bugs[:40])
