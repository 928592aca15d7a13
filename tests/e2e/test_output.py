"""What services write: byte for byte, whatever it is, whoever has died."""
import hashlib
import os
import subprocess

import children
import world as world_module


def raw_logs(world, subject, timeout=120):
    """`tend logs` as bytes: all of one instance."""
    done = subprocess.run([world_module.BUILD / "tend", "-f", world.file, "logs", subject, "-n", "all", "--no-names"],
                          cwd=world.dir, env=world.env, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, check=True)
    return done.stdout


def script(world, name, text):
    path = world.dir / name
    path.write_text("#!/usr/bin/python3\n" + text)
    path.chmod(0o755)
    return str(path)


def wait_logs(world, subject, wanted):
    for _ in range(200):
        got = raw_logs(world, subject)
        if len(got) >= len(wanted):
            return got
        world.pause_between_looks()
    return got


def test_a_line_of_a_megabyte_comes_through(world):
    program = script(world, "long.py", "import sys, time\n"
                     "sys.stdout.write('x' * (1 << 20) + '\\nafter\\n'); sys.stdout.flush()\ntime.sleep(1000)\n")
    world.declare({"web": {"command": program}})
    world.up()
    wanted = b"x" * (1 << 20) + b"\nafter\n"
    assert wait_logs(world, "web/1", wanted) == wanted


def test_bytes_that_are_no_text_come_through(world):
    program = script(world, "binary.py", "import os, time\n"
                     "os.write(1, bytes(range(256)) * 4 + b'\\n')\ntime.sleep(1000)\n")
    world.declare({"web": {"command": program}})
    world.up()
    wanted = bytes(range(256)) * 4 + b"\n"
    got = wait_logs(world, "web/1", wanted)
    assert got == wanted


def test_a_burst_of_100_megabytes_is_whole_over_rotation(world, tiny):
    size, line = 100 << 20, 200
    world.declare({"web": {"command": [tiny, "burst", str(size), str(line)],
                           "logging": {"options": {"max-size": "20m", "max-file": "20"}}}})
    world.tend("up", "-d", timeout=60)
    digest, count = hashlib.sha256(), 0
    for n in range((size + line - 1) // line):
        digest.update(bytes([97 + n % 26]) * (line - 1) + b"\n")
        count += line
    for _ in range(300):
        if sum(p.stat().st_size for p in (world.state / "logs" / "web").iterdir()) > count:
            break
        world.pause_between_looks()
    for _ in range(5):
        got = raw_logs(world, "web/1")
        if len(got) >= count:
            break
    assert len(got) == count
    assert hashlib.sha256(got).digest() == digest.digest()
    assert len(list((world.state / "logs" / "web").iterdir())) > 4


def test_what_is_written_while_the_daemon_is_dead_is_there_afterwards(world):
    program = script(world, "ticks.py", "import time, itertools\n"
                     "for n in itertools.count():\n    print(n, flush=True)\n    time.sleep(0.01)\n")
    world.declare({"web": {"command": program}})
    world.up()
    daemon = world.daemon_pid()
    guard = children.parents_and_states()[daemon][0]
    world.kill(guard)
    world.kill(daemon)
    world.wait_dead(daemon)
    log = world.state / "logs" / "web" / "1.log"
    size = log.stat().st_size
    for _ in range(300):
        if log.stat().st_size > size + 1000:
            break
        world.pause_between_looks()
    world.up()
    numbers = [int(line) for line in raw_logs(world, "web/1").split()]
    assert numbers == list(range(len(numbers))) and len(numbers) > 20


def test_follow_goes_on_after_the_daemon_died(world):
    program = script(world, "ticks.py", "import time, itertools\n"
                     "for n in itertools.count():\n    print(n, flush=True)\n    time.sleep(0.01)\n")
    world.declare({"web": {"command": program}})
    world.up()
    follower = subprocess.Popen([world_module.BUILD / "tend", "-f", world.file, "logs", "-f", "web", "--no-names",
                                 "-n", "all"], cwd=world.dir, env=world.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        seen = [int(follower.stdout.readline()) for _ in range(20)]
        daemon = world.daemon_pid()
        world.kill(daemon)
        world.wait_daemon(other_than=daemon)
        seen += [int(follower.stdout.readline()) for _ in range(100)]
        assert seen == list(range(120))
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()
    assert os.path.exists(world.state)
