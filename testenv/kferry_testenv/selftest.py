"""`testenv/selftest`: every version, every layout, against real servers; and nothing is left behind."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import TestenvError, jars, load, protocol, servers

_FOLDER = Path(__file__).resolve().parent.parent
VERSIONS = ["0.8.2.2", "0.9.0.1", "1.1.1", "2.8.2", "3.9.1"]
_OFFSETS = {"orders": {"0": 10, "1": 20}}

_GROUPS = [
    {"group": "commit-v0", "layout": "offset-commit-v0", "offsets": _OFFSETS, "raw": {"orders": {"2": "abc"}}},
    {"group": "jvm", "layout": "high-level-consumer", "offsets": _OFFSETS, "live": True},
    {"group": "node", "layout": "kafka-node", "offsets": _OFFSETS, "live": True},
    {"group": "go", "layout": "wvanbergen", "offsets": _OFFSETS, "live": True},
    {"group": "typo", "layout": "offset-1.1.0", "offsets": _OFFSETS},
    {"group": "ancient", "layout": "kafka-0.7", "offsets": _OFFSETS},
    {"group": "flink", "layout": "flink", "offsets": _OFFSETS},
    {"group": "spout", "layout": "storm", "zk_root": "/storm-kafka", "id": "spout-1", "offsets": _OFFSETS},
    {"group": "trident", "layout": "trident", "zk_root": "/transactional", "id": "tx", "offsets": _OFFSETS},
    {"group": "spark", "layout": "spark-csv", "path": "/spark/offsets/orders", "offsets": _OFFSETS},
    {"group": "orphan", "layout": "offset-commit-v0", "offsets": {"old": {"0": 5}}},
]

_WORKLOAD = {
    "topics": [{"name": "orders", "partitions": 3, "records": {"0": 100, "1": 50}, "config": {"retention.ms": "604800000"}},
               {"name": "old", "partitions": 1, "records": 10},
               {"name": "packed", "partitions": 1, "records": 100, "compression": "gzip"}],
    "delete_topics": ["old"],
    "groups": _GROUPS,
    "znodes": [{"path": "/consumers/x/y", "data": "literal"}, {"path": "/binary", "base64": "AP8="}],
    "generate": {"groups": 20, "partitions": 10, "topic": "t", "prefix": "g"},
}

_EXPECTED = {
    "/consumers/commit-v0/offsets/orders/0": "10",
    "/consumers/commit-v0/offsets/orders/1": "20",
    "/consumers/commit-v0/offsets/orders/2": "abc",
    "/consumers/jvm/offsets/orders/1": "20",
    "/consumers/node/offsets/orders/1": "20",
    "/consumers/go/offsets/orders/0": "10",
    "/consumers/typo/offset/orders/0": "10",
    "/consumers/ancient/offsets/orders/0-0": "10",
    "/consumers/flink/offsets/orders/1": "20",
    "/spark/offsets/orders": "0:10,1:20",
    "/consumers/orphan/offsets/old/0": "5",
    "/consumers/x/y": "literal",
    "/consumers/g19/offsets/t/9": "28",
}


class Selftest:
    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._env_file = temporary / "env.json"
        self.failures: list[str] = []

    def _tool(self, name: str, *arguments: str, standard_input: str = "", expect_error: bool = False) -> str:
        done = subprocess.run([str(_FOLDER / name), *arguments], input=standard_input, capture_output=True, text=True, timeout=600,
                              check=False, env={**os.environ, "TMPDIR": str(self._temporary)})
        if (done.returncode != 0) != expect_error:
            raise TestenvError(f"testenv/{name} {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stderr if expect_error else done.stdout

    def check(self, what: str, actual, expected) -> None:
        if actual != expected:
            self.failures.append(f"{what}: expected {expected!r}, found {actual!r}")

    def start(self, *arguments: str) -> dict:
        before = time.monotonic()
        environment = json.loads(self._tool("up", *arguments, "--env", str(self._env_file), *self._owner(arguments)))
        print(f"  up {' '.join(arguments)}: {time.monotonic() - before:.1f} s", flush=True)
        return environment

    @staticmethod
    def _owner(arguments: tuple[str, ...]) -> list[str]:
        """This process, unless the case names another: an interrupted self-test leaves nothing either."""
        return [] if "--owner-pid" in arguments else ["--owner-pid", str(os.getpid())]

    def stop(self) -> None:
        before = time.monotonic()
        self._tool("down", "--env", str(self._env_file))
        print(f"  down: {time.monotonic() - before:.1f} s", flush=True)
        self.check_nothing_left()

    def check_nothing_left(self) -> None:
        self.check("files left", sorted(str(path) for path in self._temporary.iterdir()), [])
        self.check("processes left", self._processes(), [])

    def _processes(self) -> list[str]:
        """Whose command line names our folder: all that `up` starts do."""
        needle = str(self._temporary).encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if needle in path.read_bytes():
                    found.append(path.parent.name)
            except OSError:
                pass  # it ended meanwhile
        return found

    def load(self, spec: dict, *arguments: str) -> dict:
        return json.loads(self._tool("workload", "--env", str(self._env_file), *arguments, "-", standard_input=json.dumps(spec)))

    # --- Cases ---

    def source(self, version: str) -> None:
        environment = self.start("--source", version, "--chroot", "/kafka/a")
        loaded = self.load(_WORKLOAD)
        print(f"  workload: {loaded}", flush=True)
        self.check("records", loaded["records"], 260)
        with servers.zookeeper_client(environment["zookeeper"]["connect"]) as client:
            self._check_znodes(client)
        self._check_log(environment, version)
        number = jars.parse_version(version)
        log_start = {"topics": [{"name": "trimmed", "records": 10, "log_start": {"0": 4}}]}
        if number >= (0, 11):
            self.load(log_start)
            with protocol.Cluster(environment["source"], number) as cluster:
                self.check("log start", cluster.list_offset("trimmed", 0, 0, -2), 4)
        else:
            error = self._tool("workload", "--env", str(self._env_file), "-", standard_input=json.dumps(log_start), expect_error=True)
            self.check("error says DeleteRecords", "DeleteRecords" in error, True)
        self._check_stop_live(environment)
        for action in ("stop", "start", "pause", "resume"):
            self._tool("broker", "--env", str(self._env_file), action, "--id", "0")
        self.check("restarted pid is known", Path(f"/proc/{json.loads(self._env_file.read_text())['source']['brokers'][0]['pid']}").exists(), True)
        self.stop()

    def _check_znodes(self, client) -> None:
        for path, data in _EXPECTED.items():
            self.check(path, client.get(path)[0].decode() if client.exists(path) else None, data)
        self.check("/binary", client.get("/binary")[0], b"\x00\xff")
        self.check("old is deleted", client.exists("/brokers/topics/old"), None)
        self.check("topic config", json.loads(client.get("/config/topics/orders")[0])["config"], {"retention.ms": "604800000"})
        self.check("spout", json.loads(client.get("/storm-kafka/spout-1/partition_1")[0])["offset"], 20)
        self.check("trident", json.loads(client.get("/transactional/tx/user/partition_1/2")[0])["nextOffset"], 20)
        self.check("no ids of commit-v0", client.exists("/consumers/commit-v0/ids"), None)
        for group, key, kind in (("jvm", "static", str), ("node", "white_list", str), ("go", "static", int)):
            ids = client.get_children(f"/consumers/{group}/ids")
            self.check(f"members of {group}", len(ids), 1)
            data, status = client.get(f"/consumers/{group}/ids/{ids[0]}")
            registration = json.loads(data)
            self.check(f"{group} is ephemeral", status.ephemeralOwner != 0, True)
            self.check(f"{group} registration", (registration["version"], registration["subscription"], registration["pattern"]),
                       (1, {"orders": 1}, key))
            self.check(f"{group} timestamp", type(registration["timestamp"]), kind)
            owner = client.get(f"/consumers/{group}/owners/orders/0")[0].decode()
            self.check(f"{group} owner", owner.startswith(ids[0]), True)

    def _check_log(self, environment: dict, version: str) -> None:
        with protocol.Cluster(environment["source"], jars.parse_version(version)) as cluster:
            for topic, partition, end in (("orders", 0, 100), ("orders", 1, 50), ("orders", 2, 0), ("packed", 0, 100)):
                self.check(f"end of {topic}-{partition}", cluster.list_offset(topic, partition, 0, -1), end)

    def _check_stop_live(self, environment: dict) -> None:
        self.load({"stop_live": ["jvm"]})
        with servers.zookeeper_client(environment["zookeeper"]["connect"]) as client:
            self.check("jvm has left", client.get_children("/consumers/jvm/ids"), [])
            self.check("node has not", len(client.get_children("/consumers/node/ids")), 1)

    def target(self, version: str) -> None:
        environment = self.start("--target", version)
        self.load({"topics": [{"name": "orders", "partitions": 3, "records": 100, "log_start": {"0": 10}}, {"name": "old"}],
                   "delete_topics": ["old"]}, "--side", "target")
        with protocol.Cluster(environment["target"], jars.parse_version(version)) as cluster:
            self.check("target log start", cluster.list_offset("orders", 0, 1, -2), 10)
            self.check("target log end", cluster.list_offset("orders", 2, 1, -1), 100)
            self.check("target topics", sorted(cluster.metadata(None)["topics"]), ["orders"])
        self.stop()

    def mirror(self) -> None:
        """What tests of a mirror need: load, comparison, MirrorMaker 2, and the judgement of its offsets."""
        environment = self.start("--source", "3.9.1", "--target", "4.1.0")
        self._compare_loads(environment)
        self._check_formats(environment)
        file, both = ("--env", str(self._env_file)), self._both(environment)
        self._java("OffsetProof", "make", "--source", both[1], "--topics", "t", "--groups", "g-", "--at", "0%,50%,100%")
        self._tool("mm2", *file, "--topics", "t", "--set", "source->target.emit.checkpoints.interval.seconds=1",
                   "--set", "source->target.refresh.groups.interval.seconds=1", "--set", "offset-syncs.topic.location=target")
        deadline = time.monotonic() + 120
        while "--topics t: 0 differences" not in (seen := self._compare(both, "t", "--target-prefix", "source.")):
            if time.monotonic() > deadline:
                raise TestenvError(f"MirrorMaker 2 has not copied t after 120 s: {seen}")
            time.sleep(1)
        while not (found := json.loads(self._java("Mm2Compat", *both, "--groups", "g-00002")))["translated"]["g-00002"]:
            if time.monotonic() > deadline:
                raise TestenvError(f"MirrorMaker 2 has not written a checkpoint after 120 s: {found}")
            time.sleep(1)
        self.check("checkpoint topics", found["checkpoint_topics"], ["source.checkpoints.internal"])
        self.check("offset syncs of t", found["offset_syncs"]["keys"] >= 3, True)
        self.check("unreadable", found["errors"], [])
        self._tool("mm2", *file, "stop")
        self.stop()

    def _compare_loads(self, environment: dict) -> None:
        """The same seed gives the same on both sides, transactions included; a record more is seen."""
        file, both = ("--env", str(self._env_file)), self._both(environment)
        an_hour_ago = str(int(time.time() * 1000) - 3_600_000)
        shapes = {"t": ["--records", "3000", "--compression", "zstd", "--batch-records", "1-50", "--headers", "2"],
                  "tx": ["--records", "300", "--transactions", "1-20", "--abort-percent", "40", "--keys", "10", "--null-values", "100"]}
        for topic, shape in shapes.items():
            loaded = [json.loads(self._tool("load", *file, "--side", side, "--topic", topic, "--partitions", "3", "--timestamp-ms",
                                            an_hour_ago, *shape))
                      for side in ("source", "target")]
            self.check(f"digests of {topic}", loaded[0]["digest"], loaded[1]["digest"])
            # Markers come when the coordinator gets round to it, between the records of others, and with that time.
            more = ["--identity", "--times", "3"] if topic == "t" else []
            self.check(f"comparison of {topic}", self._compare(both, topic, *more), f"--topics {topic}: 0 differences")
            summary = json.loads(self._java("CompareTopics", *both, "--topics", topic, "--per-partition"))
            self.check(f"records of {topic}", summary["source_records"], loaded[0]["records"])
            self.check(f"digest of {topic}", [one["digest"] for one in summary["listed"]],
                       [one["digest"] for one in loaded[0]["partitions"]])
        self._tool("load", *file, "--side", "target", "--topic", "t", "--partitions", "3", "--records", "1:2", "--seed", "9")
        self.check("two more", self._compare(both, "t", "--identity"), "--topics t: 2 extra, 1 ranges")

    def _check_formats(self, environment: dict) -> None:
        """Every codec is read by a real consumer."""
        source = ("--source", environment["source"]["bootstrap_servers"], "--target", environment["source"]["bootstrap_servers"])
        codecs = ("gzip", "lz4", "none", "snappy", "zstd")
        loaded = [json.loads(self._tool("load", "--env", str(self._env_file), "--topic", f"codec-{codec}", "--partitions", "1",
                                        "--compression", codec, "--records", "500")) for codec in codecs]
        summary = json.loads(self._java("CompareTopics", *source, "--topics", "codec-.*", "--identity", "--per-partition"))
        self.check("digests of codecs", [one["digest"] for one in summary["listed"]], [one["partitions"][0]["digest"] for one in loaded])

    @staticmethod
    def _both(environment: dict) -> tuple[str, ...]:
        return ("--source", environment["source"]["bootstrap_servers"], "--target", environment["target"]["bootstrap_servers"])

    def _java(self, name: str, *arguments: str) -> str:
        done = subprocess.run(load.java_tool(name, list(arguments), True), capture_output=True, text=True, timeout=120, check=False)
        if done.returncode not in (0, 3):
            raise TestenvError(f"java/{name}.java {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def _compare(self, both: tuple[str, ...], topics: str, *arguments: str) -> str:
        found = json.loads(self._java("CompareTopics", *both, "--topics", topics, *arguments))
        kinds = ("duplicates", "missing", "extra", "out_of_order", "offset_differences", "time_differences")
        parts = [f"{found[kind]} {kind}" for kind in kinds if found[kind]]
        parts += [f"{found['range_difference_count']} ranges"] if found["range_difference_count"] else []
        return f"--topics {topics}: {', '.join(parts) or '0 differences'}"

    def cluster(self) -> None:
        """Three of each; one is killed, another takes its partitions over, and it comes back."""
        environment = self.start("--source", "3.9.1", "--source-brokers", "3", "--zookeeper-servers", "3",
                                 "--advertise", "1=localhost:9999")
        self.load({"topics": [{"name": "orders", "partitions": 6, "replication_factor": 3, "records": 10}]})
        file = ("--env", str(self._env_file))
        with protocol.Cluster(environment["source"], (3, 9, 1)) as cluster:
            known = cluster.metadata([])["brokers"]
            self.check("advertised", known[1], ("localhost", 9999))
            self.check("not advertised", known[2], ("127.0.0.1", environment["source"]["brokers"][2]["port"]))
        self._tool("broker", *file, "kill", "--id", "2")
        self._tool("broker", *file, "kill", "--zookeeper", "--id", "3")
        with protocol.Cluster({"brokers": environment["source"]["brokers"][:2]}, (3, 9, 1)) as cluster:
            deadline = time.monotonic() + 30
            while 2 in (leaders := set(cluster.leaders("orders", 6).values())) and time.monotonic() < deadline:
                time.sleep(0.1)
            self.check("leaders", leaders, {0, 1})
        self._tool("broker", *file, "start", "--zookeeper", "--id", "3")
        self._tool("broker", *file, "start", "--id", "2")
        self.stop()

    def owner_dies(self) -> None:
        """Both a killed owner and a killed `up` take everything with them."""
        with subprocess.Popen(["sleep", "600"]) as owner:
            self.start("--no-kafka", "--owner-pid", str(owner.pid))
            owner.kill()
        self._wait_until_empty("owner died")
        up = subprocess.Popen([str(_FOLDER / "up")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,  # pylint: disable=consider-using-with
                              env={**os.environ, "TMPDIR": str(self._temporary)})
        while up.poll() is None and not list(self._temporary.glob("*/data/source-0")):  # in the middle of starting
            time.sleep(0.01)
        self.check("up is still starting", up.poll(), None)
        up.kill()
        up.wait()
        self._wait_until_empty("up died")

    def _wait_until_empty(self, what: str) -> None:
        deadline = time.monotonic() + 15
        while (list(self._temporary.iterdir()) or self._processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        print(f"  {what}: {len(list(self._temporary.iterdir()))} files left", flush=True)
        self.check_nothing_left()

    def bad_setting(self) -> None:
        error = self._tool("up", "--source", "3.9.1", "--set", "num.io.threads=many", expect_error=True)
        self.check("error names the log", "num.io.threads" in error and "source-0 ended" in error, True)
        self.check_nothing_left()


def main() -> int:
    parser = argparse.ArgumentParser(prog="testenv/selftest", description="Checks the test environment against real servers.")
    parser.add_argument("versions", nargs="*", default=VERSIONS, help=f"source versions (default: {' '.join(VERSIONS)})")
    parser.add_argument("--target", default="4.1.0")
    options = parser.parse_args()
    cases = [(f"source {version}", lambda test, version=version: test.source(version)) for version in options.versions]
    cases += [(f"target {options.target}", lambda test: test.target(options.target)),
              ("mirror", Selftest.mirror), ("cluster", Selftest.cluster),
              ("owner dies", Selftest.owner_dies), ("bad setting", Selftest.bad_setting)]
    failed = 0
    for name, run in cases:
        print(name, flush=True)
        # Not under TMPDIR's own name: what is left is seen by this path.
        with tempfile.TemporaryDirectory(prefix="kferry-selftest-", ignore_cleanup_errors=True) as folder:
            test = Selftest(Path(folder).resolve())
            try:
                run(test)
            except (TestenvError, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                test.failures.append(f"{type(error).__name__}: {error}")
                if (Path(folder) / "env.json").exists():
                    subprocess.run([str(_FOLDER / "down"), "--env", str(Path(folder) / "env.json")], check=False)
        for failure in test.failures:
            print(f"  FAILED: {failure}", flush=True)
        failed += bool(test.failures)
    print(f"{len(cases) - failed} of {len(cases)} cases passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
