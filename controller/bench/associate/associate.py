"""Speed and faithfulness of the association, beside other trackers on the same detections."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ....drivers.clock import NS_PER_MS
from ....models.detections import Detections
from ...offline import TrackPoints, score
from ..report import OnProgress, Row, no_progress
from .contenders import Contender, Named, openers
from .crowd import DIAMETER_PX, Crowd, make_crowd

OBJECTS = (10, 30, 100, 300, 1000)
"""In a field. Chosen: from a few cells to what one field of a small objective holds."""
WARM = 20
"""Frames before the time counts: all trackers have found all objects by then."""
TURN = 10
"""Frames before it is another's turn."""
_LEAST_OBJECTS = 1000
"""Crowds smaller than this are simulated often enough to have as many objects in all."""
_MOST_CROWDS = 5
"""Simulations of one size. Chosen: small crowds take no time, but peers have to be made anew."""


@dataclass(slots=True, eq=False)
class _Run:
    """A tracker in a crowd: its times, and whom it saw in every frame."""

    contender: Contender
    times_ms: list[float] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)

    def take(self, found: Detections) -> None:
        start_ns = time.perf_counter_ns()
        self.contender.update(found)
        self.times_ms.append((time.perf_counter_ns() - start_ns) / NS_PER_MS)
        self.named.append(self.contender.named())

    def places(self) -> TrackPoints:
        frames = np.repeat(np.arange(len(self.named)), [len(ids) for ids, _ in self.named])
        ids, positions = (np.concatenate(column) for column in zip(*self.named, strict=True))
        return TrackPoints(frames, ids, positions)


def run(
    objects: Sequence[int] = OBJECTS,
    frames: int = 100,
    predictor: str = "auto",
    seed: int = 0,
    on_note: Callable[[str], None] = print,
    on_progress: OnProgress = no_progress,
) -> list[Row]:
    """Track crowds of simulated objects with every tracker that works here.

    A third of the objects are persistent walkers, a third run and tumble, a third diffuse; by
    1.5 to 4 px a frame. The field grows with their number: there is room of 36 × 36 px for an
    object of some 12 px. The detector misses 5 %, takes two objects nearer than half a
    diameter for one, is unsure of 10 %, invents 5 %, and errs by 0.6 px along each axis; sizes
    and brightness differ among objects and from frame to frame.

    All get the same detections, ten frames and then it is another's turn, so that a busy
    computer slows all alike. A time is from detections to identities, without reading them out.
    Small crowds are simulated several times. The settings of the others were chosen for the
    best IDF1 on crowds of a hundred with other seeds; Pursuit has its defaults, but knows the
    noise, as they do. What is scored is who is said to be seen where, so that nobody gains or
    loses by smoothing or by filling gaps; a position is right within half a diameter.

    ``objects`` are the sizes of the crowds; ``on_note`` is told what is left out, and why.

    Returns
    -------
    list of dict
        ``who``, ``objects``, ``ms_per_frame`` (median), ``idf1`` and ``hota`` (`score`), and
        ``times``: how many times as long as Pursuit it takes.
    """
    sizes = [n for n in objects for _ in range(min(_MOST_CROWDS, -(-_LEAST_OBJECTS // n)))]
    runs: dict[int, list[tuple[Crowd, list[_Run]]]] = {n: [] for n in objects}
    for number, size in enumerate(sizes):
        crowd = make_crowd(size, frames, seed + number)
        say = on_note if number == 0 else lambda note: None
        those = [_Run(opened()) for opened in openers(crowd.size_px, predictor, say)]
        for turn in range(0, frames, TURN):
            for one in those:
                for found in crowd.seen[turn : turn + TURN]:
                    one.take(found)
            done = number * frames + min(turn + TURN, frames)
            on_progress(done, len(sizes) * frames)
        runs[size].append((crowd, those))
    return [row for size, crowds in runs.items() for row in _rows(size, crowds)]


def _rows(objects: int, crowds: Sequence[tuple[Crowd, Sequence[_Run]]]) -> list[Row]:
    rows: list[Row] = []
    for number, first in enumerate(crowds[0][1]):
        runs = [(crowd, those[number]) for crowd, those in crowds]
        times_ms = np.concatenate([one.times_ms[WARM:] for _, one in runs])
        scores = [score(crowd.truth, one.places(), DIAMETER_PX / 2) for crowd, one in runs]
        rows.append(
            {
                "who": first.contender.who,
                "objects": objects,
                "ms_per_frame": float(np.median(times_ms)),
                "idf1": float(np.mean([one.idf1 for one in scores])),
                "hota": float(np.mean([one.hota for one in scores])),
            }
        )
    for row in rows:
        row["times"] = row["ms_per_frame"] / rows[0]["ms_per_frame"]
    return rows
