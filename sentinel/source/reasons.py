"""Why a reading was not used: the bounded list of reasons, each the value of a metric's label."""

from __future__ import annotations

# The record as a whole: not readable, so its dead letter is of stage "decode".
TOMBSTONE = "tombstone"  # the value is null; one of no bytes is not_json
NOT_JSON = "not_json"
NOT_AN_OBJECT = "not_an_object"

# A reading inside a readable record: stage "read".
NO_READINGS = "no_readings"  # `readings_field` is missing or no array; or an array is empty
NO_ENTITY = "no_entity"
BAD_ENTITY = "bad_entity"  # neither text nor a whole number, empty, or too long
TOO_MANY_ENTITIES = "too_many_entities"
NO_TIMESTAMP = "no_timestamp"
BAD_TIMESTAMP = "bad_timestamp"
NO_CHANNEL = "no_channel"  # layout long: the channel's name is missing or not text
WRONG_TYPE = "wrong_type"
NO_VALUE = "no_value"

# Values of an otherwise good reading that are masked.
MISSING = "missing"
NOT_FINITE = "not_finite"
TOO_LARGE = "too_large"

REJECTED = (
    TOMBSTONE,
    NOT_JSON,
    NOT_AN_OBJECT,
    NO_READINGS,
    NO_ENTITY,
    BAD_ENTITY,
    TOO_MANY_ENTITIES,
    NO_TIMESTAMP,
    BAD_TIMESTAMP,
    NO_CHANNEL,
    WRONG_TYPE,
    NO_VALUE,
)
MASKED = (MISSING, NOT_FINITE, TOO_LARGE)

MAX_VALUE = 1e30  # a larger magnitude is no measurement, and its square leaves float32
MAX_NAME_BYTES = 512  # of an entity's name; record keys can be a megabyte

DECODE_STAGE = frozenset({TOMBSTONE, NOT_JSON, NOT_AN_OBJECT})


def stage_of(reason: str) -> str:
    """`decode` where the record is not readable at all, `read` where it holds no good reading."""
    return "decode" if reason in DECODE_STAGE else "read"
