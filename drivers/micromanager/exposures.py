"""Exposures of a Micro-Manager camera: streamed as fast as it can, or one every so often."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pymmcore_plus
from pymmcore_plus import CMMCorePlus

from ..clock import NS_PER_MS, Clock
from ..messages import Image
from ..microscope import MicroscopeError

_ELAPSED_TAG = "ElapsedTime-ms"
"""Micro-Manager's tag for the time of arrival, from the beginning of the sequence. The core sets it
by the host's clock if the camera's adapter does not; some adapters put the camera's label before
it (Andor, PICAM and others: mmCoreAndDevices issue 798), and then both are there."""
_NUMBER_TAG = "ImageNumber"
"""Micro-Manager's tag for the number of an image of its camera in the sequence, likewise."""
_MOST_STEP = 100_000
"""From one number to the next. Chosen: a minute of the fastest cameras; more is no number."""
_OFFSETS = 200
"""Images over which the clock offset is sought; chosen: one of them was surely found at once."""
_CHANNEL_TAG = "CameraChannelIndex"
"""End of the tag that says which of several cameras behind one took an image."""
_MOST_DRIFT_NS = 250 * NS_PER_MS
"""Change of the offset from which a tag does not keep time; chosen: far more than clocks drift."""
_POLL_NS = NS_PER_MS // 5
"""Time between looks for an image; chosen: a fifth of the fastest camera's interval."""
_SLICE_NS = 20 * NS_PER_MS
"""Longest sleep before it is looked whether frames are wanted; chosen: nobody notices it."""
_SILENCE_NS = 5_000 * NS_PER_MS
"""After so long without an image, and ten exposures, the camera has failed; chosen: longer than
any camera takes to start."""

Tags = pymmcore_plus.Metadata | Mapping[str, str]
Alive = Callable[[], bool]
"""Whether frames are still wanted."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One image as the camera gave it; ``index`` counts from 0, other fields are as in `Frame`.

    Attributes
    ----------
    tags : mapping of str to str
        What the camera says of the image; nothing of one that was taken singly.
    """

    image: Image
    index: int
    exposed_ns: int
    readable_ns: int
    exposure_ms: float
    tags: Tags


class ArrivalTimes:
    """When images arrived, however late they were looked for.

    A tag notes the time of arrival on a clock that began with the sequence: the camera's own, or
    else the core's. Between that clock and ours lies the smallest difference seen lately: that of
    an image which was found at once. A tag that does not keep time with our clock is ignored; one
    image that was found late, as on a host that has stalled, is no sign of that.
    """

    def __init__(self) -> None:
        self._offsets_ns: deque[int] = deque(maxlen=_OFFSETS)
        self._last_ns = 0

    def time_ns(self, tags: Tags, now_ns: int) -> int:
        """Time of arrival on our clock of the image with these tags, found now."""
        elapsed_ms = _said(tags, _ELAPSED_TAG)
        if elapsed_ms is None:
            return now_ns
        elapsed_ns = round(elapsed_ms * NS_PER_MS)
        if elapsed_ns < self._last_ns:
            self._offsets_ns.clear()  # the clock began anew
        self._last_ns = elapsed_ns
        self._offsets_ns.append(now_ns - elapsed_ns)
        offsets_ns = list(self._offsets_ns)
        half = len(offsets_ns) // 2
        if half and abs(min(offsets_ns[half:]) - min(offsets_ns[:half])) > _MOST_DRIFT_NS:
            return now_ns
        return elapsed_ns + min(offsets_ns)


class FrameNumbers:
    """Which exposure of the sequence an image is, whether or not those before it were seen.

    By the number in a tag: images that Micro-Manager's buffer had no room for are counted, too.
    One is as much as the least step from one number to the next, as a camera that averages may
    count what it averages. Images whose number is missing, does not grow, or is absurdly far from
    the last one are counted one by one.
    """

    def __init__(self) -> None:
        self._index, self._unit = -1, math.inf
        self._last: float | None = None

    def index(self, tags: Tags) -> int:
        """Number of the next image, from 0."""
        number, last = _said(tags, _NUMBER_TAG), self._last
        self._last = number
        steps = 1
        if number is not None and last is not None and 0 < number - last < _MOST_STEP:
            self._unit = min(self._unit, number - last)
            steps = round((number - last) / self._unit)
        self._index += steps
        return self._index


