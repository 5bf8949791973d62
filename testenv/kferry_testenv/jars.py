"""The jar cache: every Kafka version's class path, fetched once through Maven.

A version's folder appears by one rename, under a lock, so a folder that exists is complete and two
processes never fetch the same version at once.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import TestenvError

ZOOKEEPER_FROM = "3.9.1"  # ZooKeeper's server (3.8.4) is the one in this Kafka version's set

_SLF4J = "1.7.36"

# Jars of these artifacts would be a second slf4j binding, or log4j 1.2 beside reload4j.
_UNWANTED = ("log4j:log4j", "org.slf4j:slf4j-log4j12", "org.slf4j:slf4j-simple", "org.slf4j:slf4j-nop")


def cache_root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kferry"


def parse_version(version: str) -> tuple[int, ...]:
    """"3.9.1" -> (3, 9, 1); raises TestenvError for anything that is not a Kafka release number."""
    if not re.fullmatch(r"\d+(\.\d+){1,3}", version):
        raise TestenvError(f"'{version}' is not a Kafka version such as 3.9.1")
    return tuple(int(part) for part in version.split("."))


def _artifacts(version: str) -> list[str]:
    """group:artifact:version of what makes up one version's class path."""
    number = parse_version(version)
    scala = "2.13" if number >= (2, 4) else "2.11"
    found = [f"org.apache.kafka:kafka_{scala}:{version}"]
    if version == "3.9.1":
        found += [f"org.apache.kafka:{name}:{version}" for name in ("connect-mirror", "connect-mirror-client", "kafka-tools")]
    if number[:2] in ((0, 10), (0, 11)):
        found.append("javax.xml.bind:jaxb-api:2.3.1")  # gone from the JDK since 11; the broker loads it
    if number[:2] == (2, 0):
        found.append("org.apache.zookeeper:zookeeper:3.4.10")  # its own, 3.4.13, finds no server on JDK 14 and later
    found.append(f"org.slf4j:slf4j-reload4j:{_SLF4J}")
    found.append(f"org.slf4j:slf4j-api:{_SLF4J}")
    return found


def _pom(version: str) -> str:
    exclusions = "".join(
        "<exclusion><groupId>{}</groupId><artifactId>{}</artifactId></exclusion>".format(*name.split(":"))
        for name in _UNWANTED
    )
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>"
        "<exclusions>{}</exclusions></dependency>".format(*artifact.split(":"), exclusions)
        for artifact in _artifacts(version)
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>kferry.testenv</groupId><artifactId>jars</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


@contextlib.contextmanager
def locked(path: Path):
    """Holds an exclusive lock on `path` (created when missing)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(version: str) -> Path:
    """The folder with the jars of Kafka `version`; fetches them when they are not cached yet."""
    parse_version(version)
    root = cache_root() / "jars"
    target = root / f"kafka-{version}"
    if target.is_dir():
        return target
    with locked(root / f".kafka-{version}.lock"):
        if not target.is_dir():
            _fetch(version, root, target)
    return target


def _fetch(version: str, root: Path, target: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=f".kafka-{version}.", dir=root))
    try:
        (staging / "pom.xml").write_text(_pom(version), encoding="utf-8")
        out = staging / "jars"
        command = ["mvn", "-q", "-B", "-f", str(staging / "pom.xml"), "dependency:copy-dependencies",
                   f"-DoutputDirectory={out}", "-DincludeScope=runtime"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False)
        except FileNotFoundError as error:
            raise TestenvError(f"fetching the jars of Kafka {version}: Maven (mvn) is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise TestenvError(f"fetching the jars of Kafka {version}: no end after {error.timeout:.0f} s") from error
        if done.returncode != 0 or not any(out.glob("kafka_*.jar")):
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise TestenvError(f"fetching the jars of Kafka {version}: Maven exited with {done.returncode}:\n{tail}")
        os.rename(out, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def class_path(directory: Path) -> str:
    """All jars by name, sorted: a CDS archive is valid for exactly this string only."""
    return ":".join(str(jar) for jar in sorted(directory.glob("*.jar")))
