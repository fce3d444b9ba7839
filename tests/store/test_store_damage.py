"""A damaged model, or one that lies, is refused with an error that names the file. Nothing else."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel import store
from sentinel.errors import ModelError
from sentinel.store import model_file
from tests.detector.toy import toy_model
from tests.store.damage import edit_manifest, edit_tensors, replace_weights, seal, weights_of

POSITIONS = st.integers(0, 2**20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that no test changes."""
    directory = tmp_path_factory.mktemp("whole") / "model"
    store.save(toy_model(), directory)
    return directory


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


def refusal(directory: Path, file: str = "") -> str:
    """What is wrong, of an error that names the file (or the directory) and tells what to do."""
    with pytest.raises(ModelError) as caught:
        store.load(directory)
    error = caught.value
    assert error.where == (str(directory / file) if file else str(directory))
    assert error.hint
    return error.what


def files_of(directory: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in directory.iterdir()}


def load_with(whole: Path, name: str, content: bytes) -> None:
    """The whole model with one file's content replaced; put back whatever happens."""
    path = whole / name
    original = path.read_bytes()
    try:
        path.write_bytes(content)
        store.load(whole)
    finally:
        path.write_bytes(original)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["manifest", "weights"]), POSITIONS, st.integers(0, 7))
def test_any_flipped_bit_is_found(whole: Path, which: str, position: int, bit: int) -> None:
    [(name, content)] = [item for item in files_of(whole).items() if item[0].startswith(which)]
    flipped = bytearray(content)
    flipped[position % len(content)] ^= 1 << bit
    with pytest.raises(ModelError) as caught:
        load_with(whole, name, bytes(flipped))
    assert caught.value.where == str(whole / name)
    store.load(whole)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["manifest", "weights"]), POSITIONS)
def test_any_truncation_is_found(whole: Path, which: str, length: int) -> None:
    [(name, content)] = [item for item in files_of(whole).items() if item[0].startswith(which)]
    with pytest.raises(ModelError) as caught:
        load_with(whole, name, content[: length % len(content)])
    assert caught.value.where == str(whole / name)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["format_version", "format", "version", "payload", "channels", "x"]), inner
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_manifest_at_all_brings_anything_but_a_refusal(whole: Path, content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        load_with(whole, "manifest.json", content)
    assert caught.value.where == str(whole / "manifest.json")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40))
def test_more_bytes_at_the_end_are_found(whole: Path, more: bytes) -> None:
    for name, content in files_of(whole).items():
        if more:
            with pytest.raises(ModelError) as caught:
                load_with(whole, name, content + more)
            assert caught.value.where == str(whole / name)


def test_the_sealing_of_these_tests_is_the_stores(model: Path) -> None:
    """Otherwise every lie below would be refused for its version alone."""
    edit_manifest(model, lambda manifest: manifest.update(threshold=2.5))
    edit_tensors(model, lambda tensors: tensors["output.bias"].fill(0.25))
    found = store.load(model)
    assert found.threshold == 2.5
    assert (found.parameters["output.bias"] == 0.25).all()


@pytest.mark.parametrize("format_version", [0, 4, 1e9, "5", None, [5]])
def test_another_format_version_is_told_apart_from_damage(
    model: Path, format_version: object
) -> None:
    edit_manifest(model, lambda manifest: manifest.update(format_version=format_version))
    what = refusal(model, "manifest.json")
    assert what.startswith("format version ")
    assert what.endswith(", this sentinel reads 5")


