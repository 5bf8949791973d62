"""From the first record on the target to the last: wall time, CPU and memory of the mirror."""

import time

from . import table
from .clusters import Clusters, TestenvError, Watch, say
from .subjects import MIRRORS, NotThere, cpu_seconds, memory_mb, replay

_POLL_S = 0.01
_STALLED_S = 120.0

# name: (title, share of --records, partitions, options of testenv/load)
SHAPES = {
    "snappy": ("snappy, batches of 16 KB, 24 partitions", 1.0, 24, ["--compression", "snappy"]),
    "one-record": ("snappy, batches of 1 record, 24 partitions", 0.1, 24, ["--compression", "snappy", "--batch-records", "1"]),
    "5kb": ("snappy, batches of 5 KB, 24 partitions", 1.0, 24, ["--compression", "snappy", "--batch-bytes", "5120"]),
    "lz4": ("lz4, batches of 16 KB, 24 partitions", 1.0, 24, ["--compression", "lz4"]),
    "zstd": ("zstd, batches of 16 KB, 24 partitions", 1.0, 24, ["--compression", "zstd"]),
    "one-partition": ("snappy, batches of 16 KB, 1 partition", 1.0, 1, ["--compression", "snappy"]),
}


def run(clusters: Clusters, name: str, rows: list[str], records: int, runs: int, verify: bool) -> dict:
    title, share, partitions, shape = SHAPES[name]
    topic, count = f"bench-{name}", int(records * share)
    say(f"{name}: loading {count:,} records ...")
    clusters.load("--topic", topic, "--partitions", str(partitions), "--records", str(count), *shape)
    found: dict = {}
    for _ in range(runs):
        for row in rows:  # turn about, so that all see the same noise
            found.setdefault(row, []).append(_one(clusters, row, topic, partitions, count, verify))
    _show(f"{title}: {count:,} records", rows, {row: _median(results) for row, results in found.items()})
    clusters.source.delete_topic(topic)
    return {"scenario": name, "records": count, "rows": found}


def _one(clusters: Clusters, row: str, topic: str, partitions: int, count: int, verify: bool) -> dict:
    say(f"  {row} ...")
    clusters.reset()
    try:
        if row == "limit":
            done = replay(clusters, topic, partitions)
            return {"wall_s": done["seconds"], "bytes": done["bytes"], "batches": done["batches"]}
        return _mirror(clusters, row, topic, count, verify)
    except (NotThere, TestenvError, OSError) as error:
        say(f"    {error}")
        return {"error": str(error)}


def _mirror(clusters: Clusters, row: str, topic: str, count: int, verify: bool) -> dict:
    mirror = MIRRORS[row](clusters)
    why = mirror.unavailable()
    if why:
        raise NotThere(why)
    watch = Watch(clusters.target, mirror.prefix + topic)
    mirror.start(topic)
    try:
        first = _wait(mirror, watch, 1)
        cpu_at_first = cpu_seconds(mirror.pid)
        last = _wait(mirror, watch, count)
        result = {"start_s": first - mirror.started, "wall_s": last - first, "cpu_s": cpu_seconds(mirror.pid),
                  "cpu_copying_s": cpu_seconds(mirror.pid) - cpu_at_first, "peak_mb": memory_mb(mirror.pid), "end": watch.total()}
    finally:
        mirror.stop()
    if verify:
        result["comparison"] = clusters.java("CompareTopics", "--source", clusters.source_servers, "--target", clusters.target_servers,
                                             "--topics", topic, "--target-prefix", mirror.prefix)
        if not result["comparison"]["same"]:
            say(f"    {row}: NOT THE SAME: {result['comparison']}")
    return result


def _wait(mirror, watch: Watch, wanted: int) -> float:
    """The moment at which the target has `wanted` records."""
    seen, since, rounds = -1, time.monotonic(), 0
    while True:
        total, now = watch.total(), time.monotonic()
        if total >= wanted:
            return now
        if total > seen:
            seen, since = total, now
        elif now - since > _STALLED_S:
            raise NotThere(f"stalled at {seen} of {wanted} records")
        rounds += 1
        if rounds % 20 == 0:
            mirror.check_running()
        time.sleep(_POLL_S)


def _median(results: list[dict]) -> dict:
    good = sorted((one for one in results if "error" not in one), key=lambda one: one["wall_s"])
    return good[len(good) // 2] if good else results[0]


def _show(title: str, rows: list[str], found: dict) -> None:
    base, limit = found.get("kferry", {}), found.get("limit", {})
    lines = []
    for row in rows:
        one = found[row]
        if "error" in one:
            lines.append([row, one["error"][:60], *[""] * 8])
            continue
        wall = one["wall_s"]
        share = "-" if not limit.get("wall_s") else f"{100 * limit['wall_s'] / wall:.0f} %"
        lines.append([row, table.figure(wall, 2), table.ratio(wall, base.get("wall_s")), share,
                      table.figure(one.get("start_s")), table.figure(one.get("cpu_s")), table.ratio(one.get("cpu_s"), base.get("cpu_s")),
                      table.figure(one.get("cpu_copying_s")), table.figure(one.get("peak_mb"), 0),
                      table.ratio(one.get("peak_mb"), base.get("peak_mb"))])
    table.show(title, ["", "wall s", "to kferry", "of the limit", "start s", "CPU s", "to kferry", "while copying", "peak MB", "to kferry"],
               lines)
