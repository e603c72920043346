"""Where the stage was in the last frames, and what shift of the picture follows from that."""

from collections import deque

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame
from ...models.arrays import Floats
from .hypotheses import Hypothesis

_REMEMBERED_NS = NS_PER_S // 4
"""How long poses are kept: longer than a small move and any lag of a hypothesis together."""
_FEWEST_POSES = 4
"""Poses that are kept in any case: of the frames that are compared, and on either side."""
REST_PX = 0.1
"""Motion from frame to frame of a stage that rests."""
_SLOW_NS = NS_PER_S // 4
"""Interval of frames in which any small move is over, whatever the stage's lag is. Chosen."""


class PoseHistory:
    """Poses of the last frames.

    Parameters
    ----------
    affine : (2, 2) float64
        From pixels to µm, as calibrated.
    hypotheses : tuple of Hypothesis
        H of them.
    """

    def __init__(self, affine: Floats, hypotheses: tuple[Hypothesis, ...]) -> None:
        self._inverse = np.linalg.inv(affine)
        self._shows = np.array([h.shows for h in hypotheses])
        self._lags = np.array([(h.lag_s * NS_PER_S, h.lag_frames) for h in hypotheses])
        self._poses: deque[tuple[int, float, float]] = deque()

    def add(self, frame: Frame) -> None:
        """Remember where the stage was in a frame."""
        self._poses.append((frame.exposed_ns, frame.pose.x_um, frame.pose.y_um))
        while len(self._poses) > _FEWEST_POSES and (
            frame.exposed_ns - self._poses[1][0] > _REMEMBERED_NS
        ):
            self._poses.popleft()

    def clear(self) -> None:
        """Forget all."""
        self._poses.clear()

    def interval_ns(self, at_ns: int) -> int:
        """Time to the frame that was exposed then from the one before; both are known."""
        times_ns = [pose[0] for pose in self._poses]
        index = times_ns.index(at_ns)
        return max(at_ns - times_ns[index - 1], 1)

    @property
    def slow(self) -> bool:
        """Whether the last two frames are so far apart that the stage rested in both of them."""
        return len(self._poses) > 1 and self._poses[-1][0] - self._poses[-2][0] > _SLOW_NS

    def in_a_move(self) -> bool:
        """Whether the stage moved before or after the last frame but one."""
        poses_um = np.array(self._poses)[-3:, 1:]
        steps_px = np.abs(np.diff(poses_um, axis=0) @ self._inverse.T).max(axis=-1)
        return bool(np.any(steps_px > REST_PX))

    def shifts_px(self, from_ns: int, to_ns: int) -> Floats:
        """Shift of the picture between two exposures that each hypothesis expects, (H, 2)."""
        t_ns, x_um, y_um = np.array(self._poses, np.float64).T
        lags_ns = self._lags @ ((0.0, 0.0) if self.slow else (1.0, t_ns[-1] - t_ns[-2]))
        start_ns, end_ns = from_ns - lags_ns, to_ns - lags_ns
        moved_um = np.stack(
            [np.interp(end_ns, t_ns, um) - np.interp(start_ns, t_ns, um) for um in (x_um, y_um)],
            axis=-1,
        )
        shifts_px: Floats = np.einsum("hij,hj->hi", self._shows, -moved_um @ self._inverse.T)
        return shifts_px
