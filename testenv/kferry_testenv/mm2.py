"""`testenv/mm2`: a real MirrorMaker 2 between the two clusters of an environment."""

import argparse
import json
import sys
from pathlib import Path

from . import TestenvError, control, jars, servers

VERSION = "3.9.1"
_STOP_WAIT_S = 60.0

# What connect-mirror-maker.sh and kafka-run-class.sh of that version give the JVM.
_JVM = ("-Xms256M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
        "-XX:+ExplicitGCInvokesConcurrent")
_HEAP = "2G"

# One broker a side: what has to be said for anything to start.
_ONE_REPLICA = {
    "replication.factor": 1,
    "checkpoints.topic.replication.factor": 1,
    "heartbeats.topic.replication.factor": 1,
    "offset-syncs.topic.replication.factor": 1,
    "offset.storage.replication.factor": 1,
    "status.storage.replication.factor": 1,
    "config.storage.replication.factor": 1,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="testenv/mm2", description="A real MirrorMaker 2 from source to target.")
    control.add_environment_options(parser)
    parser.add_argument("action", nargs="?", default="start", choices=["start", *servers.SIGNALS])
    parser.add_argument("--name", default="mm2", help="several may run side by side")
    parser.add_argument("--source-alias", default="source")
    parser.add_argument("--target-alias", default="target")
    parser.add_argument("--topics", metavar="REGEX", default=".*")
    parser.add_argument("--groups", metavar="REGEX", default=".*")
    parser.add_argument("--identity", action="store_true", help="the same topic names on both sides (IdentityReplicationPolicy)")
    parser.add_argument("--tuned", action="store_true", help="as a good operator would for throughput")
    parser.add_argument("--properties", type=Path, metavar="FILE", help="this file as it is; nothing else is said")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="mm2.properties, last")
    options = parser.parse_args()
    try:
        environment = control.load_environment(options)
        if options.action == "start":
            print(json.dumps(start(environment, options)))
        else:
            signal_it(environment, options.name, options.action)
    except TestenvError as error:
        print(f"testenv/mm2: {error}", file=sys.stderr)
        return 1
    return 0


def properties(environment: dict, options: argparse.Namespace) -> dict:
    source, target = options.source_alias, options.target_alias
    flow = f"{source}->{target}"
    found = {
        "clusters": f"{source}, {target}",
        f"{source}.bootstrap.servers": environment["source"]["bootstrap_servers"],
        f"{target}.bootstrap.servers": environment["target"]["bootstrap_servers"],
        f"{flow}.enabled": "true",
        f"{flow}.topics": options.topics,
        f"{flow}.groups": options.groups,
    } | _ONE_REPLICA
    if options.identity:
        found["replication.policy.class"] = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"
    if options.tuned:
        found |= {
            "tasks.max": 8,
            f"{target}.producer.compression.type": "snappy",
            f"{target}.producer.batch.size": 262144,
            f"{target}.producer.linger.ms": 20,
            f"{target}.producer.buffer.memory": 134217728,
            f"{target}.producer.max.in.flight.requests.per.connection": 5,
            f"{target}.producer.enable.idempotence": "true",
            f"{source}.consumer.max.poll.records": 5000,
            f"{source}.consumer.max.partition.fetch.bytes": 4194304,
            f"{source}.consumer.receive.buffer.bytes": 1048576,
            f"{target}.producer.send.buffer.bytes": 1048576,
        }
    for pair in options.set:
        key, equals, value = pair.partition("=")
        if not equals:
            raise TestenvError(f"--set {pair}: not KEY=VALUE")
        found[key] = value
    return found


def start(environment: dict, options: argparse.Namespace) -> dict:
    """Returns once it runs, not once it copies. Raises TestenvError."""
    for side in ("source", "target"):
        if environment[side] is None:
            raise TestenvError(f"the environment has no {side} brokers")
    directory = Path(environment["dir"])
    config = directory / "config" / f"{options.name}.properties"
    log = directory / "logs" / f"{options.name}.log"
    if options.properties is not None:
        config = options.properties.resolve()
        if not config.is_file():
            raise TestenvError(f"--properties {config}: there is no such file")
    else:
        servers.write_properties(config, properties(environment, options))
    command = servers.java_command(jars.ensure(VERSION), "org.apache.kafka.connect.mirror.MirrorMaker", [str(config)],
                                   directory / "log4j.properties", _HEAP, False, _JVM)
    connection = control.Control(directory)
    pid = connection.request("spawn", name=options.name, argv=command, log=str(log))["pid"]
    return {"name": options.name, "pid": pid, "log": str(log), "config": str(config)}


def signal_it(environment: dict, name: str, action: str) -> None:
    connection = control.Control(environment["dir"])
    if name not in connection.request("list")["servers"]:
        raise TestenvError(f"no MirrorMaker named {name} was started in this environment")
    connection.request("signal", name=name, signal=int(servers.SIGNALS[action]))
    if action in ("stop", "kill") and not servers.wait_ended(connection, {"name": name}, _STOP_WAIT_S):
        raise TestenvError(f"{name} is still running {_STOP_WAIT_S:.0f} s after {action}")
