"""The examples do what their pages say: copied, on free ports, with the programs of Debian."""
import pathlib
import shutil
import signal
import subprocess
import urllib.request

import pytest

from world import ROOT, free_port

REDIS = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
ETCD = pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed")


def bring(world, name, ports):
    """Copy an example into the world, with other ports than its fixed ones."""
    there = world.dir / name
    shutil.copytree(ROOT / "examples" / name, there, ignore=shutil.ignore_patterns("data"))
    world.name, world.file = name, there / "tend.yaml"
    text = world.file.read_text()
    free = {}
    for port in ports:
        free[port] = free_port()
        text = text.replace(str(port), str(free[port]))
    world.file.write_text(text)
    world.api.socket_path = str(world.run_dir / "sock")
    world.tend("up", "-d", timeout=60)
    return there, free


def body(port, path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


def body_or_nothing(port):
    """While something behind it comes back, a page may fail."""
    try:
        return body(port)
    except OSError:
        return ""


def test_the_static_site_is_served(world):
    there, free = bring(world, "static-site", [8090])
    assert "It works" in body(free[8090])
    (there / "site" / "index.html").write_text("changed")
    assert body(free[8090]) == "changed"


@REDIS
def test_the_shop_sells_and_heals(world):
    there, free = bring(world, "shop", [8088])
    web = free[8088]
    assert "coffee" in body(web)
    load = [ROOT / "examples" / "shop" / "load.py", "--port", str(web), "--rate", "20", "--seconds", "1"]
    done = subprocess.run(["/usr/bin/python3", *load], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("20 served, 0 failed"), done.stdout

    for subject in ("api/1", "redis/1", "worker/1"):
        before = world.pid(subject)
        world.kill(before)
        world.wait_for(lambda: world.instance(subject)["state"] == "ready"
                       and world.pid(subject) not in (None, before))
        assert "SIGKILL" in world.why(subject)
    world.wait_for(lambda: "coffee" in body_or_nothing(web))

    hanging = world.pid("web/1")
    world.kill(hanging, signal.SIGSTOP)
    world.wait_for(lambda: world.pid("web/1") not in (None, hanging)
                   and world.instance("web/1")["state"] == "ready")
    assert "The corner shop" in body(web)
    jobs = {job["name"]: job["state"] for job in world.status()["jobs"]}
    assert jobs == {"setup": "completed", "report": "scheduled"}
    world.tend("start", "--wait", "report")


@ETCD
def test_the_etcd_cluster_survives_a_member(world):
    ports = [23791, 23792, 23793, 23801, 23802, 23803]
    there, free = bring(world, "etcd-cluster", ports)
    for name in "abc":
        world.wait_until(name, "ready", timeout=30)
    clients = ",".join(f"127.0.0.1:{free[p]}" for p in ports[:3])

    def etcdctl(*args):
        return subprocess.run(["etcdctl", "--endpoints", clients, *args], check=True, text=True,
                              capture_output=True, env={"ETCDCTL_API": "3", "PATH": "/usr/bin"},
                              timeout=20).stdout

    etcdctl("put", "greeting", "hello")
    before = world.pid("b/1")
    world.kill(before)
    assert etcdctl("get", "greeting", "--print-value-only").strip() == "hello"
    world.wait_for(lambda: world.pid("b/1") not in (None, before)
                   and world.instance("b/1")["state"] == "ready", timeout=30)


@pytest.mark.parametrize("name", sorted(p.parent.name for p in pathlib.Path(ROOT / "examples").glob("*/tend.yaml")))
def test_its_file_is_without_fault(world, name):
    world.file = ROOT / "examples" / name / "tend.yaml"
    done = world.tend("check")
    assert "warning" not in done.stdout + done.stderr
