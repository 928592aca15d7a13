"""Files, links and directories: declared, planned, applied, and gone again."""
import json
import os
import pathlib
import stat

import pytest


def tree(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def out(world):
    return world.dir / "out"


def declare(world, files=None, directories=None, services=None):
    rest = {}
    if files is not None:
        rest["files"] = files
    if directories is not None:
        rest["directories"] = directories
    world.declare(services or {}, **rest)


SITE = {
    "files": {
        "conf": {"path": "out/etc/site.conf", "content": "workers 512;\nname shop;\n", "mode": "0640"},
        "out/etc/current": {"target": "site.conf"},
    },
    "directories": {"out": {}, "etc": {"path": "out/etc", "mode": "0750"}},
}


def test_what_is_declared_is_made_and_then_nothing_is_left_to_do(world):
    declare(world, **SITE)
    plan = world.tend("plan").stdout
    assert "+ file conf" in plan and "+workers 512;" in plan and "4 to create" in plan, plan
    world.apply()
    site = out(world) / "etc/site.conf"
    assert site.read_text() == "workers 512;\nname shop;\n"
    assert stat.S_IMODE(site.stat().st_mode) == 0o640
    assert stat.S_IMODE(site.parent.stat().st_mode) == 0o750
    assert os.readlink(out(world) / "etc/current") == "site.conf"
    assert world.json("plan")["changes"] == []
    world.down()
    assert world.json("plan")["changes"] == [], "the plan without a daemon is as true"


def test_the_order_follows_from_paths_references_and_depends_on(world, tiny):
    declare(world, **SITE, services={"web": {
        "command": [tiny], "environment": {"CONF": "${files.conf.path}"}, "healthcheck": {"http": "/"}}})
    waves = {f"{c['kind']} {c['name']}": c["wave"] for c in world.json("plan")["changes"]}
    assert waves["directory out"] < waves["directory etc"] < waves["file conf"] < waves["service web"], waves
    world.apply()
    environ = pathlib.Path(f"/proc/{world.pid('web/1')}/environ").read_bytes()
    assert f"CONF={out(world)}/etc/site.conf".encode() in environ


def test_a_change_shows_its_hunks_and_restarts_whom_it_concerns(world, tiny):
    web = {"command": [tiny], "healthcheck": {"http": "/"}, "depends_on": {"files.conf": {"restart": True}}}
    other = {"command": [tiny], "healthcheck": {"http": "/"}}
    declare(world, **SITE, services={"web": web, "other": other})
    world.apply()
    web_pid, other_pid = world.pid("web/1"), world.pid("other/1")
    changed = json.loads(json.dumps(SITE))
    changed["files"]["conf"]["content"] = "workers 4096;\nname shop;\n"
    declare(world, **changed, services={"web": web, "other": other})
    plan = world.tend("plan").stdout
    assert "-workers 512;" in plan and "+workers 4096;" in plan, plan
    assert "service web  is restarted, because files.conf changes" in plan, plan
    world.apply()
    assert world.pid("web/1") != web_pid and world.pid("other/1") == other_pid
    why = world.why("web")
    assert "tend asked to restart web: files.conf has changed" in why, why
    assert "somebody asked" not in why, why
    assert world.json("plan")["changes"] == []


def test_what_is_no_longer_declared_is_removed_unless_it_was_there_before(world):
    out(world).mkdir()
    (out(world) / "theirs").write_text("precious\n")
    declare(world, files={"out/theirs": {"content": "ours\n"}, "out/ours": {"content": "x"}})
    world.apply()
    declare(world, files={})
    plan = world.tend("plan").stdout
    assert "out/theirs  is left as it is: it was there before tend" in plan, plan
    world.apply()
    assert tree(out(world)) == ["theirs"]
    assert world.json("plan")["changes"] == []


def test_a_path_that_moves_leaves_nothing_behind(world):
    declare(world, files={"conf": {"path": "out/a", "content": "x"}}, directories={"out": {}})
    world.apply()
    declare(world, files={"conf": {"path": "out/b", "content": "x"}}, directories={"out": {}})
    world.apply()
    assert tree(out(world)) == ["b"]
    assert world.json("plan")["changes"] == []


def test_what_somebody_changed_is_marked_and_healed(world):
    declare(world, files={"f": {"content": "x\n"}})
    world.apply()
    (world.dir / "f").write_text("hacked\n")
    plan = world.tend("plan").stdout
    assert "! changed behind tend's back at 20" in plan and "-hacked" in plan, plan
    world.apply()
    assert (world.dir / "f").read_text() == "x\n"


def test_a_sensitive_content_is_in_no_output_and_in_no_journal(world):
    declare(world, files={"f": {"content": "hush-hush-1\n", "sensitive": True}})
    world.apply()
    assert stat.S_IMODE((world.dir / "f").stat().st_mode) == 0o600
    declare(world, files={"f": {"content": "hush-hush-2\n", "sensitive": True}})
    said = "".join(world.tend(*words).stdout for words in (
        ("plan",), ("plan", "--json"), ("diff",), ("events", "--json"), ("history", "1")))
    world.apply()
    said += world.tend("history", "2").stdout + world.tend("events", "--json").stdout
    said += json.dumps(world.api.get("/tend/v1/declared"))
    assert "hush-hush" not in said
    assert not any(b"hush-hush" in p.read_bytes() for p in (world.state / "journal").iterdir())


def test_a_source_is_taken_byte_by_byte_when_the_file_is_loaded(world):
    (world.dir / "logo").write_bytes(b"\0\x01\xff${NOT_A_VARIABLE}")
    declare(world, files={"copy": {"source": "logo"}})
    world.apply()
    assert (world.dir / "copy").read_bytes() == b"\0\x01\xff${NOT_A_VARIABLE}"


def test_what_fails_stops_what_needs_it_and_nothing_else(world, tiny):
    (world.dir / "taken").mkdir()
    web = {"command": [tiny], "healthcheck": {"http": "/"}}
    files = {"bad": {"path": "taken", "content": "x"}, "needs": {"content": "x", "depends_on": ["files.bad"]},
             "good": {"content": "x"}}
    declare(world, files=files, services={"web": {**web, "depends_on": ["files.bad"]}, "other": web})
    done = world.tend("apply", "--yes", check=False)
    assert done.returncode == 4, done.stderr
    assert "there is a directory: move it away" in done.stderr, done.stderr
    assert (world.dir / "good").exists() and not (world.dir / "needs").exists()
    assert [s["name"] for s in world.status()["services"]] == ["other"]
    (world.dir / "taken").rmdir()
    world.apply()
    assert (world.dir / "needs").exists() and world.service("web")["state"] == "ready"
    assert world.json("plan")["changes"] == []


@pytest.mark.parametrize("text, said", [
    ("files: {f: {content: x, target: y}}", "one of content, source and target"),
    ("files: {f: {}}", "does not say what it holds"),
    ("files: {f: {contnet: x}}", "did you mean 'content'?"),
    ("files: {f: {content: x, mode: 0999}}", "octal number"),
    ("files: {f: {source: missing}}", "missing"),
    ("files: {f: {content: x}, g: {path: f, content: y}}", "both about"),
    ("files: {f: {content: x, depends_on: [files.g]}}", "no such file"),
    ("files: {f: {content: x, depends_on: [files.g]}, g: {content: x, depends_on: [files.f]}}", "files.f → files.g → files.f"),
    ("files: {f: {content: '${files.g.path}', depends_on: [files.g]}, g: {content: '${files.f.path}'}}", "circle"),
    ("files: {f: {content: '${files.none.path}'}}", "names no file"),
    ("files: {f: {content: '${files.f.size}'}}", "no .size"),
    ("files: {f: {content: x, depends_on: [web]}}\nservices: {web: {command: sleep 1}}", "waits for a service"),
    ("directories: {/: {}}", "root directory"),
])
def test_what_is_wrong_is_told_with_its_place(world, text, said):
    world.declare_text(f"name: e2e\n{text}\n")
    done = world.tend("check", check=False)
    assert done.returncode == 1 and said in done.stdout, done.stdout
    assert "tend.yaml:" in done.stdout, done.stdout
