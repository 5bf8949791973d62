"""Holds the ephemeral registrations of live consumers, one ZooKeeper session per group.

Run by the supervisor as `live.py DIR`, so that it ends with the environment. It looks for requests
DIR/live/<name>.request = {"add"|"remove": GROUP, "connect": …, "nodes": {path: data}} and answers each by
renaming it to <name>.done, with {"error": …} in it when it failed.
"""

import json
import os
import sys
import time
from pathlib import Path


def _serve(clients: dict, request: dict) -> dict:
    from kazoo.client import KazooClient  # pylint: disable=import-outside-toplevel

    if "remove" in request:
        client = clients.pop(request["remove"], None)
        if client is None:
            return {"error": f"group {request['remove']} is not live"}
        client.stop()
        client.close()
        return {}
    if request["add"] in clients:
        return {"error": f"group {request['add']} is live already"}
    client = KazooClient(hosts=request["connect"], timeout=6.0)
    client.start(timeout=20)
    clients[request["add"]] = client
    for path, data in request["nodes"].items():
        client.create(path, data.encode(), ephemeral=True, makepath=True)
    return {}


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    folder = Path(sys.argv[1]) / "live"
    clients: dict = {}
    while True:
        for path in sorted(folder.glob("*.request")):
            try:
                answer = _serve(clients, json.loads(path.read_text(encoding="utf-8")))
            except Exception as error:  # pylint: disable=broad-except  # reported to whoever asked
                answer = {"error": f"{type(error).__name__}: {error}"}
            path.write_text(json.dumps(answer), encoding="utf-8")
            os.replace(path, path.with_suffix(".done"))
        time.sleep(0.02)


if __name__ == "__main__":
    main()
