"""What is measured: tend, and the programs people use today. Each starts the same services, given as
(name, port) pairs, from a folder of its own, and is stopped by pid."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from processes import descendants, end, is_running, parent_of, program_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("TEND_BUILD", ROOT / "build")).resolve()


def spawn(argv, folder, env=None, log="log"):
    with open(folder / log, "ab") as out:
        return subprocess.Popen([str(a) for a in argv], cwd=folder, stdin=subprocess.DEVNULL,
                                stdout=out, stderr=out, env={**os.environ, **(env or {})},
                                start_new_session=True)


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


class Subject:
    """Subclasses start everything in `start`; `main` is the process that supervises."""

    name, needs, probes = "", [], False

    def __init__(self, folder, app):
        self.folder, self.app = folder, app
        self.main = None

    @classmethod
    def missing(cls):
        return [program for program in cls.needs if shutil.which(program) is None]

    def start(self, services, probe=None):
        raise NotImplementedError

    def own_pids(self):
        """The processes of the supervisor, without the services."""
        app = os.path.realpath(self.app)
        pids = [self.main.pid, *descendants(self.main.pid)]
        return [pid for pid in pids if is_running(pid) and program_of(pid) != app]

    def stop(self):
        end([self.main.pid, *descendants(self.main.pid)])
        self.main.wait()


class S6(Subject):
    name, needs = "s6", ["s6-svscan", "s6-supervise"]

    def start(self, services, probe=None):
        for name, port in services:
            script(self.folder / "scan" / name / "run", f"exec env PORT={port} {self.app}\n")
        self.main = spawn(["s6-svscan", "-c", "2000", self.folder / "scan"], self.folder)


class Runit(Subject):
    name, needs = "runit", ["runsvdir", "runsv"]

    def start(self, services, probe=None):
        for name, port in services:
            script(self.folder / "sv" / name / "run", f"exec env PORT={port} {self.app}\n")
        past = time.time() - 60  # runsvdir looks again 5 s later at a folder that changed just now
        os.utime(self.folder / "sv", (past, past))
        self.main = spawn(["runsvdir", "-P", self.folder / "sv"], self.folder)


class Supervisor(Subject):
    name, needs = "supervisor", ["supervisord"]

    def start(self, services, probe=None):
        parts = [f"[supervisord]\nnodaemon=true\nlogfile={self.folder}/supervisord.log\n"
                 f"pidfile={self.folder}/pid\nminfds=8192\n"]
        for name, port in services:
            parts.append(f"[program:{name}]\ncommand={self.app}\nenvironment=PORT=\"{port}\"\n"
                         "autorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n")
        (self.folder / "conf").write_text("".join(parts))
        self.main = spawn(["/usr/bin/supervisord", "-c", self.folder / "conf"], self.folder)


class Monit(Subject):
    """Its shortest cycle is one second; it starts and stops by programs and pid files."""

    name, needs, probes = "monit (1 s cycle)", ["monit"], True

    def start(self, services, probe=None):
        parts = [f"set daemon 1\nset pidfile {self.folder}/pid\nset idfile {self.folder}/id\n"
                 f"set statefile {self.folder}/state\nset log {self.folder}/monit.log\n"]
        for name, port in services:
            pidfile = self.folder / f"{name}.pid"
            script(self.folder / f"{name}.start",
                   f"PORT={port} setsid {self.app} </dev/null >/dev/null 2>&1 &\necho $! >{pidfile}\n")
            script(self.folder / f"{name}.stop", f"kill -9 $(cat {pidfile})\n")
            parts.append(f"check process {name} with pidfile {pidfile}\n"
                         f"  start program = \"{self.folder}/{name}.start\" with timeout 5 seconds\n"
                         f"  stop program = \"{self.folder}/{name}.stop\" with timeout 2 seconds\n"
                         f"  if failed port {port} protocol http with timeout 1 seconds then restart\n")
        conf = self.folder / "monitrc"
        conf.write_text("".join(parts))
        conf.chmod(0o600)
        self.services = services
        self.main = spawn(["monit", "-I", "-c", conf], self.folder)

    def stop(self):
        super().stop()
        for name, _ in self.services:
            pidfile = self.folder / f"{name}.pid"
            if pidfile.exists():
                end([int(pidfile.read_text())])


class Docker(Subject):
    """Containers with the host's network; asked for, because it is a daemon of the machine's own."""

    name, needs, probes = "docker --restart=always", ["docker"], False

    @classmethod
    def missing(cls):
        if shutil.which("docker") is None:
            return ["docker"]
        answer = subprocess.run(["docker", "info"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return [] if answer.returncode == 0 else ["a Docker daemon that runs"]

    def start(self, services, probe=None):
        shutil.copy(self.app, self.folder / "app")
        (self.folder / "Dockerfile").write_text('FROM scratch\nCOPY app /app\nCMD ["/app"]\n')
        subprocess.run(["docker", "build", "-q", "-t", "tend-bench", self.folder], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
        self.ids = [subprocess.run(["docker", "run", "-d", "--restart=always", "--network=host",
                                    "-e", f"PORT={port}", "tend-bench"], check=True, text=True,
                                   stdin=subprocess.DEVNULL, capture_output=True).stdout.strip()
                    for _, port in services]

    def own_pids(self):
        return []

    def stop(self):
        subprocess.run(["docker", "rm", "-f", *self.ids], check=False, capture_output=True)


class Tend(Subject):
    name, needs, probes = "tend", [], True

    @classmethod
    def missing(cls):
        return [p for p in ("tend", "tendd", "tend-shim") if not (BUILD / p).exists()]

    def declare(self, services, probe=None, replicas=None):
        declared = {}
        for name, port in services:
            service = {"command": [str(self.app)], "stop_grace_period": "0s",
                       "restart": {"condition": "always", "stable": "1s"}}
            if port:
                service["ports"] = [str(port)]
            if probe:
                service["healthcheck"] = probe
            if replicas:
                service["deploy"] = {"replicas": replicas}
            declared[name] = service
        (self.folder / "tend.yaml").write_text(f"name: bench\nservices: {json.dumps(declared)}\n")

    def command(self, *args):
        return [str(BUILD / "tend"), "-f", str(self.folder / "tend.yaml"), "--state",
                str(self.folder / "state"), "--listen", "none", *args]

    def tend(self, *args, check=True):
        done = subprocess.run(self.command(*args), cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=300)
        if check and done.returncode != 0:
            raise RuntimeError(f"tend {' '.join(args)}: {done.stderr}{done.stdout}")
        return done

    def begin(self, services, probe=None):
        """Start, and do not wait: the command, which ends when all are ready."""
        self.declare(services, probe)
        return spawn(self.command("up", "-d", "--quiet"), self.folder, log="up.log")

    def start(self, services, probe=None, replicas=None):
        self.declare(services, probe, replicas)
        self.tend("up", "-d")

    def status(self):
        return json.loads(self.tend("status", "--json").stdout)

    def daemon(self):
        return self.status()["pid"]

    def own_pids(self):
        daemon = self.daemon()
        guard = parent_of(daemon)
        app = os.path.realpath(self.app)
        shims = {parent_of(i["pid"]) for s in self.status()["services"] for i in s["instances"] if i["pid"]}
        return [p for p in {daemon, *([guard] if guard > 1 else []), *shims}
                if is_running(p) and program_of(p) != app]

    def kill_daemon_for_good(self):
        """The guard first, so that nobody starts another one."""
        daemon = self.daemon()
        guard = parent_of(daemon)
        if os.path.basename(program_of(guard)) == "tend-shim":
            os.kill(guard, signal.SIGKILL)
        os.kill(daemon, signal.SIGKILL)
        while is_running(daemon):
            time.sleep(0.001)

    def stop(self):
        self.tend("down", check=False)
        end([p for p in descendants(os.getppid()) if is_running(p)
             and os.path.basename(program_of(p)) in ("tend-shim", "tendd")])


PEERS = [Runit, S6, Supervisor, Monit]
