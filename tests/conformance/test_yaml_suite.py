"""The public yaml-test-suite, where its folder `src` is to be had (TEND_CORPUS/yaml-test-suite or TEND_YAML_SUITE).

What is valid YAML and can be a tend.yaml (one document, text keys, no foreign tags) must come out as the suite's JSON;
what is invalid must be refused; the rest must be refused with the finding that says why.
"""
import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

READER = pathlib.Path(os.environ["TEND_BUILD"]) / "tests" / "conformance" / "yaml_read"
SUITE = pathlib.Path(os.environ.get("TEND_YAML_SUITE") or
                     pathlib.Path(os.environ.get("TEND_CORPUS", "/nonexistent")) / "yaml-test-suite") / "src"
SHOWN = [("␣", " "), ("⇔", "\ufeff"), ("←", "\r"), ("↵", "")]

# Directives that the suite itself calls reserved or doubtful; libfyaml 0.7.12 refuses them.
REFUSED_BY_LIBFYAML = {"ZYU8-2", "ZYU8-3"}


def unveil(text):
    """The suite writes what cannot be seen with signs of its own."""
    text = re.sub("—*»", "\t", text)
    for shown, meant in SHOWN:
        text = text.replace(shown, meant)
    return re.sub("∎\n$", "", text)


def cases():
    for path in sorted(SUITE.glob("*.yaml")):
        inherited = {}
        for number, entry in enumerate(yaml.safe_load(path.read_text(encoding="utf-8"))):
            entry = {**inherited, **entry}
            inherited = {k: v for k, v in entry.items() if k in ("yaml", "tree", "json", "tags")}
            if not entry.get("skip"):
                yield f"{path.stem}-{number}", entry


def has_other_keys(tree):
    """Whether a map has a key that is no text: a list or a map in a key's place."""
    open_maps = []
    for line in tree.splitlines():
        event = line.strip()
        if event[:4] in ("+MAP", "+SEQ"):
            if open_maps and open_maps[-1] == "key":
                return True
            open_maps.append("key" if event.startswith("+MAP") else None)
        elif event[:4] in ("-MAP", "-SEQ"):
            open_maps.pop()
        if event[:4] in ("=VAL", "=ALI", "-MAP", "-SEQ") and open_maps and open_maps[-1]:
            open_maps[-1] = "value" if open_maps[-1] == "key" else "key"
    return False


def refusals(name, entry):
    """Why tend does not take what is valid YAML: the codes that its findings may have."""
    tree = entry.get("tree", "")
    codes = set()
    if tree.count("+DOC") > 1 or name in REFUSED_BY_LIBFYAML:
        codes.add("syntax")
    if re.search(r"<(?!tag:yaml\.org,2002:(null|bool|int|float|str|seq|map)>)", tree):
        codes.add("unknown-tag")
    if has_other_keys(tree) or "tag:yaml.org,2002" in tree:
        codes.add("wrong-type")
    if "duplicate-key" in entry.get("tags", ""):
        codes.add("duplicate-key")
    return codes


def read(text):
    """The value as JSON text, or None, and the findings, a line each."""
    done = subprocess.run([READER], input=text.encode(), capture_output=True, timeout=20, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.stdout.decode() if done.returncode == 0 else None, done.stderr.decode()


ALL = list(cases()) if SUITE.is_dir() else []


@pytest.mark.skipif(not ALL, reason="no yaml-test-suite: set TEND_YAML_SUITE")
@pytest.mark.parametrize("name,entry", ALL, ids=[name for name, _ in ALL])
def test_agrees_with_the_suite(name, entry):
    value, found = read(unveil(entry["yaml"]))
    if entry.get("fail"):
        assert value is None, f"read as {value}"
    elif value is None:
        codes = {line.split(":")[0] for line in found.splitlines()}
        assert codes and codes <= refusals(name, entry), found
    elif entry.get("json"):
        assert json.loads(value) == json.loads(entry["json"])
