"""The parts of the benchmark. Each is a function of the bench; its first line is its heading."""
import json
import math
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from iac_part import iac
from plan_part import plan
from processes import cpu_share, pss_kb, rss_kb
from subjects import BUILD, PEERS, Docker, S6, Runit, Subject, Supervisor, Tend, end, spawn

LIFE_MS = 1500          # a service lives so long before it is hurt: supervisors punish shorter lives


def free_ports(count):
    """The first of so many ports in a row that nobody listens on, below what clients get."""
    for first in range(random.randrange(11000, 15000), 19000 - count, 100):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise RuntimeError("no ports are free")


PORT = free_ports(10)
PORTS = free_ports(1100)


class Bench:
    def __init__(self, folder, options):
        self.folder, self.options = folder, options
        self.rows, self.left_out = [], []
        self.rounds = 5 if options.quick else 20
        self.tend_rounds = 5 if options.quick else 100  # enough for a 99th percentile

    def subjects(self, classes):
        for kind in classes:
            missing = kind.missing()
            if missing:
                note = f"{kind.name} ({', '.join(missing)} missing)"
                print("left out: " + note, flush=True)
                if note not in self.left_out:
                    self.left_out.append(note)
                continue
            yield kind(pathlib.Path(tempfile.mkdtemp(prefix="s-", dir=self.folder)), self.folder / "app")

    def row(self, measure, subject, value, unit, note=""):
        self.rows.append({"measure": measure, "subject": subject, "value": value, "unit": unit, "note": note})

    def program(self, name, *args, check=True):
        done = subprocess.run([self.folder / name, *map(str, args)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{name} {args}: {done.stdout}{done.stderr}")
        return done.stdout.split()

    def times_row(self, measure, subject, words):
        times = sorted(float(w) for w in words if w != "never")
        if not times:
            self.row(measure, subject, None, "ms")
            return
        note = f"n={len(times)}, {times[0]:.1f} to {times[-1]:.1f}" + (", then never" if "never" in words else "")
        self.row(measure, subject, statistics.median(times), "ms", note)
        if len(times) >= 100:
            self.row(f"{measure}, p99", subject, times[math.ceil(len(times) * 0.99) - 1], "ms")

    def hurt(self, subject, how, rounds, limit_ms, measure, label=None):
        self.program("listening", PORT, 1, 30000)
        words = self.program("recover", PORT, rounds, how, LIFE_MS, limit_ms, check=False)
        self.times_row(measure, label or subject.name, words)


def recover(bench):
    """A killed service answers again

    SIGKILL to the process → the next 200 on a new connection, from a new process; the median. Each
    life lasts 1.5 s before, which each of them takes for a good one (tend by `restart: {stable: 1s}`)."""
    measure = "kill -9 → 200"
    for subject in bench.subjects([Tend]):
        subject.start([("web", PORT)])
        try:
            bench.hurt(subject, "kill", bench.tend_rounds, 10000, measure)
            subject.kill_daemon_for_good()
            bench.hurt(subject, "kill", bench.tend_rounds, 10000, measure, "tend, its daemon dead")
        finally:
            subject.stop()
    for subject in bench.subjects(PEERS + ([Docker] if bench.options.docker else [])):
        subject.start([("web", PORT)])
        try:
            bench.hurt(subject, "kill", bench.rounds, 15000, measure)
        finally:
            subject.stop()


def hang(bench):
    """A hanging service answers again

    SIGSTOP to the process → the next 200, from a new process; the median. tend probes every 100 ms with
    two failures in a row and no grace; monit checks in its shortest cycle. runit, s6 and supervisor start
    what ends, and do not look whether it answers."""
    measure = "SIGSTOP → 200"
    probe = {"http": "/", "interval": "100ms", "timeout": "100ms", "retries": 2}
    for subject in bench.subjects([Tend]):
        subject.start([("web", PORT)], probe)
        try:
            bench.hurt(subject, "hang", bench.rounds, 10000, measure)
        finally:
            subject.stop()
    for subject in bench.subjects(PEERS):
        subject.start([("web", PORT)])
        try:
            bench.hurt(subject, "hang", bench.rounds // 2 if subject.probes else 1,
                       30000 if subject.probes else 5000, measure)
        finally:
            subject.stop()


def scale(bench):
    """Many services at once

    From the command that starts N services until all N accept connections; then the memory (PSS) of
    the supervising processes, without the services."""
    for count in (10, 100) if bench.options.quick else (100, 1000):
        services = [(f"s{i}", PORTS + i) for i in range(count)]
        for subject in bench.subjects([Tend, S6, Runit, Supervisor]):
            started = time.monotonic()
            try:
                up = subject.begin(services) if isinstance(subject, Tend) else subject.start(services)
                late = bench.program("listening", PORTS, count, 120000, check=False)
                took_ms = (time.monotonic() - started) * 1000
                if late:
                    bench.row(f"{count} services accept", subject.name, None, "ms", f"{late[0]} after 120 s")
                    continue
                bench.row(f"{count} services accept", subject.name, took_ms, "ms")
                if up:
                    up.wait(120)
                    bench.row(f"{count} services told ready", subject.name,
                              (time.monotonic() - started) * 1000, "ms", "`tend up -d` has ended")
                time.sleep(1)
                pids = subject.own_pids()
                memory = sum(pss_kb(p) for p in pids) / 1024
                bench.row(f"memory for {count}", subject.name, memory, "MiB PSS", f"{len(pids)} processes")
            finally:
                subject.stop()


def idle(bench):
    """Ten services and nothing to do

    Over 10 s: resident memory and CPU of the supervising processes, and of the one process that
    stands beside a service where there is one."""
    services = [(f"s{i}", PORTS + i) for i in range(10)]
    for subject in bench.subjects([Tend, S6, Runit, Supervisor]):
        subject.start(services)
        try:
            bench.program("listening", PORTS, 10, 30000)
            time.sleep(3)
            pids = subject.own_pids()
            main = subject.daemon() if isinstance(subject, Tend) else subject.main.pid
            share = cpu_share(pids, 10)
            bench.row("memory of the main process", subject.name, rss_kb(main) / 1024, "MiB RSS")
            beside = [p for p in pids if p != main]
            if beside:
                bench.row("memory beside a service", subject.name, min(rss_kb(p) for p in beside),
                          "kB RSS", f"{min(pss_kb(p) for p in beside)} kB PSS")
            bench.row("CPU at idle", subject.name, share * 100, "% of a core")
        finally:
            subject.stop()


class Haproxy(Subject):
    """Checks services that run elsewhere; it starts none."""

    name, needs = "HAProxy", ["haproxy"]

    def start(self, services, probe=None):
        servers = "\n".join(f"  server {name} 127.0.0.1:{port} check inter 1s" for name, port in services)
        (self.folder / "conf").write_text(
            "global\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n"
            f"  timeout server 5s\nfrontend in\n  bind 127.0.0.1:{services[0][1] + 1050}\n  default_backend all\n"
            f"backend all\n  option httpchk GET /\n{servers}\n")
        (self.folder / "log").touch()
        self.main = spawn(["haproxy", "-f", self.folder / "conf"], self.folder)


def probes(bench):
    """A thousand services, probed every second

    CPU of the prober over 10 s: tend's daemon with 1,000 services of its own, against an HAProxy that
    checks 1,000 ports."""
    count = 100 if bench.options.quick else 1000
    services = [(f"s{i}", PORTS + i) for i in range(count)]
    probe = {"http": "/", "interval": "1s", "timeout": "1s", "retries": 3}

    def measure(subject, pids):
        time.sleep(5)
        share = cpu_share(pids, 10)
        bench.row(f"CPU for {count} checks a second", subject.name, share * 100, "% of a core")
        bench.row("CPU for one check", subject.name, share * 1e6 / count, "µs")

    for subject in bench.subjects([Tend]):
        subject.start(services, probe)
        try:
            bench.program("listening", PORTS, count, 60000)
            measure(subject, [subject.daemon()])
        finally:
            subject.stop()
    for subject in bench.subjects([Haproxy]):
        apps = spawn([bench.folder / "app", PORTS, count], bench.folder)
        bench.program("listening", PORTS, count, 60000)
        subject.start(services)
        try:
            measure(subject, subject.own_pids())
        finally:
            subject.stop()
            end([apps.pid])
            apps.wait()


def all_ready(status):
    return all(s["state"] == "ready" for s in status["services"])


def adopt(bench):
    """The daemon is killed among many services

    SIGKILL to tend's daemon → `tend status` shows all services ready again, their processes the same."""
    count = 100 if bench.options.quick else 1000
    for subject in bench.subjects([Tend]):
        subject.start([(f"s{i}", 29000 + i) for i in range(count)])
        try:
            before, took_ms = touched(subject.status(), "s"), []
            for _ in range(5):
                end([subject.daemon()])
                killed = time.monotonic()
                while time.monotonic() - killed < 30:
                    answer = subject.tend("status", "--json", check=False)
                    if answer.returncode == 0 and all_ready(json.loads(answer.stdout)):
                        took_ms.append((time.monotonic() - killed) * 1000)
                        break
            bench.times_row(f"{count} services ready again", "tend", took_ms)
            bench.row("services touched", "tend",
                      sum(touched(subject.status(), "s").get(k) != v for k, v in before.items()), "")
        finally:
            subject.stop()


def cli(bench):
    """The command line

    From starting the program until it has ended; the median of 100."""
    rounds = 20 if bench.options.quick else 100
    if not (BUILD / "tend").exists():
        bench.left_out.append("the command line (tend is not built)")
        return
    bench.times_row("an empty program", "/bin/true", bench.program("took", rounds, "/bin/true"))
    bench.times_row("--version", "tend", bench.program("took", rounds, BUILD / "tend", "--version"))
    for subject in bench.subjects([Tend]):
        subject.start([(f"s{i}", PORTS + i) for i in range(10)])
        try:
            bench.times_row("status of 10 services", "tend", bench.program("took", rounds, *subject.command("status")))
        finally:
            subject.stop()
    for subject in bench.subjects([Supervisor]):
        if shutil.which("supervisorctl"):
            bench.times_row("--version", "supervisor",
                            bench.program("took", max(5, rounds // 10), "/usr/bin/supervisord", "--version"))


def crash(bench):
    """The daemon is killed at random, while people change things

    SIGKILL to tend's daemon at random moments, with two services that must not notice and a third that
    is scaled up and down all the time. Counted: changes that were acknowledged and are not in the journal,
    services that were touched, journals that do not verify."""
    kills = 20 if bench.options.quick else 500
    for subject in bench.subjects([Tend]):
        subject.start([("a", PORT), ("b", PORT + 1), ("c", 0)])
        try:
            crash_rounds(bench, subject, kills)
        finally:
            subject.stop()


def service_of(status, name):
    return next(s for s in status["services"] if s["name"] == name)


def touched(status, names="ab"):
    """Which processes run the services whose names begin so."""
    return {i["id"]: (i["pid"], i["incarnation"]) for s in status["services"] if s["name"][0] in names
            for i in s["instances"]}


def crash_rounds(bench, subject, kills):
    chance = random.Random(1)
    before = touched(subject.status())
    acknowledged, ended = [], threading.Event()

    def keep_scaling():
        want = 1
        while not ended.is_set():
            want = 3 - want
            if subject.tend("scale", f"c={want}", check=False).returncode == 0:
                acknowledged.append(want)

    changes = threading.Thread(target=keep_scaling)
    changes.start()
    away_ms, done = [], 0
    try:
        while done < kills:
            time.sleep(chance.uniform(0.01, 0.3))
            try:
                daemon = subject.daemon()
                end([daemon])
            except (RuntimeError, ValueError, OSError):
                continue
            done += 1
            killed = time.monotonic()
            while time.monotonic() - killed < 30:
                if subject.tend("status", "--json", check=False).returncode == 0:
                    away_ms.append((time.monotonic() - killed) * 1000)
                    break
    finally:
        ended.set()
        changes.join()
    requests = [line for line in subject.tend("events", "--json", "--since", "1").stdout.splitlines()
                if '"scale.requested"' in line]
    bench.row("kills of the daemon", "tend", done, "")
    bench.row("daemon answers again", "tend", statistics.median(away_ms) if away_ms else None, "ms")
    bench.row("changes acknowledged", "tend", len(acknowledged), "")
    bench.row("acknowledged changes lost", "tend", max(0, len(acknowledged) - len(requests)), "")
    bench.row("services touched", "tend", sum(touched(subject.status()).get(k) != v for k, v in before.items()), "")
    verified = subject.tend("events", "--verify", check=False).returncode == 0
    bench.row("the journal verifies", "tend", "yes" if verified else "no", "")
    subject.tend("apply", "--yes", check=False)
    unchanged = subject.tend("plan", "--detailed-exitcode", check=False).returncode == 0
    bench.row("the next apply converges", "tend", "yes" if unchanged else "no", "")


PARTS = {f.__name__: f for f in (recover, hang, scale, idle, probes, adopt, cli, plan, iac, crash)}
