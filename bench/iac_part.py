"""The part of the benchmark that makes files: 100 of them, 30 directories and 10 links."""
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import time

from subjects import BUILD

FILES, DIRECTORIES, LINKS = 100, 30, 10
CONTENT = "".join(f"setting_{i} = value of setting {i}\n" for i in range(12))


def entries(root):
    directories = [f"{root}/d{i}" for i in range(DIRECTORIES)]
    files = [(f"{directories[i % DIRECTORIES]}/f{i}.conf", f"# file {i}\n{CONTENT}") for i in range(FILES)]
    links = [(f"{root}/l{i}", files[i][0]) for i in range(LINKS)]
    return directories, files, links


def check(root):
    """The machine, not the tool: everything is as declared."""
    directories, files, links = entries(root)
    assert all(os.stat(d).st_mode & 0o7777 == 0o755 for d in directories)
    assert all(pathlib.Path(p).read_text() == text and os.stat(p).st_mode & 0o7777 == 0o640 for p, text in files)
    assert all(os.readlink(p) == target for p, target in links)


def run(argv, folder, env=None):
    """Wall and CPU milliseconds and the largest memory in MiB of a command and what it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run([str(a) for a in argv], cwd=folder, env={**os.environ, **(env or {})}, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    wall = (time.monotonic() - began) * 1e3
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{argv}: {done.returncode}\n{done.stdout[-500:]}{done.stderr[-500:]}")
    return wall, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


# ---- tend

class Tend:
    name = "tend"

    def __init__(self, folder):
        self.folder, self.root = folder, folder / "out"
        self.root.mkdir()
        self.env = {"TEND_STATE": str(folder / "state"), "XDG_RUNTIME_DIR": str(folder)}
        directories, files, links = entries(self.root)
        self.full = {
            "name": "iac", "directories": {d: {"mode": "0755"} for d in directories},
            "files": {**{p: {"content": text, "mode": "0640"} for p, text in files},
                      **{p: {"target": target} for p, target in links}}}

    def declare(self, what):
        (self.folder / "tend.yaml").write_text("\n".join(f"{k}: {json.dumps(v)}" for k, v in what.items()) + "\n")

    def tend(self, *words):
        return run([BUILD / "tend", "--listen", "none", *words], self.folder, self.env)

    def daemon_pid(self):
        done = subprocess.run([BUILD / "tend", "--json", "status"], cwd=self.folder, capture_output=True,
                              env={**os.environ, **self.env}, check=True)
        return json.loads(done.stdout)["pid"]

    def cpu_of_daemon(self, pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.tend("down")


def measure_tend(bench, rounds):
    firsts, noops, alone, heals, cold = [], [], [], [], []
    for i in range(rounds):
        folder = bench.folder / f"iac-tend-{i}"
        folder.mkdir()
        t = Tend(folder)
        t.declare({"name": "iac", "files": {}})
        t.tend("up", "-d")
        try:
            t.declare(t.full)
            firsts.append(t.tend("apply", "--yes")[0])
            check(t.root)
            noops += [t.tend("plan", "--detailed-exitcode")[0] for _ in range(10)]
            for k in range(5):
                pathlib.Path(entries(t.root)[1][k][0]).write_text("changed by hand\n")
            heals.append(t.tend("apply", "--yes")[0])
            check(t.root)
        finally:
            t.stop()
        alone += [t.tend("plan", "--detailed-exitcode")[0] for _ in range(10)]
        folder = bench.folder / f"iac-cold-{i}"
        folder.mkdir()
        t = Tend(folder)
        t.declare(t.full)
        try:
            cold.append(t.tend("apply", "--yes")[0])
            check(t.root)
        finally:
            t.stop()
    note = f"n={rounds}"
    bench.row("140 resources: no-op plan", "tend", statistics.median(noops), "ms", f"n={len(noops)}")
    bench.row("140 resources: no-op plan", "tend, no daemon", statistics.median(alone), "ms", f"n={len(alone)}")
    bench.row("140 resources: first apply", "tend", statistics.median(firsts), "ms", f"{note}; durable")
    bench.row("140 resources: first apply", "tend, which starts its daemon first", statistics.median(cold), "ms", note)
    bench.row("140 resources: heal 5", "tend", statistics.median(heals), "ms", f"{note}; durable")


# ---- peers: the same machine, the same files

def measure_peer(bench, name, folder, first, noop, rounds):
    root = folder / "out"
    firsts, noops, heals = [], [], []
    for _ in range(rounds):
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        firsts.append(run(first, folder)[0])
        check(root)
        noops.append(run(noop, folder)[0])
        for k in range(5):
            pathlib.Path(entries(root)[1][k][0]).write_text("changed by hand\n")
        heals.append(run(first, folder)[0])
        check(root)
    for what, values in (("no-op plan", noops), ("first apply", firsts), ("heal 5", heals)):
        bench.row(f"140 resources: {what}", name, statistics.median(values), "ms", f"n={rounds}")


def puppet(bench, rounds):
    folder = bench.folder / "iac-puppet"
    folder.mkdir()
    directories, files, links = entries(folder / "out")
    lines = [f"file {{ '{d}': ensure => directory, mode => '0755' }}" for d in directories]
    lines += [f"file {{ '{p}': ensure => file, mode => '0640', content => '{text}' }}" for p, text in files]
    lines += [f"file {{ '{p}': ensure => link, target => '{target}' }}" for p, target in links]
    (folder / "site.pp").write_text("\n".join(lines) + "\n")
    apply = ["puppet", "apply", "--confdir", folder / "conf", "--vardir", folder / "var", "site.pp"]
    measure_peer(bench, "puppet apply", folder, apply, [*apply, "--noop"], rounds)


def ansible(bench, rounds):
    folder = bench.folder / "iac-ansible"
    folder.mkdir()
    directories, files, links = entries(folder / "out")
    tasks = [
        {"file": {"path": "{{ item }}", "state": "directory", "mode": "0755"}, "loop": directories},
        {"copy": {"dest": "{{ item.path }}", "content": "{{ item.text }}", "mode": "0640"},
         "loop": [{"path": p, "text": text} for p, text in files], "loop_control": {"label": "{{ item.path }}"}},
        {"file": {"path": "{{ item.path }}", "src": "{{ item.src }}", "state": "link"},
         "loop": [{"path": p, "src": target} for p, target in links]},
    ]
    (folder / "site.yml").write_text(json.dumps(
        [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]))
    apply = ["ansible-playbook", "-i", "localhost,", "site.yml"]
    measure_peer(bench, "ansible-playbook, local", folder, apply, [*apply, "--check"], rounds)


def iac(bench):
    """100 files, 30 directories and 10 links

    The whole command from its start to its end, on an empty folder, once more with nothing to do, and after five files
    were changed by hand. tend's apply returns when files and journal are on the disk. What is there afterwards is
    compared file by file. Where puppet and ansible are installed they make the same; their preview stands for a plan."""
    quick = bench.options.quick
    measure_tend(bench, 2 if quick else 7)
    for name, program, peer in (("puppet", "puppet", puppet), ("ansible", "ansible-playbook", ansible)):
        if shutil.which(program) is None:
            bench.left_out.append(f"{name} (not installed)")
        elif name == "ansible" and quick:
            bench.left_out.append("ansible (takes minutes)")
        else:
            try:
                peer(bench, 1 if quick or name == "ansible" else 3)
            except subprocess.TimeoutExpired:
                bench.left_out.append(f"{name} (takes more than 300 s)")
