"""Outputs of a project: after an apply, by name, and sensitive ones."""
import json

OUTPUTS = {"url": {"value": "http://127.0.0.1:${services.web.port}/", "description": "Where it answers"},
           "count": {"value": 3}, "token": {"value": "hush-hush", "sensitive": True}}


def declare(world, **outputs):
    world.declare({"web": {"command": ["/bin/sleep", "60"], "ports": [18437], "healthcheck": {"disable": True}}},
                  outputs={**OUTPUTS, **outputs})


def test_outputs_are_shown_after_an_apply_and_asked_for_by_name(world):
    declare(world)
    done = world.tend("apply", "--yes")
    assert 'url = "http://127.0.0.1:18437/"' in done.stdout and "token = (sensitive)" in done.stdout
    assert "hush" not in done.stdout + done.stderr
    assert world.tend("output", "url").stdout == "http://127.0.0.1:18437/\n"
    assert world.tend("output", "count").stdout == "3\n" and world.tend("output", "token").stdout == "hush-hush\n"
    listed = world.tend("output").stdout
    assert "count = 3" in listed and "hush" not in listed
    told = json.loads(world.tend("output", "--json").stdout)["outputs"]
    assert told["url"] == {"value": "http://127.0.0.1:18437/", "description": "Where it answers", "sensitive": False}
    assert "hush" not in str(world.api.request("GET", "/tend/v1/declared")[1])


def test_a_name_of_no_output_is_an_error_with_the_nearest(world):
    declare(world)
    world.apply()
    done = world.tend("output", "ulr", check=False)
    assert done.returncode == 1 and "did you mean 'url'?" in done.stderr


def test_what_is_wrong_with_an_output_is_told_with_its_place(world):
    declare(world, bad={"valu": 1}, other={"value": "${services.nobody.url}"})
    done = world.tend("check", check=False)
    text = done.stdout + done.stderr
    assert "did you mean 'value'?" in text and "names no service" in text, text
