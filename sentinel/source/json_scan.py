"""Walking over JSON text without keeping it: space, strings, and whole values that nobody wants.

Everything here is strict: what is walked over is well-formed JSON (RFC 8259), so that the fast lane
never accepts a record that the slow lane refuses. Bytes above 0x7F inside strings are carried as
they are. Anything else ends in SLOW, and the slow lane decides.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Bytes
from sentinel.source.bytes_at import SLOW, at

QUOTE, BACKSLASH, COMMA, COLON, MINUS = 34, 92, 44, 58, 45
BRACE, BRACE_END, BRACKET, BRACKET_END = 123, 125, 91, 93
ZERO, NINE = 48, 57
LETTER_F, LETTER_N, LETTER_T, LETTER_U = 102, 110, 116, 117

MAX_DEPTH = 60  # of unwanted nested values: one bit of a 64-bit word each

_SIMPLE_ESCAPES = np.zeros(256, np.bool_)
_SIMPLE_ESCAPES[list(b'"\\/bfnrt')] = True
_HEX = np.zeros(256, np.bool_)
_HEX[list(b"0123456789abcdefABCDEF")] = True
_TRUE, _FALSE, _NULL = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"null"))


@lean_root
def skip_space(b: Bytes, p: int, end: int) -> int:
    """The position of the next byte that is no white space."""
    while (
        p < end
        and at(b, p) <= 32
        and (at(b, p) == 32 or at(b, p) == 10 or at(b, p) == 13 or at(b, p) == 9)
    ):
        p += 1
    return p


@lean_root
def skip_colon(b: Bytes, p: int, end: int) -> int:
    """From behind a key to behind its colon."""
    p = skip_space(b, p, end)
    return p + 1 if p < end and at(b, p) == COLON else SLOW


@lean_root
def plain_string_end(b: Bytes, p: int, end: int) -> int:
    """`p` is behind the opening quote: the closing quote; SLOW where it holds an escape."""
    while p < end and at(b, p) != QUOTE:
        if at(b, p) == BACKSLASH or at(b, p) < 32:
            return SLOW
        p += 1
    return p if p < end else SLOW


@lean_root
def skip_string(b: Bytes, p: int, end: int) -> int:
    """`p` is behind the opening quote: the position behind the closing one."""
    while p < end:
        c = at(b, p)
        if c == QUOTE:
            return p + 1
        if c < 32:
            return SLOW
        p += 1
        if c != BACKSLASH:
            continue
        if p >= end:
            return SLOW
        if at(b, p) == LETTER_U:
            if p + 4 >= end:
                return SLOW
            for i in range(1, 5):
                if not _HEX[at(b, p + i)]:
                    return SLOW
            p += 4
        elif not _SIMPLE_ESCAPES[at(b, p)]:
            return SLOW
        p += 1
    return SLOW


@lean_root
def skip_word(b: Bytes, p: int, end: int, word: Bytes) -> int:
    """The position behind `word` (true, false, null), which must stand at `p`."""
    if p + len(word) > end:
        return SLOW
    for i in range(len(word)):
        if at(b, p + i) != word[i]:
            return SLOW
    return p + len(word)


@lean_root
def skip_null(b: Bytes, p: int, end: int) -> int:
    """The position behind the null at `p`."""
    return skip_word(b, p, end, _NULL)


@lean_root
def _skip_digits(b: Bytes, p: int, end: int) -> int:
    while p < end and ZERO <= at(b, p) <= NINE:
        p += 1
    return p


@lean_root
def skip_number(b: Bytes, p: int, end: int) -> int:
    """The position behind the number at `p`, of whatever length."""
    if p < end and at(b, p) == MINUS:
        p += 1
    start = p
    p = _skip_digits(b, p, end)
    if p == start or (p - start > 1 and at(b, start) == ZERO):
        return SLOW
    if p < end and at(b, p) == 46:
        start = p + 1
        p = _skip_digits(b, start, end)
        if p == start:
            return SLOW
    if p < end and (at(b, p) | 32) == 101:
        p += 1
        if p < end and (at(b, p) == 43 or at(b, p) == MINUS):
            p += 1
        start = p
        p = _skip_digits(b, start, end)
        if p == start:
            return SLOW
    return p


@lean_root
def is_number_start(c: int) -> bool:
    """Whether a JSON number may begin with this byte."""
    return c == MINUS or ZERO <= c <= NINE


@lean_root
def _skip_scalar(b: Bytes, p: int, end: int) -> int:
    c = at(b, p)
    if c == QUOTE:
        return skip_string(b, p + 1, end)
    if is_number_start(c):
        return skip_number(b, p, end)
    if c == LETTER_T:
        return skip_word(b, p, end, _TRUE)
    if c == LETTER_F:
        return skip_word(b, p, end, _FALSE)
    return skip_word(b, p, end, _NULL)


@lean_root
def _skip_key(b: Bytes, p: int, end: int) -> int:
    """From the opening quote of a key to its value."""
    if p >= end or at(b, p) != QUOTE:
        return SLOW
    p = skip_string(b, p + 1, end)
    if p < 0:
        return p
    p = skip_colon(b, p, end)
    return p if p < 0 else skip_space(b, p, end)


@lean_root
def skip_value(b: Bytes, p: int, end: int) -> int:
    """The position behind the value at `p`, checked to its last bracket."""
    depth = 0
    objects = np.uint64(0)  # bit by bit, innermost lowest: 1 = object, 0 = array
    one = np.uint64(1)
    while True:
        if p >= end:
            return SLOW
        if at(b, p) == BRACE or at(b, p) == BRACKET:
            is_object = at(b, p) == BRACE
            p = skip_space(b, p + 1, end)
            if p < end and at(b, p) == (BRACE_END if is_object else BRACKET_END):
                p += 1
            else:
                depth += 1
                objects = (objects << one) | np.uint64(is_object)
                if is_object:
                    p = _skip_key(b, p, end)
                if p < 0 or depth > MAX_DEPTH:
                    return SLOW
                continue
        else:
            p = _skip_scalar(b, p, end)
            if p < 0:
                return SLOW
        while True:  # behind a value: close what ends here, or go on to the next one
            if depth == 0:
                return p
            p = skip_space(b, p, end)
            if p >= end:
                return SLOW
            is_object = (objects & one) == one
            if at(b, p) == COMMA:
                p = skip_space(b, p + 1, end)
                if is_object:
                    p = _skip_key(b, p, end)
                    if p < 0:
                        return SLOW
                break
            if at(b, p) != (BRACE_END if is_object else BRACKET_END):
                return SLOW
            p += 1
            depth -= 1
            objects >>= one


@lean_root
def bracket_end(b: Bytes, p: int, end: int) -> int:
    """`p` is at a [: the position behind its ], found by counting; whoever reads it checks it."""
    depth = 0
    while p < end:
        c = at(b, p)
        p += 1
        if c == QUOTE:
            p = skip_string(b, p, end)
            if p < 0:
                return SLOW
        elif c in (BRACKET, BRACE):
            depth += 1
        elif c in (BRACKET_END, BRACE_END):
            depth -= 1
            if depth == 0:
                return p
    return SLOW
