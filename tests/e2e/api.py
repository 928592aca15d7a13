"""The daemon's API as the tests speak it: HTTP/1.1 over its UNIX socket (docs/architecture.md)."""
import contextlib
import http.client
import json
import os
import socket


class UnixConnection(http.client.HTTPConnection):
    """A path may be longer than the 107 bytes of a socket address: its folder is opened first."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        folder = os.open(os.path.dirname(self.path), os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{os.path.basename(self.path)}")
        finally:
            os.close(folder)


class Api:
    def __init__(self, socket_path):
        self.socket_path = socket_path

    def request(self, method, route, body=None, timeout=10):
        """Status and body; the body is text."""
        with contextlib.closing(UnixConnection(self.socket_path, timeout)) as connection:
            headers = {}
            if body is not None:
                body = json.dumps(body)
                headers["Content-Type"] = "application/json"
            connection.request(method, route, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def get(self, route, timeout=10):
        status, text = self.request("GET", route, timeout=timeout)
        assert status == 200, f"GET {route}: {status} {text}"
        return json.loads(text)

    def status(self):
        return self.get("/tend/v1/status")

    def events(self, since=0, **filters):
        """All events after `since`, oldest first."""
        query = "&".join(f"{k}={v}" for k, v in {"since": since, **filters}.items())
        status, text = self.request("GET", f"/tend/v1/events?{query}")
        assert status == 200, text
        return [json.loads(line) for line in text.splitlines() if line]

    def follow(self, since, timeout):
        """Events after `since` as they come; ends after `timeout` seconds without one."""
        with contextlib.closing(UnixConnection(self.socket_path, timeout)) as connection:
            try:
                connection.request("GET", f"/tend/v1/events?since={since}&follow=1")
                response = connection.getresponse()
                assert response.status == 200, response.read()
                while line := response.readline():
                    if line.strip():
                        yield json.loads(line)
            except (TimeoutError, socket.timeout):
                return
