"""Configures, starts and awaits the servers of one environment."""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from . import TestenvError, jars, kerberos, protocol, secure
from .control import Control
from .jars import parse_version

_LOG4J = """log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n
log4j.logger.org.apache.zookeeper=WARN
log4j.logger.org.apache.zookeeper.server=INFO
log4j.logger.kafka.authorizer.logger=WARN
"""

# For one machine and many short runs; everything may be overridden with --set.
_COMMON = {
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    "controlled.shutdown.retry.backoff.ms": 500,
    "num.partitions": 1,
    "default.replication.factor": 1,
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 8,
    "offsets.retention.check.interval.ms": 1000,
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.min.isr": 1,
    "log.retention.check.interval.ms": 1000,
    "log.segment.delete.delay.ms": 1000,
    "log.cleaner.backoff.ms": 1000,
    "log.cleaner.dedupe.buffer.size": 4194304,
    "log.index.size.max.bytes": 1048576,
}


def java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def write_properties(path: Path, values: dict) -> None:
    def escape(value) -> str:
        return str(value).replace("\\", "\\\\").replace("\n", "\\n")

    path.write_text("".join(f"{key}={escape(value)}\n" for key, value in values.items()), encoding="utf-8")


def tail(log: Path, lines: int = 25) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError as error:
        return str(error)


def java_command(jar_dir: Path, main: str, arguments: list[str], log4j: Path, heap: str, fast_start: bool = True,
                 options: tuple[str, ...] = ()) -> list[str]:
    flags = [f"-Xmx{heap}", "-Xshare:auto", "-Djava.awt.headless=true", f"-Dlog4j.configuration=file:{log4j}",
             "-Dzookeeper.jmx.log4j.disable=true", *options]
    if fast_start:
        flags += ["-Xms64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"]
    return [java(), *flags, "-cp", jars.class_path(jar_dir), main, *arguments]


def in_version(command: list[str], version: str) -> list[str]:
    """The same server of another version: its jars, and its archive of classes where there is one."""
    jar_dir = jars.ensure(version)
    kept = [part for part in command if not part.startswith(("-XX:SharedArchiveFile=", "-XX:ArchiveClassesAtExit=", "-Xlog:cds"))]
    place = kept.index("-cp")
    archive = class_archive(jar_dir, kept[place + 2])
    used = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
    return kept[:place] + used + ["-cp", jars.class_path(jar_dir)] + kept[place + 2:]


def class_archive(jar_dir: Path, main: str) -> Path:
    """Where the parsed classes of a server are kept (AppCDS): they halve the CPU time of its start.

    An archive is good for one JVM and one class path only.
    """
    binary = Path(shutil.which(java()) or "/").resolve()
    key = hashlib.sha256(f"{binary} {binary.stat().st_mtime_ns} {jars.class_path(jar_dir)}".encode()).hexdigest()[:12]
    return jars.cache_root() / "cds" / f"{jar_dir.name}-{main.rsplit('.', 1)[-1]}-{key}.jsa"


