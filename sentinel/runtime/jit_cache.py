"""Where compiled kernels are kept between starts.

Numba's own cache goes stale when a function in another file changes, so the directory is named by
a hash of every source file that compiled code can come from, the versions of Python, Numba,
llvmlite and NumPy and the CPU. Its index is a pickle, therefore the directory belongs to this
user alone (mode 0700).
"""

from __future__ import annotations

import atexit
import errno
import hashlib
import logging
import os
import platform
import shutil
import stat
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from sentinel.errors import SentinelError

log = logging.getLogger(__name__)

PACKAGE = Path(__file__).resolve().parent.parent
# Where compiled functions and the constants in them stand; a test holds that none is missed.
COMPILED = ("records.py", "kernels", "window", "model", "score", "scorers", "alert", "source")

ROOM_BYTES = 64 << 20  # what all kernels of one CPU take, with something to spare
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def prepare() -> Path:
    """Choose the cache directory, create it and tell Numba. Call before any kernel is imported.

    Order: SENTINEL_CACHE_DIR, systemd's CACHE_DIRECTORY, the user's cache directory. Where none
    can be written safely, a private temporary directory: everything works, the start is slower.
    Raises SentinelError where that has no room either.
    """
    try:
        directory = _base() / f"jit-{_key()}"
        _make_private(directory)
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows the user's home
        directory = _temporary(error)
        log.warning("kernel cache not usable (%s); compiling anew into %s", error, directory)
    os.environ["NUMBA_CACHE_DIR"] = str(directory)
    return directory


def _base() -> Path:
    for name in ("SENTINEL_CACHE_DIR", "CACHE_DIRECTORY"):
        value = os.environ.get(name)
        if value:
            return Path(value.split(":")[0])
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "sentinel"


def _key() -> str:
    digest = hashlib.sha256()
    for part in (sys.version, platform.processor(), _cpu_model()):
        digest.update(part.encode())
    for package in ("numba", "llvmlite", "numpy"):
        digest.update(version(package).encode())
    for source in compiled_sources():
        digest.update(source.relative_to(PACKAGE).as_posix().encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def compiled_sources() -> list[Path]:
    """The source files that decide what the kernels are, in a fixed order."""
    found = [PACKAGE / name for name in COMPILED]
    folders = [file for folder in found if folder.is_dir() for file in folder.rglob("*.py")]
    return sorted([file for file in found if file.is_file()] + folders)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    wanted = ("model name", "flags")
    return "".join(line for line in lines[:40] if line.startswith(wanted))


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{directory} belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        directory.chmod(0o700)
    _demand_room(directory)


def _temporary(reason: Exception) -> Path:
    try:
        directory = Path(tempfile.mkdtemp(prefix="sentinel-jit-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        _demand_room(directory)
    except OSError as error:
        raise SentinelError(
            f"compiled kernels cannot be kept anywhere: {reason}; {error}",
            hint=f"free {ROOM_BYTES >> 20} MiB, or name a directory with room: SENTINEL_CACHE_DIR",
        ) from error
    return directory


def _demand_room(directory: Path) -> None:
    """Raises OSError where the kernels could not be written: Numba finds out amid a command.

    A full disk still makes empty files, so room is claimed, and given back at once. Not where
    there are kernels already: those load from a full disk too.
    """
    with tempfile.TemporaryFile(dir=directory) as probe:
        if any(directory.rglob("*.nbc")):
            return
        try:
            os.posix_fallocate(probe.fileno(), 0, ROOM_BYTES)
        except OSError as error:
            if error.errno in NO_ROOM:  # others: the filesystem takes no claims
                raise OSError(error.errno, error.strerror, str(directory)) from None
