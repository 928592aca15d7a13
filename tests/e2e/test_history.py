"""Generations: what was declared, one after the other, as the journal has it."""


def declare(world, tiny, colour, **more):
    world.declare({"web": {"command": [tiny], "stop_grace_period": "1s",
                           "environment": {"COLOUR": colour, "API_TOKEN": f"hush-{colour}"}}, **more})


def test_each_apply_that_declares_something_else_is_a_generation(world, tiny):
    declare(world, tiny, "red")
    world.up()
    world.up()
    declare(world, tiny, "blue")
    world.apply()
    world.tend("scale", "web=2")
    history = world.json("history")
    assert [g["number"] for g in history["generations"]] == [1, 2]
    assert [g["result"] for g in history["generations"]] == ["done", "done"]
    assert history["generations"][0]["actor"].startswith("user:") and not history["down"]
    text = world.tend("history").stdout.splitlines()
    assert text[0].split() == ["GENERATION", "WHEN", "WHO", "CHANGES", "RESULT", "NOTE"]
    assert text[1].split()[0] == "2" and text[2].split()[0] == "1"


def test_a_generation_shows_what_it_changed_without_secrets(world, tiny):
    declare(world, tiny, "red")
    world.up()
    declare(world, tiny, "blue")
    world.apply()
    done = world.tend("history", 2)
    assert '-environment.COLOUR: "red"\n+environment.COLOUR: "blue"\n' in done.stdout
    assert "--- generation 1\n+++ generation 2\n" in done.stdout
    first = world.tend("history", 1).stdout
    assert "--- nothing" in first and "is new" in first
    assert "hush" not in done.stdout + first + world.tend("history", 2, "--json").stdout
    for wrong in ("3", "0", "x", "-1"):
        assert world.tend("history", "--", wrong, check=False).returncode == 1, wrong


def test_the_next_daemon_and_new_views_tell_the_same(world, tiny):
    declare(world, tiny, "red")
    world.up()
    declare(world, tiny, "/bin/false", bad={"command": ["/bin/false"], "restart": "no"})
    world.apply(check=False)
    before = world.json("history")
    assert before["generations"][1]["result"] == "failed"
    world.tend("down")
    for path in world.state.glob("state.db*"):
        path.unlink()
    declare(world, tiny, "red")
    world.up()
    after = world.json("history")["generations"]
    assert after[:2] == before["generations"] and len(after) == 3


def test_documents_with_secrets_go_over_the_socket_only(world, tiny):
    import urllib.error
    import urllib.request
    declare(world, tiny, "red")
    world.up()
    url = f"http://{world.listen}/tend/v1/generations/1"
    assert b"hush" not in urllib.request.urlopen(url, timeout=5).read()
    token = (world.state / "token").read_text().strip()
    ask = urllib.request.Request(url + "/document", headers={"Authorization": f"Bearer {token}"})
    try:
        urllib.request.urlopen(ask, timeout=5)
        raise AssertionError("it was given away")
    except urllib.error.HTTPError as refused:
        assert refused.code == 403
