"""`testenv/load`: many records, fast, in batches of a given shape; by java/Load.java."""

import argparse
import subprocess
import sys
from pathlib import Path

from . import TestenvError, control, jars, servers

_FOLDER = Path(__file__).resolve().parent.parent
_TIMEOUT_S = 900


def main() -> int:
    parser = argparse.ArgumentParser(prog="testenv/load", description="Fills a topic with many records.",
                                     epilog="Everything else goes to java/Load.java as it is: see testenv/README.md.")
    control.add_environment_options(parser)
    parser.add_argument("--side", choices=["source", "target"], default="source")
    options, rest = parser.parse_known_args()
    try:
        print(run(control.load_environment(options), rest, options.side))
    except TestenvError as error:
        print(f"testenv/load: {error}", file=sys.stderr)
        return 1
    return 0


def java_tool(name: str, arguments: list[str], fast_start: bool) -> list[str]:
    """The argv of java/<name>.java with the clients of 3.9.1. Without fast start: full JIT, for millions of records."""
    flags = ["-XX:TieredStopAtLevel=1"] if fast_start else ["-Xmx2g"]
    return [servers.java(), *flags, "-XX:+UseSerialGC", "-XX:-UsePerfData",
            f"-Dlog4j.configuration=file:{_FOLDER / 'java' / 'log4j.properties'}",
            "-cp", f"{jars.ensure('3.9.1')}/*", str(_FOLDER / "java" / f"{name}.java"), *arguments]


def run(environment: dict, arguments: list[str], side: str) -> str:
    """Java's summary, a line of JSON. Raises TestenvError."""
    if environment[side] is None:
        raise TestenvError(f"the environment has no {side} brokers")
    command = java_tool("Load", ["--bootstrap", environment[side]["bootstrap_servers"], *arguments], False)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise TestenvError(done.stderr.strip() or f"java/Load.java: exit code {done.returncode}")
    return done.stdout.strip()
