"""Fills the catalogue. May run any number of times: what is there stays as it is."""
from shop import CATALOGUE, connect, say

ITEMS = {"apples": 250, "bread": 390, "coffee": 899, "honey": 720, "soap": 310, "tea": 540}


def main():
    redis = connect()
    added = sum(redis.hsetnx(CATALOGUE, item, cents) for item, cents in ITEMS.items())
    say(f"{added} items added, {redis.hlen(CATALOGUE)} in the catalogue")


if __name__ == "__main__":
    main()
