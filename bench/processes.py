"""Reading /proc: memory, CPU time and kinship of processes; ending them by pid."""
import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36


def run_below_a_reaper():
    """Go on in a child. The parent stays behind, collects whatever detaches from the subjects and
    ends (a dead process that nobody collects looks alive to some of them), and exits as we do."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        return
    for signo in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signo, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == child:
            end([p for p in descendants(os.getpid()) if is_running(p)])
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return file.read().rpartition(")")[2].split()


def is_running(pid):
    try:
        return stat_fields(pid)[0] not in "ZX"
    except OSError:
        return False


def program_of(pid):
    """Its file; "" once it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def parent_of(pid):
    return int(stat_fields(pid)[1])


def descendants(pid):
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                children.setdefault(parent_of(int(name)), []).append(int(name))
            except OSError:
                pass
    below, layer = [], [pid]
    while layer:
        layer = [child for parent in layer for child in children.get(parent, [])]
        below += layer
    return below


def end(pids):
    """SIGKILL, and wait until they are gone; what they leave below this process goes too."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)


def pss_kb(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def rss_kb(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return 0


def cpu_ns(pid):
    """Of all threads, exact."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    except OSError:
        pass
    return total


def cpu_share(pids, seconds):
    """Of one core, over the next `seconds`."""
    before = {pid: cpu_ns(pid) for pid in pids}
    time.sleep(seconds)
    return sum(cpu_ns(pid) - before[pid] for pid in pids) / (seconds * 1e9)
