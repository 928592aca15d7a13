"""tend graph: what needs what, from the file alone."""
import json
import xml.etree.ElementTree

SHOP = {
    "web": {"command": ["/bin/true"], "depends_on": ["api", "cache"]},
    "api": {"command": ["/bin/true"], "depends_on": ["db"]},
    "cache": {"command": ["/bin/true"], "depends_on": {"db": {"condition": "service_started", "required": False}}},
    "db": {"command": ["/bin/true"]},
}


def test_the_graph_needs_no_daemon(world):
    world.declare(SHOP)
    assert world.tend("graph").stdout == (
        "web\n├─ api\n│  └─ db\n└─ cache\n   └─ db (optional)\n\n" f"{world.name}: 4 services in 3 waves\n")
    assert not world.state.exists() and not world.run_dir.exists()


def test_programs_and_pictures_get_it_whole(world):
    world.declare(SHOP)
    graph = json.loads(world.tend("graph", "--json").stdout)
    assert {(n["name"], n["wave"]) for n in graph["nodes"]} == {("db", 0), ("api", 1), ("cache", 1), ("web", 2)}
    assert {(e["from"], e["to"]) for e in graph["edges"]} == {
        ("web", "api"), ("web", "cache"), ("api", "db"), ("cache", "db")}
    picture = xml.etree.ElementTree.fromstring(world.tend("graph", "--svg").stdout)
    names = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(names) == ["api", "cache", "db", "web"]
    assert '"web" -> "api"' in world.tend("graph", "--dot").stdout


def test_a_circle_is_told_with_its_way_and_forms_exclude_each_other(world):
    world.declare({"a": {"command": ["x"], "depends_on": ["b"]}, "b": {"command": ["x"], "depends_on": ["a"]}})
    done = world.tend("graph", check=False)
    assert done.returncode == 1 and "a" in done.stderr and "b" in done.stderr
    world.declare(SHOP)
    assert world.tend("graph", "--dot", "--svg", check=False).returncode == 2
