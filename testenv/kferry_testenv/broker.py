"""`testenv/broker`: takes one server of a running environment away, and brings it back."""

import argparse
import sys

from . import TestenvError, control, servers

_STOP_WAIT_S = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="testenv/broker", description="Stops, kills, pauses or starts one server.")
    control.add_environment_options(parser)
    parser.add_argument("action", choices=["stop", "kill", "start", "pause", "resume"])
    parser.add_argument("--id", type=int, help="the broker's or ZooKeeper server's id (default: the only or first one)")
    parser.add_argument("--side", choices=["source", "target"], default="source")
    parser.add_argument("--zookeeper", action="store_true", help="a ZooKeeper server in place of a broker")
    parser.add_argument("--version", help="start: in this version of Kafka from now on, with the settings and the log folder that it has")
    parser.add_argument("--no-wait", action="store_true", help="start: do not wait until it is ready")
    options = parser.parse_args()
    try:
        run(control.load_environment(options), options.action, "zookeeper" if options.zookeeper else options.side, options.id,
            not options.no_wait, options.version)
    except TestenvError as error:
        print(f"testenv/broker: {error}", file=sys.stderr)
        return 1
    return 0


def run(environment: dict, action: str, side: str, number: int | None, wait: bool = True,
        version: str | None = None) -> None:
    """Does it; returns when the server is gone or ready again. Raises TestenvError."""
    connection = control.Control(environment["dir"])
    server = _find(environment, side, number)
    if version and (action != "start" or side == "zookeeper"):
        raise TestenvError("--version is for the start of a broker")
    if version:
        server["argv"] = servers.in_version(server["argv"], version)
        server["version"] = version
    if action == "start":
        _start(environment, connection, side, server, wait)
        return
    connection.request("signal", name=server["name"], signal=int(servers.SIGNALS[action]))
    if action == "stop" and not servers.wait_ended(connection, server, _STOP_WAIT_S):
        raise TestenvError(f"{server['name']} is still running {_STOP_WAIT_S:.0f} s after SIGTERM")
    if action == "kill":
        servers.wait_ended(connection, server, _STOP_WAIT_S)


def _find(environment: dict, side: str, number: int | None) -> dict:
    cluster = environment[side]
    if cluster is None:
        raise TestenvError(f"the environment has no {side}")
    found = cluster["servers" if side == "zookeeper" else "brokers"]
    if number is None:
        return found[0]
    for server in found:
        if server["id"] == number:
            return server
    raise TestenvError(f"the {side} has no server {number}, only {[server['id'] for server in found]}")


def _start(environment: dict, connection: control.Control, side: str, server: dict, wait: bool) -> None:
    zookeeper = environment["zookeeper"] if side != "zookeeper" and environment[side]["mode"] == "zookeeper" else None
    if zookeeper:
        servers.wait_unregistered(zookeeper, server["id"])
    server["pid"] = connection.request("spawn", name=server["name"], argv=server["argv"], log=server["log"])["pid"]
    if side == "zookeeper":
        environment[side]["pid"] = environment[side]["servers"][0]["pid"]
    control.save_environment(environment)
    if not wait:
        return
    if side == "zookeeper":
        servers.wait_zookeeper(connection, server)
    else:
        servers.wait_brokers(connection, environment[side], zookeeper, server["id"])
