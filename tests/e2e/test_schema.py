"""What is made of the field tables: the JSON Schema and the reference page of tend.yaml."""
import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest
import yaml

from fake_daemon import TEND

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/unit/spec/golden"


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, as tend and editors read: `no` and 1:30 are texts."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("int", r"^([-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+)$", list("-+0123456789")),
        ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", list("-+0123456789.")),
        ("merge", "^<<$", ["<"])):
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def tend(*words, **options):
    return subprocess.run([TEND, *words], capture_output=True, text=True, check=False, timeout=20, **options)


@pytest.fixture(scope="module")
def schema():
    done = tend("schema")
    assert done.returncode == 0 and not done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(text):
    return yaml.load(text, Loader=Core)  # a SafeLoader


def test_the_schema_is_one(schema, validator):
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:tend:schema:tend.yaml"
    service = json.dumps(schema["properties"]["services"]["additionalProperties"])
    assert "#/$defs/service" in service and "#/$defs/container" in service
    references = set(re.findall(r'"\$ref": "#/\$defs/([^"]*)"', json.dumps(schema)))
    assert references == set(schema["$defs"]) and all(re.fullmatch(r"[\w.]+", name) for name in references)
    assert set(schema["$defs"]) >= {"service", "healthcheck", "deploy.update_config", "port", "env_file", "hang"}
    for table in [schema, *schema["$defs"].values()]:
        assert table["additionalProperties"] is False and table["patternProperties"] == {"^x-": True}
        assert all(row["description"] for row in table["properties"].values())


def test_rows_say_their_bounds_words_and_defaults(schema):
    health = schema["$defs"]["healthcheck"]["properties"]
    assert health["retries"]["minimum"] == 1 and health["retries"]["default"] == 3
    assert health["interval"]["default"] == "10s"
    update = schema["$defs"]["deploy.update_config"]["properties"]
    assert {"enum": ["rollback", "pause", "continue"]} in update["failure_action"]["anyOf"]
    service = schema["$defs"]["service"]["properties"]
    assert service["networks"]["deprecated"] and "network" in service["networks"]["errorMessage"]
    assert service["tty"]["deprecated"] and service["tty"]["description"].startswith("Has no effect: ")
    assert service["command"]["description"].endswith("A change restarts its instances.")


def test_json_is_one_line(schema):
    out = tend("schema", "--json").stdout
    assert out.count("\n") == 1 and json.loads(out) == schema


@pytest.mark.parametrize("page, words", [
    ("tend.schema.json", ["schema"]), ("tend-yaml.md", ["__reference", "keys"]),
    ("diagnostics.md", ["__reference", "codes"]), ("cli.md", ["__reference"]),
    ("events.md", ["__reference", "events"])])
def test_what_is_committed_is_current(page, words):
    assert (ROOT / "docs/reference" / page).read_text() == tend(*words).stdout, "make reference"


