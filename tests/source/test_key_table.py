"""The key table against a dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.source.key_table import FULL, Names, readable

names = st.lists(st.binary(min_size=1, max_size=12) | st.text(min_size=1).map(str.encode))


@given(names)
def test_a_name_has_the_index_of_its_first_appearance(keys):
    table, expected = Names(10**6), {}
    for key in keys:
        assert table.add(key) == expected.setdefault(key, len(expected))
    assert list(table.texts) == [readable(key) for key in expected]


def test_indices_survive_growth():
    table = Names(10**6)
    keys = [b"machine-%d" % i for i in range(20_000)]
    assert [table.add(key) for key in keys] == list(range(20_000))
    assert [table.add(key) for key in keys] == list(range(20_000))
    assert table.texts[19_999] == "machine-19999"


def test_beyond_the_limit_only_known_names_are_found():
    table = Names(2)
    assert [table.add(b"a"), table.add(b"b"), table.add(b"c"), table.add(b"a")] == [0, 1, FULL, 0]
    assert len(table) == 2


def test_a_name_longer_than_the_arena_fits():
    table = Names(10)
    assert table.add(b"x" * 100_000) == 0
    assert table.add(b"y") == 1
    assert table.texts[0] == "x" * 100_000


def test_other_bytes_than_utf8_become_a_readable_name():
    assert readable("Mühle".encode()) == "Mühle"
    assert readable(b"pump\xff\\1") == "pump\\xff\\\\1"
    assert readable(rb"C:\pump\x1") == r"C:\pump\x1"


parts = st.sampled_from([b"\xff", b"\\", b"x", b"ff", b"\\xff", b"a"])


@given(*[st.lists(parts, max_size=5).map(b"".join)] * 2)
def test_two_names_never_have_the_same_text(one: bytes, other: bytes):
    assert (readable(one) == readable(other)) == (one == other)


def test_a_text_that_looks_like_a_byte_is_not_that_byte():
    assert len({readable(b"\xff"), readable(rb"\xff"), readable(rb"\\xff")}) == 3


def test_the_list_of_names_is_one_that_grows():
    table = Names(10)
    table.add(b"a")
    before = table.texts
    table.add(b"b")
    assert table.texts is before
    assert before == ["a", "b"]
