"""Environments and variables: one file, several projects."""
import json

import world as world_module

SHOP = """\
name: shop
variables:
  colour: {enum: [red, blue], default: red}
services:
  web:
    command: [TINY]
    environment: {COLOUR: "${var.colour}"}
environments:
  staging:
    services:
      web: {deploy: {replicas: 2}}
  production:
    variables: {colour: blue}
"""


def declare(world, tiny, text=SHOP):
    world.declare_text(text.replace("TINY", tiny))


def test_each_environment_runs_beside_the_other(world, tiny):
    declare(world, tiny)
    states = {name: world.dir / name for name in ("staging", "production")}
    for name, state in states.items():
        world.tend("--env", name, "--state", state, "--listen", f"127.0.0.1:{world_module.free_port()}",
                   "up", "-d")
    shown = {name: json.loads(world.tend("--json", "--env", name, "--state", state, "status").stdout)
             for name, state in states.items()}
    try:
        assert shown["staging"]["project"] == "shop-staging"
        assert shown["production"]["project"] == "shop-production"
        assert shown["staging"]["pid"] != shown["production"]["pid"]
        assert [s["services"][0]["ready"] for s in shown.values()] == [2, 1]
        again = world.tend("--env", "staging", "--state", states["staging"], "plan", "--detailed-exitcode")
        assert again.returncode == 0
    finally:
        for name, state in states.items():
            world.tend("--env", name, "--state", state, "down", check=False)


def test_two_environments_are_compared_field_by_field(world, tiny):
    declare(world, tiny)
    done = world.tend("diff", "--env", "staging", "production", "--detailed-exitcode", check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("--- staging\n+++ production\n")
    assert '-environment.COLOUR: "red"\n+environment.COLOUR: "blue"\n' in done.stdout
    assert "-deploy.replicas: 2\n" in done.stdout
    assert not world.run_dir.exists()
    assert world.tend("diff", "staging", check=False).returncode == 2
    done = world.tend("diff", "--env", "staging", "prodction", check=False)
    assert done.returncode == 1 and "did you mean 'production'?" in done.stderr


def test_check_looks_into_every_environment(world, tiny):
    declare(world, tiny)
    assert world.tend("check").stdout.splitlines() == [
        "✓ shop: 1 service", "✓ shop-staging: 1 service", "✓ shop-production: 1 service"]
    declare(world, tiny, SHOP.replace("colour: blue", "colour: green"))
    done = world.tend("check", check=False)
    assert done.returncode == 1
    assert "variable 'colour' cannot be 'green'" in done.stdout
    assert done.stdout.count("error[") == 1 and "= only in: production" in done.stdout
    findings = json.loads(world.tend("check", "--json", check=False).stdout)
    assert findings["diagnostics"][0]["environments"] == ["production"]
    assert world.tend("check", "--env", "staging").returncode == 0


def test_commands_that_read_no_file_find_the_environment(world, tiny):
    declare(world, tiny, SHOP + "default_environment: staging\n")
    for flags, name in (((), "shop-staging"), (("--env", "production"), "shop-production"),
                        (("-p", "mine"), "mine-staging")):
        done = world.tend(*flags, "status", check=False)
        assert done.returncode == 7 and f"project {name}" in done.stderr, done.stderr
    world.env["TEND_ENV"] = "production"
    assert "project shop-production" in world.tend("status", check=False).stderr
    declare(world, tiny, SHOP.replace("  production:\n", "  production:\n    name: store\n"))
    assert "project store\n" in world.tend("status", check=False).stderr


def test_values_come_from_where_the_guide_says(world, tiny):
    declare(world, tiny)
    (world.dir / "vars.yaml").write_text("colour: blue\n")
    def planned(*flags):
        fields = world.json("plan", *flags)["changes"][0]["fields"]
        return next(f["after"] for f in fields if f["path"] == "environment.COLOUR")
    assert planned() == "red"
    world.env["TEND_VAR_colour"] = "blue"
    assert planned() == "blue"
    assert planned("--var", "colour=red", "--var-file", "vars.yaml") == "red"
    done = world.tend("plan", "--var", "colour=geen", check=False)
    assert done.returncode == 1 and "--> --var:1:8" in done.stderr
