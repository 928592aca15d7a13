"""tend's engine and a real Prometheus over the same series, and how their answers differ."""
import json
import math
import os
import pathlib
import subprocess

from prometheus_server import Prometheus

ASK = pathlib.Path(os.environ.get("TEND_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")) / "tests" / "promqlask"
RELATIVE, ABSOLUTE = 1e-9, 1e-12


def spelled(value):
    return "stale" if value == "stale" else "NaN" if math.isnan(value) else repr(value).replace("inf", "Inf")


class Peers:
    """Series are (labels, [(time in ms, value or "stale")])."""

    def __init__(self, folder, series):
        self.folder, self.series = folder, list(series)

    def __enter__(self):
        with open(self.folder / "data", "w", encoding="utf-8") as data:
            for labels, samples in self.series:
                inside = ",".join(f'{name}="{text}"' for name, text in labels.items() if name != "__name__")
                data.write(f"series {labels['__name__']}{{{inside}}}\n")
                data.writelines(f"{at} {spelled(value)}\n" for at, value in samples)
        self.server = Prometheus(self.folder)
        self.ours = subprocess.Popen([ASK, "--profile", "2.42", self.folder / "data"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        try:
            self.server.wait()
            by_time = sorted(((at, labels, value) for labels, samples in self.series for at, value in samples),
                             key=lambda sample: sample[0])
            for start in range(0, len(by_time), 2000):
                self.server.write([(labels, at, value) for at, labels, value in by_time[start:start + 2000]])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.ours.stdin.close()
        self.ours.wait(30)
        self.server.stop()

    def ask(self, line):
        """What both say to `instant TIME EXPR` or `range START END STEP EXPR`."""
        self.ours.stdin.write(line + "\n")
        self.ours.stdin.flush()
        return json.loads(self.ours.stdout.readline()), self.server.ask(line)


def same_number(ours, theirs):
    a, b = float(ours), float(theirs)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= RELATIVE * max(abs(a), abs(b)) + ABSOLUTE


def same_points(ours, theirs):
    return len(ours) == len(theirs) and all(
        abs(a[0] - b[0]) < 1e-6 and same_number(a[1], b[1]) for a, b in zip(ours, theirs))


def by_labels(result):
    return {json.dumps(series["metric"], sort_keys=True): series for series in result}


def differs(ours, theirs):
    """None, or in a few words how."""
    if ours["status"] != theirs["status"]:
        return f"{ours['status']} ({ours.get('error', '')}), not {theirs['status']} ({theirs.get('error', '')})"
    if ours["status"] == "error":
        return None
    a, b = ours["data"], theirs["data"]
    if a["resultType"] != b["resultType"]:
        return f"a {a['resultType']}, not a {b['resultType']}"
    if a["resultType"] in ("scalar", "string"):
        return None if same_points([a["result"]], [b["result"]]) else f"{a['result']}, not {b['result']}"
    mine, other = by_labels(a["result"]), by_labels(b["result"])
    if mine.keys() != other.keys():
        return f"series {sorted(mine.keys() ^ other.keys())[:3]} on one side only"
    for key, series in mine.items():
        points = [(s["values"] if "values" in s else [s["value"]]) for s in (series, other[key])]
        if not same_points(*points):
            return f"{key}: {[p for p in zip(*points) if not same_points([p[0]], [p[1]])][:2]}"
    return None
