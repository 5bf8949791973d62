"""`testenv/up`: starts an environment and prints it as JSON."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import TestenvError, control, servers


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE")
    return key.strip(), value.strip()


def _advertised(text: str) -> tuple[int, str]:
    broker, address = _pair(text)
    host, colon, port = address.rpartition(":")
    if not (broker.isdigit() and colon and host and port.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is not BROKERID=HOST:PORT")
    return int(broker), address


def _chroot(text: str) -> str:
    if text in ("", "/"):
        return ""
    if not text.startswith("/") or text.endswith("/"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a path such as /kafka")
    return text


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 9:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 9")
    return int(text)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="testenv/up", description="Starts real ZooKeeper and Kafka servers on 127.0.0.1.")
    found.add_argument("--source", metavar="VERSION", default=None,
                       help="Kafka version of the source cluster, or 'none'; below 4 it runs in ZooKeeper mode "
                            "(default: 3.9.1; none when only --target is given)")
    found.add_argument("--source-brokers", metavar="N", type=_count, default=1)
    found.add_argument("--chroot", metavar="/PATH", type=_chroot, default="")
    found.add_argument("--target", metavar="VERSION", help="Kafka version of the target cluster (KRaft, 3.3 or later)")
    found.add_argument("--target-brokers", metavar="N", type=_count, default=1)
    found.add_argument("--set", metavar="KEY=VALUE", type=_pair, action="append", default=[], help="source broker property")
    found.add_argument("--target-set", metavar="KEY=VALUE", type=_pair, action="append", default=[],
                       help="target broker property")
    found.add_argument("--no-kafka", action="store_true", help="ZooKeeper only")
    found.add_argument("--advertise", metavar="BROKERID=HOST:PORT", type=_advertised, action="append", default=[],
                       help="what a source broker advertises in place of its own address")
    found.add_argument("--target-advertise", metavar="BROKERID=HOST:PORT", type=_advertised, action="append", default=[])
    found.add_argument("--zookeeper-servers", metavar="N", type=_count, default=1)
    found.add_argument("--zookeeper-set", metavar="KEY=VALUE", type=_pair, action="append", default=[],
                       help="ZooKeeper server property")
    found.add_argument("--dir", metavar="DIR", help="the environment's folder, new or empty (default: a temporary one)")
    found.add_argument("--env", metavar="FILE", help="writes the JSON environment here too")
    found.add_argument("--owner-pid", metavar="PID", type=int, default=0, help="ends everything when this process ends")
    found.add_argument("--workload", metavar="FILE", help="loads this workload into the source (see testenv/workload)")
    found.add_argument("--heap", metavar="SIZE", default="384m", help="of each broker (default: 384m)")
    found.add_argument("--secure", action="store_true",
                       help="more listeners: SSL, SASL_SSL, SASL_PLAINTEXT, EXPIRED; certificates in DIR/security (2.8 and later)")
    found.add_argument("--kerberos", action="store_true",
                       help="--secure, a KDC, and the listeners KERBEROS and KERBEROS_SSL; keytabs in DIR/kerberos")
    found.add_argument("--benchmark", action="store_true", help="full JIT and default collector: slower start, full speed")
    return found


def main() -> int:
    options = parser().parse_args()
    if options.owner_pid and not Path(f"/proc/{options.owner_pid}").exists():
        print(f"testenv/up: --owner-pid {options.owner_pid}: no such process", file=sys.stderr)
        return 1
    try:
        environment = _start(options)
    except (TestenvError, OSError) as error:
        print(f"testenv/up: {error}", file=sys.stderr)
        return 1
    print(json.dumps(environment, indent=2), flush=True)
    return 0


def _folder(wanted: str | None) -> tuple[Path, bool]:
    if not wanted:
        return Path(tempfile.mkdtemp(prefix="kferry-env-")).resolve(), True
    path = Path(wanted).resolve()
    created = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise TestenvError(f"--dir {path} is not empty")
    return path, created


def _start_supervisor(directory: Path, created: bool, options: argparse.Namespace) -> subprocess.Popen:
    script = Path(__file__).resolve().with_name("supervisor.py")
    command = ["/usr/bin/python3", str(script), str(directory), "1" if created else "0", str(os.getpid()),
               str(options.owner_pid), str(Path(options.env).resolve()) if options.env else ""]
    log = directory / "supervisor.out"
    with open(log, "wb") as errors:
        process = subprocess.Popen(  # pylint: disable=consider-using-with  # it outlives us
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
    if process.stdout.readline() != b"listening\n":
        raise TestenvError(f"the supervisor did not start: {servers.tail(log)}")
    process.stdout.close()
    return process


def _start(options: argparse.Namespace) -> dict:
    started = time.monotonic()
    directory, created = _folder(options.dir)
    supervisor = _start_supervisor(directory, created, options)
    connection = control.Control(directory)
    try:
        environment = _start_servers(options, directory, connection)
        environment |= {"supervisor": {"pid": supervisor.pid, "started": control.start_time(supervisor.pid)},
                        "owner_pid": options.owner_pid or None,
                        "env_file": str(Path(options.env).resolve()) if options.env else None}
        environment["start_seconds"] = round(time.monotonic() - started, 2)
        control.save_environment(environment)
        if options.workload:
            from . import workload  # pylint: disable=import-outside-toplevel  # kazoo is slow to import

            workload.load(environment, json.loads(Path(options.workload).read_text(encoding="utf-8")), "source")
        connection.request("ready")
        return environment
    except BaseException:
        try:
            connection.request("down")
        except TestenvError:
            pass  # it ends by itself: it watches our pid
        supervisor.wait(timeout=60)
        raise


def _start_servers(options: argparse.Namespace, directory: Path, connection: control.Control) -> dict:
    source = options.source or ("none" if options.target and not options.no_kafka else "3.9.1")
    from .jars import ensure, parse_version  # pylint: disable=import-outside-toplevel

    in_zookeeper = options.no_kafka or (source != "none" and parse_version(source) < (4,))
    for version in {source, options.target} - {"none", None}:
        ensure(version)  # before a server runs: it may take long
    environment = {"dir": str(directory), "zookeeper": None, "source": None, "target": None}
    built = servers.Environment(directory, connection, options.heap, not options.benchmark, options.secure, options.kerberos)
    if in_zookeeper:
        environment["zookeeper"] = built.start_zookeeper(options.zookeeper_servers, options.chroot, dict(options.zookeeper_set))
    sides = []
    if source != "none" and not options.no_kafka:
        sides.append(("source", source, options.source_brokers, environment["zookeeper"], options.set, options.advertise))
    if options.target:
        sides.append(("target", options.target, options.target_brokers, None, options.target_set, options.target_advertise))
    for side, version, count, zookeeper, settings, advertise in sides:
        environment[side] = built.spawn_brokers(side, version, count, zookeeper, dict(settings), dict(advertise))
    for side, _, _, zookeeper, _, _ in sides:
        built.await_brokers(environment[side], zookeeper)
    return environment
