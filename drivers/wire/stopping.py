"""The port that stops the microscope: any message does, and nothing else is done there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import zmq

from ..microscope import ASKED, Microscope, MicroscopeError, one_line
from ..stop_button import LOOPBACK, STANDS, STOP_OFFSET, Running, noted
from .sockets import bind
from .topics import STOP

_POLL_MS = 50
"""How often the thread looks whether it should end; chosen: closing waits for no more."""
_MOST_AT_ONCE = 1000
"""Messages that one stop answers; chosen: more than there are people and programs."""
_MOST_REASON = 300
"""Characters of a message that are told as the reason; chosen: two sentences."""


class StopListener:
    """A thread that stops a microscope for everybody who sends a message.

    It has nothing else to do, so that no command, frame or report is before a stop.

    Parameters
    ----------
    socket : zmq.Socket
        ROUTER, used by this thread alone from now on.
    stop : callable
        Stops the microscope, given a reason, and returns when it stands.
    """

    def __init__(self, socket: Any, stop: Callable[[str], None]) -> None:
        self._socket, self._stop = socket, stop
        self._closing = threading.Event()
        self.thread = threading.Thread(target=self._run, name="stop", daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Let the thread end."""
        self._closing.set()
        self.thread.join(timeout=2 * _POLL_MS / 1e3)

    def _run(self) -> None:
        while not self._closing.is_set():
            with suppress(zmq.ZMQError):
                if self._socket.poll(_POLL_MS):
                    self._answer_all()

    def _answer_all(self) -> None:
        """Stop once for all messages that wait, and tell all of them what came of it."""
        waiting = [self._socket.recv_multipart()]
        while len(waiting) < _MOST_AT_ONCE and self._socket.poll(0):
            waiting.append(self._socket.recv_multipart())
        answer = self._obey(waiting[0][-1])
        for *route, _ in waiting:
            self._socket.send_multipart((*route[:2], answer))

    def _obey(self, message: bytes) -> bytes:
        reason = message.decode("utf-8", "replace")[:_MOST_REASON]
        try:
            self._stop(reason if reason.isprintable() and reason else ASKED)
        except MicroscopeError as error:
            return str(error).encode()
        except Exception as error:
            return f"The stop failed: {one_line(error)}".encode()
        return STANDS


@contextmanager
def stoppable(microscope: Microscope) -> Iterator[None]:
    """Let `pursuit stop` reach a microscope that this process serves to nobody else.

    Raises
    ------
    MicroscopeError
        If there is no free port.
    """
    context: zmq.Context[Any] = zmq.Context()
    socket, port = bind(context, zmq.ROUTER, STOP, LOOPBACK, 0)
    listener = StopListener(socket, microscope.stop)
    try:
        with noted(Running(microscope.describe().name, LOOPBACK, port - STOP_OFFSET)):
            yield
    finally:
        listener.close()
        socket.close(linger=0)
        context.term()
