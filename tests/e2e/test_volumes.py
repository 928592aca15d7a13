"""Volumes, tmpfs, configs and secrets, as the process itself sees them."""
import os
import pathlib
import subprocess

import pytest

import world as world_module

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
SLEEP = ["/bin/sleep", "1000"]


def seen(world, subject, path):
    """A path as the instance sees it."""
    return pathlib.Path(f"/proc/{world.pid(subject)}/root{path}")


def read(world, subject, *command):
    """What a command says that runs as the service would."""
    return world.tend("exec", subject, "--", *command).stdout


@pytest.fixture
def open_world(world):
    """One whose folder other users may pass through."""
    world.dir.chmod(0o755)
    return world


def mounts(world, subject):
    """{mount point: (options, type)}"""
    found = {}
    for line in pathlib.Path(f"/proc/{world.pid(subject)}/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        found[before.split()[4]] = (before.split()[5].split(","), after.split()[0], after.split()[2])
    return found


@root_only
def test_named_volumes_and_binds_are_seen_at_their_targets(open_world):
    world = open_world
    (world.dir / "conf").mkdir()
    (world.dir / "conf" / "app.ini").write_text("hello\n")
    target = world.dir / "srv"
    world.declare({"web": {"command": SLEEP, "user": "nobody", "volumes": [
        f"data:{target}/data", f"./conf:{target}/conf:ro",
        {"type": "bind", "source": "conf/app.ini", "target": f"{target}/one.ini", "read_only": True}]}},
        volumes={"data": {}})
    world.up()
    assert seen(world, "web/1", f"{target}/conf/app.ini").read_text() == "hello\n"
    assert seen(world, "web/1", f"{target}/one.ini").read_text() == "hello\n"
    points = mounts(world, "web/1")
    assert "ro" in points[f"{target}/conf"][0]
    assert "rw" in points[f"{target}/data"][0]
    assert not any(str(target) in line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines())
    world.tend("exec", "web", "--", "/bin/sh", "-c", f"echo kept > {target}/data/note")
    assert (world.state / "volumes" / "data" / "note").read_text() == "kept\n"
    assert world.tend("exec", "web", "--", "/bin/touch", f"{target}/conf/x", check=False).returncode == 1


@root_only
def test_a_volume_outlives_instances_and_down(world):
    target = world.dir / "srv"
    web = {"command": ["/bin/sh", "-c", f"echo $$ >> {target}/starts; exec sleep 1000"],
           "volumes": [f"data:{target}"]}
    world.declare({"web": web}, volumes={"data": {}})
    world.up()
    starts = world.state / "volumes" / "data" / "starts"
    world.wait_until("web", "ready")
    before = world.pid("web/1")
    world.kill(before)
    world.wait_for(lambda: world.pid("web/1") not in (None, 0, before))
    assert len(starts.read_text().split()) == 2
    world.down()
    assert starts.exists()
    world.up()
    world.wait_for(lambda: len(starts.read_text().split()) == 3)


@root_only
def test_down_removes_volumes_only_if_asked_and_says_which(world):
    place = world.dir / "srv"
    world.declare({"web": {"command": SLEEP, "volumes": [f"data:{place}/a", f"cache:{place}/b", f"{place}/own"]}},
                  volumes={"data": {}, "cache": {}})
    world.up()
    (world.state / "volumes" / "data" / "note").write_text("x")
    world.down()
    assert (world.state / "volumes" / "data" / "note").exists()
    world.up()
    done = world.tend("down", "--volumes", "--keep-daemon")
    assert "removed volumes cache, data and 1 without a name" in done.stderr
    event = [e for e in world.events_until_now() if e["type"] == "volumes.removed"][0]
    assert "cache, data" in event["text"] and event["causes"]
    assert not (world.state / "volumes").exists() and not (world.state / "volumes.removed").exists()
    world.up()
    assert not (world.state / "volumes" / "data" / "note").exists()
    world.down()
    assert "removed volumes cache, data" in world.tend("down", "--volumes").stderr
    assert not (world.state / "volumes").exists()


@root_only
def test_tmpfs_has_its_size_and_is_new_at_each_start(world):
    place = f"{world.dir}/scratch"
    world.declare({"web": {"command": ["/bin/sh", "-c", f"ls {place}; touch {place}/old; exec sleep 1000"],
                           "tmpfs": [f"{place}:size=1m,mode=700"], "shm_size": "2m"}})
    world.up()
    points = mounts(world, "web/1")
    assert points[place][1] == "tmpfs" and {"nosuid", "nodev", "noexec"} <= set(points[place][0])
    stat = os.statvfs(f"/proc/{world.pid('web/1')}/root{place}")
    assert stat.f_blocks * stat.f_frsize == 1 << 20
    shm = os.statvfs(f"/proc/{world.pid('web/1')}/root/dev/shm")
    assert shm.f_blocks * shm.f_frsize == 2 << 20
    assert seen(world, "web/1", place).stat().st_mode & 0o7777 == 0o700
    before = world.pid("web/1")
    world.kill(before)
    world.wait_for(lambda: world.pid("web/1") not in (None, 0, before))
    assert world.tend("logs", "--no-follow", "web", check=False).stdout.find("old") == -1
    assert not pathlib.Path(place, "old").exists()


@root_only
def test_read_only_leaves_only_what_is_mounted_writable(world):
    data = world.dir / "srv"
    world.declare({"web": {"command": SLEEP, "read_only": True, "volumes": [f"data:{data}"],
                           "tmpfs": f"{world.dir}/tmp"}}, volumes={"data": {}})
    world.up()
    for place, ok in ((world.dir / "x", False), ("/var/tmp/tend-x", False), (data / "x", True),
                      (world.dir / "tmp" / "x", True), ("/dev/null", True)):
        done = world.tend("exec", "web", "--", "/bin/sh", "-c", f"echo x > {place}", check=False)
        assert (done.returncode == 0) == ok, (place, done.stderr)
    (world.dir / "outside").write_text("the machine's own files stay writable")


@root_only
def test_a_program_is_found_inside_of_a_volume(world):
    app = world.dir / "code"
    app.mkdir()
    (app / "run").write_text("#!/bin/sh\npwd\nexec sleep 1000\n")
    (app / "run").chmod(0o755)
    world.declare({"web": {"command": ["./run"], "working_dir": "/opt/tend-e2e-app",
                           "volumes": ["./code:/opt/tend-e2e-app:ro"]}})
    try:
        world.up()
        assert os.readlink(f"/proc/{world.pid('web/1')}/cwd") == "/opt/tend-e2e-app"
    finally:
        world.down()
        os.rmdir("/opt/tend-e2e-app")


@root_only
def test_a_check_sees_what_the_service_sees(world):
    world.declare({"web": {"command": SLEEP, "tmpfs": f"{world.dir}/own",
                           "healthcheck": {"test": ["CMD", "/bin/mountpoint", f"{world.dir}/own"],
                                           "interval": "200ms"}}})
    world.up()
    world.wait_until("web", "ready")


@root_only
def test_a_mount_that_fails_is_named(world):
    target = world.dir / "file"
    target.write_text("")
    world.declare({"web": {"command": SLEEP, "volumes": [f"data:{target}"]}}, volumes={"data": {}})
    done = world.tend("up", "-d", "--timeout", "5s", check=False)
    assert done.returncode != 0
    assert f"volumes: {target}: Not a directory" in done.stderr


@root_only
def test_secrets_and_configs_are_files_of_the_user_and_in_memory(open_world):
    world = open_world
    (world.dir / "db.txt").write_text("hunter2-very-secret")
    world.env["API_TOKEN"] = "tok-98765"
    own = f"{world.dir}/etc/app.conf"
    world.declare({"web": {"command": SLEEP, "user": "nobody", "secrets": [
        "db", {"source": "token", "target": "api", "mode": "0440", "uid": "1", "gid": "2"}],
        "configs": [{"source": "app", "target": own}, "motd"]}},
        secrets={"db": {"file": "db.txt"}, "token": {"environment": "API_TOKEN"}},
        configs={"app": {"content": "port = 1\n"}, "motd": {"content": "hello"}})
    try:
        world.up()
        db = seen(world, "web/1", "/run/secrets/db")
        assert db.read_text() == "hunter2-very-secret"
        nobody = int(subprocess.check_output(["id", "-u", "nobody"]))
        assert (db.stat().st_uid, db.stat().st_mode & 0o7777) == (nobody, 0o400)
        api = seen(world, "web/1", "/run/secrets/api")
        assert api.read_text() == "tok-98765"
        assert (api.stat().st_uid, api.stat().st_gid, api.stat().st_mode & 0o7777) == (1, 2, 0o440)
        assert seen(world, "web/1", own).read_text() == "port = 1\n"
        assert seen(world, "web/1", "/motd").read_text() == "hello"
        assert mounts(world, "web/1")["/run/secrets"][1] == "tmpfs"
        assert read(world, "web", "/bin/sh", "-c", 'cat "$TEND_SECRETS_DIR/db"') == "hunter2-very-secret"
        assert read(world, "web", "/bin/sh", "-c", 'cat "$TEND_CONFIGS_DIR/motd"') == "hello"
        assert not pathlib.Path("/run/secrets/db").exists()
    finally:
        world.down()
        os.unlink("/motd")


def grep_everywhere(world, needle):
    """Files below the state and run directories that hold it, besides the store of contents."""
    found = []
    for folder in (world.state, world.run_dir):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and needle in path.read_bytes():
                found.append(path)
    return found


def test_a_secret_is_in_its_store_and_nowhere_else(world):
    world.env["DB_PASSWORD"] = secret = "zq8-secret-of-the-test"
    world.declare({"web": {"command": SLEEP, "secrets": ["db"]}},
                  secrets={"db": {"environment": "DB_PASSWORD"}})
    shown = world.tend("plan", check=False).stdout + world.up().stdout
    secret = secret.encode()
    kept = [path for path in grep_everywhere(world, secret) if path.parent.name != "secrets"]
    assert len(kept) == 1 and kept[0].parent == world.state / "objects"
    assert kept[0].stat().st_mode & 0o777 == 0o600
    digest = kept[0].name.encode()
    for text in (shown, world.tend("plan").stdout, world.api.request("GET", "/tend/v1/declared")[1],
                 str(world.api.events()), world.why("web"), world.tend("history").stdout):
        assert secret.decode() not in text and digest.decode() not in text
    for pid in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            assert secret not in (pid / "cmdline").read_bytes()
        except OSError:
            pass
    assert secret not in pathlib.Path(f"/proc/{world.pid('web/1')}/environ").read_bytes()


def where(world, subject, name):
    """The path of a secret in the instance's own words."""
    return read(world, subject, "/bin/sh", "-c", f'echo "$TEND_SECRETS_DIR/{name}"').strip()


def test_a_changed_secret_replaces_the_instances(world):
    world.env["TOKEN"] = "one"
    world.declare({"web": {"command": SLEEP, "secrets": ["t"]}}, secrets={"t": {"environment": "TOKEN"}})
    world.up()
    before = world.pid("web/1")
    world.up()
    assert world.pid("web/1") == before
    world.env["TOKEN"] = "two"
    assert "new contents" in world.tend("plan").stdout
    world.up()
    after = world.pid("web/1")
    assert after != before
    assert seen(world, "web/1", where(world, "web", "t")).read_text() == "two"
    world.tend("rollback", "--to", "1", "--yes")
    assert seen(world, "web/1", where(world, "web", "t")).read_text() == "one"


def test_secrets_are_there_after_a_crash_and_without_the_daemon(world):
    world.env["TOKEN"] = "still here"
    world.declare({"web": {"command": SLEEP, "secrets": ["t"]}}, secrets={"t": {"environment": "TOKEN"}})
    world.up()
    path = where(world, "web", "t")
    before = world.pid("web/1")
    daemon = world.daemon_pid()
    world.kill(daemon)
    world.kill(before)
    world.wait_daemon(other_than=daemon)
    world.wait_for(lambda: world.pid("web/1") not in (None, 0, before))
    assert seen(world, "web/1", path).read_text() == "still here"


def test_what_is_kept_in_a_plan_file_has_its_secrets(world):
    world.env["TOKEN"] = "planned"
    world.declare({"web": {"command": SLEEP, "secrets": ["t"]}}, secrets={"t": {"environment": "TOKEN"}})
    world.up()
    world.env["TOKEN"] = "planned later"
    world.tend("plan", "--out", world.dir / "plan")
    world.env["TOKEN"] = "something else"
    world.tend("apply", world.dir / "plan")
    assert seen(world, "web/1", where(world, "web", "t")).read_text() == "planned later"


@root_only
def test_without_root_secrets_are_there_and_mounts_are_refused(open_world):
    """The same programs as somebody else: the daemon can mount nothing."""
    world = open_world
    nobody = int(subprocess.check_output(["id", "-u", "nobody"]))
    (world.dir / "pw").write_text("not for all")
    world.declare({"web": {"command": SLEEP, "secrets": ["pw"], "volumes": ["/usr:/usr"]}},
                  secrets={"pw": {"file": "pw"}})
    for path in (world.dir, world.dir / "run", world.file, world.dir / "pw"):
        os.chown(path, nobody, nobody)

    def tend(*args):
        return subprocess.run(["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups",
                               world_module.BUILD / "tend", "-f", world.file, "--listen", world.listen, *args],
                              cwd=world.dir, env=world.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
    done = tend("up", "-d")
    assert done.returncode == 0, done.stderr
    path = pathlib.Path(tend("exec", "web", "--", "/bin/sh", "-c", 'echo "$TEND_SECRETS_DIR/pw"').stdout.strip())
    assert path.is_relative_to(world.dir / "run") and path.read_text() == "not for all"
    assert (path.stat().st_uid, path.stat().st_mode & 0o7777) == (nobody, 0o400)
    world.declare({"web": {"command": SLEEP, "tmpfs": "/scratch"}})
    done = tend("up", "-d")
    assert done.returncode != 0 and "volumes: /scratch: only root" in done.stderr
    assert tend("down").returncode == 0
    assert not path.exists()
