"""Random series, and random PromQL over them: the whole grammar that Prometheus 2.42 has."""
import math

START_MS = 1_700_000_000_000
STEP_MS = 15_000
STEPS = 240  # an hour
JOBS, HANDLERS, BOUNDS = ["api", "web", "db"], ["/", "/a", "/b.c"], ["0.1", "1", "10", "+Inf"]


def series(random):
    """Of (labels, [(time, value)]): counters with resets, gauges, histograms; gaps, NaN, stale markers, jitter."""
    for job in JOBS:
        for instance in range(2):
            base = {"job": job, "instance": f"{instance}:80"}
            for handler in HANDLERS:
                yield {"__name__": "requests_total", "handler": handler, **base}, counter(random, 0.02)
            yield {"__name__": "memory_bytes", **base}, gauge(random, 1e9)
            yield {"__name__": "temperature", **base}, gauge(random, 30)
            yield {"__name__": "constant", **base}, [(at, 7.0) for at in times(random, 0)]
            for bound in BOUNDS:
                yield {"__name__": "latency_bucket", "le": bound, **base}, bucket(random, bound)
    yield {"__name__": "lonely"}, gauge(random, 5)
    yield {"__name__": "small"}, [(at, random.choice([-2.0, -1.0, 0.0, 1.0, 2.0])) for at in times(random, 0.1)]


def times(random, gaps):
    late = random.choice([0, 0, 0, random.randrange(0, 2000)])
    silent = random.randrange(STEPS) if random.random() < 0.3 else None
    for i in range(STEPS):
        if random.random() < gaps or silent is not None and silent <= i < silent + 30:
            continue
        yield START_MS + i * STEP_MS + late


def counter(random, gaps):
    value, out = float(random.randrange(1000)), []
    for at in times(random, gaps):
        value = 0.0 if random.random() < 0.01 else value + random.choice([0, 1, 5, random.randrange(50)])
        out.append((at, value))
    return with_markers(random, out)


def gauge(random, size):
    value, out = size * random.random(), []
    for at in times(random, 0.05):
        value += random.gauss(0, size / 20)
        special = random.random()
        out.append((at, math.nan if special < 0.01 else math.inf if special < 0.013 else round(value, 3)))
    return with_markers(random, out)


def bucket(random, bound):
    rank, value, out = BOUNDS.index(bound) + 1, 0.0, []
    for at in times(random, 0):
        value += rank * 10 + random.randrange(3)
        out.append((at, value))
    return out


def with_markers(random, samples):
    return [(at, "stale" if random.random() < 0.01 else value) for at, value in samples]


