"""What users feel beside throughput: latency, groups that go on elsewhere, and what a crash leaves."""

import time
from pathlib import Path

from . import table
from .clusters import Clusters, TestenvError, Watch, log_ends, say
from .subjects import MIRRORS, NotThere

_JAVA = Path(__file__).resolve().parent.parent
_RATE = 300
_SETTLED_S = 15.0  # without a new record on the target, a mirror is done
_READY_S = 180.0


def _mirrors(options) -> list[str]:
    return [row for row in options.rows if row != "limit"]


def _each(clusters: Clusters, options, one) -> dict:
    """`one(mirror)` for every row, on fresh topics; errors become part of the result."""
    found = {}
    for row in _mirrors(options):
        say(f"  {row} ...")
        clusters.reset()
        mirror = MIRRORS[row](clusters)
        try:
            why = mirror.unavailable()
            if why:
                raise NotThere(why)
            found[row] = one(mirror)
        except (NotThere, TestenvError, OSError) as error:
            say(f"    {error}")
            found[row] = {"error": str(error)}
        finally:
            if mirror.pid:
                mirror.kill()
    return found


def _await_total(mirror, watch: Watch, wanted: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while (total := watch.total()) < wanted:
        mirror.check_running()
        if time.monotonic() > deadline:
            raise NotThere(f"only {total} of {wanted} records on the target after {timeout_s:.0f} s")
        time.sleep(0.02)


def _settle(mirror, watch: Watch, wanted: int) -> int:
    """Until the target has `wanted` records and no more have come for a while."""
    seen, since = -1, time.monotonic()
    while True:
        total, now = watch.total(), time.monotonic()
        if total > seen:
            seen, since = total, now
        quiet = now - since
        if (total >= wanted and quiet > _SETTLED_S) or quiet > 8 * _SETTLED_S:
            return total
        mirror.check_running()
        time.sleep(0.1)


def _show(title: str, rows: dict, columns: list[tuple[str, object]]) -> None:
    lines = []
    for row, result in rows.items():
        if "error" in result:
            lines.append([row, result["error"][:60], *[""] * (len(columns) - 1)])
        else:
            lines.append([row, *(str(get(result)) for _, get in columns)])
    table.show(title, ["", *(name for name, _ in columns)], lines)


# --- Latency ---


def latency(clusters: Clusters, options) -> dict:
    topic, group = "bench-latency", "bench-group-00000"
    say("latency: from producer to consumer ...")
    clusters.load("--topic", topic, "--partitions", "24", "--records", "2400")
    _commit(clusters, topic, "bench-group-")

    def tool(verb: str, mirror_prefix: str, target: str, *more: str) -> dict:
        return clusters.java("Latency", verb, "--source", clusters.source_servers, "--target", target, "--topic", topic,
                             "--target-topic", mirror_prefix + topic, *more, folder=_JAVA)

    message_options = ("--rate", str(_RATE), "--seconds", str(options.seconds))
    direct = tool("messages", "", clusters.source_servers, *message_options)

    def one(mirror) -> dict:
        there = sum(log_ends(clusters.source, topic).values())
        _delete_groups(clusters)
        mirror.start(topic, group)
        _await_total(mirror, Watch(clusters.target, mirror.prefix + topic), there, _READY_S)
        time.sleep(5)
        result = tool("messages", mirror.prefix, clusters.target_servers, *message_options)
        result["group"] = tool("group", mirror.prefix, clusters.target_servers, "--group", group, "--rounds", "3", "--timeout-ms",
                               "150000")
        return result

    rows = {"no mirror": direct} | _each(clusters, options, one)
    clusters.source.delete_topic(topic)

    def group_seconds(result: dict) -> str:
        found = result.get("group")
        if not found:
            return "-"
        return ", ".join("never" if one is None else f"{one:.2f}" for one in found["seconds"])

    _show(f"latency: {_RATE} messages/s for {options.seconds} s; then the commit of a group at 24 partitions' ends, three times", rows, [
        ("p50 ms", lambda r: table.figure(r["p50_ms"])), ("p99 ms", lambda r: table.figure(r["p99_ms"])),
        ("max ms", lambda r: table.figure(r["max_ms"])), ("lost", lambda r: r["lost"]), ("twice", lambda r: r["duplicates"]),
        ("group's offsets on the target after s", group_seconds),
        ("records short", lambda r: r.get("group", {}).get("records_behind", "-"))])
    return {"scenario": "latency", "rows": rows}


def _commit(clusters: Clusters, topic: str, prefix: str) -> None:
    """So that the group exists when the mirror starts: MirrorMaker looks for new ones every ten minutes."""
    clusters.java("OffsetProof", "make", "--source", clusters.source_servers, "--topics", topic, "--groups", prefix, "--at", "0%")


# --- Offsets ---


def offsets(clusters: Clusters, options) -> dict:
    topic = "bench-offsets"
    say(f"offsets: loading {options.records:,} records ...")
    clusters.load("--topic", topic, "--partitions", "24", "--records", str(options.records), "--compression", "snappy")
    clusters.java("OffsetProof", "make", "--source", clusters.source_servers, "--topics", topic, "--groups", "bench-at-", "--at",
                  "0%,10%,50%,90%,99%,100%")
    places = ["0 %", "10 %", "50 %", "90 %", "99 %", "100 %"]

    def one(mirror) -> dict:
        _delete_groups(clusters)
        mirror.start(topic, "bench-at-.*")
        _await_total(mirror, Watch(clusters.target, mirror.prefix + topic), options.records, 600)
        result: dict = {"re_read": {}}
        for number, place in enumerate(places):
            # MirrorMaker's offsets come when they come: the first check waits.
            found = clusters.java("OffsetProof", "check", "--source", clusters.source_servers, "--target", clusters.target_servers,
                                  "--topics", topic, "--groups", f"bench-at-{number:05d}", "--target-prefix", mirror.prefix, "--wait-ms",
                                  "90000" if number == 0 else "3000")
            result["re_read"][place] = found
        return result

    rows = _each(clusters, options, one)
    clusters.source.delete_topic(topic)

    def cell(place: str):
        def text(result: dict) -> str:
            found = result["re_read"][place]
            parts = [f"{found['re_read']:,}"]
            parts += [f"{found['skipped']:,} skipped"] if found["skipped"] else []
            parts += [f"{found['absent']} partitions without"] if found["absent"] else []
            return ", ".join(parts)

        return text

    _show(f"offsets: records that groups at a part of the log read again on the target, of {options.records:,}", rows,
          [(f"at {place}", cell(place)) for place in places])
    return {"scenario": "offsets", "rows": rows}


def _delete_groups(clusters: Clusters) -> None:
    """What an earlier row has committed on the target must not count for this one."""
    clusters.java("Groups", "--bootstrap", clusters.target_servers, "--delete", "bench-.*", folder=_JAVA)


# --- Crash ---


def crash(clusters: Clusters, options) -> dict:
    topic = "bench-crash"
    say(f"crash: loading {options.records:,} records ...")
    clusters.load("--topic", topic, "--partitions", "24", "--records", str(options.records), "--compression", "snappy")

    def one(mirror) -> dict:
        watch = Watch(clusters.target, mirror.prefix + topic)
        began = time.monotonic()
        mirror.start(topic)
        for share in (3, 6):  # tenths
            _await_total(mirror, watch, options.records * share // 10, 300)
            mirror.kill()
            mirror.start(topic)
        total = _settle(mirror, watch, options.records)
        mirror.kill()
        found = clusters.java("CompareTopics", "--source", clusters.source_servers, "--target", clusters.target_servers, "--topics",
                              topic, "--target-prefix", mirror.prefix)
        return {"on_target": total, "seconds": time.monotonic() - began - _SETTLED_S, "comparison": found}

    rows = _each(clusters, options, one)
    clusters.source.delete_topic(topic)
    _show(f"crash: {options.records:,} records, the mirror killed with kill -9 at 30 % and at 60 %, and started again", rows, [
        ("on the target", lambda r: f"{r['on_target']:,}"), ("twice", lambda r: f"{r['comparison']['duplicates']:,}"),
        ("missing", lambda r: f"{r['comparison']['missing']:,}"), ("out of order", lambda r: f"{r['comparison']['out_of_order']:,}"),
        ("s until done", lambda r: table.figure(r["seconds"]))])
    return {"scenario": "crash", "rows": rows}
