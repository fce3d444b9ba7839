"""Bounds that keys of the configuration share, with each other and with options of commands."""

from __future__ import annotations

# 100 years: in nanoseconds, after any time that is read, it still fits 64 bits.
DURATION_MAX_S = 100 * 365 * 24 * 3600
# What is counted reading by reading, score by score or step by step, in 32 bits.
COUNT_MAX = 1_000_000
# Of what something is multiplied by.
FACTOR_MIN, FACTOR_MAX = 1e-6, 1_000_000
# A far rarer score cannot be told from a tail: its threshold would be infinite.
EXCEED_PROBABILITY_MIN = 1e-12
# One in a thousand days; so many a day as a budget remembers.
ALERTS_PER_DAY_MIN, ALERTS_PER_DAY_MAX = 0.001, 64