class Environment:
    """Builds the environment in `directory` by way of its supervisor. Methods raise TestenvError."""

    def __init__(self, directory: Path, control: Control, heap: str = "384m", fast_start: bool = True,
                 secured: bool = False, with_kerberos: bool = False) -> None:
        self._directory = directory
        self._control = control
        self._heap = heap
        self._fast_start = fast_start
        self._log4j = directory / "log4j.properties"
        self._archiving: set[Path] = set()
        self._log4j.write_text(_LOG4J, encoding="utf-8")
        (directory / "logs").mkdir()
        (directory / "config").mkdir()
        self._certificates = secure.Certificates(directory / "security") if secured or with_kerberos else None
        self._listeners = secure.LISTENERS | (kerberos.LISTENERS if with_kerberos else {})
        self._kdc = kerberos.Kdc(directory / "kerberos", control, self._ports(1)[0]) if with_kerberos else None

    def _ports(self, count: int) -> list[int]:
        return self._control.request("reserve", count=count)["ports"]

    def _spawn(self, name: str, jar_dir: Path, main: str, config: Path, heap: str, options: tuple[str, ...] = (),
               more_classes: str = "") -> dict:
        log = self._directory / "logs" / f"{name}.log"
        made_archive = {}
        if self._fast_start:
            archive = class_archive(jar_dir, main)
            if archive.exists():
                options += (f"-XX:SharedArchiveFile={archive}",)
            elif archive not in self._archiving and not more_classes:
                # The first server of a kind writes the archive as it ends; the supervisor then moves it into place.
                self._archiving.add(archive)
                archive.parent.mkdir(parents=True, exist_ok=True)
                made_archive = {"archive": {"from": str(self._directory / f"{name}.jsa"), "to": str(archive)}}
                options += (f"-XX:ArchiveClassesAtExit={made_archive['archive']['from']}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
        command = java_command(jar_dir, main, [str(config)], self._log4j, heap, self._fast_start, options)
        if more_classes:
            command[command.index("-cp") + 1] += f":{more_classes}"
        pid = self._control.request("spawn", name=name, argv=command, log=str(log), **made_archive)["pid"]
        return {"name": name, "pid": pid, "log": str(log), "argv": command}

    # --- ZooKeeper ---

    def start_zookeeper(self, count: int, chroot: str, settings: dict[str, str] | None = None) -> dict:
        jar_dir = jars.ensure(jars.ZOOKEEPER_FROM)
        found = self._ports(3 * count)
        clients, peers, elections = found[:count], found[count:2 * count], found[2 * count:]
        servers = []
        for index, port in enumerate(clients):
            number = index + 1
            name = f"zookeeper-{number}"
            data = self._directory / "data" / name
            data.mkdir(parents=True)
            (data / "myid").write_text(f"{number}\n", encoding="utf-8")
            config = {
                "tickTime": 500, "initLimit": 40, "syncLimit": 20, "minSessionTimeout": 1000, "maxSessionTimeout": 60000,
                "dataDir": data, "clientPort": port, "clientPortAddress": "127.0.0.1", "maxClientCnxns": 0,
                "admin.enableServer": "false", "4lw.commands.whitelist": "*",
            }
            if count > 1:
                config |= {f"server.{peer + 1}": f"127.0.0.1:{peers[peer]}:{elections[peer]}" for peer in range(count)}
            config |= settings or {}
            path = self._directory / "config" / f"{name}.properties"
            write_properties(path, config)
            spawned = self._spawn(name, jar_dir, "org.apache.zookeeper.server.quorum.QuorumPeerMain", path, "256m",
                                  ("-Dzookeeper.forceSync=no", "-Dzookeeper.preAllocSize=1024",
                                   "-Dreadonlymode.enabled=true"))
            servers.append({"id": number, "host": "127.0.0.1", "port": port, **spawned})
        for server in servers:
            wait_zookeeper(self._control, server)
        hosts = ",".join(f"127.0.0.1:{port}" for port in clients)
        if chroot:
            with zookeeper_client(hosts) as client:
                client.ensure_path(chroot)
        return {"connect": hosts + chroot, "hosts": hosts, "chroot": chroot, "pid": servers[0]["pid"], "servers": servers}

    # --- Kafka ---

    def spawn_brokers(self, side: str, version: str, count: int, zookeeper: dict | None, settings: dict[str, str],
                      advertise: dict[int, str]) -> dict:
        """`zookeeper` None means KRaft: combined brokers and controllers. To be followed by await_brokers()."""
        number = parse_version(version)
        if zookeeper and number >= (4,):
            raise TestenvError(f"Kafka {version} has no ZooKeeper mode")
        if not zookeeper and number < (3, 3):
            raise TestenvError(f"Kafka {version}: KRaft servers are started from 3.3 on only")
        jar_dir = jars.ensure(version)
        first = 0 if zookeeper else 1
        ids = list(range(first, first + count))
        if set(advertise) - set(ids):
            raise TestenvError(f"--advertise names the brokers {sorted(advertise)}; the {side} has {ids}")
        found = self._ports(2 * count)
        ports, extra = dict(zip(ids, found)), dict(zip(ids, found[count:]))
        cluster_id = None if zookeeper else random_id()
        checkpoint = None if zookeeper else self._bootstrap_checkpoint(version, jar_dir)
        brokers: list[dict] = []
        secured: list[dict[str, int]] = []
        for broker in ids:
            name = f"{side}-{broker}"
            data = self._directory / "data" / name
            data.mkdir(parents=True)
            config = dict(_COMMON) | {
                "offsets.topic.replication.factor": min(count, 3),
                "transaction.state.log.replication.factor": min(count, 3),
                "log.dirs": data,
            }
            if zookeeper:
                config |= _zookeeper_mode(number, broker, ports[broker], extra[broker], advertise, zookeeper["connect"])
            else:
                config |= _kraft_mode(broker, ports, extra, advertise, count)
                _format(data, broker, cluster_id, checkpoint)
            if self._certificates:
                secured.append(dict(zip(self._listeners, self._ports(len(self._listeners)))))
                config |= secure.broker_properties(self._certificates, config, secured[-1], self._listeners)
            if self._kdc:
                config |= self._kdc.broker_properties()
            config |= settings
            path = self._directory / "config" / f"{name}.properties"
            write_properties(path, config)
            ours = secure.classes(self._certificates.folder, jar_dir) if self._certificates and number >= (2,) else ""
            brokers.append({"id": broker, "host": "127.0.0.1", "port": ports[broker],
                            "advertised": advertise.get(broker, f"127.0.0.1:{ports[broker]}"),
                            "config": str(path),
                            **self._spawn(name, jar_dir, "kafka.Kafka", path, self._heap,
                                          self._kdc.java_options() if self._kdc else (), more_classes=ours)})
        return {"version": version, "mode": "zookeeper" if zookeeper else "kraft",
                  "bootstrap_servers": ",".join(f"127.0.0.1:{ports[broker]}" for broker in ids),
                  "cluster_id": cluster_id, "brokers": brokers, "jars": str(jar_dir),
                  "listeners": {name: ",".join(f"localhost:{ports[name]}" for ports in secured)
                                for name in (self._listeners if secured else ())}}

    def await_brokers(self, cluster: dict, zookeeper: dict | None) -> None:
        """Until all are ready; fills in what only a running cluster knows."""
        wait_brokers(self._control, cluster, zookeeper)
        if self._certificates:
            with protocol.Connection(cluster["brokers"][0]["host"], cluster["brokers"][0]["port"]) as connection:
                secure.create_scram_user(connection)
        if zookeeper:
            cluster["cluster_id"] = _cluster_id(zookeeper)

    def _bootstrap_checkpoint(self, version: str, jar_dir: Path) -> Path:
        """What StorageTool writes apart from the ids; made once per version, since a JVM start costs seconds."""
        cached = jars.cache_root() / "kraft" / version / "bootstrap.checkpoint"
        with jars.locked(jars.cache_root() / "kraft" / f".{version}.lock"):
            if cached.exists():
                return cached
            cached.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="kferry-format-") as folder:
                path, data = Path(folder) / "server.properties", Path(folder) / "data"
                write_properties(path, _kraft_mode(1, {1: 29092}, {1: 29093}, {}, 1) | {"log.dirs": data})
                done = subprocess.run(
                    java_command(jar_dir, "kafka.tools.StorageTool", ["format", "-t", random_id(), "-c", str(path)],
                                 self._log4j, "256m"),
                    stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
                made = data / "bootstrap.checkpoint"
                if done.returncode != 0 or not made.exists():
                    raise TestenvError(f"formatting a KRaft folder of Kafka {version}: exit code {done.returncode}:\n"
                                       + (done.stdout + done.stderr)[-3000:])
                staging = cached.with_name("new")
                shutil.copyfile(made, staging)
                os.replace(staging, cached)
        return cached


def random_id() -> str:
    """A Kafka Uuid: 16 bytes in URL-safe base64 without padding, not starting with a dash."""
    while True:
        found = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not found.startswith("-"):
            return found


def _zookeeper_mode(version: tuple[int, ...], broker: int, port: int, internal_port: int, advertise: dict[int, str],
                    connect: str) -> dict:
    config = {"broker.id": broker, "zookeeper.connect": connect, "zookeeper.session.timeout.ms": 6000,
              "zookeeper.connection.timeout.ms": 30000}
    advertised = advertise.get(broker)
    if version < (0, 9):
        host, _, number = (advertised or f"127.0.0.1:{port}").rpartition(":")
        return config | {"host.name": "127.0.0.1", "port": port, "advertised.host.name": host, "advertised.port": number}
    config |= {"listeners": f"PLAINTEXT://127.0.0.1:{port}",
               "advertised.listeners": f"PLAINTEXT://{advertised or f'127.0.0.1:{port}'}"}
    if advertise and version >= (0, 10, 2):
        # Brokers must not talk to one another through the clients' proxy (KIP-103).
        internal = f"INTERNAL://127.0.0.1:{internal_port}"
        config |= {"listeners": f"{config['listeners']},{internal}",
                   "advertised.listeners": f"{config['advertised.listeners']},{internal}",
                   "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT",
                   "inter.broker.listener.name": "INTERNAL"}
    return config


def _kraft_mode(broker: int, ports: dict[int, int], controllers: dict[int, int], advertise: dict[int, str], count: int) -> dict:
    return {
        "process.roles": "broker,controller",
        "node.id": broker,
        "controller.quorum.voters": ",".join(f"{node}@127.0.0.1:{port}" for node, port in controllers.items()),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{ports[broker]},CONTROLLER://127.0.0.1:{controllers[broker]}",
        "advertised.listeners": f"PLAINTEXT://{advertise.get(broker, f'127.0.0.1:{ports[broker]}')}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "share.coordinator.state.topic.replication.factor": min(count, 3),
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 4,
    }


def _format(data: Path, broker: int, cluster_id: str, checkpoint: Path) -> None:
    """The same files as `StorageTool format -t cluster_id`."""
    shutil.copyfile(checkpoint, data / "bootstrap.checkpoint")
    write_properties(data / "meta.properties",
                     {"version": 1, "cluster.id": cluster_id, "node.id": broker, "directory.id": random_id()})


class zookeeper_client:  # pylint: disable=invalid-name  # used as `with zookeeper_client(...) as client`
    """A started kazoo client that is closed at the end."""

    def __init__(self, connect: str, timeout_s: float = 20.0) -> None:
        from kazoo.client import KazooClient  # pylint: disable=import-outside-toplevel  # slow; not every tool needs it

        self._client = KazooClient(hosts=connect, timeout=10.0)
        self._timeout_s = timeout_s

    def __enter__(self):
        try:
            self._client.start(timeout=self._timeout_s)
        except Exception as error:
            self._client.stop()
            self._client.close()
            raise TestenvError(f"ZooKeeper {self._client.hosts}: no session after {self._timeout_s:.0f} s: {error}") from error
        return self._client

    def __exit__(self, *_) -> None:
        self._client.stop()
        self._client.close()


def _cluster_id(zookeeper: dict) -> str | None:
    import json  # pylint: disable=import-outside-toplevel

    with zookeeper_client(zookeeper["connect"]) as client:
        if not client.exists("/cluster/id"):
            return None
        return json.loads(client.get("/cluster/id")[0])["id"]


# --- Waiting -----------------------------------------------------------------------------------------------------


def require_running(control: Control, server: dict) -> None:
    state = control.request("list")["servers"][server["name"]]
    if not state["running"]:
        raise TestenvError(f"{server['name']} ended with status {state['status']}; the end of {server['log']}:\n"
                           + tail(Path(server["log"])))


def _wait(control: Control, server: dict, timeout_s: float, ready) -> None:
    """Until ready() is true; raises with the log's end when the server dies or the time is over."""
    deadline = time.monotonic() + timeout_s
    rounds, last = 0, ""
    while True:
        try:
            if ready():
                return
        except (OSError, TestenvError) as error:
            last = str(error)
        rounds += 1
        if rounds % 10 == 0:
            require_running(control, server)
        if time.monotonic() > deadline:
            raise TestenvError(f"{server['name']} is not ready after {timeout_s:.0f} s ({last}); the end of {server['log']}:\n"
                               + tail(Path(server["log"])))
        time.sleep(0.05)


def wait_zookeeper(control: Control, server: dict, timeout_s: float = 60.0) -> None:
    """Until it serves requests: `srvr` names a mode only then."""
    import socket  # pylint: disable=import-outside-toplevel

    def ready() -> bool:
        with socket.create_connection((server["host"], server["port"]), timeout=2) as client:
            client.sendall(b"srvr")
            answer = b""
            while part := client.recv(4096):
                answer += part
        return b"Mode: " in answer

    _wait(control, server, timeout_s, ready)


def wait_brokers(control: Control, side: dict, zookeeper: dict | None, only: int | None = None, timeout_s: float = 90.0) -> None:
    """Until each broker (or the one named) answers with metadata that lists every running broker.

    A broker's metadata comes from the controller, so a complete answer means that there is one. Before
    0.10 a broker lists nobody as long as there is no topic: there ZooKeeper has to name them all.
    """
    running = control.request("list")["servers"]
    expected = {broker["id"] for broker in side["brokers"] if running[broker["name"]]["running"]}
    old = parse_version(side["version"]) < (0, 10)
    for broker in side["brokers"]:
        if broker["id"] not in expected or (only is not None and broker["id"] != only):
            continue

        def ready(broker=broker) -> bool:
            with protocol.Connection(broker["host"], broker["port"], timeout_s=5) as connection:
                known = protocol.metadata(connection, [], 0 if old else 1)["brokers"]
            return old or expected <= set(known)

        _wait(control, broker, timeout_s, ready)
    if old:
        with zookeeper_client(zookeeper["connect"]) as client:
            _wait(control, side["brokers"][0], timeout_s,
                  lambda: client.exists("/controller") and all(client.exists(f"/brokers/ids/{number}") for number in expected))


def wait_ended(control: Control, server: dict, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while control.request("list")["servers"][server["name"]]["running"]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def wait_unregistered(zookeeper: dict, broker: int, timeout_s: float = 60.0) -> None:
    """Until a killed broker's ephemeral node is gone: it refuses to start before."""
    deadline = time.monotonic() + timeout_s
    with zookeeper_client(zookeeper["connect"]) as client:
        while client.exists(f"/brokers/ids/{broker}"):
            if time.monotonic() > deadline:
                raise TestenvError(f"broker {broker} is still registered in ZooKeeper after {timeout_s:.0f} s")
            time.sleep(0.1)


SIGNALS = {"stop": signal.SIGTERM, "kill": signal.SIGKILL, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
