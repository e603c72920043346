"""Search for a lost target: where it may be, the most likely first, and then back to the start."""

from __future__ import annotations

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.envelope import Envelope
from ...drivers.messages import Description, Frame
from ...models.arrays import Floats
from ..policies import Horizon, Plan
from ..targets import TargetGroup, TargetSelection
from ..tracking import Track

_STEP = 0.75
"""Distance between places to look at, in fields. Chosen: they overlap by more than a body, so that
no object is cut in all of them."""
_REACHED = 0.1
"""Distance of the stage from a place, in fields, within which it has been looked at. Chosen: less
than half of the overlap."""
_MOST_STEPS = 6
"""Steps from the prediction to the edge of the grid. Chosen: 4.5 fields; to look at all
places nearer takes longer than a search lasts."""
_MOST_FIELDS = 3.0
"""How far from where a target was lost the prediction is followed, in fields. Chosen: beyond, it
might be anywhere, however it went on."""
_SIGMAS = 3.0
"""Standard deviations of the prediction within which a place is looked at: 98.9 % of a Gaussian in
the plane."""
_TIE = 1e-3
"""Added to the distance in standard deviations for each step from the prediction, so that of
equally likely places the nearest comes first. Chosen: too small to decide anything else."""


class Search:
    """Visits the places where a lost target may be and the stage may go, the most likely first.

    They lie on a grid of overlapping fields around the prediction, as far as any part of them is
    within three standard deviations of it. When all have been visited it begins again: by then
    the prediction is vaguer.

    Parameters
    ----------
    description : Description
        Of the microscope: the size of its field.
    envelope : Envelope, optional
        Of the microscope; made of the description if not given.
    """

    def __init__(self, description: Description, envelope: Envelope | None = None) -> None:
        self._envelope = envelope or Envelope.of(description)
        a, b, c, d = description.affine
        sides_px = np.array([description.width_px, description.height_px])
        field_um = np.abs(np.array([[a, b], [c, d]])) @ sides_px
        self._field_um = field_um
        steps = np.arange(-_MOST_STEPS, _MOST_STEPS + 1)
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        self._offsets_um = grid * _STEP * field_um
        self._ties = _TIE * np.hypot(*grid.T)
        self._visited = np.zeros(len(grid), bool)
        self._lost_um: Floats | None = None

    def restart(self) -> None:
        """Forget what was visited: another target was lost."""
        self._visited[:], self._lost_um = False, None

    def where_um(self, lost: Track, frame: Frame, at_ns: int) -> Floats:
        """Where the field's centre should be at an instant, (2,), after a frame in vain."""
        prediction = lost.predict(at_ns)
        if self._lost_um is None:
            self._lost_um = prediction.mean_um[:2].copy()
        most_um = _MOST_FIELDS * self._field_um
        middle_um = np.clip(
            prediction.mean_um[:2], self._lost_um - most_um, self._lost_um + most_um
        )
        places_um = middle_um + self._offsets_um
        here = np.abs(places_um - (frame.pose.x_um, frame.pose.y_um)) / self._field_um
        self._visited |= here.max(axis=1) < _REACHED
        beyond_um = np.maximum(np.abs(self._offsets_um) - self._field_um / 2, 0.0)
        whitened = np.linalg.solve(np.linalg.cholesky(prediction.cov_um2[:2, :2]), beyond_um.T)
        far = np.hypot(*whitened) + self._ties
        if self._visited[far < _SIGMAS].all():
            self._visited[:] = False
        order = np.argsort(np.where(self._visited, np.inf, far), kind="stable")
        for i in order.tolist():
            if i != order[0] and far[i] >= _SIGMAS:
                break
            if self._may_go(frame, places_um[i].tolist()):
                return places_um[i]
            self._visited[i] = True
        return places_um[order[0]]

    def _may_go(self, frame: Frame, place_um: list[float]) -> bool:
        """Whether the stage may be at a place, and go there from where it is."""
        x, y = place_um
        if self._envelope.place_problem((x, y, None)):
            return False
        here = (frame.pose.x_um, frame.pose.y_um)
        return self._envelope.convex or not self._envelope.way_problem([here, (x, y)])


class TargetSearch:
    """Looks for a lost target for a while, then takes the stage back to where it began.

    Parameters
    ----------
    description : Description
        Of the microscope.
    envelope : Envelope, optional
        As of `Search`.
    """

    def __init__(self, description: Description, envelope: Envelope | None = None) -> None:
        self._search = Search(description, envelope)
        self._start_um: Floats | None = None

    def note(self, target: TargetGroup | None, frame: Frame) -> None:
        """Note where following began, and that a target is in hand."""
        if self._start_um is None:
            self._start_um = np.array((frame.pose.x_um, frame.pose.y_um))
        if target is not None:
            self._search.restart()

    def plan(
        self, target: TargetSelection, frame: Frame, horizon: Horizon, all_shown: bool
    ) -> Plan:
        """Decide where the stage goes while there is no target.

        It rests where it is until all of the field there has been looked at.
        """
        lost, longest_s = target.lost, target.settings.search_s
        if lost is None:
            self._start_um = None
        if lost is None or not longest_s:
            return Plan(reason="no target")
        if frame.exposed_ns - target.lost_ns > longest_s * NS_PER_S:
            return Plan(self._start_um, reason="searched in vain: back to where following began")
        if not all_shown:
            return Plan(reason="looking for it in all of the field")
        where_um = self._search.where_um(lost, frame, horizon.instant_ns(frame))
        return Plan(where_um, reason="searching where it may be")
