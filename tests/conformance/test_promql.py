"""PromQL: our own scripts, and Prometheus' where TEND_CORPUS has them, through build/tests/promqltest."""
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
RUNNER = pathlib.Path(os.environ.get("TEND_BUILD", HERE.parent.parent / "build")) / "tests" / "promqltest"
CORPUS = pathlib.Path(os.environ.get("TEND_CORPUS", "/nonexistent")) / "promql"


def scripts():
    """(profile, path): 2.42 for what lies in a folder v2.42, or is named so."""
    for path in sorted((HERE / "promql").glob("*.test")):
        yield "2.42" if path.stem.endswith("_2_42") else "3", path
    for path in sorted(CORPUS.glob("*.test")):
        yield "3", path
    for path in sorted((CORPUS / "v2.42").glob("*.test")):
        yield "2.42", path


def run(*arguments):
    return subprocess.run([RUNNER, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("profile, path", scripts(), ids=lambda value: getattr(value, "name", value))
def test_every_eval_of_the_script_passes(profile, path):
    done = run("--profile", profile, "-v", path)
    last = done.stdout.splitlines()[-1]
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
    assert counts, done.stdout + done.stderr
    assert done.returncode == 0 and counts[2] == "0" and counts[3] == "0", done.stdout
    assert int(counts[1]) > 0


DATA = """load 1m
  x 1
  y{l="b"} 2

"""
WRONG = {
    "a value": ("vector(1)", "{} 2"),
    "a label": ('label_replace(vector(1), "a", "b", "", "")', '{a="c"} 1'),
    "a missing series": ("vector(1) > 2", "{} 1"),
    "a series too many": ("vector(1)", ""),
    "a scalar for a vector": ("vector(1)", "1"),
    "no failure": ("vector(1)", "expect fail"),
    "a failure": ("vector(1) + {__name__=~'.+'}[1m:]", "{} 1"),
    "no warning": ("vector(1)", "expect warn\n  {} 1"),
    "a warning": ("quantile(2, vector(1))", "expect no_warn\n  {} +Inf"),
    "the order": ("sort_desc(x or y)", 'expect ordered\n  x 1\n  y{l="b"} 2'),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_runner_notices_a_wrong_expectation_of(what, tmp_path):
    expression, lines = WRONG[what]
    script = tmp_path / "wrong.test"
    script.write_text(f"{DATA}eval instant at 0 {expression}\n  {lines}\n")
    done = run("-v", script)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped", done.stdout
