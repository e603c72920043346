"""Reading messages: checked, or refused with a reason."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from ..messages import Report
from ..microscope import MicroscopeError, one_line
from .protocol import UNREADABLE_ID

M = TypeVar("M")

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
"""What msgspec raises, the second from names that are not UTF-8."""


class _Id(msgspec.Struct):
    id: int


def readable_id(data: bytes) -> int:
    """Return the id of a request that cannot be read otherwise; `UNREADABLE_ID` without one."""
    try:
        return msgspec.msgpack.decode(data, type=_Id).id
    except _UNREADABLE:
        return UNREADABLE_ID


def unpack(kind: type[M], data: bytes | memoryview) -> M:
    """Decode and check a message.

    Raises
    ------
    MicroscopeError
        If it is not a valid message of this schema.
    """
    decoder: msgspec.msgpack.Decoder[Any] | None = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    try:
        return decoder.decode(data)
    except _UNREADABLE as error:
        raise MicroscopeError(f"A message was refused: {one_line(error)}.") from error


def unpack_report(data: bytes) -> Report:
    """Decode a message of the telemetry topic; errors as `unpack`."""
    try:
        return _report_decoder.decode(data)
    except _UNREADABLE as error:
        raise MicroscopeError(f"A report was refused: {one_line(error)}.") from error


_report_decoder: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
