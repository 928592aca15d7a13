"""Counts what the shop has and what still waits for a worker. Run by a schedule."""
from shop import CATALOGUE, ORDERS, connect, say


def main():
    redis = connect()
    say(f"{redis.hlen(CATALOGUE)} items in the catalogue, {redis.llen(ORDERS)} orders waiting")


if __name__ == "__main__":
    main()
