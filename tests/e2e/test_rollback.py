"""tend rollback: an earlier generation is declared again, through the same door."""


def declare(world, tiny, colour):
    world.declare({"web": {"command": [tiny], "stop_grace_period": "1s",
                           "environment": {"COLOUR": colour, "API_TOKEN": f"hush-{colour}"}}})


def environ(world):
    return open(f"/proc/{world.pid('web/1')}/environ", "rb").read()


def test_back_to_a_generation_with_its_secrets_and_as_the_next_one(world, tiny):
    for colour in ("red", "blue"):
        declare(world, tiny, colour)
        world.up()
    done = world.tend("rollback", "--to", 1, "-y")
    assert '"blue" → "red"' in done.stdout and "hush" not in done.stdout + done.stderr
    assert b"COLOUR=red" in environ(world) and b"API_TOKEN=hush-red" in environ(world)
    generations = world.json("history")["generations"]
    assert [g["rollback_to"] for g in generations] == [None, None, 1]
    event = [e for e in world.events_until_now() if e["seq"] == generations[2]["event"]][0]
    assert event["causes"] == [generations[0]["event"]]
    assert "back to 1" in world.tend("history").stdout
    # Again: it is there already.
    assert "No changes" in world.tend("rollback", "--to", 1, "-y").stdout
    assert len(world.json("history")["generations"]) == 3


def test_what_it_cannot_do_it_says(world, tiny):
    declare(world, tiny, "red")
    world.up()
    assert world.tend("rollback", "-y", check=False).returncode == 2
    assert world.tend("rollback", "--to", "x", "-y", check=False).returncode == 2
    assert world.tend("rollback", "--to", 1, check=False).returncode == 2  # nobody to ask
    done = world.tend("rollback", "--to", 9, "-y", check=False)
    assert done.returncode == 1 and "no generation 9" in done.stderr
