"""A part of a plan (--target, --exclude), and what lifecycle keeps a plan from."""

KEPT = {"lifecycle": {"prevent_destroy": True}}


def three(x):
    return {"db": {"command": ["/bin/sleep", f"60{x}"]},
            "api": {"command": ["/bin/sleep", f"61{x}"], "depends_on": ["db"]},
            "aside": {"command": ["/bin/sleep", f"62{x}"]}}


def pids(world):
    return {name: world.pid(f"{name}/1") for name in ("db", "api", "aside")}


def argv(world, name):
    return open(f"/proc/{world.pid(name + '/1')}/cmdline", "rb").read().split(b"\0")[1]


def test_a_part_is_applied_and_the_rest_stays_as_it_was(world):
    world.declare(three(0))
    world.up()
    before = pids(world)
    world.declare({**three(1), "new": {"command": ["/bin/sleep", "70"]}})
    plan = world.json("plan", "--target", "api")
    assert plan["partial"] and plan["left_out"] == ["service aside", "service new"]
    assert [c["name"] for c in plan["changes"]] == ["db", "api"]
    done = world.tend("apply", "--yes", "--target", "api")
    assert "Partial plan" in done.stdout and "left out  service aside, service new" in done.stdout
    after = pids(world)
    assert after["aside"] == before["aside"] and argv(world, "api") == b"611" and argv(world, "db") == b"601"
    assert [s["name"] for s in world.status()["services"]].count("new") == 0
    world.apply()  # now the rest
    assert pids(world)["db"] == after["db"] and argv(world, "aside") == b"621"


def test_a_kept_plan_of_a_part_is_applied_as_that_part(world):
    world.declare(three(0))
    world.up()
    before = pids(world)
    world.declare(three(1))
    path = world.dir / "part.plan"
    assert "Partial plan" in world.tend("plan", "--exclude", "db", "--out", path).stdout
    world.tend("apply", path)
    after = pids(world)
    assert (after["db"], after["api"]) == (before["db"], before["api"]) and argv(world, "aside") == b"621"


def test_a_name_of_nothing_is_an_error_with_a_suggestion(world):
    world.declare(three(0))
    for running in (False, True):
        if running:
            world.up()
        done = world.tend("plan", "--target", "service.aip", check=False)
        assert done.returncode == 1 and "did you mean 'api'?" in done.stderr, done.stderr
    assert world.tend("apply", "--yes", "--exclude", "nobody", check=False).returncode == 1


def test_without_a_daemon_a_part_is_shown_too(world):
    world.declare(three(0))
    plan = world.json("plan", "--target", "api")
    assert [c["name"] for c in plan["changes"]] == ["db", "api"] and plan["left_out"] == ["service aside"]


def test_what_prevent_destroy_protects_is_not_removed(world):
    world.declare({**three(0), "db": {**three(0)["db"], **KEPT}})
    world.up()
    before = pids(world)
    world.declare({"aside": three(0)["aside"]})
    for command in (("plan",), ("apply", "--yes"), ("up", "-d")):
        done = world.tend(*command, check=False)
        assert done.returncode == 3 and "service db would be removed" in done.stderr, done.stderr
    done = world.tend("down", check=False)
    assert done.returncode == 3 and "service db has lifecycle.prevent_destroy" in done.stderr
    assert pids(world) == before
    world.declare(three(0))
    world.apply()
    world.tend("down")


def test_what_is_to_be_ignored_stays_as_it_was_applied(world):
    def web(replicas, colour):
        return {"web": {"command": ["/bin/sleep", "60"], "environment": {"COLOUR": colour}, "deploy": {"replicas": replicas},
                        "lifecycle": {"ignore_changes": ["deploy.replicas", "environment.COLOUR"]}}}

    world.declare(web(2, "red"))
    world.up()
    before = world.pid("web/1"), world.pid("web/2")
    world.declare(web(1, "blue"))
    assert world.json("plan")["changes"] == []
    more = web(1, "blue")
    more["web"]["labels"] = {"team": "shop"}
    world.declare(more)
    world.apply()
    assert (world.pid("web/1"), world.pid("web/2")) == before
    assert b"COLOUR=red" in open(f"/proc/{before[0]}/environ", "rb").read()