class Queries:
    """Typed: every expression made is one that parses."""

    def __init__(self, random):
        self.random = random

    def one_of(self, *makers):
        return self.random.choice(makers)()

    def duration(self):
        return self.random.choice(["15s", "30s", "1m", "90s", "5m", "10m", "1h"])

    def matchers(self):
        some = ['job="api"', 'job!="api"', 'job=~"a.*|db"', 'job!~"w.."', 'instance="0:80"', 'handler=~".+"',
                'handler=""', 'handler!="/"', 'le!=""', 'nothing=""', 'job=~"(api|web)"']
        chosen = self.random.sample(some, self.random.choice([0, 0, 1, 1, 2]))
        return "{" + ",".join(chosen) + "}" if chosen else ""

    def shift(self):
        kind = self.random.random()
        if kind < 0.7:
            return ""
        offset = " offset " + self.random.choice(["1m", "-1m", "7m", "15s"])
        at = " @ " + self.random.choice(["1700001000", "1700002500.5", "start()", "end()"])
        return offset if kind < 0.85 else at if kind < 0.93 else at + offset

    def name(self):
        return self.random.choice(["requests_total", "memory_bytes", "temperature", "constant", "latency_bucket", "lonely",
                                   "small", "missing"])

    def selector(self):
        return self.name() + self.matchers() + self.shift()

    def matrix(self, depth):
        if depth > 0 and self.random.random() < 0.2:
            step = self.random.choice(["", "30s", "1m", "13s"])
            return f"({self.vector(depth - 1)})[{self.random.choice(['1m', '5m', '10m'])}:{step}]{self.shift()}"
        return f"{self.name()}{self.matchers()}[{self.duration()}]{self.shift()}"

    def scalar(self, depth):
        if depth <= 0:
            return self.random.choice(["0", "1", "2", "0.5", "-1", "3e2", "Inf", "NaN", "1.5", "0x10"])
        return self.one_of(
            lambda: self.scalar(0), lambda: "time()", lambda: "pi()", lambda: f"scalar({self.vector(depth - 1)})",
            lambda: f"({self.scalar(depth - 1)} {self.random.choice('+-*/%^')} {self.scalar(depth - 1)})",
            lambda: f"({self.scalar(depth - 1)} {self.comparison()} bool {self.scalar(depth - 1)})",
            lambda: f"-{self.scalar(0)}")

    def comparison(self):
        return self.random.choice(["==", "!=", "<", "<=", ">", ">="])

    def over_time(self, depth):
        plain = ["rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets", "avg_over_time",
                 "sum_over_time", "min_over_time", "max_over_time", "count_over_time", "stddev_over_time", "stdvar_over_time",
                 "last_over_time", "present_over_time", "absent_over_time"]
        return self.one_of(
            lambda: f"{self.random.choice(plain)}({self.matrix(depth)})", lambda: f"rate({self.matrix(depth)})",
            lambda: f"{self.random.choice(plain)}({self.matrix(depth)})",
            lambda: f"quantile_over_time({self.random.choice(['0', '0.5', '0.9', '1.2'])}, {self.matrix(depth)})",
            lambda: f"predict_linear({self.matrix(depth)}, 60)",
            lambda: f"holt_winters({self.matrix(depth)}, 0.5, 0.3)")

    def element(self, depth):
        plain = ["abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "asin", "acos", "atan",
                 "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "rad", "deg", "timestamp", "day_of_week", "day_of_month",
                 "day_of_year", "days_in_month", "hour", "minute", "month", "year", "absent"]
        inner = self.vector(depth - 1)
        return self.one_of(
            lambda: f"{self.random.choice(plain)}({inner})", lambda: f"{self.random.choice(plain)}({inner})",
            lambda: f"clamp({inner}, {self.scalar(0)}, {self.scalar(0)})", lambda: f"clamp_min({inner}, {self.scalar(depth - 1)})",
            lambda: f"clamp_max({inner}, {self.scalar(depth - 1)})", lambda: f"round({inner})", lambda: f"round({inner}, 0.3)",
            lambda: f"vector({self.scalar(depth - 1)})", lambda: f"-{inner}", lambda: f"sort({inner})", lambda: f"sort_desc({inner})",
            lambda: f'label_replace({inner}, "to", "$1-x", "{self.random.choice(["job", "instance", "nothing"])}", "(.)(.*)")',
            lambda: f'label_join({inner}, "to", "/", "job", "instance")',
            lambda: f"histogram_quantile({self.random.choice(['0.1', '0.5', '0.99', '2'])}, rate(latency_bucket[{self.duration()}]))",
            lambda: f"histogram_quantile(0.9, sum by (le, job) (increase(latency_bucket[5m])))")

    def grouping(self):
        return self.random.choice(["", "by (job) ", "by (job, instance) ", "without (instance) ", "by () ", "without () ", "by (le) "])

    def aggregation(self, depth):
        inner = self.vector(depth - 1)
        op = self.random.choice(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"])
        return self.one_of(
            lambda: f"{op} {self.grouping()}({inner})", lambda: f"{op} {self.grouping()}({inner})",
            lambda: f"{self.random.choice(['topk', 'bottomk'])} {self.grouping()}({self.random.choice(['0', '1', '3'])}, {inner})",
            lambda: f"quantile {self.grouping()}({self.random.choice(['0', '0.3', '1', '-1'])}, {inner})",
            lambda: f'count_values {self.grouping()}("value", {inner})')

    def matching(self, sets):
        on = self.random.choice(["", "", "on (job, instance) ", "ignoring (handler, le) ", "on (job) ", "on () ", "ignoring (le) "])
        if sets or not on or self.random.random() < 0.5:
            return on
        return on + self.random.choice(["group_left ", "group_right ", "group_left (handler) ", "group_right (le) "])

    def binary(self, depth):
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        arithmetic = self.random.choice(["+", "-", "*", "/", "%", "^", "atan2"])
        return self.one_of(
            lambda: f"({left} {arithmetic} {self.scalar(depth - 1)})", lambda: f"({self.scalar(depth - 1)} {arithmetic} {right})",
            lambda: f"({left} {self.comparison()} {self.scalar(depth - 1)})",
            lambda: f"({self.scalar(depth - 1)} {self.comparison()} bool {right})",
            lambda: f"({left} {arithmetic} {self.matching(False)}{right})",
            lambda: f"({left} {self.comparison()} {self.random.choice(['', 'bool '])}{self.matching(False)}{right})",
            lambda: f"({left} {self.random.choice(['and', 'or', 'unless'])} {self.matching(True)}{right})")

    def vector(self, depth):
        if depth <= 0:
            return self.selector()
        return self.one_of(
            self.selector, lambda: self.over_time(depth), lambda: self.over_time(depth), lambda: self.element(depth),
            lambda: self.aggregation(depth), lambda: self.aggregation(depth), lambda: self.binary(depth), lambda: self.binary(depth))

    def line(self):
        at = START_MS + self.random.randrange(0, STEPS * STEP_MS + 400_000, 500)
        what = self.random.random()
        expression = self.scalar(2) if what < 0.05 else self.matrix(1) if what < 0.1 else self.vector(self.random.choice([1, 2, 2, 3]))
        if what >= 0.1 and self.random.random() < 0.5:
            step = self.random.choice([1000, 15_000, 40_000, 60_000])
            return f"range {at} {at + step * self.random.randrange(0, 30)} {step} {expression}"
        return f"instant {at} {expression}"
