"""The daemon's address is taken by somebody else while it is dead: the services come first."""
import socket
import time

import pytest
from world import PATIENCE


def wait_for_the_address(world):
    """Connections break off when the server begins anew with its address; there is no event of it."""
    deadline = time.monotonic() + 15 * PATIENCE
    while time.monotonic() < deadline:
        try:
            if not any("taken" in text for text in world.status()["degraded"]):
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("the address did not come back")


def test_a_taken_address_costs_the_address_only_and_it_comes_back(world, tiny):
    world.declare({"web": {"command": tiny, "healthcheck": {"http": "/", "interval": "200ms"}}})
    world.up()
    pid, daemon = world.pid("web/1"), world.daemon_pid()
    host, port = world.listen.split(":")

    world.tend("daemon", "--stop")
    world.wait_dead(daemon)
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind((host, int(port)))
        thief.listen()
        world.up()
        assert any("http" in text and "taken" in text for text in world.status()["degraded"])
        assert world.pid("web/1") == pid
        with pytest.raises(AssertionError):
            world.wait_for(lambda: not world.status()["degraded"], timeout=1)
    wait_for_the_address(world)
    with socket.create_connection((host, int(port)), timeout=5):
        pass
    assert world.pid("web/1") == pid
