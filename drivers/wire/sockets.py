"""Sockets of the topics: bound by who publishes, connected to by who listens."""

from __future__ import annotations

import socket as network
from collections.abc import Sequence
from typing import Any

import zmq

from ..microscope import MicroscopeError
from .topics import Topic

_ATTEMPTS = 50
"""To find several free ports in a row; chosen: one in two succeeds on a busy host."""


def bind(context: zmq.Context[Any], kind: int, topic: Topic, host: str, port: int) -> Any:
    """Bind a socket for a topic; port 0 takes any free one.

    Returns
    -------
    socket, port

    Raises
    ------
    MicroscopeError
        If the port is not free.
    """
    socket = _socket(context, kind, topic)
    socket.setsockopt(zmq.MAXMSGSIZE, topic.most_bytes)
    try:
        if port == 0:
            return socket, socket.bind_to_random_port(f"tcp://{host}")
        socket.bind(f"tcp://{host}:{port}")
    except zmq.ZMQError as error:
        socket.close()
        raise MicroscopeError(
            f"Port {port} of {host} cannot be used for {topic.name} ({error}): is another "
            "microscope running? Choose another with --port."
        ) from error
    return socket, port


def bind_in_a_row(
    context: zmq.Context[Any], topics: Sequence[tuple[int, Topic]], host: str, port: int
) -> tuple[list[Any], int]:
    """Bind sockets of several topics to ports that follow each other.

    Parameters
    ----------
    topics : sequence of (kind, topic)
    port : int
        The first; 0 takes any that are free.

    Returns
    -------
    sockets, port

    Raises
    ------
    MicroscopeError
        If a port is not free.
    """
    for attempts_left in reversed(range(1 if port else _ATTEMPTS)):
        sockets, first = [], port
        try:
            for offset, (kind, topic) in enumerate(topics):
                socket, bound = bind(context, kind, topic, host, first + offset if first else 0)
                sockets.append(socket)
                first = first or bound
            return sockets, first
        except MicroscopeError:
            for socket in sockets:
                socket.close()
            if not attempts_left:
                raise
    raise AssertionError("unreachable")


def connect(context: zmq.Context[Any], kind: int, topic: Topic, host: str, port: int) -> Any:
    """Connect a socket to a topic."""
    socket = _socket(context, kind, topic)
    socket.connect(f"tcp://{host}:{port}")
    return socket


def _socket(context: zmq.Context[Any], kind: int, topic: Topic) -> Any:
    socket = context.socket(kind)
    socket.set_hwm(topic.queue)
    socket.linger = 0
    return socket


def own_address(host: str) -> str:
    """Return the address by which another host reaches this one; of the loopback, itself."""
    with network.socket(network.AF_INET, network.SOCK_DGRAM) as probe:
        probe.connect((host, 1))  # sends nothing, but chooses the interface
        return probe.getsockname()[0]
