"""`tend init`: what it makes of a folder, and that `tend check` takes it."""
import json
import os
import subprocess

import pytest
import yaml

from fake_daemon import TEND


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "My Shop"
    made.mkdir()
    return made


def tend(folder, *words):
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run([TEND, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=20,
                          env=clean)


def made(folder):
    """What init writes, once `tend check --strict` has nothing to say about it."""
    done = tend(folder, "init")
    assert done.returncode == 0, done.stderr
    checked = tend(folder, "check", "--strict", "--json")
    assert checked.returncode == 0 and json.loads(checked.stdout)["diagnostics"] == [], checked.stdout
    assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == []
    return yaml.safe_load((folder / "tend.yaml").read_text())


def put(folder, name, text, mode=0o644):
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def test_a_procfile_gives_a_service_a_line(folder):
    put(folder, "Procfile", "# shop\nweb: gunicorn app:app --bind 0.0.0.0:$PORT\n\nWorker_1: python3 worker.py --fast\n"
        "release: python3 migrate.py && echo \"done: $HOME\"\nenv: A=b ./x\nodd name: x\nempty:\nweb: again\n")
    services = made(folder)["services"]
    assert services == {
        "web": {"command": ["sh", "-c", "exec gunicorn app:app --bind 0.0.0.0:$$PORT"]},
        "worker_1": {"command": "python3 worker.py --fast"},
        "release": {"command": ["sh", "-c", "python3 migrate.py && echo \"done: $$HOME\""], "restart": "no"},
        "env": {"command": ["sh", "-c", "A=b ./x"]},
        "web-2": {"command": "again"},
    }


@pytest.mark.parametrize("line", [
    "null", "true", "echo 'it''s' \\ \"x\" # no comment", "a: b", "cmd:", "x {y: z} [1]", "@at", "%p", "- x", "é ü",
    "cd app && ./run", "echo ${A:-b} $$ `date`", "\ttabbed\there", "\x01", "é\u2028x", "*", "a" * 4096, "a" * 200000])
def test_any_line_of_a_procfile_passes_the_check(folder, line):
    put(folder, "Procfile", f"web: {line}\nother: sleep 1\n")
    assert made(folder)["services"]["other"] == {"command": "sleep 1"}


def test_a_procfile_of_many_long_lines_is_taken_up_to_fifty(folder):
    put(folder, "Procfile", "".join(f"s{i}: x {'$' * 4000}\n" for i in range(60)))
    assert len(made(folder)["services"]) == 50


def test_a_procfile_that_is_no_text_says_nothing(folder):
    (folder / "Procfile").write_bytes(b"web: \xff\xfe\n")
    assert "http.server" in str(made(folder)["services"]["web"])


@pytest.mark.parametrize("lock, command", [
    ("package-lock.json", "npm start"), ("yarn.lock", "yarn start"), ("pnpm-lock.yaml", "pnpm start")])
def test_a_start_script_is_run_by_its_package_manager(folder, lock, command):
    put(folder, "package.json", json.dumps({"scripts": {"start": "node ."}}))
    put(folder, lock, "")
    assert made(folder)["services"] == {"web": {"command": command}}


def test_a_package_without_a_start_script_is_passed_over(folder):
    put(folder, "package.json", json.dumps({"scripts": {"test": "x"}}))
    put(folder, "Makefile", "run:\n\t./x\n")
    assert made(folder)["services"] == {"web": {"command": "make run"}}


@pytest.mark.parametrize("text, command", [
    ("all: x\nrun: all\n\t./x\n", "make run"), ("serve start: x\n\t./x\n", "make serve"),
    ("dev::\n\t./x\n", "make dev")])
def test_a_makefile_is_run_by_its_target(folder, text, command):
    put(folder, "Makefile", text)
    assert made(folder)["services"] == {"web": {"command": command}}


@pytest.mark.parametrize("text", ["run := x\n", "run = a:b\n", "# run: x\n", "all:\n\trun: x\n", ".PHONY: run\n"])
def test_what_only_looks_like_a_target_is_none(folder, text):
    put(folder, "Makefile", text)
    assert "make" not in str(made(folder)["services"]["web"]["command"])


def test_the_only_python_program_is_run(folder):
    put(folder, "my app.py", "print(1)\n")
    put(folder, "test_it.py", "import http\n")
    assert made(folder)["services"] == {"my-app": {"command": ["sh", "-c", "exec python3 'my app.py'"]}}


def test_of_several_python_programs_the_one_about_http_is_run(folder):
    put(folder, "a.py", "print(1)\n")
    put(folder, "serve.py", "import http.server\n")
    assert made(folder)["services"] == {"serve": {"command": "python3 serve.py"}}


def test_django_is_run_by_its_own_server(folder):
    put(folder, "manage.py", "import django\n")
    assert "runserver" in made(folder)["services"]["web"]["command"][2]


def test_a_single_executable_is_run(folder):
    put(folder, "Server", "#!/bin/sh\nsleep 100\n", 0o755)
    put(folder, "notes", "")
    assert made(folder)["services"] == {"server": {"command": "./Server"}}


@pytest.mark.parametrize("name", ["a b", "it's", "$x", "né", "x;y", "123", "#x", "a\tb", "a\nb", "-x"])
def test_any_name_of_an_executable_passes_the_check(folder, name):
    put(folder, name, "", 0o755)
    made(folder)


def test_an_empty_folder_gives_an_example_that_runs_something(folder):
    service = made(folder)["services"]["web"]
    assert "http.server" in service["command"][2] and service["healthcheck"]["http"] == "/"


def test_the_name_is_the_folders(folder):
    assert made(folder)["name"] == "myshop"


def test_nothing_is_overwritten(folder):
    put(folder, "tend.yaml", "mine")
    done = tend(folder, "init")
    assert done.returncode == 1
    assert "error: tend.yaml is there already\nhelp: tend check" in done.stderr
    assert (folder / "tend.yaml").read_text() == "mine"
    (folder / "tend.yaml").unlink()
    (folder / "tend.yaml").symlink_to("nowhere")
    assert tend(folder, "init").returncode == 1 and not (folder / "nowhere").exists()


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.yml"])
def test_a_compose_file_needs_nothing(folder, name):
    put(folder, name, "services: {}\n")
    done = tend(folder, "init")
    assert done.returncode == 0 and f"{name} is read as it is" in done.stderr
    assert not (folder / "tend.yaml").exists()


def test_print_writes_no_file(folder):
    put(folder, "Procfile", "web: ./x\n")
    done = tend(folder, "init", "--print")
    assert done.returncode == 0 and yaml.safe_load(done.stdout)["services"] == {"web": {"command": "./x"}}
    assert not (folder / "tend.yaml").exists()


def test_json_tells_what_was_written(folder):
    put(folder, "Procfile", "web: ./x\n")
    value = json.loads(tend(folder, "init", "--json").stdout)
    assert value["written"] and value["from"] == "Procfile" and value["services"] == ["web"]
    assert value["text"] == (folder / "tend.yaml").read_text()
    assert json.loads(tend(folder, "init", "--json").stdout)["error"]["text"] == "tend.yaml is there already"


def test_another_folder_can_be_named(folder, tmp_path):
    put(folder, "Procfile", "web: ./x\n")
    assert tend(tmp_path, "init", "My Shop").returncode == 0
    assert (folder / "tend.yaml").exists() and not (tmp_path / "tend.yaml").exists()
    done = tend(tmp_path, "init", "nowhere")
    assert done.returncode == 1 and "nowhere: No such file or directory" in done.stderr


def test_a_file_cannot_be_named(folder):
    assert tend(folder, "init", "-f", "x.yaml").returncode == 2


def test_a_folder_that_cannot_be_written_is_an_error():
    done = subprocess.run([TEND, "init", "/proc/self"], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1 and done.stderr.startswith("error: /proc/self/tend.yaml: ")
