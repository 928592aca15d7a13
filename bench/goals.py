"""What tend sets itself to reach, and whether a run did."""

BUSY = "On a machine with more to run than cores, one start in a hundred waits for its turn."

BUSY_PLAN = "The CPU time below is what it costs; the rest is waiting for a core."

# measure, subject, at most, unit, and why it is missed where it is
GOALS = (
    ("kill -9 → 200", "tend", 2, "ms", ""),
    ("kill -9 → 200, p99", "tend", 20, "ms", BUSY),
    ("kill -9 → 200", "tend, its daemon dead", 2, "ms", ""),
    ("kill -9 → 200, p99", "tend, its daemon dead", 20, "ms", BUSY),
    ("SIGSTOP → 200", "tend", 350, "ms", ""),
    ("memory beside a service", "tend", 100, "kB RSS", ""),
    ("memory of the main process", "tend", 12e6 / 2**20, "MiB RSS", ""),
    ("CPU at idle", "tend", 0.2, "% of a core", ""),
    ("1000 services accept", "tend", 2000, "ms",
     "Over half of the daemon's time here is mkdir: a folder for logs, one for the run, and a control "
     "group in each hierarchy. Where /run is no tmpfs, they are made on a disk."),
    ("memory for 1000", "tend", 50, "MiB PSS", ""),
    ("CPU for 1000 checks a second", "tend", 12, "% of a core", ""),
    ("1000 services ready again", "tend", 300, "ms",
     "The new daemon uses 160 ms of CPU for it; the rest is waiting for a core and for the shims' answers."),
    ("--version", "tend", 5, "ms", ""),
    ("status of 10 services", "tend", 20, "ms", ""),
    ("plan 1000 services", "tend", 20, "ms", BUSY_PLAN),
    ("plan 1000 services: memory", "tend", 16, "MiB RSS", ""),
    ("plan 1000 services in 400 kB", "tend", 50, "ms", BUSY_PLAN),
    ("plan 1000 services: first output", "tend", 100, "ms", ""),
    ("140 resources: no-op plan", "tend", 10, "ms", BUSY),
    ("140 resources: no-op plan", "tend, no daemon", 10, "ms", BUSY),
    ("140 resources: first apply", "tend", 150, "ms", BUSY),
    ("acknowledged changes lost", "tend", 0, "", ""),
    ("services touched", "tend", 0, "", ""),
)
# measure, peer, at most so many times the peer's
RATIOS = (
    ("CPU for one check", "HAProxy", 0.5,
     "Each check is a new connection, as HAProxy's is, and most of its cost is the kernel's TCP, "
     "which both pay. Half could only be reached by keeping connections, which would not notice that a "
     "service has stopped to accept."),
)


def value_of(rows, measure, subject):
    found = [r["value"] for r in rows if r["measure"] == measure and r["subject"] == subject]
    return max(found) if found and all(isinstance(v, (int, float)) for v in found) else None


def goal_rows(results):
    """(what, goal, reached, met, why) of each goal that was measured; `met` is None without a value."""
    rows = [row for part in results.values() for row in part]
    for measure, subject, most, unit, why in GOALS:
        if any(r["measure"] == measure and r["subject"] == subject for r in rows):
            value = value_of(rows, measure, subject)
            yield f"{measure} ({subject})", most, value, unit, value is not None and value <= most, why
    for measure, peer, most, why in RATIOS:
        own, other = value_of(rows, measure, "tend"), value_of(rows, measure, peer)
        if own is not None and other:
            yield f"{measure}, against {peer}", most, own / other, "×", own / other <= most, why
