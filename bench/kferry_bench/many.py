"""Many topics at once: created, counted and waited for in requests of many."""

import time

from .clusters import UNKNOWN_TOPIC, Clusters, TestenvError, protocol, workload

_CREATED_S = 900


def create_topics(clusters: Clusters, names: list[str], partitions: int) -> None:
    """On the source, of one replica each. Returns when all have leaders."""
    # As TopicCommand once did it: the controller takes them all together, where CreateTopics waits for each.
    workload.create_by_znodes(clusters.environment, clusters.source.version, [{"name": name, "partitions": partitions} for name in names])
    wanted = set(names)
    deadline = time.monotonic() + _CREATED_S
    while not wanted <= set(leaders(clusters.source)):
        if time.monotonic() > deadline:
            raise TestenvError(f"not all topics have leaders after {_CREATED_S} s")
        time.sleep(0.5)


def leaders(cluster: protocol.Cluster) -> dict[str, dict[int, int]]:
    """Of every topic that has all of its leaders."""
    return {name: topic["partitions"] for name, topic in cluster.metadata(None)["topics"].items()
            if topic["error"] != UNKNOWN_TOPIC and min(topic["partitions"].values(), default=-1) >= 0}


def records_in(cluster: protocol.Cluster, prefix: str) -> int:
    """How many offsets the partitions of all topics with this prefix have."""
    by_leader: dict[int, dict[str, list[int]]] = {}
    for name, partitions in leaders(cluster).items():
        if name.startswith(prefix):
            for partition, leader in partitions.items():
                by_leader.setdefault(leader, {}).setdefault(name, []).append(partition)
    total = 0
    for leader, topics in by_leader.items():
        body = protocol.struct.pack(">i", -1) + protocol.array(
            protocol.text(name) + protocol.array(protocol.struct.pack(">iq", partition, -1) for partition in partitions)
            for name, partitions in topics.items())
        reply = cluster.connection(leader).request(protocol.LIST_OFFSETS, 1, body)

        def part(reply=reply):
            reply.number("i")
            code = reply.number("h")
            reply.number("q")
            offset = reply.number("q")
            return 0 if code else offset

        for _, offsets in reply.array(lambda reply=reply: (reply.text(), reply.array(part))):
            total += sum(offsets)
    return total
