"""Free ports on 127.0.0.1 that no other environment and no outgoing connection will take.

They lie below the kernel's ephemeral range. Each is reserved by an abstract Unix socket, which the
kernel drops with the process that holds it: nothing to clean up, and a server may be stopped and
started again on its port.
"""

import random
import socket

from . import TestenvError

_FIRST, _LAST = 20000, 31999


def reserve(count: int) -> tuple[list[int], list[socket.socket]]:
    """`count` ports and the sockets that hold the reservations."""
    ports: list[int] = []
    holds: list[socket.socket] = []
    candidate = random.randint(_FIRST, _LAST)
    for _ in range(_LAST - _FIRST + 1):
        if len(ports) == count:
            break
        hold = _try_reserve(candidate)
        if hold is not None:
            ports.append(candidate)
            holds.append(hold)
        candidate = candidate + 1 if candidate < _LAST else _FIRST
    if len(ports) < count:
        raise TestenvError(f"no {count} free ports between {_FIRST} and {_LAST}")
    return ports, holds


def _try_reserve(port: int) -> socket.socket | None:
    hold = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        hold.bind(f"\0kferry-testenv-port-{port}")
        for host in ("127.0.0.1", "0.0.0.0"):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        return hold
    except OSError:
        hold.close()
        return None
