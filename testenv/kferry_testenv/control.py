"""Talks to the supervisor of a running environment, and finds environments by folder or file."""

import argparse
import json
import os
import signal
import socket
from pathlib import Path

from . import TestenvError


class Control:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def request(self, command: str, timeout_s: float = 90.0, **fields) -> dict:
        """Sends one request; raises TestenvError for its error or when nobody answers."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout_s)
            try:
                self._connect(client)
                client.sendall((json.dumps({"command": command, **fields}) + "\n").encode())
                with client.makefile("r", encoding="utf-8") as lines:
                    answer = json.loads(lines.readline() or "{}")
            except OSError as error:
                raise TestenvError(f"environment {self._directory}: its supervisor does not answer '{command}': {error}") from error
        if "error" in answer:
            raise TestenvError(f"environment {self._directory}: {command}: {answer['error']}")
        return answer

    def _connect(self, client: socket.socket) -> None:
        # By way of /proc because a Unix socket's path is limited to 107 characters.
        folder = os.open(self._directory, os.O_PATH | os.O_DIRECTORY)
        try:
            client.connect(f"/proc/self/fd/{folder}/control.sock")
        finally:
            os.close(folder)


def add_environment_options(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--env", metavar="FILE", help="the file that `up --env` wrote")
    which.add_argument("--dir", metavar="DIR", help="the environment's folder")


def load_environment(options: argparse.Namespace) -> dict:
    """The environment as it is now: its own folder's copy, which `broker` keeps current."""
    try:
        directory = Path(options.dir) if options.dir else Path(json.loads(Path(options.env).read_text(encoding="utf-8"))["dir"])
        return json.loads((directory / "env.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as error:
        raise TestenvError(f"no environment at {options.dir or options.env}: {error}") from error


def save_environment(environment: dict) -> None:
    """Writes the environment into its folder and the --env file, each by a rename."""
    text = json.dumps(environment, indent=2) + "\n"
    targets = [Path(environment["dir"]) / "env.json"]
    if environment.get("env_file"):
        targets.append(Path(environment["env_file"]))
    for target in targets:
        staging = target.with_name(target.name + ".new")
        staging.write_text(text, encoding="utf-8")
        os.replace(staging, target)


def start_time(pid: int) -> str:
    """What tells two processes of one pid apart (field 22 of /proc/PID/stat); empty when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def kill_if_same(pid: int, started: str) -> None:
    """SIGKILL, unless the pid is gone or belongs to another process by now."""
    if started and start_time(pid) == started:
        os.kill(pid, signal.SIGKILL)
