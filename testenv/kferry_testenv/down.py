"""`testenv/down`: ends an environment and removes its folder."""

import argparse
import contextlib
import shutil
import sys
import time
from pathlib import Path

from . import TestenvError, control


def main() -> int:
    parser = argparse.ArgumentParser(prog="testenv/down", description="Ends an environment; leaves nothing behind.")
    control.add_environment_options(parser)
    options = parser.parse_args()
    try:
        environment = control.load_environment(options)
    except TestenvError as error:
        print(f"testenv/down: {error}", file=sys.stderr)
        return 1
    directory, supervisor = Path(environment["dir"]), environment["supervisor"]
    with contextlib.suppress(TestenvError):
        control.Control(directory).request("down", timeout_s=60)
    deadline = time.monotonic() + 5
    while control.start_time(supervisor["pid"]) == supervisor["started"] and time.monotonic() < deadline:
        time.sleep(0.02)
    # Killing the supervisor, should it hang, kills its servers too.
    control.kill_if_same(supervisor["pid"], supervisor["started"])
    if directory.exists() and (directory / "env.json").exists():
        shutil.rmtree(directory, ignore_errors=True)
    if environment.get("env_file"):
        Path(environment["env_file"]).unlink(missing_ok=True)
    return 0
