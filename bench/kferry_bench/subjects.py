"""What is measured: kferry, MirrorMaker 2 as shipped and tuned, and the limit."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from .clusters import ROOT, Clusters, TestenvError

KFERRY = Path(os.environ.get("KFERRY_BINARY") or ROOT / "build/release/kferry")
REPLAY = Path(os.environ.get("KFERRY_BENCH_REPLAY") or ROOT / "build/release/bench_replay")
TICKS = os.sysconf("SC_CLK_TCK")


class NotThere(Exception):
    """A subject that cannot run here; the table says why."""


def cpu_seconds(pid: int) -> float:
    """Of all threads, those that have ended included; not of children."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid: int, field: str = "VmHWM") -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0


class Mirror:
    """A mirror that runs. `prefix` is in front of topics' names on the target."""

    name = ""
    prefix = ""

    def __init__(self, clusters: Clusters) -> None:
        self.clusters = clusters
        self.pid = 0
        self.started = 0.0

    def start(self, topics: str, groups: str = "") -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError

    def check_running(self) -> None:
        """Raises when it has ended by itself."""

    @staticmethod
    def unavailable() -> str | None:
        """Why it cannot be measured here."""
        return None


class Kferry(Mirror):
    name = "kferry"
    process: subprocess.Popen | None = None

    @staticmethod
    def unavailable() -> str | None:
        if not KFERRY.exists():
            return f"{KFERRY} is not built"
        done = subprocess.run([str(KFERRY), "replicate", "--help"], capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else "this kferry has no verb `replicate`"

    def command(self, topics: str, groups: str) -> list[str]:
        return [str(KFERRY), "replicate", "--source", self.clusters.source_servers, "--target", self.clusters.target_servers,
                "--topics", topics, *(["--groups", groups] if groups else []), "--replication-factor", "1", "--no-progress"]

    def start(self, topics: str, groups: str = "") -> None:
        self.started = time.monotonic()
        with open(self.clusters.folder / "kferry.log", "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                self.command(topics, groups), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid

    def _end(self, number: int) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def check_running(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            log = (self.clusters.folder / "kferry.log").read_text(encoding="utf-8", errors="replace")
            raise NotThere(f"kferry replicate ended with {self.process.returncode}: {' '.join(log.splitlines()[-3:])}")


class MirrorMaker(Mirror):
    name = "MM2 as shipped"
    prefix = "source."
    more: list[str] = []
    groups_more = ["--set", "source->target.sync.group.offsets.enabled=true"]

    def start(self, topics: str, groups: str = "") -> None:
        self.started = time.monotonic()
        arguments = ["--topics", topics, "--groups", groups or "none", *self.more, *(self.groups_more if groups else [])]
        self.pid = json.loads(self.clusters.mm2(*arguments))["pid"]

    def _end(self, action: str) -> None:
        if Path(f"/proc/{self.pid}").exists():
            try:
                self.clusters.mm2(action)
            except TestenvError:
                self.clusters.mm2("kill")

    def stop(self) -> None:
        self._end("stop")

    def kill(self) -> None:
        self._end("kill")

    def check_running(self) -> None:
        if not Path(f"/proc/{self.pid}").exists():
            raise NotThere("MirrorMaker 2 has ended")


class TunedMirrorMaker(MirrorMaker):
    name = "MM2 tuned"
    more = ["--tuned"]
    groups_more = [
        "--set", "source->target.sync.group.offsets.enabled=true",
        "--set", "source->target.sync.group.offsets.interval.seconds=5",
        "--set", "source->target.emit.checkpoints.interval.seconds=5",
        "--set", "source->target.refresh.groups.interval.seconds=5",
        "--set", "target.offset.flush.interval.ms=5000",
    ]


MIRRORS = {"kferry": Kferry, "mm2": MirrorMaker, "mm2-tuned": TunedMirrorMaker}


def replay(clusters: Clusters, topic: str, partitions: int) -> dict:
    """The limit: the topic's batches from memory into the target."""
    if not REPLAY.exists():
        built = subprocess.run([str(ROOT / "scripts/build.sh"), "release", "bench_replay"], capture_output=True, text=True, check=False)
        if built.returncode != 0:
            raise NotThere("bench_replay cannot be built: " + built.stdout[-500:])
    clusters.target.create_topic(topic, partitions, 1, {})
    clusters.target.leaders(topic, partitions)
    done = subprocess.run([str(REPLAY), clusters.source_servers, clusters.target_servers, topic, topic], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise NotThere("bench_replay: " + done.stderr.strip())
    return json.loads(done.stdout)
