"""A daemon that only talks: answers the API on RUN/sock from a table, for tests of the CLI.

    with FakeDaemon() as daemon:
        daemon.answer("GET", "/tend/v1/status", {"v": 1, ...})
        daemon.stream("GET", "/tend/v1/events", [{...}, {...}], follow=True)
        run(daemon, "status")
"""
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import socketserver
import subprocess
import tempfile
import threading
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TEND_BUILD", ROOT / "build")).resolve()
TEND = BUILD / "tend"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "unix"

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        daemon = self.server.daemon
        daemon.requests.append((self.command, url.path, urllib.parse.parse_qs(url.query), body))
        answer = daemon.answers.get((self.command, url.path))
        if answer is None:
            self.send_whole(404, {"v": 1, "error": {"kind": "missing", "text": "no such route", "help": ""}})
        elif answer[0] == "whole":
            self.send_whole(answer[1], answer[2])
        else:
            self.send_stream(answer[1], answer[2])

    do_GET = do_POST = handle_any

    def send_whole(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def send_stream(self, lines, more):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            self.send_chunk(json.dumps(line).encode() + b"\n")
        while more is not None:
            line = more.get()
            if line is None:
                break
            self.send_chunk(json.dumps(line).encode() + b"\n")
        self.wfile.write(b"0\r\n\r\n")

    def send_chunk(self, data):
        # In two pieces, so that a reader that trusts one read to be one line is found out.
        half = len(data) // 2
        for part in (data[:half], data[half:]):
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away


def run_base():
    if os.geteuid() == 0:
        return pathlib.Path("/run/tend")
    if os.environ.get("XDG_RUNTIME_DIR"):
        return pathlib.Path(os.environ["XDG_RUNTIME_DIR"]) / "tend"
    return pathlib.Path(f"/tmp/tend-{os.geteuid()}")


class FakeDaemon:
    def __init__(self, project="shop"):
        self.project = project
        self.answers, self.requests = {}, []
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="tend-e2e-"))
        self.state = self.scratch / "state"
        self.state.mkdir(mode=0o700)
        digits = hashlib.sha256(os.path.realpath(self.state).encode()).hexdigest()[:8]
        self.run = run_base() / f"{project}-{digits}"
        self.server = None

    def __enter__(self):
        self.run.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.run.mkdir(mode=0o700)
        self.start()
        return self

    def start(self):
        path = self.run / "sock"
        path.unlink(missing_ok=True)
        here = os.getcwd()
        os.chdir(self.run)  # a socket path has 107 bytes
        try:
            self.server = Server("sock", Handler)
        finally:
            os.chdir(here)
        self.server.daemon = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
            self.server = None

    def __exit__(self, *args):
        self.stop()
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def answer(self, method, path, value, status=200):
        self.answers[(method, path)] = ("whole", status, value)

    def stream(self, method, path, lines, more=None):
        """`more` is a queue of further lines, None in it ends the stream."""
        self.answers[(method, path)] = ("stream", lines, more)

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items()
                if k not in ("NO_COLOR", "TEND_STATE", "COMPOSE_PROJECT_NAME", "CLICOLOR_FORCE", "COLUMNS")}
        return {**kept, "LANG": "C.UTF-8", "TERM": "xterm", "TZ": "UTC", **more}

    def command(self, *words):
        return [str(TEND), "-p", self.project, "--state", str(self.state), *words]

    def tend(self, *words, stdin=subprocess.DEVNULL, **environment):
        return subprocess.run(self.command(*words), capture_output=True, text=True, stdin=stdin,
                              timeout=30, env=self.environment(**environment), cwd=self.scratch)


def instance(service, slot, **more):
    return {"id": f"{service}/{slot}", "slot": slot, "state": "ready", "pid": 900 + slot,
            "address": f"127.0.0.1:{20000 + slot}", "incarnation": 1, "restarts": 0,
            "since": "2026-11-24T00:00:00Z", "started_at": "2026-11-24T00:00:00Z", "revision": "3f9c",
            "reason": "", "memory_bytes": 8 << 20, "cpu_seconds": 0.5, "last_exit": None, **more}


def status(*services, **more):
    return {"v": 1, "project": "shop", "version": "0.1.0", "pid": 812,
            "started_at": "2026-11-24T00:00:00Z", "state_dir": "/x", "paused_until": None,
            "degraded": [], "head": 4, "services": list(services), **more}


def service(name, *instances, state="ready", **more):
    return {"name": name, "state": state, "revision": "3f9c", "desired": len(instances),
            "ready": sum(i["state"] == "ready" for i in instances), "update": None,
            "instances": list(instances), **more}