def test_every_key_has_a_line_in_the_reference(schema):
    page = (ROOT / "docs/reference/tend-yaml.md").read_text()
    sections = {name.replace(" ", "_"): text for name, text in
                re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", page, re.M | re.S)}
    tables = {"project": schema, **schema["$defs"]}
    assert set(sections) == set(tables)
    rows = {name: set(re.findall(r"^\| `(\S+)` \|", text, re.M)) for name, text in sections.items()}
    rows["container"] |= rows["service"]  # the page has what a container has besides
    for name, table in tables.items():
        assert rows[name] == set(table["properties"]), name


def valid_files():
    yield from ROOT.glob("examples/*/tend.yaml")
    for path in GOLDEN.glob("*.yaml"):
        if path.with_suffix(".txt").read_text().endswith("loaded\n"):
            yield path
    yield ROOT / "tests/fuzz/corpus/document/all.yaml"


@pytest.mark.parametrize("path", valid_files(), ids=lambda p: "/".join(p.parts[-2:]))
def test_files_that_load_validate(validator, path):
    validator.validate(read(path.read_text()))


@pytest.mark.parametrize("name", ["typos", "unsupported", "values", "names"])
def test_files_that_are_refused_do_not_validate(validator, name):
    assert list(validator.iter_errors(read((GOLDEN / f"{name}.yaml").read_text())))


GOOD = """
command: [python3, -m, http.server, 8000]
command: "true"
entrypoint: env -i
environment: {A: b, B: 1, C: true, D: }
environment: [A=b, HOME]
environment: {x-a: b}
env_file: []
env_file: {path: gone, required: false}
env_file: [{path: gone, required: "false"}]
working_dir: /tmp
ports: [8080, "8080:8080", "127.0.0.1:8081:8081", {target: 80}, {target: "81", published: 81, protocol: udp}]
depends_on: [o]
depends_on: {o: {condition: service_started, restart: true}}
depends_on: {o: }
healthcheck: {test: [CMD, "true"], interval: 1m30s, timeout: 1.5s, retries: 5, start_period: 0}
healthcheck: {http: ":8080/x", start_interval: 5ms}
healthcheck: {tcp: true}
healthcheck: {tcp: 8080}
healthcheck: {tcp: "127.0.0.1:80"}
healthcheck: {watchdog: true}
healthcheck: {disable: true}
healthcheck: {exec: [a, b]}
healthcheck: {unix: run/s, x-note: 1}
restart: no
restart: "no"
restart: false
restart: on-failure:3
restart: unless-stopped
restart: {condition: no, stop_on: [0, "1"], delay: 10ms}
restart: {stop_on: 3}
stop_signal: SIGUSR2
stop_signal: term
stop_signal: 15
stop_signal: "15"
stop_grace_period: 1h
stop_grace_period: "0"
scale: 3
scale: "3"
scale: 0x2
mem_limit: 64m
mem_limit: 1048576
mem_limit: 1.5 GiB
cpus: 0.5
cpus: "1.5"
pids_limit: 100
deploy: {replicas: 2, resources: {limits: {memory: 1g, cpus: 2}, reservations: {memory: 1g}}}
deploy: {mode: replicated, update_config: {order: stop-first, parallelism: 0, failure_action: pause}}
deploy: {restart_policy: {condition: any, delay: 5s, max_attempts: 3, window: 120s}}
logging: {driver: json-file, options: {max-size: 10m, max-file: "3", compress: "true"}}
hang: {dump_signal: SIGQUIT, dump_wait: 3s}
labels: [a=b]
labels: {a: 1}
profiles: []
network_mode: host
ulimits: {nofile: 10, core: "0", nproc: {soft: 1, hard: -1}}
oom_score_adj: -500
cpuset: 0-1
security_opt: ["no-new-privileges:true"]
volumes: ["/srv:/srv", {type: bind, source: /a, target: /a, bind: {create_host_path: true}}]
extends: o
extends: {service: o}
privileged: false
read_only: "false"
tty: true
volumes:
x-any: [1, {a: b}]
deploy: {replicas: "${N:-2}"}
stop_grace_period: ${T:-5s}
privileged: ${P:-false}
restart: ${R:-always}
healthcheck: {retries: "${N:-3}", tcp: "${N:-80}"}
""".strip().splitlines()

WRONG = """
comand: x
command: {a: b}
command: [x, {a: b}]
environment: text
environment: {A: [b]}
env_file: [{required: true}]
env_file: [{path: x, pth: y}]
ports: 80
ports: [[80]]
ports: [{target: 0}]
ports: [{published: 80}]
depends_on: o
depends_on: {o: 1}
depends_on: {o: {condition: service_helthy}}
healthcheck: [http, /]
healthcheck: {retries: 0}
healthcheck: {interval: 10}
healthcheck: {interval: 0}
healthcheck: {interval: soon}
healthcheck: {htpp: /}
healthcheck: {watchdog: false}
restart: sometimes
restart: true
restart: {condition: false}
restart: {stop_on: [256]}
stop_signal: [15]
stop_signal: 65
stop_signal: SIG TERM
stop_grace_period: -1s
scale: -1
scale: 10001
scale: 1.5
scale: many
mem_limit: lots
mem_limit: 1000
mem_limit: 1x
cpus: 0
cpus: many
deploy: {replica: 2}
deploy: {mode: global}
deploy: {placement: {}}
deploy: {update_config: {order: start-first}}
deploy: {update_config: {failure_action: rollbak}}
deploy: {resources: {limits: {memory: 1}}}
logging: {driver: syslog}
logging: {options: {max-file: -3}}
hang: {dump_wait: soon}
labels: text
profiles: debug
extends: {file: x.yaml}
extends: {srvice: o}
network_mode: bridge
read_only: [false]
image: [redis]
volumes: [{source: /a, target: /a}]
ulimits: {nofiles: 3}
ulimits: {nofile: {soft: 3}}
oom_score_adj: 2000
""".strip().splitlines()


def project(line):
    command = "" if line.startswith("command:") else "    command: x\n"
    return f"name: t\nservices:\n  o: {{command: x}}\n  s:\n{command}    {line}\n"


def loads(folder, text):
    (folder / "tend.yaml").write_text(text)
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return tend("check", "-f", "tend.yaml", cwd=folder, env=clean)


@pytest.mark.parametrize("line", GOOD)
def test_what_loads_validates(validator, tmp_path, line):
    done = loads(tmp_path, project(line))
    assert done.returncode == 0, done.stdout + done.stderr
    validator.validate(read(project(line)))


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_refused_by_both(validator, tmp_path, line):
    assert loads(tmp_path, project(line)).returncode == 1
    errors = list(validator.iter_errors(read(project(line))))
    assert errors and all(list(e.path)[:2] == ["services", "s"] for e in errors)


@pytest.mark.parametrize("text", [
    "services: []\n", "servces: {}\n", "services: {A b: {command: x}}\n", "services: {a: }\n", "services: {a: text}\n",
    "include: [{pth: x.yaml}]\nservices: {a: {command: x}}\n", "name: A b\nservices: {a: {command: x}}\n", "[]\n"])
def test_a_wrong_top_is_refused_by_both(validator, tmp_path, text):
    assert loads(tmp_path, text).returncode == 1
    assert not validator.is_valid(read(text))