def _said(tags: Tags, name: str) -> float | None:
    """Return the number that the camera itself gives, or else the core; None if neither does."""
    own = [key for key in tags if key.endswith(f"-{name}")]
    for key in (*own, name):
        with suppress(KeyError, ValueError):
            number = float(tags[key])
            if math.isfinite(number):
                return number
    return None


def sequence(
    core: CMMCorePlus, readout_ms: float, clock: Clock, every: bool, alive: Alive, channel: int
) -> Generator[Exposure, None, None]:
    """Stream a continuous sequence; unless ``every``, skip to the newest image that waits.

    Of several cameras behind one only the images of ``channel`` count.
    """
    exposure_ms = core.getExposure()
    late_ns = round((readout_ms + exposure_ms / 2) * NS_PER_MS)
    silence_ns = _SILENCE_NS + 10 * round(exposure_ms * NS_PER_MS)
    arrivals, numbers = ArrivalTimes(), FrameNumbers()
    core.startContinuousSequenceAcquisition(0)
    try:
        heard_ns = clock.now_ns()
        while alive():
            waiting = core.getRemainingImageCount()
            now_ns = clock.now_ns()
            if not waiting:
                if now_ns - heard_ns > silence_ns:
                    raise MicroscopeError(
                        f"The camera has sent nothing for {silence_ns / 1e9:.0f} s: check its "
                        "cable, power and trigger mode."
                    )
                clock.sleep_until_ns(now_ns + _POLL_NS)
                continue
            heard_ns, taken = now_ns, None
            for _ in range(1 if every else waiting):
                image, tags = core.popNextImageAndMD()
                if _is_of(channel, tags):
                    taken = image, tags, numbers.index(tags)
            if taken is None:
                continue
            image, tags, index = taken
            arrived_ns = arrivals.time_ns(tags, now_ns)
            yield Exposure(image, index, arrived_ns - late_ns, arrived_ns, exposure_ms, tags)
    finally:
        core.stopSequenceAcquisition()


def snaps(
    core: CMMCorePlus,
    readout_ms: float,
    clock: Clock,
    every: bool,
    alive: Alive,
    channel: int,
    interval_ms: float,
) -> Generator[Exposure, None, None]:
    """Take one picture each interval; a start that has passed is made up only with ``every``."""
    interval_ns = round(interval_ms * NS_PER_MS)
    start_ns = clock.now_ns()
    index = 0
    while True:
        if not every:
            index = max(index, (clock.now_ns() - start_ns) // interval_ns)
        if not _sleep(clock, start_ns + index * interval_ns, alive):
            return
        exposure_ms = core.getExposure()
        core.snapImage()
        now_ns = clock.now_ns()
        late_ns = round((readout_ms + exposure_ms / 2) * NS_PER_MS)
        image = core.getImage(channel) if channel else core.getImage()
        yield Exposure(image, index, now_ns - late_ns, now_ns, exposure_ms, {})
        index += 1


def _is_of(channel: int, tags: Tags) -> bool:
    """Whether an image is of one of several cameras behind one; those of a camera alone are."""
    said = [value for key, value in tags.items() if key.endswith(_CHANNEL_TAG)]
    return not said or str(channel) in said


def _sleep(clock: Clock, at_ns: int, alive: Alive) -> bool:
    """Sleep in slices, so that whoever ends the stream need not wait for it."""
    while alive():
        now_ns = clock.now_ns()
        if now_ns >= at_ns:
            return True
        clock.sleep_until_ns(min(at_ns, now_ns + _SLICE_NS))
    return False
