"""Ctrl-C: what it looks like from inside, and how to close files in spite of it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPED = "Stopped by the user."
"""What a command says that was ended by Ctrl-C, or asked to end by the system."""


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is Ctrl-C; compiled code makes of it a SystemError, or one after another."""
    link: BaseException | None = error
    while isinstance(link, SystemError):
        link = link.__cause__ or link.__context__
    return isinstance(link, KeyboardInterrupt)


@contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C while files and processes are closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)
