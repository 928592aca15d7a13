"""What the shop's programs share: Redis, a small HTTP server, and talking to tend."""
import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CATALOGUE = "catalogue"        # hash: item → price in cents
ORDERS = "orders"              # list: orders that wait for a worker
PLACED, SHIPPED = "orders:placed", "orders:shipped"
BODY_BYTES_MAX = 64 << 10


def say(text):
    print(text, flush=True)


def connect():
    import redis

    return redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]),
                       decode_responses=True, socket_timeout=5, socket_connect_timeout=1,
                       health_check_interval=5)


def exit_on_sigterm():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def notify(text):
    """sd_notify: one datagram to the socket named in the environment, if there is one."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), "\0" + path[1:] if path.startswith("@") else path)


class Handler(BaseHTTPRequestHandler):
    """Routes are methods: GET /cart/ann calls get_cart("ann")."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def answer(self, status, body, kind="application/json", headers=()):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            raise ValueError("the request is too large")
        return self.rfile.read(length).decode()

    def route(self, method):
        first, *rest = self.path.partition("?")[0].strip("/").split("/")
        function = getattr(self, f"{method}_{first or 'index'}", None)
        try:
            if function is None:
                self.answer(404, {"error": "not here"})
            else:
                function(*rest)
        except TypeError:
            self.answer(404, {"error": "not here"})
        except Exception as problem:  # say what happened, to the log and to the caller
            say(f"{method} {self.path}: {problem!r}")
            self.answer(503, {"error": type(problem).__name__})

    def do_GET(self):
        self.route("get")

    def do_POST(self):
        self.route("post")

    def log_message(self, format, *args):
        if not self.path.startswith("/healthz"):
            say(f"{self.command} {self.path} {args[1] if len(args) > 1 else ''}")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def serve(handler):
    exit_on_sigterm()
    port = int(os.environ["PORT"])
    say(f"listening on 127.0.0.1:{port}")
    Server(("127.0.0.1", port), handler).serve_forever()
