#!/usr/bin/python3
"""Visits the shop at a fixed rate and tells what visitors saw.

    ./load.py --rate 50 --seconds 20          nine of ten look, one buys

The load is open: a visitor comes when it is due, whether or not earlier ones were served, and the time
is counted from that moment, so that a stall is seen in full.
"""
import argparse
import asyncio
import collections
import time

VISIT_SECONDS_MAX = 5


async def visit(host, port, request):
    """The status of one request on a connection of its own."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        await writer.drain()
        line = await reader.readline()
        if not line:
            raise ConnectionResetError
        await reader.read()
        return int(line.split()[1])
    finally:
        writer.close()


class Load:
    def __init__(self, options):
        self.options = options
        self.times, self.errors, self.bad_at = [], collections.Counter(), []

    def request(self, number):
        line = "POST /buy/tea" if number % 10 == 0 else "GET /"
        return (f"{line} HTTP/1.1\r\nHost: {self.options.host}\r\nContent-Length: 0\r\n"
                "Connection: close\r\n\r\n").encode()

    async def one(self, number, due):
        problem = None
        try:
            status = await asyncio.wait_for(
                visit(self.options.host, self.options.port, self.request(number)), VISIT_SECONDS_MAX)
            if status not in (200, 303):
                problem = f"status {status}"
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            problem = type(error).__name__
        if problem:
            self.errors[problem] += 1
            self.bad_at.append(due)
        else:
            self.times.append(time.monotonic() - due)

    async def run(self):
        started, tasks = time.monotonic(), []
        for number in range(int(self.options.rate * self.options.seconds)):
            due = started + number / self.options.rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            tasks.append(asyncio.create_task(self.one(number, due)))
        await asyncio.gather(*tasks)

    def report(self):
        times = sorted(self.times)
        failed = sum(self.errors.values())
        print(f"{len(times)} served, {failed} failed"
              + "".join(f"; {count} {what}" for what, count in self.errors.most_common()))
        if times:
            shares = ((50, "median"), (90, "p90"), (99, "p99"), (100, "max"))
            print("  ".join(f"{name} {1000 * times[min(len(times) - 1, len(times) * share // 100)]:.1f} ms"
                            for share, name in shares))
        if self.bad_at:
            print(f"failures within {max(self.bad_at) - min(self.bad_at):.2f} s")
        return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--rate", type=float, default=50, help="visitors a second")
    parser.add_argument("--seconds", type=float, default=20)
    load = Load(parser.parse_args())
    asyncio.run(load.run())
    return load.report()


if __name__ == "__main__":
    raise SystemExit(main())
