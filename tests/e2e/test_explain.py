"""`tend explain`, and the codes of what is found in tend.yaml."""
import json
import pathlib
import re
import subprocess

from fake_daemon import TEND

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def tend(*words, **options):
    return subprocess.run([TEND, *words], capture_output=True, text=True, check=False, timeout=20, **options)


def listed():
    return [code["code"] for code in json.loads(tend("explain", "--json").stdout)["codes"]]


def used():
    """Every code that the sources give to a finding."""
    found = set()
    for path in (ROOT / "src").rglob("*.c"):
        text = path.read_text()
        passing = set(re.findall(r"^(?:static )?[\w *]*\b(\w+)\([^)]*const char \*code\b", text, re.M))
        passing |= {"diagnostic_error", "diagnostic_warning", "diagnostic_note"}
        found |= set(re.findall(r"\b(?:%s)\([^;\"]*\"([a-z-]+)\"" % "|".join(sorted(passing)), text))
    return found


def test_the_table_has_exactly_the_codes_that_are_used():
    assert len(used()) > 15
    assert used() == set(listed())


def test_a_code_is_explained_with_examples():
    done = tend("explain", "unknown-key")
    assert done.returncode == 0
    assert done.stdout.startswith("unknown-key: ") and "\nWrong:\n" in done.stdout and "\nRight:\n" in done.stdout


def test_a_code_as_json():
    explained = json.loads(tend("explain", "cycle", "--json").stdout)["explained"]
    assert explained["code"] == "cycle" and explained["wrong"].startswith("services:\n")


def test_without_a_word_all_codes_are_listed():
    lines = tend("explain").stdout.splitlines()
    assert [line.split()[0] for line in lines] == listed()


def test_a_key_is_explained():
    out = tend("explain", "healthcheck.interval").stdout
    assert out.startswith("healthcheck.interval (in healthcheck)\n")
    assert re.search(r"^ +default +10s$", out, re.M)
    value = json.loads(tend("explain", "services.web.provider", "--json").stdout)
    assert value["support"] == "refused" and "container" in value["help"]


def test_what_there_is_not_gives_the_nearest():
    done = tend("explain", "unknwon-key")
    assert done.returncode == 1 and "did you mean 'unknown-key'?" in done.stderr
    done = tend("explain", "healthcheck.intervall")
    assert done.returncode == 1 and "did you mean 'interval'?" in done.stderr
    done = tend("explain", "zzzz", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["error"]["help"].startswith("tend explain lists")


def test_findings_name_their_code(tmp_path):
    (tmp_path / "tend.yaml").write_text("services:\n  web:\n    comand: x\n")
    done = tend("check", cwd=tmp_path)
    assert done.returncode == 1 and "error[unknown-key]: unknown key 'comand'" in done.stdout + done.stderr


def test_completion_offers_codes_and_keys():
    def offers(word):
        return [line.split("\t")[0] for line in tend("__complete", "--", "explain", word).stdout.splitlines()]

    assert offers("unk") == [code for code in listed() if code.startswith("unk")]
    assert "healthcheck" in offers("heal")
    assert offers("healthcheck.ti") == ["healthcheck.timeout"]
    assert offers("nowhere.") == []
