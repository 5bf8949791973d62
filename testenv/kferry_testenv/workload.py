"""`testenv/workload`: fills a cluster with topics, records, offsets and znodes. The spec: ../README.md."""

import argparse
import base64
import collections
import json
import os
import sys
import time
import uuid
from pathlib import Path

from . import TestenvError, control, jars, layouts, protocol, servers

_PIPELINE = 2000  # znode writes in flight
_BATCH_BYTES = 400_000  # of records per produce request; below any broker's message.max.bytes of 1,000,012
_COMMIT_PARTITIONS = 500  # per OffsetCommit v0
_KNOWN = {"topics", "delete_topics", "groups", "znodes", "generate", "stop_live"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="testenv/workload", description="Fills a cluster of a running environment.")
    control.add_environment_options(parser)
    parser.add_argument("--side", choices=["source", "target"], default="source")
    parser.add_argument("spec", metavar="SPEC.json", help="the workload, or - for stdin")
    options = parser.parse_args()
    try:
        text = sys.stdin.read() if options.spec == "-" else Path(options.spec).read_text(encoding="utf-8")
        done = load(control.load_environment(options), json.loads(text), options.side)
    except (TestenvError, OSError, ValueError, KeyError) as error:
        message = error if isinstance(error, (TestenvError, OSError)) else f"{options.spec}: {type(error).__name__}: {error}"
        print(f"testenv/workload: {message}", file=sys.stderr)
        return 1
    print(json.dumps(done))
    return 0


def load(environment: dict, spec: dict, side: str) -> dict:
    """Loads it all; returns counts. Order: topics, records, log starts, offsets, znodes, live members, deletions."""
    started = time.monotonic()
    if set(spec) - _KNOWN:
        raise TestenvError(f"unknown keys in the workload: {sorted(set(spec) - _KNOWN)}")
    done = {"topics": len(spec.get("topics", [])), "records": 0, "offset_znodes": 0}
    if any(key in spec for key in ("topics", "delete_topics", "groups")) and environment[side] is not None:
        _check_zookeeper(environment, side, spec)
        number = jars.parse_version(environment[side]["version"])
        with protocol.Cluster(environment[side], number) as cluster:
            done["records"] = _load_topics(environment, side, cluster, spec.get("topics", []))
            _commit_by_broker(cluster, spec.get("groups", []))
            done["offset_znodes"] = _load_znodes(environment, spec)
            _load_live(environment, spec)
            _delete_topics(environment, side, cluster, spec.get("delete_topics", []))
    else:
        if "topics" in spec or "delete_topics" in spec:
            raise TestenvError(f"the environment has no {side} brokers, so no topics")
        _check_by_broker_absent(spec)
        done["offset_znodes"] = _load_znodes(environment, spec)
        _load_live(environment, spec)
    done["seconds"] = round(time.monotonic() - started, 2)
    return done


def _check_zookeeper(environment: dict, side: str, spec: dict) -> None:
    if environment[side]["mode"] == "kraft" and any(spec.get(key) for key in ("groups", "generate", "znodes", "stop_live")):
        raise TestenvError(f"the {side} is a KRaft cluster: it keeps nothing in ZooKeeper, load groups and znodes into the source")


def _check_by_broker_absent(spec: dict) -> None:
    for group in spec.get("groups", []):
        if group.get("layout") in layouts.BY_BROKER and group.get("offsets"):
            raise TestenvError(f"group {group['group']}: layout {group['layout']} commits through a broker, and there is none")


# --- Topics and records --------------------------------------------------------------------------------------------


def _load_topics(environment: dict, side: str, cluster: protocol.Cluster, topics: list[dict]) -> int:
    if any(topic.get("log_start") for topic in topics) and cluster.version < (0, 11):
        raise TestenvError(f"log_start needs DeleteRecords, which Kafka {environment[side]['version']} does not have (0.11 and later do)")
    if environment[side]["mode"] == "zookeeper":
        create_by_znodes(environment, cluster.version, topics)
    else:
        for topic in topics:
            cluster.create_topic(topic["name"], topic.get("partitions", 1), topic.get("replication_factor", 1), topic.get("config", {}))
    records = 0
    for topic in topics:
        leaders = cluster.leaders(topic["name"], topic.get("partitions", 1))
        for partition in range(topic.get("partitions", 1)):
            records += _produce(cluster, topic, partition, leaders[partition])
        if topic.get("log_start"):
            cluster.delete_records(topic["name"], {int(key): value for key, value in topic["log_start"].items()}, leaders)
    return records


