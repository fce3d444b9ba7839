"""The fast lane reads one JSON object: what is wanted into slots and a row, the rest walked over.

It reads what is usual and nothing else. Whatever is unusual (an escape in a field's name or a
wanted text, a wanted field twice, another type than expected, a number or time that needs more than
integer arithmetic) ends in SLOW: the slow lane reads that record, to the same bits where both can.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import lean_root
from sentinel.source import field_tree as ft
from sentinel.source.arrays import Bytes, Floats, Ints, Records
from sentinel.source.bytes_at import SLOW, at
from sentinel.source.json_number import scan_decimal, to_float
from sentinel.source.json_scan import (
    BRACE,
    BRACE_END,
    BRACKET,
    COMMA,
    LETTER_N,
    QUOTE,
    bracket_end,
    is_number_start,
    plain_string_end,
    skip_colon,
    skip_null,
    skip_space,
    skip_value,
)
from sentinel.source.json_time import AUTO, ISO8601, NO_TIME, decimal_time, iso_time
from sentinel.source.reasons import MAX_VALUE

# Slots: what one object said, beside its row of values.
TIME_NS = 0  # or NO_TIME
ENTITY_START, ENTITY_LENGTH = 1, 2  # length -1: not there
CHANNEL_START, CHANNEL_LENGTH = 3, 4
CARRIED = 5  # the slots above: what an object says holds for the readings inside of it
PRESENT = 5  # values in the row
BAD_VALUES = 6  # layout long: values that only the slow lane judges, if their channel is wanted
ARRAY_START, ARRAY_END = 7, 8  # of readings; start -1: not there
UNSEEN = 9  # fields that were not in the tree and hold a number
SLOTS = 10

_NODE_UNKNOWN = -1
_INTEGER_DIGITS_MAX = 18


@lean_root
def clear(slots: Ints) -> None:
    """Nothing was said yet."""
    slots[TIME_NS] = NO_TIME
    slots[ENTITY_LENGTH] = -1
    slots[CHANNEL_LENGTH] = -1
    slots[ARRAY_START] = -1
    slots[UNSEEN] = 0


@lean_root
def _is_at(nodes: Records, names: Bytes, node: int, b: Bytes, p: int, end: int, spare: int) -> bool:
    """Whether node's name stands at `p`, in quotes and, unless spare = 1, with its colon."""
    length = nodes[node].length - spare
    if length < 0 or p + length > end:
        return False
    first = nodes[node].start
    for i in range(length):  # noqa: SIM110 - Numba knows no generators
        if at(b, p + i) != names[first + i]:
            return False
    return True


@lean_root
def _find_field(
    nodes: Records, names: Bytes, parent: int, guess: int, b: Bytes, p: int, end: int
) -> tuple[int, int]:
    """The key at `p`: (its node or _NODE_UNKNOWN, position behind the colon or SLOW)."""
    if nodes[guess].parent == parent and _is_at(nodes, names, guess, b, p, end, 0):
        return guess, p + nodes[guess].length
    if at(b, p) != QUOTE:
        return _NODE_UNKNOWN, SLOW
    close = plain_string_end(b, p + 1, end)
    if close < 0:
        return _NODE_UNKNOWN, close
    behind = skip_colon(b, close + 1, end)
    for step in range(1, len(nodes) + 1):
        node = guess + step
        if node >= len(nodes):
            node -= len(nodes)
        if nodes[node].parent == parent and _is_at(nodes, names, node, b, p, close + 1, 1):
            return node, behind
    return _NODE_UNKNOWN, behind


@lean_root
def _read_time(b: Bytes, p: int, end: int, clock: int, slots: Ints) -> int:
    if at(b, p) == QUOTE:
        close = plain_string_end(b, p + 1, end)
        if close < 0 or (clock != AUTO and clock != ISO8601):
            return SLOW
        slots[TIME_NS] = iso_time(b, p + 1, close)
        p = close + 1
    else:
        negative, mantissa, exponent, p = scan_decimal(b, p, end)
        if p < 0 or negative:
            return SLOW
        slots[TIME_NS] = decimal_time(mantissa, exponent, clock)
    return SLOW if slots[TIME_NS] == NO_TIME else p


