"""The fast lane over the records of a batch: from a table of slices to rows.

`decode_records` runs until the first record that it will not read (STOP_SLOW), or until there is no
room for a reading (STOP_ROWS) or a name (STOP_NAMES); Python deals with that and calls again. So
the order of the records is kept, and a stream without surprises costs one call per batch.

The kernels take many arrays one by one: Numba counts references for every array that it takes out
of a tuple, which made this ten times slower.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Bytes, Floats, Indices, Ints, Records
from sentinel.source.bytes_at import SLOW, at
from sentinel.source.fast_object import (
    ARRAY_END,
    ARRAY_START,
    BAD_VALUES,
    CARRIED,
    CHANNEL_LENGTH,
    CHANNEL_START,
    ENTITY_LENGTH,
    ENTITY_START,
    PRESENT,
    TIME_NS,
    UNSEEN,
    clear,
    read_object,
)
from sentinel.source.field_tree import READING, RECORD
from sentinel.source.json_scan import BRACE, BRACKET, BRACKET_END, COMMA, skip_space
from sentinel.source.json_time import NO_TIME
from sentinel.source.key_table import FULL, GROW, find_or_add
from sentinel.source.reasons import MAX_NAME_BYTES
from sentinel.source.record_table import (
    KEY_LENGTH,
    KEY_START,
    OFFSET,
    VALUE_LENGTH,
    VALUE_START,
)
from sentinel.source.rows import MISSING, READINGS

DONE, STOP_SLOW, STOP_ROWS, STOP_NAMES = range(4)  # why `decode_records` returned
NEED_ROWS, NEED_NAMES = -2, -3  # beside SLOW (-1), in place of a position

# The shape of the records: `shape` of `decode_records`.
LONG, CLOCK, HAS_ARRAY, ENTITY_IS_KEY, KNOWN_CHANNELS = range(5)


@lean_root
def _name_index(
    b: Bytes, start: int, length: int, slots: Indices, entries: Records, arena: Bytes, numbers: Ints
) -> int:
    """The index of a name, a new one if need be; SLOW (also where there may be no more names)."""
    if length < 1 or length > MAX_NAME_BYTES:
        return SLOW
    index = find_or_add(slots, entries, arena, numbers, b, start, length)
    if index == FULL:
        return SLOW
    return NEED_NAMES if index == GROW else index


@lean_root
def _channel_index(
    b: Bytes,
    start: int,
    length: int,
    known: int,
    slots: Indices,
    entries: Records,
    arena: Bytes,
    numbers: Ints,
) -> int:
    """The column of a channel; `known` where no channel of the model is meant; SLOW, NEED_NAMES."""
    if length < 1 or length > MAX_NAME_BYTES:
        return SLOW
    index = find_or_add(slots, entries, arena, numbers, b, start, length)
    if index == GROW:
        return NEED_NAMES
    return known if index == FULL or index > known else index


@lean_root
def _is_reading(said: Ints, long: bool) -> bool:
    """Whether the object just read is a reading without a fault."""
    if said[TIME_NS] == NO_TIME:
        return False
    one = said[PRESENT] == 1 and said[BAD_VALUES] == 0
    return bool(one if long else said[PRESENT] > 0)


@lean_root
def _enter(
    b: Bytes,
    start: int,
    end: int,
    nodes: Records,
    field_names: Bytes,
    shape: Ints,
    said: Ints,
    values: Floats,
    row: int,
) -> tuple[int, bool]:
    """(position of the first reading or of the [ before it, whether it is a [); SLOW."""
    p = skip_space(b, start, end)
    if p >= end:
        return SLOW, False
    if shape[HAS_ARRAY] == 0:
        return p, bool(at(b, p) == BRACKET)
    if at(b, p) != BRACE:
        return SLOW, False
    long = shape[LONG] == 1
    p = read_object(
        b, p, end, nodes, field_names, int(RECORD), shape[CLOCK], long, said, values, row
    )  # fmt: skip
    if p < 0 or said[ARRAY_START] < 0 or skip_space(b, p, end) != end:
        return SLOW, False
    return said[ARRAY_START], True


@lean_root
def _next(b: Bytes, p: int, end: int) -> tuple[int, bool]:
    """Behind a reading in an array: (position of the next or behind the ], whether it ended)."""
    p = skip_space(b, p, end)
    if p < end and at(b, p) == BRACKET_END:
        return p + 1, True
    if p >= end or at(b, p) != COMMA:
        return SLOW, True
    return skip_space(b, p + 1, end), False


@lean_root
def decode_records(
    b: Bytes,
    table: Ints,
    begin: int,
    partition: int,
    nodes: Records,
    field_names: Bytes,
    shape: Ints,
    name_slots: Indices,
    name_entries: Records,
    name_arena: Bytes,
    name_numbers: Ints,
    channel_slots: Indices,
    channel_entries: Records,
    channel_arena: Bytes,
    channel_numbers: Ints,
    heads: Records,
    values: Floats,
    numbers: Ints,
    said: Ints,
    around: Ints,
) -> tuple[int, int, int]:
    """Decode the records begin, begin + 1, ... of a table into rows.

    b                   (N,) uint8, the batch's payload
    table               (R, COLUMNS) int64, see `record_table`
    nodes, field_names  see `field_tree`
    shape               (5,) int64: LONG, CLOCK, HAS_ARRAY, ENTITY_IS_KEY, KNOWN_CHANNELS
    name_...            `KeyTable` of the entities
    channel_...         `KeyTable` of the channels' names in the records; wide: not used
    heads, values, numbers  see `rows`; appended to
    said, around        (SLOTS,) int64, scratch
    Returns  (record, why, unseen): every record before `record` is decoded; `unseen` is the first
             record with a number in a field that the tree does not know, or -1.
    """
    long, known = shape[LONG] == 1, shape[KNOWN_CHANNELS]
    unseen = -1
    for i in range(begin, len(table)):
        start, end = table[i, VALUE_START], table[i, VALUE_START] + table[i, VALUE_LENGTH]
        clear(around)
        said[UNSEEN] = 0
        if shape[ENTITY_IS_KEY] == 1:
            around[ENTITY_START], around[ENTITY_LENGTH] = table[i, KEY_START], table[i, KEY_LENGTH]
        row, missing, done = numbers[READINGS], 0, False
        p, many = _enter(b, start, end, nodes, field_names, shape, around, values, row)
        if many:
            p = skip_space(b, p + 1, end)  # an empty array ends in SLOW, as whatever is no object
        while p >= 0 and not done:
            if row >= len(heads):
                p = NEED_ROWS
                break
            for k in range(CARRIED):
                said[k] = around[k]
            for column in range(values.shape[1]):
                values[row, column] = np.nan
            p = SLOW if p >= end or at(b, p) != BRACE else read_object(
                b, p, end, nodes, field_names, int(READING), shape[CLOCK], long, said, values, row
            )  # fmt: skip
            if p < 0:
                break
            channel = _channel_index(
                b, said[CHANNEL_START], said[CHANNEL_LENGTH], known,
                channel_slots, channel_entries, channel_arena, channel_numbers,
            ) if long else 0  # fmt: skip
            if channel < 0:
                p = channel
                break
            if not long or channel < known:  # another's channel: nothing to keep, nothing wrong
                entity = _name_index(
                    b, said[ENTITY_START], said[ENTITY_LENGTH],
                    name_slots, name_entries, name_arena, name_numbers,
                ) if _is_reading(said, long) else SLOW  # fmt: skip
                if entity < 0:
                    p = entity
                    break
                head = heads[row]
                head.time_ns, head.offset = said[TIME_NS], table[i, OFFSET]
                head.entity, head.partition, head.channel = entity, partition, channel
                missing += values.shape[1] - said[PRESENT]
                row += 1
            if not many:
                break
            p, done = _next(b, p, end)
        if shape[HAS_ARRAY] == 1:
            good = p >= 0 and p == around[ARRAY_END]
        else:
            good = p >= 0 and skip_space(b, p, end) == end
        if not good:
            why = STOP_ROWS if p == NEED_ROWS else STOP_NAMES if p == NEED_NAMES else STOP_SLOW
            return i, why, unseen
        numbers[READINGS] = row
        numbers[MISSING] += missing
        if unseen < 0 and around[UNSEEN] + said[UNSEEN] > 0:
            unseen = i
    return len(table), DONE, unseen
