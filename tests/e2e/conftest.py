"""End-to-end tests drive the real programs of $TEND_BUILD (default: build/) in worlds of their own."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import children  # noqa: E402
import world as world_module  # noqa: E402


def pytest_configure(config):
    children.become_subreaper()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The world of a failed test tells what it knows while it still stands."""
    outcome = yield
    report = outcome.get_result()
    world = getattr(item, "funcargs", {}).get("world")
    if report.when == "call" and report.failed and world is not None:
        report.sections.append(("world", world.evidence()))


@pytest.fixture
def world():
    made = world_module.World()
    yield made
    made.close()


@pytest.fixture
def tiny():
    """The little HTTP server of tests/programs/tiny.c, listening on $PORT."""
    if not world_module.TINY.exists():
        pytest.fail(f"{world_module.TINY} is not built")
    return str(world_module.TINY)
