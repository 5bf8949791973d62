#!/usr/bin/python3
"""Migrates offsets the way a one-off script does: one ZooKeeper read, one commit, one check at a time.

usage: script_way.py ZOOKEEPER BOOTSTRAP PREFIX     prints the number of offsets moved
"""
import sys

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kazoo.client import KazooClient


def migrate_group(zookeeper, bootstrap, group):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    moved = 0
    for topic in zookeeper.get_children(f"/consumers/{group}/offsets"):
        for partition in zookeeper.get_children(f"/consumers/{group}/offsets/{topic}"):
            data, _ = zookeeper.get(f"/consumers/{group}/offsets/{topic}/{partition}")
            tp = TopicPartition(topic, int(partition))
            consumer.assign([tp])
            consumer.commit({tp: OffsetAndMetadata(int(data), "")})
            if consumer.committed(tp) != int(data):
                sys.exit(f"{group} {tp}: not committed")
            moved += 1
    consumer.close(autocommit=False)
    return moved


def main():
    connect, bootstrap, prefix = sys.argv[1:4]
    zookeeper = KazooClient(hosts=connect)
    zookeeper.start()
    groups = [g for g in zookeeper.get_children("/consumers") if g.startswith(prefix)]
    print(sum(migrate_group(zookeeper, bootstrap, g) for g in sorted(groups)))
    zookeeper.stop()


main()
