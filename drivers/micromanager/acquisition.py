"""A useq acquisition through pymmcore-plus' own runner, image by image."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import useq
from pymmcore_plus import CMMCorePlus

from ..clock import Clock
from ..messages import Description
from ..microscope import MicroscopeError, one_line
from .exposures import Alive
from .loading import camera_names, read_position_um

_LOOK_AGAIN_S = 0.05
"""Longest wait for an image before it is looked whether it is still wanted; chosen: a person does
not notice it."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """An image of an acquisition, and where the stage was when it was readable.

    ``channel`` is the preset of its event, if any, and of several cameras the name of the one.
    """

    image: np.ndarray
    event: useq.MDAEvent
    channel: str
    readable_ns: int
    position_um: tuple[float, float, float]


_Arrivals = queue.SimpleQueue[Acquired | Exception | None]


def acquire(
    core: CMMCorePlus, events: list[useq.MDAEvent], about: Description, clock: Clock, alive: Alive
) -> Generator[Acquired, None, None]:
    """Run events and yield every image of every camera; closing the generator cancels the run.

    Raises
    ------
    MicroscopeError
        If a device fails, or fewer images come than were planned.
    """
    arrived: _Arrivals = queue.SimpleQueue()
    cameras = camera_names(core) or [""]

    def note(image: np.ndarray, event: useq.MDAEvent) -> None:
        """Note where the stage is, in the runner's thread: soon it will be elsewhere."""
        readable_ns = clock.now_ns()
        position_um = read_position_um(core, about.xy_stage, about.focus)
        preset = event.channel.config if event.channel else ""
        channel = f"{preset} {cameras[event.index.get('cam', 0)]}".strip()
        arrived.put(Acquired(image, event, channel, readable_ns, position_um))

    connection = core.mda.events.frameReady.connect(note)
    thread = threading.Thread(target=_run, args=(core, events, arrived), name="mda")
    thread.start()
    wanted = len(cameras) * sum(isinstance(event.action, useq.AcquireImage) for event in events)
    count = 0
    try:
        while (acquired := _next(arrived, alive)) is not None:
            yield acquired
            count += 1
        if count < wanted and alive():
            raise MicroscopeError(
                f"The acquisition brought only {count} of {wanted} frames: check the camera."
            )
    finally:
        while thread.is_alive():
            core.mda.cancel()
            thread.join(timeout=_LOOK_AGAIN_S)
        core.mda.events.frameReady.disconnect(connection)


def _run(core: CMMCorePlus, events: list[useq.MDAEvent], arrived: _Arrivals) -> None:
    try:
        core.mda.run(events)
    except Exception as error:
        arrived.put(error)
    else:
        arrived.put(None)


def _next(arrived: _Arrivals, alive: Alive) -> Acquired | None:
    """Wait for the next image; None at the end of the acquisition or when closing."""
    while alive():
        try:
            item = arrived.get(timeout=_LOOK_AGAIN_S)
        except queue.Empty:
            continue
        if isinstance(item, Exception):
            raise MicroscopeError(f"The acquisition failed: {one_line(item)}") from item
        return item
    return None
