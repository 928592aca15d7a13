"""The part of the benchmark that makes plans."""
import os
import resource
import shutil
import statistics
import subprocess
import time

from subjects import BUILD


def declared(count, variables):
    """Half of the services refer to the other half, one each."""
    half, lines = count // 2, ["name: big", "services:"]
    for i in range(count):
        lines += [f"  s{i:05d}:", "    command: [sleep, inf]"]
        if i < half:
            lines.append(f"    ports: [{20000 + i}]")
        if i >= half or variables:
            lines.append("    environment:")
        if i >= half:
            lines.append(f"      PEER: ${{services.s{i - half:05d}.url}}")
        lines += [f"      VAR_{k}: value-{i}-{k}-abcdefghijklmnopqrstuvwxyz" for k in range(variables)]
        if i >= half:
            lines.append(f"    depends_on: [s{i - half:05d}]")
    return "\n".join(lines) + "\n"


def once(command, folder):
    """Wall ms, CPU ms, MiB and ms to the first byte of one run, its output being read."""
    began = time.monotonic()
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    os.read(child.stdout.fileno(), 1)
    first = time.monotonic() - began
    while os.read(child.stdout.fileno(), 1 << 20):
        pass
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command}: exit status {child.returncode}")
    return wall * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3, usage.ru_maxrss / 1024, first * 1e3


def measure(bench, name, text, rounds, commands):
    folder = bench.folder / f"plan-{name.replace(' ', '-')}"
    folder.mkdir()
    (folder / "tend.yaml").write_text(text)
    for subject, command in commands(folder):
        runs = [once(command, folder) for _ in range(rounds)]
        columns = [statistics.median(column) for column in zip(*runs)]
        note = f"n={rounds}, {len(text) // 1000} kB; fastest {min(r[0] for r in runs):.0f} ms"
        bench.row(f"plan {name}", subject, columns[0], "ms", note)
        bench.row(f"plan {name}: CPU", subject, columns[1], "ms")
        bench.row(f"plan {name}: memory", subject, columns[2], "MiB RSS")
        bench.row(f"plan {name}: first output", subject, columns[3], "ms")


def tend(folder):
    yield "tend", [str(BUILD / "tend"), "--state", str(folder / "state"), "plan"]


def terraform(folder):
    """Two for_each blocks, each of the second reading one of the first, as the 1,000 services do."""
    names = ", ".join(f'"s{i:05d}"' for i in range(500))
    (folder / "main.tf").write_text(
        f"locals {{ names = toset([{names}]) }}\n"
        'resource "terraform_data" "a" {\n  for_each = local.names\n  input = each.key\n}\n'
        'resource "terraform_data" "b" {\n  for_each = local.names\n  input = terraform_data.a[each.key].output\n}\n')
    subprocess.run(["terraform", "init", "-input=false"], cwd=folder, check=True, capture_output=True)
    yield "terraform", ["terraform", "plan", "-input=false", "-no-color"]


def plan(bench):
    """Plans of many services, all new

    `tend plan`, the whole command without a daemon, from the start until its output is read; medians. Half of the
    services refer to the other half. Terraform, where it is installed, plans as many terraform_data that refer so."""
    if not (BUILD / "tend").exists():
        bench.left_out.append("plans (tend is not built)")
        return
    rounds = 5 if bench.options.quick else 30
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    measure(bench, "1000 services", declared(1000, 0), rounds, tend)
    measure(bench, "1000 services in 400 kB", declared(1000, 6), rounds, tend)
    measure(bench, "10000 services", declared(10000, 0), max(3, rounds // 3), tend)
    if shutil.which("terraform"):
        measure(bench, "1000 terraform_data", "", 1, terraform)
    else:
        bench.left_out.append("terraform (not installed; 19.2 s and 391 MB for 1,000 that refer to each other, "
                              "measured with Terraform 1.11.4 on a machine like this one)")
