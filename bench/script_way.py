#!/usr/bin/python3
"""Moves offsets the way a one-off script does: one ZooKeeper read, one question to Kafka, one commit at a time.

usage: script_way.py ZOOKEEPER BOOTSTRAP PREFIX FIRST LAST STEP

Prints the number of offsets; then how many of them were not the first of their group, and the seconds those took. A group's
first one waits for the client library to find its way (api versions, coordinator, back-off): that is no work on offsets.

The groups PREFIX*, from number FIRST to before LAST of the sorted list. STEP is one of:
  scan     read each offset
  plan     read each offset, check it against the log's start and end and against what Kafka has
  migrate  read each offset, commit it, read it back from the broker
  verify   read each offset in ZooKeeper and in Kafka, compare
"""
import sys
import time

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kazoo.client import KazooClient


def scan(consumer, group, tp, offset):
    pass


def plan(consumer, group, tp, offset):
    start, end = consumer.beginning_offsets([tp])[tp], consumer.end_offsets([tp])[tp]
    if not start <= offset <= end:
        sys.exit(f"{group} {tp}: {offset} is not in {start}..{end}")
    if consumer.committed(tp) not in (None, offset):
        sys.exit(f"{group} {tp}: Kafka has another offset")


def migrate(consumer, group, tp, offset):
    # Not assigned: committed() would answer from the client's memory.
    consumer.commit({tp: OffsetAndMetadata(offset, "")})
    verify(consumer, group, tp, offset)


def verify(consumer, group, tp, offset):
    if consumer.committed(tp) != offset:
        sys.exit(f"{group} {tp}: not committed")


def walk(zookeeper, bootstrap, group, step):
    """How many offsets, how many of them after the group's first, seconds of the latter."""
    consumer = None
    if step is not scan:
        consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    done, began = 0, None
    for topic in zookeeper.get_children(f"/consumers/{group}/offsets"):
        for partition in zookeeper.get_children(f"/consumers/{group}/offsets/{topic}"):
            data, _ = zookeeper.get(f"/consumers/{group}/offsets/{topic}/{partition}")
            step(consumer, group, TopicPartition(topic, int(partition)), int(data))
            done += 1
            began = began or time.monotonic()
    seconds = time.monotonic() - began if began else 0
    if consumer is not None:
        consumer.close(autocommit=False)
    return done, max(done - 1, 0), seconds


def main():
    connect, bootstrap, prefix, first, last, step = sys.argv[1:7]
    step = {"scan": scan, "plan": plan, "migrate": migrate, "verify": verify}[step]
    zookeeper = KazooClient(hosts=connect)
    zookeeper.start()
    groups = sorted(g for g in zookeeper.get_children("/consumers") if g.startswith(prefix))
    walked = [walk(zookeeper, bootstrap, group, step) for group in groups[int(first):int(last)]]
    print(*(sum(column) for column in zip(*walked)))
    zookeeper.stop()


main()
