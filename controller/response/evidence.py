"""What detections in two frames tell of how the picture answers to the stage."""

import math

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame
from ...models.arrays import Floats
from .answers import Answers
from .displacement_errors import MOST_MISS_PX, DisplacementErrors
from .hypotheses import RIGHT, Hypothesis
from .others import Seen
from .pose_history import REST_PX, PoseHistory
from .sums import ALL, SHAKEN, STAYS, Sums
from .surroundings import Surroundings

_MEMORY = 0.9
"""Share that is kept from one telling frame to the next. Chosen: the last ten count, so that what
changes during a session is found too."""
_DRIFT_GAIN = 0.5
"""Weight of the last frame in the target's own motion. Chosen: it turns within a few frames."""
_FIRST_SIGMA = 0.01
"""Error of a displacement before any was measured, in sides of the field, where frames are so far
apart that none is to be lost. Chosen: half of what the fastest go."""
_FOUND_SIGMAS = 5.0
"""Errors of a displacement within which an object is taken for the same. Chosen."""
_GATE_SIGMAS, _MOST_CHANCE = 3.0, 0.5
"""Objects that lie by chance within so many errors of any place, on average, and how many of them
leave a frame of use. Chosen: a detector that has gone wrong finds thousands."""
_TELLING = 2.0
"""Length of a move in errors of a displacement, from which it tells of what was proven. Chosen: a
stage that follows the wobble of its target seems to be answered the wrong way."""
_FASTEST = 0.04
"""Own motion of a target from frame to frame, in sides of the field, from which nothing is told
against a proven calibration: the stage then moves as fast, and its times matter. Chosen."""
_LONGEST_MOVE_NS = NS_PER_S // 10
"""How long a small move may last. Chosen."""