@lean_root
def _read_name(b: Bytes, p: int, end: int, slots: Ints, slot: int) -> int:
    """A plain text, or a whole number taken as the text that it is."""
    if at(b, p) == QUOTE:
        start = p + 1
        close = plain_string_end(b, start, end)
        if close <= start:
            return SLOW
        p = close + 1
    else:
        start = p
        _, mantissa, exponent, p = scan_decimal(b, p, end)
        if p < 0 or p - start > _INTEGER_DIGITS_MAX or exponent != 0:
            return SLOW
        if mantissa == np.uint64(0) and p - start > 1:  # minus zero
            return SLOW
        for i in range(start, p):
            if (at(b, i) | 32) == 101 or at(b, i) == 46:
                return SLOW
        close = p
    slots[slot] = start
    slots[slot + 1] = close - start
    return p


@lean_root
def _read_value(
    b: Bytes, p: int, end: int, column: int, long: bool, slots: Ints, values: Floats, row: int
) -> int:
    if is_number_start(at(b, p)):
        negative, mantissa, exponent, q = scan_decimal(b, p, end)
        if q > 0:
            value, certain = to_float(negative, mantissa, exponent)
            if certain and abs(value) <= MAX_VALUE:
                values[row, column] = value
                slots[PRESENT] += 1
                return q
    elif at(b, p) == LETTER_N and not long:
        return skip_null(b, p, end)
    if not long:
        return SLOW
    slots[BAD_VALUES] += 1
    return skip_value(b, p, end)


@lean_root
def _read_leaf(
    b: Bytes,
    p: int,
    end: int,
    kind: int,
    column: int,
    clock: int,
    long: bool,
    slots: Ints,
    values: Floats,
    row: int,
) -> int:
    """The value at `p` of a field that is no inner object: the position behind it."""
    if kind == ft.VALUE:
        return _read_value(b, p, end, column, long, slots, values, row)
    if kind == ft.TIME:
        return _read_time(b, p, end, clock, slots)
    if kind == ft.ENTITY:
        return _read_name(b, p, end, slots, int(ENTITY_START))
    if kind == ft.CHANNEL:
        return _read_name(b, p, end, slots, int(CHANNEL_START)) if at(b, p) == QUOTE else SLOW
    if kind == ft.ARRAY:
        if at(b, p) != BRACKET:
            return SLOW
        slots[ARRAY_START] = p
        p = bracket_end(b, p, end)
        slots[ARRAY_END] = p
        return p
    if kind == ft.UNWANTED and is_number_start(at(b, p)):
        slots[UNSEEN] += 1
    return skip_value(b, p, end)


@lean_root
def read_object(
    b: Bytes,
    p: int,
    end: int,
    nodes: Records,
    names: Bytes,
    root: int,
    clock: int,
    long: bool,
    slots: Ints,
    values: Floats,
    row: int,
) -> int:
    """Read the object whose opening brace is at `p`; what it says goes to `slots` and `values`.

    b             (N,) uint8; end  where the record's value ends
    nodes, names  see `field_tree`
    clock         see `json_time`
    slots         (SLOTS,) int64, cleared by the caller
    values        (rows, W) float64; row `row` is NaN where nothing is said
    Returns       the position behind the closing brace, or SLOW.
    """
    nodes[0].seen += 1
    serial = nodes[0].seen
    parent = root
    after, ended = parent, False  # what was read last: the field `after`, or the end of it
    slots[PRESENT] = 0
    slots[BAD_VALUES] = 0
    p = skip_space(b, p + 1, end)
    first = True  # the first field of an object, where its end may stand as well
    while p < end:
        if not (first and at(b, p) == BRACE_END):
            guess = nodes[after].follow_end if ended else nodes[after].follow
            node, p = _find_field(nodes, names, parent, guess, b, p, end)
            if p < 0:
                return SLOW
            p = skip_space(b, p, end)
            if p >= end:
                return SLOW
            kind = ft.UNWANTED
            if node >= 0:
                if node != guess:
                    if ended:
                        nodes[after].follow_end = node
                    else:
                        nodes[after].follow = node
                after, ended = node, False
                kind = nodes[node].kind
                if kind < ft.UNWANTED and nodes[node].seen == serial:
                    return SLOW
                nodes[node].seen = serial
                if kind == ft.INNER:
                    if at(b, p) != BRACE:
                        return SLOW
                    parent = node
                    first = True
                    p = skip_space(b, p + 1, end)
                    continue
            column = nodes[max(node, 0)].column
            p = _read_leaf(b, p, end, kind, column, clock, long, slots, values, row)
            if p < 0:
                return SLOW
            p = skip_space(b, p, end)
        first = False
        while p < end and at(b, p) == BRACE_END:
            p += 1
            if parent == root:
                return p
            after, ended = parent, True
            parent = nodes[parent].parent
            p = skip_space(b, p, end)
        if p >= end or at(b, p) != COMMA:
            return SLOW
        p = skip_space(b, p + 1, end)
    return SLOW
