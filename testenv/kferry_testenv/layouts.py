"""Where each kind of client keeps its offsets in ZooKeeper, and what its live members register.

A layout turns a group spec into znodes. Sources of the formats: Kafka's ZkUtils and
ZookeeperConsumerConnector, wvanbergen/kazoo-go, kafka-node's lib/zookeeper.js, Storm's
PartitionManager and TridentKafkaEmitter, Flink's ZookeeperOffsetHandler.
"""

import json
import secrets
import socket
import time
import uuid
from typing import Callable, NamedTuple

from . import TestenvError

Nodes = dict[str, bytes]  # path -> data


class Member(NamedTuple):
    """One live consumer: the ephemeral nodes that it holds."""

    consumer_id: str
    nodes: Nodes


def offset_items(spec: dict) -> list[tuple[str, str, str]]:
    """(topic, partition, literal data) of "offsets" and "raw"; raw wins."""
    found = {(topic, str(partition)): str(data)
             for kind in ("offsets", "raw") for topic, partitions in spec.get(kind, {}).items()
             for partition, data in partitions.items()}
    return [(topic, partition, data) for (topic, partition), data in found.items()]


def group_topics(spec: dict) -> list[str]:
    return list(dict.fromkeys([*spec.get("offsets", {}), *spec.get("raw", {}), *spec.get("subscription", [])]))


def _root(spec: dict) -> str:
    return f"/consumers/{spec['group']}"


def _plain(spec: dict, folder: str = "offsets", prefix: str = "") -> Nodes:
    return {f"{_root(spec)}/{folder}/{topic}/{prefix}{partition}": data.encode()
            for topic, partition, data in offset_items(spec)}


def _with_registry(spec: dict, nodes: Nodes) -> Nodes:
    parents = {f"{_root(spec)}/ids": b""} | {f"{_root(spec)}/owners/{topic}": b"" for topic in group_topics(spec)}
    return parents | nodes


def _high_level(spec: dict) -> Nodes:
    return _with_registry(spec, _plain(spec))


def _kafka_07(spec: dict) -> Nodes:
    return _with_registry(spec, _plain(spec, prefix=f"{spec.get('broker_id', 0)}-"))


def _storm(spec: dict) -> Nodes:
    root = f"{spec.get('zk_root', '/storm')}/{spec.get('id', spec['group'])}"
    nodes = {}
    for topic, partition, data in offset_items(spec):
        folder = f"{root}/{topic}" if spec.get("topic_in_path") else root
        nodes[f"{folder}/partition_{partition}"] = _storm_data(spec, topic, partition, data)
    return nodes


def _storm_data(spec: dict, topic: str, partition: str, data: str) -> bytes:
    if topic in spec.get("raw", {}) and partition in spec["raw"][topic]:
        return data.encode()
    name = spec.get("topology", spec["group"])
    return _json({"topology": {"id": f"{name}-1-1400000000", "name": name}, "offset": int(data), "partition": int(partition),
                  "broker": {"host": "127.0.0.1", "port": 9092}, "topic": topic})


def _trident(spec: dict) -> Nodes:
    """Two transactions per partition, the earlier one 10 records back; the higher one counts."""
    root = f"{spec.get('zk_root', '/transactional')}/{spec.get('id', spec['group'])}"
    nodes = {f"{root}/coordinator/currtx": b"2", f"{root}/coordinator/currattempts": b'{"2":0}'}
    for topic, partition, data in offset_items(spec):
        folder = f"{root}/user/{topic}/partition_{partition}" if spec.get("topic_in_path") else f"{root}/user/partition_{partition}"
        if not data.isdigit():
            nodes[f"{folder}/2"] = data.encode()
            continue
        end = int(data)
        for transaction, start, following in ((1, max(0, end - 20), max(0, end - 10)), (2, max(0, end - 10), end)):
            name = spec.get("topology", spec["group"])
            nodes[f"{folder}/{transaction}"] = _json({
                "offset": start, "nextOffset": following, "instanceId": f"{name}-instance", "partition": int(partition),
                "broker": {"host": "127.0.0.1", "port": 9092}, "topic": topic,
                "topology": {"id": f"{name}-1-1400000000", "name": name}})
    return nodes


def _spark_csv(spec: dict) -> Nodes:
    items = offset_items(spec)
    if len({topic for topic, _, _ in items}) > 1 and "{topic}" not in spec.get("path", ""):
        raise TestenvError(f"group {spec['group']}: spark-csv with several topics needs a path with {{topic}} in it")
    if "path" not in spec:
        raise TestenvError(f"group {spec['group']}: spark-csv needs a path")
    lists: dict[str, list[str]] = {}
    for topic, partition, data in items:
        lists.setdefault(spec["path"].replace("{topic}", topic), []).append(f"{partition}:{data}")
    return {path: ",".join(parts).encode() for path, parts in lists.items()}


# Layouts in BY_BROKER have their "offsets" written by an OffsetCommit v0, and only "raw" as znodes.
BY_BROKER = ("offset-commit-v0", "kafka-node")

LAYOUTS: dict[str, Callable[[dict], Nodes]] = {
    "offset-commit-v0": lambda spec: _plain({**spec, "offsets": {}}),
    "high-level-consumer": _high_level,
    "kafka-node": lambda spec: _with_registry(spec, _plain({**spec, "offsets": {}})),
    "wvanbergen": _high_level,
    "offset-1.1.0": lambda spec: _plain(spec, folder="offset"),
    "kafka-0.7": _kafka_07,
    "flink": _plain,
    "storm": _storm,
    "trident": _trident,
    "spark-csv": _spark_csv,
}


def nodes(spec: dict) -> Nodes:
    layout = spec.get("layout", "high-level-consumer")
    if layout not in LAYOUTS:
        raise TestenvError(f"group {spec['group']}: unknown layout '{layout}'; there are {', '.join(LAYOUTS)}")
    return LAYOUTS[layout](spec)


# --- Live members ------------------------------------------------------------------------------------------------


def member(spec: dict) -> Member:
    """One consumer that owns all partitions of the group spec."""
    layout, group = spec.get("layout", "high-level-consumer"), spec["group"]
    milliseconds = int(time.time() * 1000)
    topics = {topic: spec.get("threads", 1) for topic in group_topics(spec)}
    pattern = spec.get("pattern", "white_list" if layout == "kafka-node" else "static")
    if "pattern" in spec and "subscription_regex" in spec:
        topics = {spec["subscription_regex"]: 1}
    registration = {"version": 1, "subscription": topics, "pattern": pattern, "timestamp": str(milliseconds)}
    if layout == "wvanbergen":
        consumer_id = f"{socket.gethostname()}:{uuid.uuid4()}"
        owner = consumer_id
        registration = {"pattern": pattern, "subscription": topics, "timestamp": milliseconds // 1000, "version": 1}
    elif layout == "kafka-node":
        consumer_id = f"{group}_{uuid.uuid4()}"
        owner = consumer_id
    elif layout in ("high-level-consumer", "flink", "offset-1.1.0", "kafka-0.7"):
        consumer_id = f"{group}_{socket.gethostname()}-{milliseconds}-{secrets.token_hex(4)}"
        owner = f"{consumer_id}-0"
    else:
        raise TestenvError(f"group {group}: consumers of layout {layout} register nothing, so they can not be live")
    found = {f"{_root(spec)}/ids/{consumer_id}": _json(registration)}
    for topic, partition, _ in offset_items(spec):
        found[f"{_root(spec)}/owners/{topic}/{partition}"] = owner.encode()
    return Member(consumer_id, found)


def _json(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