class Evidence:
    """Sums of log likelihoods of all hypotheses, the last frames the most.

    The target in one frame, displaced by its own motion (under each hypothesis another one, until
    the stage rests) and by what each hypothesis says, is compared with the nearest object in the
    next one; if there is none it may be anywhere. That is done one frame late, when it is known
    where the stage was soon after.
    Until the calibration is proven, frames that are exposed in the middle of a small move are left
    out: where in it the picture was taken is known less well than where the stage came to rest.
    Its surroundings are compared only where frames are far apart, as then the stage makes long ways
    from one to the next: how they move by themselves is not known.

    Parameters
    ----------
    affine : (2, 2) float64
        From pixels to µm, as calibrated.
    sides_px : (width, height)
        Of a frame.

    Attributes
    ----------
    middle_px : (2,) float64
        Middle of a frame.
    trusted : bool
        Whether the calibration is proven: then the error of displacements goes on being learned
        while the stage moves, unless a fault is likelier.
    was_trusted : bool
        Whether it ever was: small moves are then made only after a frame of rest, and it counts
        that the error of the target's own motion adds up.
    size_px : float
        Of the target, when it was last seen.
    errors, answers : DisplacementErrors, Answers
        Of the target, and to small moves.
    """

    def __init__(self, affine: Floats, sides_px: tuple[int, int]) -> None:
        self._area_px = float(sides_px[0] * sides_px[1])
        self.middle_px = np.array(sides_px) / 2 - 0.5
        self._poses, self._sums = PoseHistory(affine, ALL), Sums()
        self._last: Seen | None = None
        self._surroundings = Surroundings(self.middle_px)
        self._before_ns = 0
        self._before_px: Floats | None = None
        self._steady, self._slack_px = False, 0.0
        self._velocities_px_s, self._drift_px = np.zeros((len(ALL), 2)), np.zeros(2)
        self._chance_matches, self._objects_per_px2 = 0.0, 1 / self._area_px
        self.size_px = 0.0
        self.errors, self.answers = DisplacementErrors(), Answers()
        self.trusted = self.was_trusted = False

    @property
    def ready(self) -> bool:
        """Whether it is known how the target moves by itself, and was a frame ago."""
        return self._steady and self.errors.known

    @property
    def slow(self) -> bool:
        """Whether frames are so far apart that the stage rests in each of them."""
        return self._poses.slow

    @property
    def lead(self) -> float:
        """By how many nats the calibration leads over what is the most likely fault."""
        return self._sums.lead

    @property
    def best(self) -> Hypothesis:
        """The most likely of all."""
        return self._sums.likeliest

    @property
    def target_px(self) -> Floats | None:
        """Where the target was a frame ago, (2,), though the tracker may have lost it; or None."""
        return self._before_px

    def add(self, frame: Frame, seen: Seen, slack_px: float = 0.0) -> None:
        """Compare the objects of a frame with those of the one before.

        Parameters
        ----------
        frame : Frame
        seen : Seen
            What is in it. Without a target, that is taken for where the most likely hypothesis
            finds it again: the tracker believes the calibration.
        slack_px : float
            How far the target may seem to jump because it meets another object: that tells nothing
            against what was proven.
        """
        self._poses.add(frame)
        self.size_px = seen.size_px
        self._slack_px = slack_px if self.was_trusted else 0.0
        last, self._last = self._last, seen
        if last is not None:
            self._take_in(last)
        if self._poses.slow:
            self.errors.expect(_FIRST_SIGMA * math.sqrt(self._area_px), frame.exposed_ns)
            for told in self._surroundings.compare(
                seen, frame.image, self._poses, self.errors.usual_px
            ):
                self._sums.add(told, 1.0, self.trusted)
            self._take_in(seen)
            self._last = None
        else:
            self._surroundings.forget()

    def _take_in(self, last: Seen) -> None:
        """Compare a frame with the one before, now that it is known where the stage was."""
        before_px = self._before_px
        if before_px is not None and not self.trusted and self._in_a_move(last.at_ns):
            return
        found_px = None
        gate_px2 = math.pi * (_GATE_SIGMAS * self.errors.usual_px) ** 2
        self._objects_per_px2 = max(len(last.places_px), 1) / self._area_px
        self._chance_matches = len(last.places_px) * gate_px2 / self._area_px
        if before_px is not None and len(last.places_px):
            found_px = self._compare(before_px, last)
        self._before_ns = last.at_ns
        self._before_px = found_px if last.target_px is None else last.target_px
        self._steady = self._steady and self._before_px is not None

    def _compare(self, before_px: Floats, seen: Seen) -> Floats | None:
        """Take in a frame; return where the target is in it, (2,), if it is there."""
        apart_ns = seen.at_ns - self._before_ns
        shifts_px = self._poses.shifts_px(self._before_ns, seen.at_ns)
        apart_s = apart_ns / NS_PER_S
        drifts_px = self._velocities_px_s * apart_s
        if self._surroundings.moved:
            drifts_px[STAYS] = 0.0
        self._drift_px = drifts_px[self._sums.best]
        wanted_px = before_px + drifts_px + shifts_px
        offsets_px = wanted_px[:, None] - seen.places_px
        distances_px = np.hypot(offsets_px[..., 0], offsets_px[..., 1])
        frames = apart_ns / self._poses.interval_ns(seen.at_ns) if self.was_trusted else 1.0
        self._learn(distances_px.min(axis=-1), np.hypot(*shifts_px.T), frames, seen.at_ns)
        best = self._sums.best
        nearest = int(distances_px[best].argmin())
        miss_px = float(distances_px[best, nearest])
        is_near = miss_px < _FOUND_SIGMAS * self.errors.dart_px
        rested = bool(np.abs(shifts_px[best]).max() < REST_PX)
        self._steady = is_near and (rested or (self._steady and not self.was_trusted))
        if rested and seen.target_px is not None:
            found_px = seen.target_px
        elif is_near or (seen.target_px is None and miss_px < MOST_MISS_PX):
            found_px = seen.places_px[nearest]
        else:
            return None
        if not self.trusted:
            self.answers.add(shifts_px[0], found_px - before_px, apart_s)
        own_px_s = (found_px - before_px - shifts_px) / apart_s
        self._velocities_px_s += _DRIFT_GAIN * (own_px_s - self._velocities_px_s)
        if rested or not self.trusted:
            self._velocities_px_s[:] = self._velocities_px_s[best]
        return found_px

    def trust(self) -> None:
        """Take the calibration for proven."""
        self.trusted = self.was_trusted = True

    def forget(self) -> None:
        """Take no hypothesis for more likely than another: small moves are about to tell."""
        self._sums, self.answers = Sums(), Answers()

    def pause(self) -> None:
        """Forget the last frames: meanwhile the stage goes elsewhere."""
        self._poses.clear()
        self.let_go()

    def let_go(self) -> None:
        """Forget the target: another one is followed from the next frame on."""
        self._last = self._before_px = None
        self._surroundings.forget()

    def _learn(self, misses_px: Floats, moved_px: Floats, frames: float, at_ns: int) -> None:
        """Take in how far the target was from where each hypothesis expects it.

        Parameters
        ----------
        misses_px : (H,)
        moved_px : (H,)
            By how much each expects the picture to be shifted.
        frames : float
            Over how many frames: the error of the target's own motion adds up.
        at_ns : int
        """
        if self._chance_matches > _MOST_CHANCE:
            return
        fastest_px = np.inf if self.slow or not self.trusted else _FASTEST * self._area_px**0.5
        too_fast = math.hypot(*self._drift_px) > fastest_px
        rests = moved_px.max() < self.errors.usual_px / 2
        is_known = self.trusted and not too_fast and self.lead >= SHAKEN
        if rests or is_known or self._surroundings.answered:
            self.errors.add(misses_px[: len(RIGHT)].min(), at_ns)
        elif self.slow and not self.trusted:
            self.errors.add(misses_px.min(), at_ns)
        tells = self.trusted or self.slow or self.errors.found_again
        if rests or not tells or (self.trusted and moved_px[0] < _TELLING * self.errors.usual_px):
            return
        before, lead = self._sums.nats, self.lead
        if self.trusted:
            misses_px = np.maximum(misses_px - self._slack_px, 0.0)
        told = self.errors.log_likelihoods(misses_px, moved_px, frames, self._objects_per_px2)
        memory = _MEMORY if self.trusted and moved_px[0] > self.errors.usual_px else 1.0
        self._sums.add(told, memory, self.trusted)
        meets = not self.trusted and self._slack_px > 0 and self.lead < SHAKEN
        if (too_fast or meets) and self.lead < lead:
            self._sums.nats = before

    def _in_a_move(self, at_ns: int) -> bool:
        """Whether a frame that was exposed then is in the middle of a small move."""
        return at_ns - self._before_ns < _LONGEST_MOVE_NS and self._poses.in_a_move()