def create_by_znodes(environment: dict, version: tuple[int, ...], topics: list[dict]) -> None:
    """As TopicCommand does: first the config, then the assignment, which the controller watches."""
    brokers = [broker["id"] for broker in environment["source"]["brokers"]]
    with servers.zookeeper_client(environment["zookeeper"]["connect"]) as client:
        for index, topic in enumerate(topics):
            name, replication = topic["name"], topic.get("replication_factor", 1)
            if replication > len(brokers):
                raise TestenvError(f"topic {name}: replication factor {replication} with {len(brokers)} brokers")
            if client.exists(f"/brokers/topics/{name}"):
                raise TestenvError(f"topic {name} exists already")
            assignment = {str(partition): [brokers[(index + partition + replica) % len(brokers)] for replica in range(replication)]
                          for partition in range(topic.get("partitions", 1))}
            config = {"version": 1, "config": {key: str(value) for key, value in topic.get("config", {}).items()}}
            _put(client, f"/config/topics/{name}", json.dumps(config, separators=(",", ":")).encode())
            client.create(f"/brokers/topics/{name}", _assignment(version, assignment), makepath=True)


def _assignment(version: tuple[int, ...], partitions: dict) -> bytes:
    if version < (2, 4):
        node: dict = {"version": 1, "partitions": partitions}
    else:  # KIP-455; topic ids: KIP-516
        node = {"version": 2, "partitions": partitions, "adding_replicas": {}, "removing_replicas": {}}
        if version >= (2, 8):
            node |= {"version": 3, "topic_id": servers.random_id()}
    return json.dumps(node, separators=(",", ":")).encode()


def _produce(cluster: protocol.Cluster, topic: dict, partition: int, leader: int) -> int:
    wanted = topic.get("records", 0)
    count = int(wanted.get(str(partition), 0)) if isinstance(wanted, dict) else int(wanted)
    size = int(topic.get("value_bytes", 0))
    per_request = max(1, min(topic.get("batch_records", 10_000), _BATCH_BYTES // (size + 60)))
    name = topic["name"]
    with_keys = topic.get("keys", True)
    now = int(time.time() * 1000)
    end = cluster.list_offset(name, partition, leader, -1)
    for first in range(end, end + count, per_request):
        records = []
        for number in range(first, min(first + per_request, end + count)):
            value = b"%s-%d-%d" % (name.encode(), partition, number)
            records.append((b"%d-%d" % (partition, number) if with_keys else None, value.ljust(size, b".")))
        timestamp = int(topic.get("timestamp_ms", now))
        base = cluster.produce(name, partition, leader,
                               protocol.encode_records(cluster.version, records, timestamp, topic.get("compression", "none")))
        if base != first:
            raise TestenvError(f"{name}-{partition}: the records were stored at {base}, not at {first}: somebody else writes there")
    return count


def _delete_topics(environment: dict, side: str, cluster: protocol.Cluster, names: list[str]) -> None:
    if not names:
        return
    if environment[side]["mode"] == "kraft":
        for name in names:
            cluster.delete_topic(name)
        return
    with servers.zookeeper_client(environment["zookeeper"]["connect"]) as client:
        for name in names:
            if not client.exists(f"/brokers/topics/{name}"):
                raise TestenvError(f"topic {name} cannot be deleted: it does not exist")
            client.create(f"/admin/delete_topics/{name}", b"", makepath=True)
        deadline = time.monotonic() + 60
        while left := [name for name in names if client.exists(f"/brokers/topics/{name}")]:
            if time.monotonic() > deadline:
                raise TestenvError(f"topics {left} are not deleted after 60 s")
            time.sleep(0.05)
    _wait_forgotten(environment, cluster, set(names))


def _wait_forgotten(environment: dict, cluster: protocol.Cluster, names: set[str]) -> None:
    """Until no broker's metadata lists them; the list of all, since asking by name might create one."""
    deadline = time.monotonic() + 30
    version = 1 if cluster.version >= (0, 10) else 0
    for broker in environment["source"]["brokers"]:
        while names & set(protocol.metadata(cluster.connection(broker["id"]), None, version)["topics"]):
            if time.monotonic() > deadline:
                raise TestenvError(f"broker {broker['id']} still knows a deleted topic of {sorted(names)} after 30 s")
            time.sleep(0.05)


# --- Offsets and znodes --------------------------------------------------------------------------------------------


def _commit_by_broker(cluster: protocol.Cluster, groups: list[dict]) -> None:
    for group in groups:
        if group.get("layout") not in layouts.BY_BROKER:
            continue
        for topic, partitions in group.get("offsets", {}).items():
            items = [(int(partition), offset) for partition, offset in partitions.items()]
            for first in range(0, len(items), _COMMIT_PARTITIONS):
                cluster.commit_offsets_v0(group["group"], {topic: dict(items[first:first + _COMMIT_PARTITIONS])})


def _load_znodes(environment: dict, spec: dict) -> int:
    if not any(spec.get(key) for key in ("groups", "znodes", "generate")):
        return 0
    if environment["zookeeper"] is None:
        raise TestenvError("the environment has no ZooKeeper, so no groups and no znodes")
    found: layouts.Nodes = {}
    for group in spec.get("groups", []):
        found |= layouts.nodes(group)
    generated = spec.get("generate") or []
    for one in [generated] if isinstance(generated, dict) else generated:
        found |= _generated(one)
    for node in spec.get("znodes", []):
        found[node["path"]] = base64.b64decode(node["base64"]) if "base64" in node else node.get("data", "").encode()
    with servers.zookeeper_client(environment["zookeeper"]["connect"]) as client:
        _write_all(client, found)
    return len(found)


def _generated(spec: dict) -> layouts.Nodes:
    """{"groups":N,"partitions":N,"topic":T,"prefix":P,"offset":N}: group i, partition p stands at offset + i + p."""
    nodes: layouts.Nodes = {}
    for index in range(spec["groups"]):
        group = f"{spec.get('prefix', 'group')}{index}"
        offsets = {str(partition): spec.get("offset", 0) + index + partition for partition in range(spec["partitions"])}
        nodes |= layouts.nodes({"group": group, "layout": spec.get("layout", "high-level-consumer"),
                                "offsets": {spec["topic"]: offsets}})
    return nodes


def _write_all(client, nodes: layouts.Nodes) -> None:
    """Parents first, level by level; within a level many writes are in flight at once."""
    levels: dict[int, layouts.Nodes] = collections.defaultdict(dict)
    for path, data in nodes.items():
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts)):
            levels[depth].setdefault("/" + "/".join(parts[:depth]), None)
        levels[len(parts)][path] = data
    for depth in sorted(levels):
        items = list(levels[depth].items())
        for first in range(0, len(items), _PIPELINE):
            _write_some(client, items[first:first + _PIPELINE])


