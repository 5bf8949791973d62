"""The servers of a benchmark: started by testenv/, looked at with its few hand-made requests."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "testenv"))

from kferry_testenv import TestenvError, jars, load, protocol, workload  # noqa: E402

UNKNOWN_TOPIC = 3


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Clusters:
    """A source and a target. To be used as a context: nothing is left behind."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.file = folder / "env.json"
        self.folder = folder
        self._run("up", *arguments, "--env", str(self.file), "--owner-pid", str(os.getpid()))
        self.environment = json.loads(self.file.read_text(encoding="utf-8"))
        self.source = protocol.Cluster(self.environment["source"], jars.parse_version(self.environment["source"]["version"]))
        self.target = protocol.Cluster(self.environment["target"], jars.parse_version(self.environment["target"]["version"]))

    def __enter__(self) -> "Clusters":
        return self

    def __exit__(self, *_) -> None:
        self._run("down", "--env", str(self.file))

    @property
    def source_servers(self) -> str:
        return self.environment["source"]["bootstrap_servers"]

    @property
    def target_servers(self) -> str:
        return self.environment["target"]["bootstrap_servers"]

    def _run(self, tool: str, *arguments: str) -> str:
        done = subprocess.run([str(ROOT / "testenv" / tool), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise TestenvError(f"testenv/{tool} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def load(self, *arguments: str, side: str = "source") -> dict:
        return json.loads(self._run("load", "--env", str(self.file), "--side", side, *arguments))

    def mm2(self, *arguments: str) -> str:
        return self._run("mm2", "--env", str(self.file), *arguments)

    def java(self, name: str, *arguments: str, folder: Path | None = None, timeout_s: float = 900) -> dict:
        """A Java tool's JSON; exit code 3 is a finding, not a failure."""
        command = load.java_tool(name, list(arguments), False)
        if folder:
            command = [part.replace(str(ROOT / "testenv" / "java" / name), str(folder / name)) for part in command]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False)
        if done.returncode not in (0, 3):
            raise TestenvError(f"{name}.java {' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def reset(self) -> None:
        """No topic but the source's benchmark topics: a mirror that starts finds nothing of an earlier one."""
        for cluster, keep in ((self.source, ("bench-", "__")), (self.target, ("__",))):
            names = [name for name in cluster.metadata(None)["topics"]
                     if not name.startswith(keep) or name.startswith("__kferry.")]
            for name in names:
                with contextlib.suppress(TestenvError):  # a mirror that has just ended may have deleted it
                    cluster.delete_topic(name)
            deadline = time.monotonic() + 60
            while any(name in names for name in cluster.metadata(None)["topics"]):
                if time.monotonic() > deadline:
                    raise TestenvError(f"topics {names} are not deleted after 60 s")
                time.sleep(0.1)
        time.sleep(2)  # their segments are deleted a second later


def log_ends(cluster: protocol.Cluster, topic: str) -> dict[int, int]:
    """Each partition's end; empty as long as the topic does not exist or its leaders are not known."""
    known = cluster.metadata(None)["topics"].get(topic)
    if not known or known["error"] or min(known["partitions"].values(), default=-1) < 0:
        return {}
    return ends_by(cluster, topic, known["partitions"])


def ends_by(cluster: protocol.Cluster, topic: str, leaders: dict[int, int]) -> dict[int, int]:
    """The same with known leaders: one request to each."""
    found = {}
    for leader in set(leaders.values()):
        own = [partition for partition, one in leaders.items() if one == leader]
        body = protocol.struct.pack(">i", -1) + protocol.array(
            [protocol.text(topic) + protocol.array(protocol.struct.pack(">iq", partition, -1) for partition in own)])
        reply = cluster.connection(leader).request(protocol.LIST_OFFSETS, 1, body)

        def part(reply=reply):
            number, code = reply.number("i"), reply.number("h")
            reply.number("q")
            return number, code, reply.number("q")

        for number, code, offset in reply.array(lambda reply=reply: (reply.text(), reply.array(part)))[0][1]:
            found[number] = 0 if code else offset
    return found


class Watch:
    """How much of a topic's records the target has; light enough to be asked every 10 ms."""

    def __init__(self, cluster: protocol.Cluster, topic: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._leaders: dict[int, int] = {}

    def total(self) -> int:
        if not self._leaders:
            known = self._cluster.metadata(None)["topics"].get(self._topic)
            if not known or known["error"] or min(known["partitions"].values(), default=-1) < 0:
                return 0
            self._leaders = known["partitions"]
        return sum(ends_by(self._cluster, self._topic, self._leaders).values())