def update(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """An edit of a manifest: the entry at a dotted path."""

    def edit(manifest: dict[str, Any]) -> None:
        *tables, key = path.split(".")
        for table in tables:
            manifest = manifest[table]
        manifest[key] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("surprise", 1, "Object contains unknown field `surprise`"),
        ("scaling.surprise", 1, "Object contains unknown field `surprise`"),
        ("payload.url", "x", "Object contains unknown field `url`"),
        ("format", "other-model", "Invalid enum value 'other-model'"),
        ("channels", [], "length >= 1"),
        ("channels", ["a", "b", "c"], "scaling.centre has 2 entries for 3 channels"),
        ("channels", "ab", "Expected `array`"),
        ("window_length", 0, ">= 1"),
        ("window_length", 1.5, "Expected `int`"),
        ("window_stride", 0, ">= 1"),
        ("interval_ns", -1, ">= 0"),
        ("max_gap_ns", -1, ">= 0"),
        ("threshold", 0, "> 0"),
        ("threshold", None, "Expected `float`"),
        ("scaling.centre", [0], "scaling.centre has 1 entry for 2 channels"),
        ("scaling.spread", [1, 2, 3], "scaling.spread has 3 entries for 2 channels"),
        ("scaling.spread", [1, 0], "> 0"),
        ("scaling.method", "magic", "Invalid enum value 'magic'"),
        ("history_range.lowest", [99, 0], "history_range has a channel from 99.0 to 1.0"),
        ("history_range.highest", [None, 20], "history_range has a channel from -1.0 to None"),
        ("history_range.lowest", [0], "history_range.lowest has 1 entry for 2 channels"),
        ("history_range.highest", [0, "x"], "Expected `float | null`"),
        ("error_scale", [1, 2, 3], "error_scale has 3 entries for 2 channels"),
        ("error_scale", [1, -1], "> 0"),
        ("architecture.hidden", 0, "hidden is 0"),
        ("architecture.hidden", 10**6, "hidden is 1000000"),
        ("architecture.dropout", 0.6, "dropout is 0.6"),
        ("architecture.channels", 3, "architecture.channels has 3 entries for 2 channels"),
        ("architecture.bidirectional", 1, "Expected `bool`"),
        ("payload.bytes", -1, ">= 0"),
        ("payload.sha256", "0", "matching regex"),
        ("payload.file", "../weights-0123456789ab.safetensors", "matching regex"),
        ("payload.file", "/etc/passwd", "matching regex"),
        ("payload.file", "", "matching regex"),
        ("payload.file", "..", "matching regex"),
        ("payload.file", "weights-0123456789ab.safetensors\n", "matching regex"),
        ("payload.file", "weights-0123456789ab\0.safetensors", "matching regex"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    model: Path, path: str, value: object, message: str
) -> None:
    edit_manifest(model, update(path, value))
    assert message in refusal(model, "manifest.json")


NO_MANIFESTS = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"format_version": 3' + b" " * 99,
    b'{"format_version": ' + b"9" * 5_000 + b"}",
    b'{"threshold": 1e999}',
    b'{"channels": ["\xff"]}',
    b'{"channels": ["\\ud800"]}',
]


@pytest.mark.parametrize("content", NO_MANIFESTS, ids=lambda content: repr(content[:24]))
def test_a_manifest_that_is_none_is_refused(model: Path, content: bytes) -> None:
    (model / "manifest.json").write_bytes(content)
    refusal(model, "manifest.json")


def test_an_oversize_manifest_is_not_read_to_its_end(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_file, "MANIFEST_BYTES_MAX", 100)
    assert refusal(model, "manifest.json") == "larger than 100 bytes"


def test_the_same_content_in_another_layout_is_refused(model: Path) -> None:
    """The version is a hash of the text: whoever changed it by hand is told so."""
    path = model / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert "does not match its version" in refusal(model, "manifest.json")


def test_missing_pieces_are_named(tmp_path: Path, model: Path) -> None:
    assert refusal(tmp_path / "nowhere") == "no model here"
    weights = weights_of(model)
    weights.unlink()
    assert refusal(model, weights.name) == "cannot read: No such file or directory"
    (model / "manifest.json").unlink()
    assert refusal(model) == "no model here"


