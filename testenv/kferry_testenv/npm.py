"""The cache of npm packages, as jars.py: a folder that exists is complete."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import TestenvError
from .jars import cache_root, locked


def ensure(package: str, version: str) -> Path:
    """The node_modules folder with `package`; fetched when it is not cached yet. No package's scripts are run."""
    name = f"{package}-{version}"
    root = cache_root() / "npm"
    target = root / name
    if not target.is_dir():
        with locked(root / f".{name}.lock"):
            if not target.is_dir():
                _fetch(f"{package}@{version}", root, target)
    return target / "node_modules"


def _fetch(what: str, root: Path, target: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=root))
    try:
        command = ["npm", "install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--prefix", str(staging), what]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        except FileNotFoundError as error:
            raise TestenvError(f"fetching {what}: npm is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise TestenvError(f"fetching {what}: no end after {error.timeout:.0f} s") from error
        if done.returncode != 0:
            raise TestenvError(f"fetching {what}: npm exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        os.rename(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
