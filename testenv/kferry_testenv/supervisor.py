"""The one process that owns an environment's servers: it starts them, and they end with it.

It ends when told to ("down"), when the owner's pid is gone, or, until the environment is declared
ready, when `up` is gone, or when its folder is; then every server is ended by its pid and the folder is removed. Should the
supervisor itself be killed, the kernel kills its servers (PR_SET_PDEATHSIG); the folder then
stays until `down`.

Requests are one JSON object per line on the Unix socket `control.sock` in the folder, answers likewise:
  {"command":"reserve","count":N}                     -> {"ports":[...]}
  {"command":"spawn","name":S,"argv":[...],"log":PATH} -> {"pid":N}
      with "archive":{"from":PATH,"to":PATH}: a file that the server writes as it ends, for the cache
  {"command":"signal","name":S,"signal":N}            -> {}
  {"command":"list"}                                  -> {"servers":{name:{"pid","running","status"}}}
  {"command":"ready"}  from here on `up` may end      -> {}
  {"command":"down"}                                  -> {} once all is gone; then it exits
Run as: supervisor.py DIR CREATED(0|1) UP_PID OWNER_PID(0: none) ENV_FILE(or empty).
"""

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kferry_testenv import ports

_TERM_WAIT_S = 1.0  # per group of servers; the data is thrown away, so a hard end does no harm
_ARCHIVE_WAIT_S = 20.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Supervisor:
    def __init__(self, directory: Path, created: bool, up_pid: int, owner_pid: int, env_file: str) -> None:
        self._directory = directory
        self._created = created
        self._env_file = env_file
        self._servers: dict[str, subprocess.Popen] = {}
        self._archives: dict[str, dict] = {}  # by server
        self._holds: list[socket.socket] = []
        self._watched: dict[int, str] = {}  # pidfd -> who
        self._gone = False
        self._watch(up_pid, "up")
        if owner_pid:
            self._watch(owner_pid, "owner")

    def _watch(self, pid: int, who: str) -> None:
        try:
            self._watched[os.pidfd_open(pid)] = who
        except ProcessLookupError:
            self._gone = True

    def run(self) -> None:
        """Serves requests until the end has come; leaves nothing behind."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.chdir(self._directory)  # a Unix socket's path is limited to 107 characters
        listener.bind("control.sock")
        listener.listen(16)
        print("listening", flush=True)
        client = None
        try:
            while not self._gone:
                # The time limit reaps children that ended by themselves.
                readable = select.select([listener, *self._watched], [], [], 1.0)[0]
                self._reap()
                self._gone = any(fd in self._watched for fd in readable) or not self._directory.exists()
                if not self._gone and listener in readable:
                    client = self._serve(listener)
        finally:
            listener.close()
            self._end_all()
            if client is not None:
                self._answer(client, {})

    def _serve(self, listener: socket.socket) -> socket.socket | None:
        """One request; returns the client that asked for `down` and waits for its answer."""
        client = listener.accept()[0]
        client.settimeout(5)
        try:
            with client.makefile("r", encoding="utf-8") as lines:
                request = json.loads(lines.readline())
            if request["command"] == "down":
                self._gone = True
                return client
            answer = getattr(self, "_do_" + request["command"])(request)
        except Exception as error:  # pylint: disable=broad-except  # the supervisor must outlive any bad request
            answer = {"error": f"{type(error).__name__}: {error}"}
        self._answer(client, answer)
        return None

    @staticmethod
    def _answer(client: socket.socket, answer: dict) -> None:
        try:
            client.sendall((json.dumps(answer) + "\n").encode())
            client.close()
        except OSError:
            pass  # the client gave up; its request is done all the same

    def _reap(self) -> None:
        for process in self._servers.values():
            process.poll()

    def _do_reserve(self, request: dict) -> dict:
        found, holds = ports.reserve(request["count"])
        self._holds += holds
        return {"ports": found}

    def _do_spawn(self, request: dict) -> dict:
        old = self._servers.get(request["name"])
        if old is not None and old.poll() is None:
            raise RuntimeError(f"{request['name']} is already running with pid {old.pid}")
        with open(request["log"], "ab") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
                request["argv"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._directory,
                start_new_session=True, preexec_fn=_die_with_parent)
        self._servers[request["name"]] = process
        if "archive" in request:
            self._archives[request["name"]] = request["archive"]
        return {"pid": process.pid}

    def _do_signal(self, request: dict) -> dict:
        process = self._servers[request["name"]]
        if process.poll() is not None:
            raise RuntimeError(f"{request['name']} is not running")
        process.send_signal(request["signal"])
        return {}

    def _do_list(self, _request: dict) -> dict:
        return {"servers": {name: {"pid": process.pid, "running": process.poll() is None, "status": process.returncode}
                            for name, process in self._servers.items()}}

    def _do_ready(self, _request: dict) -> dict:
        for fd in [fd for fd, who in self._watched.items() if who == "up"]:
            os.close(fd)
            del self._watched[fd]
        return {}

    def _end_all(self) -> None:
        brokers = [name for name in self._servers if not name.startswith("zookeeper")]
        others = [name for name in self._servers if name.startswith("zookeeper")]
        for group in (brokers, others):  # a broker without ZooKeeper would wait for it before it ends
            self._end(group)
        self._keep_archives()
        keep = os.environ.get("KFERRY_TESTENV_KEEP_LOGS")
        if keep:
            shutil.copytree(self._directory, Path(keep) / self._directory.name, dirs_exist_ok=True,
                            ignore=lambda folder, names: [name for name in names if not (
                                name.endswith((".log", ".out", ".properties", ".json")) or name in ("logs", "config"))])
        os.chdir("/")
        self._remove_folder()
        if self._env_file:
            Path(self._env_file).unlink(missing_ok=True)

    def _remove_folder(self) -> None:
        if self._created or not self._directory.exists():
            shutil.rmtree(self._directory, ignore_errors=True)
            return
        for entry in self._directory.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _end(self, names: list[str]) -> None:
        running = [name for name in names if self._servers[name].poll() is None]
        for name in running:
            self._servers[name].send_signal(signal.SIGTERM)
            self._servers[name].send_signal(signal.SIGCONT)  # it may be paused
        started = time.monotonic()
        for name in running:
            limit = _ARCHIVE_WAIT_S if name in self._archives else _TERM_WAIT_S
            try:
                self._servers[name].wait(timeout=max(0.0, started + limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._servers[name].kill()
                self._servers[name].wait()
                self._archives.pop(name, None)  # it may be half a file

    def _keep_archives(self) -> None:
        for name, archive in self._archives.items():
            # 143: ended by SIGTERM in an orderly way. After a SIGKILL by a test the file may be half.
            if self._servers[name].returncode not in (0, 143) or not Path(archive["from"]).exists():
                continue
            staging = f"{archive['to']}.{os.getpid()}"
            try:
                shutil.move(archive["from"], staging)  # perhaps from another file system
                os.replace(staging, archive["to"])
            except OSError:
                Path(staging).unlink(missing_ok=True)  # a start without archive is only slower


def main() -> None:
    directory, created, up_pid, owner_pid, env_file = sys.argv[1:6]
    # A terminal's Ctrl-C and a closing session are not ours: `up` and the owner are watched instead.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Supervisor(Path(directory), created == "1", int(up_pid), int(owner_pid), env_file).run()


if __name__ == "__main__":
    main()