def test_a_file_or_folder_in_the_wrong_place_is_named(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").write_text("{}")
    assert refusal(tmp_path / "file") == "is a file; a model is a directory"
    weights = weights_of(model)
    weights.unlink()
    weights.mkdir()
    refusal(model, weights.name)
    (model / "manifest.json").unlink()
    (model / "manifest.json").mkdir()
    assert refusal(model, "manifest.json") == "cannot read: Is a directory"


def test_an_oversize_payload_is_refused_by_its_size(model: Path) -> None:
    """Even where the manifest says the same: the shapes say how much there can be."""
    content = weights_of(model).read_bytes()
    replace_weights(model, content + bytes(2 << 20))
    assert "bytes of tensors" in refusal(model, weights_of(model).name)


def test_another_payload_of_the_same_size_is_refused(model: Path) -> None:
    weights = weights_of(model)
    weights.write_bytes(bytes(len(weights.read_bytes())))
    assert refusal(model, weights.name) == "damaged: the SHA-256 does not match"


Tensors = dict[str, np.ndarray[Any, Any]]


def reshape(tensors: Tensors) -> None:
    tensors["output.w"] = np.ascontiguousarray(tensors["output.w"].T)


@pytest.mark.parametrize(
    ("edit", "odd"),
    [
        pytest.param(lambda t: t.update(extra=np.zeros(3, np.float32)), "extra", id="extra"),
        pytest.param(lambda t: t.update(odd=t.pop("output.w")), "odd, output.w", id="renamed"),
        pytest.param(reshape, "output.w", id="transposed"),
        pytest.param(
            lambda t: t.update({"output.w": t["output.w"].astype(np.float64)}), "output.w",
            id="float64",
        ),
        pytest.param(
            lambda t: t.update({"output.w": t["output.w"].view(np.int32)}), "output.w", id="int32"
        ),
    ],
)  # fmt: skip
def test_tensors_of_other_names_shapes_or_types_are_refused(
    model: Path, edit: Callable[[Tensors], None], odd: str
) -> None:
    edit_tensors(model, edit)
    assert refusal(model, weights_of(model).name) == f"wrong tensors: {odd}"


def test_a_missing_tensor_is_refused(model: Path) -> None:
    def edit(tensors: Tensors) -> None:
        # As large as before, so that the size does not give it away.
        tensors["other"] = np.zeros(tensors.pop("output.bias").size, np.float32)

    edit_tensors(model, edit)
    assert refusal(model, weights_of(model).name) == "wrong tensors: other, output.bias"


def test_weights_of_another_architecture_are_refused(model: Path) -> None:
    edit_manifest(model, update("architecture.hidden", 5))
    refusal(model, weights_of(model).name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_refused(model: Path, value: float) -> None:
    def edit(tensors: Tensors) -> None:
        tensors["output.bias"][0] = value

    edit_tensors(model, edit)
    assert refusal(model, weights_of(model).name) == "a weight is not finite"


class Trap:
    """Would leave a trace if it were ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


def test_a_pickle_is_never_opened(model: Path) -> None:
    size = len(weights_of(model).read_bytes())
    replace_weights(model, pickle.dumps((Trap(), bytes(size))))
    assert refusal(model, weights_of(model).name).startswith("damaged: ")


def header_of(entries: object, size: int) -> bytes:
    """A safetensors file of any header, however wrong."""
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"output.w": {"dtype": "BF16", "shape": [2, 4], "data_offsets": [0, 16]}},
        {"output.w": {"dtype": "F8_E4M3", "shape": [16], "data_offsets": [0, 16]}},
        {"output.w": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 16]}},
        {"output.w": {"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}},
        {"output.w": {"dtype": "object", "shape": [4], "data_offsets": [0, 16]}},
        {"__metadata__": {"a": 1}},
        [],
    ],
)
def test_a_payload_with_a_strange_header_is_refused(model: Path, entries: object) -> None:
    for size in (16, len(weights_of(model).read_bytes())):
        replace_weights(model, header_of(entries, size))
        refusal(model, weights_of(model).name)


@pytest.mark.parametrize(
    ("dtype", "width"), [("BF16", 2), ("F8_E4M3", 1), ("F16", 2), ("I64", 8), ("BOOL", 1)]
)
def test_a_sound_payload_of_another_type_is_refused(model: Path, dtype: str, width: int) -> None:
    """Some of them NumPy does not even know."""
    size = 8 * len(weights_of(model).read_bytes())
    entry = {"dtype": dtype, "shape": [size // width], "data_offsets": [0, size]}
    replace_weights(model, header_of({"output.w": entry}, size))
    refusal(model, weights_of(model).name)


def test_a_manifest_with_a_key_twice_is_refused(model: Path) -> None:
    """The last one would win in silence; but the text is then no longer the one that was sealed."""
    path = model / "manifest.json"
    text = path.read_text()
    path.write_text(text.replace('"threshold": 1', '"threshold": 1.0,\n  "threshold": 9', 1))
    refusal(model, "manifest.json")


def test_seal_is_strict_about_the_version_itself(model: Path) -> None:
    path = model / "manifest.json"
    text = path.read_text().replace(store.load(model).version, "")
    seal(path, text)
    assert store.load(model)
    path.write_text(text)
    assert "does not match its version" in refusal(model, "manifest.json")
