"""tend diff: declarations compared field by field."""


def test_the_file_against_what_was_applied_last(world, tiny):
    world.declare({"web": {"command": [tiny], "environment": {"COLOUR": "red", "API_TOKEN": "hush"}}})
    world.up()
    done = world.tend("diff", "--detailed-exitcode")
    assert done.stdout == "" and "No differences" in done.stderr
    world.declare({"web": {"command": [tiny], "environment": {"COLOUR": "blue", "API_TOKEN": "hush-2"}}})
    done = world.tend("diff", "--detailed-exitcode", check=False)
    assert done.returncode == 2
    assert '-environment.COLOUR: "red"\n+environment.COLOUR: "blue"\n' in done.stdout
    assert '-environment.API_TOKEN: "***"' in done.stdout and "hush" not in done.stdout
    diff = world.json("diff")
    assert diff["counts"]["replace"] == 1 and diff["changes"][0]["name"] == "web"


def test_a_scale_by_hand_is_no_difference_of_what_is_declared(world, tiny):
    world.declare({"web": {"command": [tiny]}})
    world.up()
    world.tend("scale", "web=2")
    assert world.tend("diff", "--detailed-exitcode").stdout == ""


def test_two_files_need_no_daemon(world):
    (world.dir / "a.yaml").write_text("services: {web: {command: one}, old: {command: x}}\n")
    (world.dir / "b.yaml").write_text("services: {web: {command: two}, new: {command: y}}\n")
    text = world.tend("diff", "a.yaml", "b.yaml").stdout
    assert text.startswith("--- a.yaml\n+++ b.yaml\n")
    assert '-command: ["one"]\n+command: ["two"]\n' in text
    assert "@@ service old: is gone @@" in text and "@@ service new: is new @@" in text
    assert not world.run_dir.exists()
    assert world.tend("diff", "a.yaml", check=False).returncode == 2
    assert world.tend("diff", "a.yaml", "none.yaml", check=False).returncode == 1


def test_without_a_daemon_it_says_so(world):
    world.declare({"web": {"command": "x"}})
    done = world.tend("diff", check=False)
    assert done.returncode == 7, done.stderr
