"""How a plan is shown: places, risk, duration from history, and JSON by its schema."""
import json
import pathlib

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/reference/plan.schema.json").read_text()))
HTTP = {"http": "/", "interval": "200ms", "timeout": "500ms", "retries": 2}


def web(tiny, **more):
    return {"web": {"command": [tiny], "healthcheck": HTTP, "stop_grace_period": "1s", **more}}


def planned(world, *more):
    plan = world.json("plan", *more)
    SCHEMA.validate(plan)
    return plan


def test_a_plan_without_a_daemon_names_the_place_and_says_that_there_is_no_history(world, tiny):
    world.declare(web(tiny))
    plan = planned(world)
    assert plan["changes"][0]["at"] == "tend.yaml:2"
    assert plan["duration"]["unknown"] == ["service.web"] and plan["risk"]["level"] == "low"
    text = world.tend("plan").stdout
    assert "Plan " + plan["digest"][:8] in text and "next      tend apply" in text


def test_what_it_takes_is_known_from_what_it_took(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.declare(web(tiny, environment={"COLOUR": "blue"}))
    plan = planned(world)
    change = plan["changes"][0]
    assert change["action"] == "replace" and change["impact"]["down"] and plan["risk"]["down"] == ["service.web"]
    world.apply()  # now a stop was seen too
    world.declare(web(tiny, environment={"COLOUR": "green"}))
    plan = planned(world)
    assert plan["duration"]["unknown"] == [] and 0 <= plan["duration"]["expected_ms"] < 5000
    world.declare({"other": {"command": ["/bin/sleep", "60"]}})
    world.apply()
    world.declare(web(tiny))
    assert planned(world)["duration"]["unknown"] == ["service.other"]  # web is remembered though it is gone


def test_without_utf8_a_plan_is_ascii(world, tiny):
    world.declare(web(tiny))
    world.up()
    world.declare(web(tiny, environment={"COLOUR": "blue"}))
    world.env["LC_ALL"] = "C"
    done = world.tend("plan")
    assert done.stdout.isascii() and "->" in done.stdout


def test_a_kept_plan_and_one_of_many_services_follow_the_schema(world, tiny):
    world.declare({**web(tiny), "api": {"command": ["/bin/sleep", "60"], "depends_on": ["web"]}})
    planned(world, "--out", world.dir / "x.plan")
    world.up()
    world.declare({"api": {"command": ["/bin/sleep", "61"]}})
    plan = planned(world)
    assert plan["risk"]["level"] == "high" and plan["risk"]["deleted"] == ["service.web"]
    assert plan["counts"] == {"create": 0, "update": 0, "replace": 1, "restart": 0, "delete": 1, "unchanged": 0}
