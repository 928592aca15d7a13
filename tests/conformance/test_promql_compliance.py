"""The query templates of prometheus/compliance, where TEND_CORPUS has them (compliance/promql-test-queries.yml),
asked of tend's engine and of Debian's Prometheus over series of our own that have the names they want."""
import itertools
import os
import pathlib
import random
import re

import pytest
import yaml

import promql_peers
from prometheus_server import PROGRAM

TEMPLATES = pathlib.Path(os.environ.get("TEND_CORPUS", "/nonexistent")) / "compliance" / "promql-test-queries.yml"
START_MS, STEP_MS, SAMPLES = 1_700_000_000_000, 5000, 900

pytestmark = [pytest.mark.skipif(PROGRAM is None, reason="no prometheus here (package prometheus)"),
              pytest.mark.skipif(not TEMPLATES.exists(), reason="no templates in TEND_CORPUS")]

VARIANTS = {
    "range": ["1s", "15s", "1m", "5m", "15m", "1h"], "offset": ["1m", "5m", "10m"],
    "quantile": ["-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5"],
    "simpleAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar"], "topBottomOp": ["topk", "bottomk"],
    "simpleTimeAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last", "present"],
    "arithBinOp": ["+", "-", "*", "/", "%", "^"], "compBinOp": ["==", "!=", "<", ">", "<=", ">="],
    "binOp": ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="],
    "simpleMathFunc": ["abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10"], "clampFunc": ["clamp_min", "clamp_max"],
    "extrapolatedRateFunc": ["delta", "rate", "increase"], "instantRateFunc": ["idelta", "irate"],
    "dateFunc": ["day_of_month", "day_of_week", "days_in_month", "hour", "minute", "month", "year"],
    "smoothingFactor": ["0.1", "0.5", "0.8"], "trendFactor": ["0.1", "0.5", "0.8"],
}


def times():
    return [START_MS + i * STEP_MS for i in range(SAMPLES)]


def counter(grow):
    value, out = 0.0, []
    for at in times():
        value = round(value + grow(), 3)
        out.append((at, value))
    return out


def series():
    chance = random.Random(7)
    for port in (10000, 10001, 10002):
        base = {"instance": f"demo.promlabs.com:{port}", "job": "demo"}
        for kind in ("free", "used", "buffers", "cached"):
            yield {"__name__": "demo_memory_usage_bytes", "type": kind, **base}, [(at, float(chance.randrange(10**9))) for at in times()]
        for mode in ("idle", "user", "system"):
            yield {"__name__": "demo_cpu_usage_seconds_total", "mode": mode, **base}, counter(chance.random)
        yield {"__name__": "demo_num_cpus", **base}, [(at, 4.0) for at in times()]
        yield {"__name__": "demo_disk_usage_bytes", **base}, [(at, chance.uniform(1e10, 2e10)) for at in times()]
        yield {"__name__": "demo_intermittent_metric", **base}, [(at, chance.random()) for i, at in enumerate(times()) if i // 60 % 2]
        yield {"__name__": "demo_batch_last_success_timestamp_seconds", **base}, [(at, float(at // 60_000 * 60)) for at in times()]
        for path, method, status in itertools.product(("/api/foo", "/api/bar"), ("GET", "POST"), ("200", "500")):
            request = {"path": path, "method": method, "status": status, **base}
            yield {"__name__": "demo_api_request_duration_seconds_count", **request}, counter(lambda: 12)
            for rank, bound in enumerate(("0.1", "0.5", "1", "+Inf"), 1):
                yield ({"__name__": "demo_api_request_duration_seconds_bucket", "le": bound, **request},
                       counter(lambda grow=rank * 3: grow))


def queries():
    for case in yaml.safe_load(TEMPLATES.read_text())["test_cases"]:
        names = list(dict.fromkeys(re.findall(r"\{\{\.(\w+)\}\}", case["query"])))
        for values in itertools.product(*(VARIANTS[name] for name in names)):
            query = case["query"]
            for name, value in zip(names, values):
                query = query.replace("{{.%s}}" % name, value)
            yield query


def test_every_template_gets_the_same_answer(tmp_path):
    with promql_peers.Peers(tmp_path, series()) as peers:
        asked, different = 0, []
        for query in queries():
            how = promql_peers.differs(*peers.ask(f"range {START_MS + 3_600_000} {START_MS + 4_200_000} 10000 {query}"))
            asked += 1
            if how is not None:
                different.append(f"{query}\n    {how}")
    print(f"{asked} queries")
    assert asked > 500 and not different, "\n".join(different)
