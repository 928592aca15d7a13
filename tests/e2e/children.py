"""Keeping hold of every process a test starts, also those that detach.

The test process is a subreaper: whatever a daemon or shim leaves behind becomes its child. A thread
collects such orphans when they end (nobody else would); children of the subprocess module are left to
it. Ending happens by pid, to descendants of this process only.
"""
import ctypes
import os
import signal
import subprocess
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
REAP_SECONDS = 0.02

_lock = threading.Lock()
_own = set()


class TrackedPopen(subprocess.Popen):
    """A child whose exit status its starter wants: the reaper leaves it alone."""

    def __init__(self, *args, **kwargs):
        with _lock:
            super().__init__(*args, **kwargs)
            _own.add(self.pid)


def parents_and_states():
    """pid → (parent, state letter) of every process that can be seen."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(name)] = (int(fields[1]), fields[0])
    return found


def descendants():
    """Processes below this one that run, parents before children; those of `subprocess` too."""
    table = parents_and_states()
    below, layer = [], {os.getpid()}
    while layer:
        layer = {pid for pid, (parent, _) in table.items() if parent in layer}
        below += sorted(pid for pid in layer if table[pid][1] != "Z")
    return below


def is_running(pid):
    """A zombie counts as dead."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid):
    return [child for child, (parent, state) in parents_and_states().items()
            if parent == pid and state != "Z"]


def _reap():
    me = os.getpid()
    while True:
        time.sleep(REAP_SECONDS)
        with _lock:
            zombies = []
            try:
                with open(f"/proc/{me}/task/{me}/children", encoding="ascii") as file:
                    zombies = [int(p) for p in file.read().split() if int(p) not in _own]
            except OSError:
                zombies = [p for p, (parent, _) in parents_and_states().items()
                           if parent == me and p not in _own]
            for pid in zombies:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass


def become_subreaper():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")
    subprocess.Popen = TrackedPopen
    threading.Thread(target=_reap, daemon=True).start()


def end_all(keep=(), seconds=10):
    """SIGKILL whatever is left below this process, until nothing is; returns what would not go."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = [pid for pid in descendants() if pid not in keep]
        if not left:
            return []
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(REAP_SECONDS)
    return left
