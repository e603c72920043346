"""Ctrl-C is known for what it is, whatever compiled code has made of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pursuit.drivers.interrupts import is_interrupt


def itself() -> None:
    raise KeyboardInterrupt


def cause() -> None:
    raise SystemError("returned a result with an exception set") from KeyboardInterrupt()


def context() -> None:
    error = SystemError("returned a result with an exception set")
    error.__context__ = KeyboardInterrupt()
    raise error


def twice() -> None:
    try:
        cause()
    except SystemError as error:
        raise SystemError("returned a result with an exception set") from error


@pytest.mark.parametrize("interrupt", [itself, cause, context, twice])
def test_ctrl_c_is_known(interrupt: Callable[[], None]) -> None:
    with pytest.raises((KeyboardInterrupt, SystemError)) as caught:
        interrupt()
    assert is_interrupt(caught.value)


@pytest.mark.parametrize("other", [SystemError("fault"), ValueError("value"), RuntimeError()])
def test_other_errors_are_none(other: Exception) -> None:
    assert not is_interrupt(other)
