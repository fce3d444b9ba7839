"""A crash or a full disk in the middle of a save leaves the old model or the new one, whole."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel import store
from sentinel.errors import ModelError
from sentinel.store import model_file
from sentinel.store.manifest import Manifest
from tests.detector.toy import toy_model

ROOT = Path(__file__).resolve().parents[2]

# Saves a second model over a first, and dies at the k-th system call that counts, for k = 0, 1, ...
# until a save lives. A forked child dies at once: nothing is cleaned up, as with a power cut.
SCRIPT = """
import json, os, shutil, sys
from pathlib import Path
from sentinel import store
from tests.detector.toy import toy_model

base = Path(sys.argv[1])
old = store.save(toy_model(), base / "old").version
results = []
for k in range(100):
    model = Path(shutil.copytree(base / "old", base / f"crash-{k}"))
    pid = os.fork()
    if pid == 0:
        left = [k]
        def dying(call):
            def wrapper(*args, **kwargs):
                if left[0] == 0:
                    os._exit(9)
                left[0] -= 1
                return call(*args, **kwargs)
            return wrapper
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (os, "open")):
            setattr(owner, name, dying(getattr(owner, name)))
        store.save(toy_model(seed=1), model)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    results.append((code, store.load(model).version))
    if code == 0:
        break
print(json.dumps([old, store.save(toy_model(seed=1), base / "new").version, results]))
"""


def test_death_at_any_moment_of_a_save_leaves_a_whole_model(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True,
        check=True, timeout=200,
    )  # fmt: skip
    old, new, results = json.loads(done.stdout)
    codes = [code for code, _ in results]
    versions = [version for _, version in results]
    assert codes == [9] * (len(codes) - 1) + [0]
    assert len(codes) > 6
    assert set(versions) == {old, new}
    # First the old one, and once the manifest is renamed the new one, never back.
    assert versions == sorted(versions, key=[old, new].index)

    left_behind = list(tmp_path.glob("crash-*/*.tmp"))
    assert left_behind
    for number in range(len(results)):
        directory = tmp_path / f"crash-{number}"
        saved = store.save(toy_model(seed=2), directory)
        assert store.load(directory).version == saved.version
        assert len(list(directory.iterdir())) == 2


@pytest.mark.parametrize("failing", range(4))
def test_a_full_disk_is_told_and_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """fsync reports it: that of the weights, of their folder, of the manifest, of its folder."""
    directory = tmp_path / "model"
    old = store.save(toy_model(), directory)
    fsync, calls = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ModelError) as caught:
            store.save(toy_model(seed=1), directory)
    assert str(caught.value) == (
        f"{directory}: cannot write the model: No space left on device; "
        "name a directory that can be written to and has room"
    )
    assert not list(directory.glob("*.tmp"))
    is_old = store.load(directory).version == old.version
    assert is_old == (failing < 3)


def test_a_first_save_that_failed_leaves_no_model_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> Path:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(ModelError, match="Read-only file system"):
            store.save(toy_model(), tmp_path / "model")
    with pytest.raises(ModelError, match="no model here"):
        store.load(tmp_path / "model")
    store.save(toy_model(), tmp_path / "model")
    store.load(tmp_path / "model")


def test_a_model_that_is_replaced_while_it_is_read_is_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "pump"
    store.save(toy_model(), model)
    read_manifest = model_file._read_manifest
    saved: list[str] = []

    def replaced_behind(directory: Path) -> Manifest:
        manifest = read_manifest(directory)
        if not saved:
            saved.append(store.save(toy_model(seed=1), model).version)
        return manifest

    monkeypatch.setattr(model_file, "_read_manifest", replaced_behind)
    assert store.load(model).version == saved[0]


def test_a_model_without_its_weights_is_refused(tmp_path: Path) -> None:
    store.save(toy_model(), tmp_path / "pump")
    next((tmp_path / "pump").glob("weights-*")).unlink()
    with pytest.raises(ModelError, match="cannot read: No such file"):
        store.load(tmp_path / "pump")
