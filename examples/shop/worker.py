"""Takes orders from the list and ships them. An order in hand lies in a list of this worker's own, so
that it is taken up again when the worker is killed in the middle."""
import json
import os
import time

import redis as redis_library

from shop import ORDERS, SHIPPED, connect, exit_on_sigterm, notify, say

IN_HAND = "orders:in-hand:" + os.environ.get("TEND_INSTANCE", "alone")
WORK_SECONDS = 0.02
WAIT_SECONDS = 1


def ship(redis, order):
    time.sleep(WORK_SECONDS)
    step = redis.pipeline(transaction=True)
    step.incr(SHIPPED)
    step.lrem(IN_HAND, 1, order)
    step.execute()
    say(f"shipped an order of {json.loads(order)['user']}")


def work(redis):
    for order in redis.lrange(IN_HAND, 0, -1):
        say("taking up an order that was left in hand")
        ship(redis, order)
    while True:
        notify("READY=1\nWATCHDOG=1")
        order = redis.blmove(ORDERS, IN_HAND, WAIT_SECONDS, "RIGHT", "LEFT")
        if order:
            ship(redis, order)


def main():
    exit_on_sigterm()
    while True:
        try:
            work(connect())
        except redis_library.RedisError as problem:
            say(f"redis: {problem}; trying again")
            notify("WATCHDOG=1")  # Redis is away; this worker is fine
            time.sleep(0.2)


if __name__ == "__main__":
    main()
