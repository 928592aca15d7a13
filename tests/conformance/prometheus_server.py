"""A real Prometheus on a port of its own, which takes remote write and answers queries."""
import http.client
import json
import shutil
import socket
import struct
import subprocess
import time
import urllib.parse

PROGRAM = shutil.which("prometheus")
STALE_BITS = 0x7FF0000000000002


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def snappy(data):
    """The block format with literals only."""
    out = [varint(len(data))]
    for start in range(0, len(data), 60000):
        part = data[start:start + 60000]
        out += [bytes([61 << 2]), struct.pack("<H", len(part) - 1), part]
    return b"".join(out)


def write_request(samples):
    """Of (labels, time in ms, value or "stale"): prometheus.WriteRequest."""
    series = []
    for labels, at, value in samples:
        bits = struct.pack("<Q", STALE_BITS) if value == "stale" else struct.pack("<d", value)
        body = b"".join(field(1, field(1, name.encode()) + field(2, text.encode())) for name, text in sorted(labels.items()))
        body += field(2, varint(1 << 3 | 1) + bits + varint(2 << 3) + varint(at))
        series.append(field(1, body))
    return b"".join(series)


class Prometheus:
    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "data_directory").mkdir()
        (folder / "prometheus.yml").write_text("global: {}\n")
        self.log = open(folder / "prometheus.log", "wb")
        self.child = subprocess.Popen(
            [PROGRAM, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data_directory",
             f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver",
             "--storage.tsdb.retention.time=100y", "--web.console.templates=/nonexistent", "--web.console.libraries=/nonexistent"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            self.connection = None
            raise

    def wait(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.child.poll() is None:
            try:
                if self.request("GET", "/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError("Prometheus does not get ready")

    def write(self, samples):
        status, text = self.request("POST", "/api/v1/write", snappy(write_request(samples)), {
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0"})
        assert status in (200, 204), text

    def ask(self, line):
        """The same lines that promqlask takes."""
        kind, rest = line.split(" ", 1)
        if kind == "instant":
            at, query = rest.split(" ", 1)
            path, form = "/api/v1/query", {"time": int(at) / 1000, "query": query}
        else:
            start, end, step, query = rest.split(" ", 3)
            path, form = "/api/v1/query_range", {"start": int(start) / 1000, "end": int(end) / 1000,
                                                  "step": int(step) / 1000, "query": query}
        return json.loads(self.request("POST", path, urllib.parse.urlencode(form),
                                       {"Content-Type": "application/x-www-form-urlencoded"})[1])

    def stop(self):
        self.child.terminate()
        self.child.wait(30)
        self.log.close()
