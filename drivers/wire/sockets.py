"""Sockets of the topics: bound by who publishes, connected to by who listens."""

from __future__ import annotations

import socket as sockets
from typing import Any

import zmq

from ..microscope import MicroscopeError
from .topics import Topic


def bind(context: zmq.Context[Any], kind: int, topic: Topic, host: str, port: int) -> Any:
    """Bind a socket for a topic; port 0 takes any free one.

    Returns
    -------
    socket, port
    """
    socket = context.socket(kind)
    socket.set_hwm(topic.queue)
    socket.linger = 0
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


def connect(context: zmq.Context[Any], kind: int, topic: Topic, host: str, port: int) -> Any:
    """Connect a socket to a topic."""
    socket = context.socket(kind)
    socket.set_hwm(topic.queue)
    socket.linger = 0
    socket.connect(f"tcp://{host}:{port}")
    return socket


def own_address(host: str) -> str:
    """Return the address by which another host reaches this one; of the loopback, itself."""
    with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as probe:
        probe.connect((host, 1))  # sends nothing, but chooses the interface
        return probe.getsockname()[0]
