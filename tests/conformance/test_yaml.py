"""What YAML 1.2 means, case by case: the text, and the value as JSON or the code of the finding and its place."""
import json
import os
import pathlib
import subprocess

import pytest

READER = pathlib.Path(os.environ["TEND_BUILD"]) / "tests" / "conformance" / "yaml_read"

VALUES = {
    "a plain text goes over lines": ("a: one\n  two\n\n  three\n", {"a": "one two\nthree"}),
    "a hash needs a blank before it": ("a: b#c # d\n", {"a": "b#c"}),
    "a colon needs a blank behind it": ("a: http://x:80/y\n", {"a": "http://x:80/y"}),
    "a dash needs a blank behind it": ("a: -b\nc:\n- -d\n", {"a": "-b", "c": ["-d"]}),
    "single quotes are doubled": ("a: 'it''s'\n", {"a": "it's"}),
    "single quotes take no escapes": (r"a: '\n\x41'" "\n", {"a": r"\n\x41"}),
    "double quotes take escapes": (r'a: "\t\x41\u00e9\U0001F600\e\_\N\L\P\/"' "\n",
                                   {"a": "\tA\u00e9\U0001F600\x1b\u00a0\u0085\u2028\u2029/"}),
    "double quotes fold lines": ('a: "one\n  two\n\n  three \\\n  four\\\n  \\ five"\n', {"a": "one two\nthree four five"}),
    "a literal keeps lines": ("a: |\n  one\n   two\n\n  three\n", {"a": "one\n two\n\nthree\n"}),
    "a literal is stripped": ("a: |-\n  one\n\n\n", {"a": "one"}),
    "a literal is kept": ("a: |+\n  one\n\n\nb: 1\n", {"a": "one\n\n\n", "b": 1}),
    "a literal with its own indent": ("a: |2\n   one\n  two\n", {"a": " one\ntwo\n"}),
    "a folded text": ("a: >\n  one\n  two\n\n  three\n    more\n  four\n", {"a": "one two\n\nthree\n  more\nfour\n".replace("\n\n", "\n")}),
    "a folded text is stripped": ("a: >-\n  one\n  two\n", {"a": "one two"}),
    "a literal holds what looks like a comment": ("a: |\n  # no comment\nb: 1\n", {"a": "# no comment\n", "b": 1}),
    "an empty literal": ("a: |\nb: 1\n", {"a": "", "b": 1}),
    "lists in maps at the same column": ("a:\n- 1\n- 2\nb: 3\n", {"a": [1, 2], "b": 3}),
    "lists in lists": ("- - 1\n  - 2\n- - 3\n", [[1, 2], [3]]),
    "maps in lists": ("- a: 1\n  b: 2\n- c: 3\n", [{"a": 1, "b": 2}, {"c": 3}]),
    "empty values": ("a:\nb:\n  c:\n- d\n"[:11], {"a": None, "b": {"c": None}}),
    "brackets over lines": ("a: [1,\n  2, # two\n  3,\n  ]\n", {"a": [1, 2, 3]}),
    "braces without values": ("a: {b, c: , d: 1}\n", {"a": {"b": None, "c": None, "d": 1}}),
    "a pair in brackets is a map": ("[a: 1, b]\n", [{"a": 1}, "b"]),
    "JSON keys need no blank": ('{"a":1,"b":[true,null]}\n', {"a": 1, "b": [True, None]}),
    "explicit keys": ("? a\n: 1\n? b\n", {"a": 1, "b": None}),
    "quoted keys": ("'a b': 1\n\"c\\td\": 2\n", {"a b": 1, "c\td": 2}),
    "numbers as keys are texts": ("1: a\n1.0: b\ntrue: c\n", {"1": "a", "1.0": "b", "true": "c"}),
    "anchors on all kinds": ("a: &x 1\nb: &y [2]\nc: &z {d: 3}\ne: [*x, *y, *z]\n",
                             {"a": 1, "b": [2], "c": {"d": 3}, "e": [1, [2], {"d": 3}]}),
    "an alias as a key": ("a: &x b\n*x : 1\n", {"a": "b", "b": 1}),
    "an anchor of nothing": ("a: &x\nb: *x\n", {"a": None, "b": None}),
    "a merge key": ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
    "merge keys of a list": ("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}\n",
                             {"a": {"b": 1}, "c": {"b": 2, "d": 3}, "e": {"b": 1, "d": 3}}),
    "tags say what a value is": ("a: !!str 1\nb: !!int 2\nc: !!seq [3]\n", {"a": "1", "b": 2, "c": [3]}),
    "a bare mark makes a text": ("a: ! 1\n", {"a": "1"}),
    "core schema numbers": ("[0o17, 0x1f, 1e3, -0.5, .5]\n", [15, 31, 1000.0, -0.5, 0.5]),
    "core schema words": ("[~, null, Null, NULL, true, True, FALSE]\n", [None, None, None, None, True, True, False]),
    "YAML 1.1's words are texts": ("[yes, No, on, OFF, y, 0777, 1_000, 1:30]\n",
                                   ["yes", "No", "on", "OFF", "y", 777, "1_000", "1:30"]),
    "a document marker and its end": ("---\na: 1\n...\n", {"a": 1}),
    "a version directive": ("%YAML 1.2\n---\na: 1\n", {"a": 1}),
    "comments everywhere": ("# one\na: 1 # two\n  # three\nb: # four\n  2\n", {"a": 1, "b": 2}),
    "carriage returns": ("a: 1\r\nb: |\r\n  c\r\n", {"a": 1, "b": "c\n"}),
    "a byte order mark": ("\ufeffa: 1\n", {"a": 1}),
    "no line end at the end": ("a: 1", {"a": 1}),
    "tabs between words": ("a:\t1\t# one\n", {"a": 1}),
    "letters of all scripts": ("größe: ёж\n日本: 🦔\n", {"größe": "ёж", "日本": "🦔"}),
    "nothing at all": ("", None),
    "only comments": ("# nothing\n", None),
}

