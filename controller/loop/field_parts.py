"""The rest of a field that is too large for one look: a part of it at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from statistics import median

from ...drivers.clock import NS_PER_S
from ...drivers.messages import StagePose
from ...models.detectors import Window

_EDGES_PX = (256.0, 192.0, 128.0)
"""Edges that a part may have. Chosen: the fixed costs of a look are small beside the largest, which
takes some milliseconds on a fast CPU; those beside the smallest are as large as it."""
_OVERLAP_PX = 48.0
"""Least overlap of two parts. Chosen: larger objects are rare."""
_OBJECT = 1.3
"""Overlap over the size of what is followed, so that it is whole in one of two parts (chosen)."""
_LARGE_PX = 640 * 640
"""Field that is divided before it is known how long looks take. Chosen: a look at a smaller one
takes less than 50 ms on a CPU."""
_REMEMBERED = 9
"""Looks of which the median cost is taken. Chosen: four slow ones change nothing."""
_MOST_LOOKS = 3
"""Looks in a row at a part in which something may be new. Chosen: two prove it, and noise does not
keep the rest waiting."""
_SHARE = 0.5
"""Share of the frame interval that may go into looking beside the target. Chosen: the other half
is for the target, the move and the rest of the computer."""


_SHARE_OF_LONG = 0.2
"""The same where a part takes longer than that, so that the next frame is passed over. Chosen: it
is one in six then."""


class FieldParts:
    """Divides a field, and tells how much of it can be looked at in a frame.

    Looks are timed: where one at the whole field takes longer than a frame, parts are looked at
    instead, each the longer ago the sooner, as many in a frame as there is time for, or one in
    some frames; smaller ones if a part would take more than the time that there is.

    Parameters
    ----------
    width_px, height_px : int
        Of the field.
    whole_every : int
        Frames in which all of it is looked at at the soonest.
    pixel_um : float
        Edge of a pixel.

    Attributes
    ----------
    whole_s : float
        How long ago the part was looked at that was so the longest ago; infinite at first.
    edge_px : float
        Of a part.
    """

    def __init__(
        self, width_px: int, height_px: int, whole_every: int, pixel_um: float = 1.0
    ) -> None:
        self._sides_px, self._whole_every = (width_px, height_px), whole_every
        self._pixel_um = pixel_um
        self._ns_per_px: deque[float] = deque(maxlen=_REMEMBERED)
        self._is_first_look, self._credit_ns, self._object_px = True, 0.0, 0.0
        self._searched_from: StagePose | None = None
        self._divide(_EDGES_PX[0])

    @property
    def all_shown(self) -> bool:
        """Whether all parts have been looked at since `search` began; True if it has not."""
        return self._searched_from is None or all(self._looked_ns.values())

    def search(self, stage: StagePose | None) -> None:
        """Look at all parts anew for what is lost; again once the stage has moved."""
        before, self._searched_from = self._searched_from, stage
        if stage is None:
            return
        least_um = self._pixel_um * self.edge_px / 4
        if (
            before is None
            or math.dist((stage.x_um, stage.y_um), (before.x_um, before.y_um)) > least_um
        ):
            self._looked_ns = dict.fromkeys(self._looked_ns, 0)
            self._last, self._looks_in_a_row = [], {}
        else:
            self._searched_from = before

    def are_needed(self, interval_ns: float, is_timed: bool) -> bool:
        """Whether one look at the whole field would take longer than a frame.

        Where looks are timed, but none was yet, whether it may.
        """
        field_px = math.prod(self._sides_px)
        if is_timed and not self._ns_per_px:
            return field_px > _LARGE_PX
        return field_px > _EDGES_PX[0] ** 2 and self._cost_ns(field_px) > interval_ns

    def fit(self, object_px: float) -> None:
        """Make the parts overlap by as much as an object needs to be whole in one."""
        if object_px > max(self._object_px, _OVERLAP_PX / _OBJECT):
            self._object_px = object_px
            self._divide(self._chosen_px)

    def learn(self, looked_px: int, took_ns: int) -> None:
        """Take note of how long a look at a number of pixels took.

        The first is no measure of others, and small ones have costs of their own.
        """
        if not self._is_first_look and looked_px >= _EDGES_PX[-1] ** 2:
            self._ns_per_px.append(took_ns / looked_px)
        self._is_first_look = False

    def next(
        self, interval_ns: float, now_ns: int, near_px: tuple[float, float] | None
    ) -> Iterator[Window]:
        """Say which parts to look at in this frame, exposed at an instant.

        Parameters
        ----------
        interval_ns : float
            Between two frames.
        now_ns : int
        near_px : tuple of float, optional
            Where, x and y, something is looked for: all the time goes into it, and of parts that
            were not looked at the nearest to it comes first.
        """
        if not self._ns_per_px:
            yield self._take(now_ns, near_px)
            return
        room_ns = _SHARE * interval_ns
        self._choose_edge(room_ns)
        part_ns = max(self._cost_ns(self.edge_px**2), 1.0)
        wanted_ns = len(self._looked_ns) * part_ns / self._whole_every
        share = _SHARE if part_ns <= room_ns else _SHARE_OF_LONG
        gain_ns = room_ns if near_px is not None else min(share * interval_ns, wanted_ns)
        self._credit_ns = min(self._credit_ns + gain_ns, max(room_ns, part_ns))
        for _ in range(min(int(self._credit_ns / part_ns), len(self._looked_ns))):
            self._credit_ns -= part_ns
            yield self._take(now_ns, near_px)

    def look_again(self, places_px: Sequence[tuple[float, float]]) -> None:
        """Have the parts that were looked at last looked at once more where something may be new.

        Parameters
        ----------
        places_px : sequence of tuple of float
            Where, x and y, something was found that is not sure yet.
        """
        last, self._last = self._last, []
        for x, y in last:
            near = (max(abs(at[0] - x), abs(at[1] - y)) for at in places_px)
            looks = self._looks_in_a_row.pop((x, y), 0) + 1
            if looks < _MOST_LOOKS and any(away <= self.edge_px / 2 for away in near):
                self._looks_in_a_row[x, y] = looks
                self._looked_ns[x, y] = 0

    def _take(self, now_ns: int, near_px: tuple[float, float] | None) -> Window:
        """The part looked at longest ago, among equals the nearest."""
        x, y = near_px or (0.0, 0.0)
        looked = self._looked_ns
        middle = min(looked, key=lambda at: (looked[at], math.hypot(at[0] - x, at[1] - y)))
        self.whole_s = (now_ns - looked[middle]) / NS_PER_S if looked[middle] else math.inf
        looked[middle] = now_ns
        self._last.append(middle)
        return Window(middle, self.edge_px / 2)

    def _cost_ns(self, px: float) -> float:
        """What a look at a number of pixels usually costs; 0 until it is known."""
        return median(self._ns_per_px) * px if self._ns_per_px else 0.0

    def _choose_edge(self, room_ns: float) -> None:
        """Take the largest parts that can be looked at in a frame; larger ones only if by far."""
        costs_ns = {edge_px: self._cost_ns(edge_px**2) for edge_px in _EDGES_PX}
        edge_px = next((px for px in _EDGES_PX if costs_ns[px] <= room_ns), _EDGES_PX[-1])
        is_larger = edge_px > self._chosen_px and 2 * costs_ns[edge_px] < room_ns
        if edge_px < self._chosen_px or is_larger:
            self._divide(edge_px)

    def _divide(self, edge_px: float) -> None:
        """Divide the field into parts, none of which was looked at yet."""
        overlap_px = max(_OVERLAP_PX, _OBJECT * self._object_px)
        self._chosen_px = edge_px
        self.edge_px = max(edge_px, 2 * overlap_px)
        xs, ys = (_middles(side_px, self.edge_px, overlap_px) for side_px in self._sides_px)
        self._looked_ns = {(x, y): 0 for y in ys for x in xs}
        self._last: list[tuple[float, float]] = []
        self._looks_in_a_row: dict[tuple[float, float], int] = {}
        self.whole_s = math.inf


def _middles(side_px: int, edge_px: float, overlap_px: float) -> list[float]:
    """Middles of parts along an axis, evenly spread."""
    if side_px <= edge_px:
        return [(side_px - 1) / 2]
    count = math.ceil((side_px - overlap_px) / (edge_px - overlap_px))
    step = (side_px - edge_px) / (count - 1)
    return [edge_px / 2 - 0.5 + step * k for k in range(count)]
