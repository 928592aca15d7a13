"""A container engine of the tests' own: dockerd on a socket and below a folder of its own, with one little
image. Where it cannot run, the tests that need it are skipped with the reason."""
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time

import children

TINY_IMAGE = "tend-e2e/tiny:1"
BUSYBOX = "/bin/busybox"


class Unusable(Exception):
    """This machine cannot run an engine; says why."""


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Engine:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tend-engine-"))
        self.socket = str(self.dir / "docker.sock")
        self.process = None
        if os.getuid() != 0:
            raise Unusable("an engine needs root")
        for program in ("dockerd", "containerd", "iptables"):
            if shutil.which(program) is None:
                raise Unusable(f"there is no {program}")
        if not os.path.exists(BUSYBOX):
            raise Unusable(f"there is no {BUSYBOX}")

    @property
    def host(self):
        return f"unix://{self.socket}"

    def start(self, timeout=40):
        log = open(self.dir / "log", "ab")
        (self.dir / "pid").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["dockerd", "--host", self.host, "--data-root", self.dir / "data", "--exec-root", self.dir / "exec",
             "--pidfile", self.dir / "pid", "--bridge", "none", "--ip6tables=false",
             "--default-address-pool", "base=172.29.0.0/16,size=24"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Unusable("dockerd does not start: " + self.last_line())
            try:
                if self.call("GET", "/_ping")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise Unusable("dockerd does not answer: " + self.last_line())

    def last_line(self):
        lines = (self.dir / "log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "no log"

    def call(self, method, path, body=None, kind="application/json"):
        connection = Connection(self.socket)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, path):
        status, body = self.call("GET", path)
        return json.loads(body) if status == 200 else None

    def make_image(self):
        """A static busybox, a page, and nothing else."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(BUSYBOX, "bin/busybox")
            for name in ("sh", "httpd", "sleep", "echo", "cat", "wget", "true", "false", "seq", "rm", "touch", "test", "cp", "ls"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
            for name, text in (("www/index.html", "hello\n"), ("etc/passwd", "root:x:0:0::/:/bin/sh\n")):
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
        repo, tag = TINY_IMAGE.split(":")
        status, body = self.call("POST", f"/images/create?fromSrc=-&repo={repo}&tag={tag}", packed.getvalue(),
                                 "application/x-tar")
        assert status == 200, body

    def inspect(self, name):
        return self.json(f"/containers/{name}/json")

    def names(self):
        return sorted(n.lstrip("/") for c in self.json("/containers/json?all=1") for n in c["Names"])

    def clear(self):
        """Nothing is left for the next test."""
        for name in self.names():
            self.call("DELETE", f"/containers/{name}?force=1&v=1")
        self.call("POST", "/networks/prune")
        for volume in self.json("/volumes")["Volumes"] or []:
            self.call("DELETE", f"/volumes/{volume['Name']}")

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self):
        """kill -9, and what it leaves: its containerd goes too, as both are one service here."""
        containerd = self.containerd_pid()
        self.process.kill()
        self.process.wait(10)
        if containerd is not None and containerd in children.descendants():
            os.kill(containerd, signal.SIGKILL)

    def pids(self):
        """dockerd, its containerd, their shims (which are nobody's children) and what runs below them."""
        mine, layer = set(), set()
        for pid in children.descendants():
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(self.dir) in words and "tendd" not in words:
                layer.add(pid)
        while layer - mine:
            mine |= layer
            layer = {child for pid in layer for child in children.children_of(pid)}
        return mine

    def containerd_pid(self):
        try:
            return int((self.dir / "exec" / "containerd" / "containerd.pid").read_text())
        except (OSError, ValueError):
            return None

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            try:
                self.clear()
            except (OSError, TypeError):
                pass
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        for line in reversed(pathlib.Path("/proc/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(str(self.dir) + "/"):
                subprocess.run(["umount", "-l", place], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