FINDINGS = {
    "a tab as indentation": ("a:\n\tb: 1\n", "syntax:2:"),
    "a key below a value": ("a: 1\n  b: 2\n", "syntax:"),
    "less than its map": ("a:\n    b: 1\n  c: 2\n", "syntax:3:"),
    "an open bracket": ("a: [1, 2\nb: 3\n", "syntax:"),
    "an open brace": ("a:\n  {b: 1\n", "syntax:"),
    "a bracket too much": ("a: ]\n", "syntax:1:"),
    "an open quote": ("a: \"one\nb: 2\n", "syntax:1:"),
    "text behind a quote": ("a: 'b' c\n", "syntax:1:"),
    "an unknown escape": ('a: "\\q"\n', "syntax:1:"),
    "an unknown alias": ("a: *x\n", "unknown-alias:1:"),
    "an alias with an anchor": ("a: &x 1\nb: &y *x\n", "syntax:2:"),
    "an anchor inside itself": ("a: &x [*x]\n", None),
    "a foreign tag": ("a: !!binary aGk=\n", "unknown-tag:1:"),
    "a tag that is not so": ("a: !!int b\n", "wrong-type:1:"),
    "an undeclared tag handle": ("a: !x!y b\n", "syntax:1:"),
    "a list as a key": ("? [a]\n: 1\n", "wrong-type:1:3:"),
    "a map as a key": ("{a: 1}: 2\n", "wrong-type:1:1:"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", "duplicate-key:3:1:"),
    "two documents": ("a: 1\n---\nb: 2\n", "syntax:2:1:"),
    "a reserved sign": ("a: @b\n", "syntax:1:"),
    "a percent sign as a start": ("a: %b\n", "syntax:1:"),
    "a list where a map began": ("a: 1\n- b\n", "syntax:2:"),
    "a map where a list began": ("- a\nb: 1\n", "syntax:2:"),
    "a control character": ("a: \x01\n", "syntax:1:"),
    "an escaped zero byte": ('a: "\\0"\n', "wrong-value:1:4:"),
    "NUL": ("a: b\0c\n", "syntax:1:"),
    "a text for a merge key": ("a: {<<: b}\n", "wrong-type:1:"),
    "a literal that is indented less": ("a: |4\n  b\n", "syntax:"),
}


def read(text):
    done = subprocess.run([READER], input=text.encode(), capture_output=True, timeout=20, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("name", VALUES)
def test_value(name):
    text, value = VALUES[name]
    code, out, found = read(text)
    assert code == 0, found
    assert json.loads(out) == value


@pytest.mark.parametrize("name", FINDINGS)
def test_finding(name):
    text, place = FINDINGS[name]
    code, out, found = read(text)
    assert code == 1, out
    assert place is None or found.startswith(place), found
