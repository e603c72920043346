"""Ctrl-C: how it is heard, what it looks like from inside, and how to close files in spite of it.

A request of the system to end (SIGTERM) is the same, also where Ctrl-C is ignored, as in the
background of a script; so is the end of the terminal (SIGHUP), unless that is ignored, as under
``nohup``, and Ctrl+Break of Windows.
"""

import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

STOPPED = "Stopped by the user."
"""What a command says that was ended by Ctrl-C, its terminal or the system."""
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)
_AGAIN_S = 0.05
"""When an interrupt that was swallowed comes again; chosen: longer than a callback, hardly felt."""

_heard = threading.Event()


def hear_interrupts() -> None:
    """Make Ctrl-C, the end of the terminal and a request of the system to end interrupts.

    The first two are left ignored where they are.

    One that falls into a callback of compiled code, which swallows it, comes again.
    """
    for signum in _SIGNALS:
        if signum == signal.SIGTERM or signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, _interrupt)
    sys.unraisablehook = _repeat


def was_interrupted() -> bool:
    """Whether there was an interrupt, of which compiled code may have made any error."""
    return _heard.is_set()


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is Ctrl-C; compiled code makes of it a SystemError, or one after another."""
    link: BaseException | None = error
    while isinstance(link, SystemError):
        link = link.__cause__ or link.__context__
    return isinstance(link, KeyboardInterrupt)


@contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore all interrupts while files and processes are closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {signum: signal.signal(signum, signal.SIG_IGN) for signum in _SIGNALS}
    try:
        yield
    finally:
        for signum, handler in old.items():
            signal.signal(signum, handler)


def _interrupt(signum: int, frame: object) -> NoReturn:
    _heard.set()
    raise KeyboardInterrupt


def _repeat(unraisable: "sys.UnraisableHookArgs") -> None:
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    again = threading.Timer(_AGAIN_S, interrupt_main, (signal.SIGTERM,))
    again.daemon = True
    again.start()
