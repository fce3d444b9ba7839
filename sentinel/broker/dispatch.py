"""From a request's frame to its answer's: finds the API, decodes, asks it, encodes."""

from __future__ import annotations

import struct
from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse

from sentinel.broker.apis import APIS
from sentinel.broker.state import BrokerState

_HEADER = struct.Struct(">hhi")  # API, version, correlation id: at the start of every request
API_VERSIONS_MAX = 4


class ProtocolError(Exception):
    """The client speaks what this broker does not: Kafka closes the connection then."""


async def answer(state: BrokerState, frame: bytearray) -> bytes | bytearray | None:
    """The framed answer to a request; None where the client expects none (Produce, acks=0).

    Raises ProtocolError for an unknown API, a version not spoken, and a request that cannot be
    decoded. ApiVersions alone answers an unknown version, so that clients can negotiate (KIP-511).
    """
    if len(frame) < _HEADER.size:
        raise ProtocolError(f"a request of {len(frame)} bytes")
    api_key, version, correlation_id = _HEADER.unpack_from(frame)
    if api_key == ApiVersionsRequest.API_KEY:
        known = 0 <= version <= API_VERSIONS_MAX
        return _encode(_api_versions(known=known), version if known else 0, correlation_id)
    api = APIS.get(api_key)
    if api is None or not api.min_version <= version <= api.max_version:
        raise ProtocolError(f"API {api_key} in version {version} is not spoken here")
    try:
        request = api.request.decode(frame, version=version, header=True)
    except Exception as error:  # whatever its decoder stumbles over
        raise ProtocolError(f"{api.request.name} that cannot be decoded: {error!r}") from error
    response = await api.handler(state, request)
    return None if response is None else _encode(response, version, correlation_id)


def _api_versions(*, known: bool) -> Any:
    Version = ApiVersionsResponse.ApiVersion
    spoken = [
        Version(api_key=key, min_version=api.min_version, max_version=api.max_version)
        for key, api in APIS.items()
    ]
    spoken.append(
        Version(api_key=ApiVersionsRequest.API_KEY, min_version=0, max_version=API_VERSIONS_MAX)
    )
    error_code = 0 if known else kafka_errors.UnsupportedVersionError.errno
    return ApiVersionsResponse(error_code=error_code, api_keys=spoken)


def _encode(response: Any, version: int, correlation_id: int) -> bytes | bytearray:
    response.API_VERSION = version  # before the header, which would be told of it otherwise
    response.with_header(correlation_id=correlation_id)
    encoded: bytes | bytearray = response.encode(header=True, framed=True)
    return encoded
