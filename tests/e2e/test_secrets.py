"""Planted secrets: all that tend writes and says is searched for them, in every form."""
import base64
import os
import pathlib
import random
import string
import time
import urllib.parse

import pytest

SEEDS = range(int(os.environ.get("TEND_SEEDS", "1")))


def plant(seed):
    """Secrets with signs that every encoding writes differently."""
    rng = random.Random(seed)
    letters = string.ascii_letters + string.digits + "!#%&*+-./:;<=>?@^_~ "
    return {name: "S" + "".join(rng.choice(letters) for _ in range(rng.randint(14, 30))) + "E"
            for name in ("variable", "environment", "file", "dotenv", "store")} | {
            "url": "".join(rng.choice(string.ascii_letters + "!+~") for _ in range(20))}


def forms(secret):
    raw = secret.encode()
    yield "plain", raw
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    yield "url", urllib.parse.quote(secret, safe="").encode()
    yield "form", urllib.parse.quote_plus(secret).encode()
    for shift in range(3):
        whole = b"x" * shift + raw
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            text = encode(whole).rstrip(b"=")
            yield f"{name}+{shift}", text[(8 * shift + 5) // 6:8 * len(whole) // 6]


def found(secrets, data):
    return [(name, form) for name, secret in secrets.items() for form, text in forms(secret) if text in data]


def files_of(world):
    """All of the state directory but what is kept for the owner's eyes: documents and contents."""
    for path in world.state.rglob("*"):
        if path.is_file() and "objects" not in path.parts and "logs" not in path.parts:
            yield path


def command_lines():
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield entry.read_bytes()
        except OSError:
            pass  # it has ended


def declare(world, secrets, tiny, extra=""):
    quoted = {name: "'" + value.replace("'", "''").replace("$", "$$") + "'" for name, value in secrets.items()}
    (world.dir / "app.env").write_text(f"FILE_TOKEN='{secrets['file']}'\n")
    (world.dir / ".env").write_text(f"DOT='{secrets['dotenv']}'\n")
    (world.dir / "store.txt").write_text(secrets["store"])
    world.declare_text(f"""\
name: e2e
variables:
  pw: {{secret: true, description: planted}}
services:
  web:
    command: [{tiny}]
    env_file: app.env
    environment:
      API_TOKEN: {quoted['environment']}
      DOT_SECRET: "${{DOT}}"
      PLAIN: "before ${{var.pw}} after"
      LINK: "http://user:{urllib.parse.quote(secrets['url'], safe='')}@127.0.0.1/"
    labels: {{note: "${{var.pw}}"}}
  failing:
    command: ["/nonexistent/${{var.pw}}"]
    restart: "no"
  loud:
    command: [sh, -c, "exec sleep 1000"]
    restart: "no"
    deploy: {{update_config: {{deadline: 1s}}}}
    healthcheck: {{exec: 'echo "$$LOUD"; exit 1', interval: 100ms, retries: 2, start_period: 0s}}
    environment: {{LOUD: "${{var.pw}}"}}
{extra}""")
    world.env["TEND_VAR_pw"] = secrets["variable"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_planted_secret_is_found_anywhere(world, tiny, seed):
    secrets = plant(seed)
    declare(world, secrets, tiny)
    said = []

    def tend(*args):
        done = world.tend(*args, check=False)
        said.append((args, (done.stdout + done.stderr).encode()))

    tend("check")
    tend("check", "--json")
    tend("plan")
    tend("plan", "--json")
    tend("plan", "--out", "plan.tend")
    tend("graph", "--json")
    tend("up", "-d")  # which fails: what it says of that is looked at too
    rotated = secrets | {"variable": secrets["variable"][::-1]}
    secrets["rotated"] = rotated["variable"]
    declare(world, rotated, tiny, extra="    user: nobody-of-that-name\n")
    tend("diff")
    tend("diff", "--json")
    tend("apply", "--yes")
    declare(world, rotated, tiny)
    tend("apply", "--yes")
    for command in (["status"], ["events"], ["history"], ["why", "web"], ["why", "failing"], ["why", "loud"],
                    ["logs", "--tail", "0"], ["plan"]):
        tend(*command)
        tend(*command, "--json")
    for path in ("status", "declared", "events", "generations", "generations/1", "why?subject=web"):
        said.append((path, world.api.request("GET", f"/tend/v1/{path}")[1]))
    said.append(("/", world.api.request("GET", "/")[1]))
    for text in command_lines():
        if b"/nonexistent/" not in text:
            said.append(("command line", text))
    for what, data in said:
        data = data if isinstance(data, bytes) else data.encode()
        assert found(secrets, data) == [], (what, data[:4000])
    for path in files_of(world):
        assert found(secrets, path.read_bytes()) == [], path
    for path in (world.state / "objects").glob("*"):
        assert path.stat().st_mode & 0o077 == 0
    assert (world.dir / "plan.tend").stat().st_mode & 0o077 == 0


def test_logs_are_what_the_service_wrote(world):
    """Byte for byte: tend does not rewrite them, and says so in its guide."""
    world.declare_text("name: e2e\nservices:\n  s:\n    command: [sh, -c, 'echo \"$$A_TOKEN\"; exec sleep 1000']\n"
                       "    environment: {A_TOKEN: ford-prefect-42}\n")
    world.up()
    deadline = time.monotonic() + 15
    while "ford-prefect-42" not in world.tend("logs", "s").stdout and time.monotonic() < deadline:
        pass
    assert "ford-prefect-42" in world.tend("logs", "s").stdout


def test_a_secret_is_not_taken_from_a_command_line(world, tiny):
    declare(world, plant(1), tiny)
    done = world.tend("plan", "--var", "pw=slartibartfast", check=False)
    assert done.returncode == 1
    assert "error[exposed-secret]" in done.stderr and "slartibartfast" not in done.stderr
