"""Ctrl-C is heard, and known for what it is, whatever compiled code has made of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from pursuit.drivers.interrupts import ignore_interrupts, is_interrupt


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


SWALLOWED = """
import ctypes, signal, time
from pursuit.drivers.interrupts import hear_interrupts, was_interrupted

hear_interrupts()
ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGTERM))()
assert was_interrupted()
try:
    for _ in range(1000):
        time.sleep(0.01)
except KeyboardInterrupt:
    print("heard")
"""


def test_one_that_a_callback_swallows_comes_again() -> None:
    command = [sys.executable, "-c", SWALLOWED]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (ended.stdout, ended.stderr) == ("heard\n", "")


IN_THE_BACKGROUND = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from pursuit.drivers.interrupts import hear_interrupts
hear_interrupts()
signal.raise_signal(signal.SIGINT)
try:
    signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    print("heard")
"""


def test_where_ctrl_c_is_ignored_a_request_to_end_is_heard() -> None:
    command = [sys.executable, "-c", IN_THE_BACKGROUND]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (ended.stdout, ended.stderr) == ("heard\n", "")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_nothing_interrupts_closing(signum: signal.Signals) -> None:
    with ignore_interrupts():
        signal.raise_signal(signum)