def _write_some(client, items: list[tuple[str, bytes | None]]) -> None:
    """Data None: a parent, of which existing data stays."""
    from kazoo.exceptions import NodeExistsError  # pylint: disable=import-outside-toplevel

    pending = [(path, data, client.create_async(path, data or b"")) for path, data in items]
    again = []
    for path, data, result in pending:
        try:
            result.get(timeout=60)
        except NodeExistsError:
            if data is not None:
                again.append(client.set_async(path, data))
    for result in again:
        result.get(timeout=60)


def _put(client, path: str, data: bytes) -> None:
    client.ensure_path(path.rsplit("/", 1)[0])
    _write_some(client, [(path, data)])


# --- Live members --------------------------------------------------------------------------------------------------


def _load_live(environment: dict, spec: dict) -> None:
    for group in spec.get("stop_live", []):
        _ask_live(environment, {"remove": group})
    for group in spec.get("groups", []):
        if group.get("live"):
            nodes = {path: data.decode() for path, data in layouts.member(group).nodes.items()}
            _ask_live(environment, {"add": group["group"], "connect": environment["zookeeper"]["connect"], "nodes": nodes})


def _ask_live(environment: dict, request: dict) -> None:
    connection = control.Control(environment["dir"])
    folder = Path(environment["dir"]) / "live"
    with jars.locked(Path(environment["dir"]) / "live.lock"):
        running = connection.request("list")["servers"].get("live", {}).get("running")
        if not running:
            folder.mkdir(exist_ok=True)
            script = Path(__file__).resolve().with_name("live.py")
            connection.request("spawn", name="live", argv=["/usr/bin/python3", "-B", str(script), environment["dir"]],
                               log=str(Path(environment["dir"]) / "logs" / "live.log"))
    staging = folder / f"{uuid.uuid4().hex}.new"
    staging.write_text(json.dumps(request), encoding="utf-8")
    os.replace(staging, staging.with_suffix(".request"))
    done = staging.with_suffix(".done")
    deadline = time.monotonic() + 30
    while not done.exists():
        if time.monotonic() > deadline:
            raise TestenvError(f"the live members' process does not answer; the end of its log:\n"
                               + servers.tail(Path(environment["dir"]) / "logs" / "live.log"))
        time.sleep(0.01)
    answer = json.loads(done.read_text(encoding="utf-8"))
    done.unlink()
    if "error" in answer:
        raise TestenvError(f"live group {request.get('add') or request.get('remove')}: {answer['error']}")
