"""What the tree of fields learns, and what it has no room for."""

from __future__ import annotations

from sentinel.source.field_tree import LEARNED_FIELDS_MAX, MAX_NAME_CHARACTERS, Fields, Number


def test_names_too_long_to_learn_leave_the_room_to_others() -> None:
    fields = Fields()
    for i in range(LEARNED_FIELDS_MAX):
        fields.learn({f"{i:0{MAX_NAME_CHARACTERS + 1}}": Number("1")})
    assert fields.unknown == []
    fields.learn({str(i): Number("1") for i in range(LEARNED_FIELDS_MAX + 1)})
    assert fields.unknown == [str(i) for i in range(LEARNED_FIELDS_MAX)]
