"""Who may do what from where: TCP with and without token, other sites' pages, files, another machine."""
import http.client
import json
import os
import stat
import subprocess

import world as world_module


def http_request(world, method, route, body=None, **headers):
    """Status and text over TCP; names of headers are written with _ for -."""
    host, port = world.listen.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            body = json.dumps(body)
            given["Content-Type"] = "application/json"
        connection.request(method, route, body, given)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def up(world, tiny):
    world.declare({"web": {"command": tiny}})
    world.up()
    return (world.state / "token").read_text().strip()


def test_reading_over_tcp_is_open_on_loopback(world, tiny):
    up(world, tiny)
    for route in ("/tend/v1/status", "/tend/v1/events", "/metrics", "/-/healthy", "/-/ready", "/",
                  "/tend/v1/openapi.json", "/tend/v1/why?subject=web", "/tend/v1/verify"):
        code, text = http_request(world, "GET", route)
        assert code == 200 and text, route


def test_changing_over_tcp_needs_the_token(world, tiny):
    token = up(world, tiny)
    scale = "/tend/v1/services/web/scale"
    assert http_request(world, "POST", scale, {"replicas": 3})[0] == 401
    assert http_request(world, "POST", scale, {"replicas": 3}, Authorization="Bearer " + "0" * 64)[0] == 401
    assert http_request(world, "POST", scale, {"replicas": 3}, Authorization=token)[0] == 401
    assert len(world.service("web")["instances"]) == 1
    code, text = http_request(world, "POST", scale, {"replicas": 2}, Authorization=f"Bearer {token}")
    assert code == 200 and json.loads(text.splitlines()[-1])["ok"], text
    assert len(world.service("web")["instances"]) == 2


def test_every_mutating_route_of_the_description_is_closed(world, tiny):
    up(world, tiny)
    described = json.loads(http_request(world, "GET", "/tend/v1/openapi.json")[1])
    tried = 0
    for route, methods in described["paths"].items():
        for method in methods:
            if method != "post":
                continue
            code, _ = http_request(world, "POST", route.replace("{name}", "web"), {})
            assert code in (401, 403), (route, code)
            tried += 1
    assert tried >= 8
    assert world.service("web")["state"] == "ready"


def test_another_host_name_or_origin_is_refused(world, tiny):
    token = up(world, tiny)
    assert http_request(world, "GET", "/tend/v1/status", Host="evil.example")[0] in (403, 421)
    assert http_request(world, "GET", "/tend/v1/status", Origin="http://evil.example")[0] == 403
    assert http_request(world, "POST", "/tend/v1/services/web/scale", {"replicas": 2},
                        Authorization=f"Bearer {token}", Origin="http://evil.example")[0] == 403
    assert http_request(world, "GET", "/tend/v1/status", Sec_Fetch_Site="cross-site")[0] == 403
    own = f"http://{world.listen}"
    assert http_request(world, "GET", "/tend/v1/status", Origin=own)[0] == 200


def test_the_environment_is_never_told_over_tcp(world, tiny):
    token = up(world, tiny)
    code, text = http_request(world, "GET", "/tend/v1/services/web/environment", Authorization=f"Bearer {token}")
    assert code == 403 and "PATH=" not in text


def test_what_belongs_to_the_owner_is_closed_to_others(world, tiny):
    up(world, tiny)
    assert mode(world.state) == 0o700 and mode(world.run_dir) == 0o700
    assert mode(world.state / "token") == 0o600
    assert mode(world.run_dir / "sock") == 0o600
    for path in [*(world.state / "objects").iterdir(), *(world.state / "journal").iterdir(), world.state / "key"]:
        assert mode(path) & 0o077 == 0, path


FAKE_SSH = """#!/bin/sh
# What ssh would do on the other machine: run the command given behind "--" and the host.
echo "$@" >> "$SSH_LOG"
while [ "$1" != "--" ]; do shift; done
shift 2
unset TEND_STATE
exec /bin/sh -c "$*"
"""


def test_another_machine_is_reached_by_ssh(world, tiny):
    up(world, tiny)
    folder = world.dir / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(FAKE_SSH)
    (folder / "ssh").chmod(0o755)
    env = {**world.env, "PATH": f"{folder}:{world.env['PATH']}", "SSH_LOG": str(world.dir / "ssh.log")}

    def remote(*words):
        return subprocess.run([world_module.BUILD / "tend", "-H", "somebody@elsewhere", "--state", world.state,
                               *words], env=env, cwd=world.dir, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, check=False)

    done = remote("status", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["project"] == world.name
    assert "web/1" in remote("events").stdout
    assert remote("scale", "web=2").returncode == 0
    assert len(world.service("web")["instances"]) == 2
    done = remote("exec", "web/2", "--", "sh", "-c", "echo \"$TEND_INSTANCE it's\"; exit 7")
    assert (done.stdout, done.returncode) == ("web/2 it's\n", 7), done.stderr
    assert "somebody@elsewhere" in (world.dir / "ssh.log").read_text()
