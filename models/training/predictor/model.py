"""The networks that predict motion: a recurrent cell, and a head for any horizon."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .cells import ARCHITECTURES
from .motion_features import BANDS, SHORTEST, MotionFeatures

_FARTHEST = 32.0
"""Frames ahead from which the standard deviation grows in proportion to the time. Chosen: training
asks for 1 to 48 frames, and few tracks last for as long."""
_HEAD, _AHEAD = 48, 3
"""Width of the head, and numbers that describe the horizon. Chosen: fast in every frame."""
_LEAST_LOG, _MOST_LOG = -14.0, 14.0
"""Bounds of the log variance over that of the steps. Chosen: a guard, a factor of a million."""
_HEAVIEST, _LIGHTEST = 2.5, 40.0
"""Degrees of freedom of an error: with the first it still has a variance, with the last it is all
but normal."""
OUTSIDE = 0.05
"""Share of the errors that the 95 % ellipse leaves out."""
WITHIN_95 = -2 * math.log(OUTSIDE)
"""Quantile of chi² with two degrees of freedom."""


class Displacement(NamedTuple):
    """Where objects will be: a Student's t distribution for each.

    Attributes
    ----------
    mean : (B, 2)
        Displacement since their last measurements, in µm.
    heading : (B, 2)
        Direction of the latest velocity, of length one.
    log_squares : (B, 2)
        Squared scale along and across the heading, the natural logarithm of µm².
    freedom : (B, 1)
        Its degrees of freedom.
    log_stretch : (B, 1)
        Logarithm of the factor that makes of the squared scales the variances of the normal
        distribution whose 95 % ellipse holds 95 % of the true positions.
    """

    mean: Tensor
    heading: Tensor
    log_squares: Tensor
    freedom: Tensor
    log_stretch: Tensor


class HeadInput(NamedTuple):
    """What the head needs of objects, whatever the horizon.

    Attributes
    ----------
    sums : (B, _HEAD)
        Of its first layer, without the horizon.
    bands : (B, 2, BANDS)
        As `MotionFeatures.bands`.
    scale : (B, 1)
        As `MotionFeatures.scale`.
    """

    sums: Tensor
    bands: Tensor
    scale: Tensor

    def repeated(self, times: int) -> "HeadInput":
        """Repeat every object so many times."""
        return HeadInput(*(values.repeat_interleave(times, dim=0) for values in self))


class PredictorModel(nn.Module):
    """A predictor as a network: what one measurement changes, and where the object will be.

    An object is a row of numbers, (width,): those of its motion features and the state of its
    recurrent cell; zeros before its first measurement. The mean displacement is a sum of the
    bands of its velocity with shares that the network computes: a gate from 0 to 1 times the
    horizon, and a shift. So it turns and scales with the track, and going straight on is a
    matter of open gates. The variance differs along and across the latest velocity. The head
    sees the features beside the cell: what has just happened need not pass through it.

    Parameters
    ----------
    architecture : str
        One of `ARCHITECTURES`.
    hidden : int
        Outputs of the recurrent cell.
    """

    def __init__(self, architecture: str = "lstm", hidden: int = 64) -> None:
        super().__init__()
        self.motion = MotionFeatures()
        self.cell = ARCHITECTURES[architecture](MotionFeatures.count + 1, hidden)
        self.width = MotionFeatures.width + self.cell.width
        self.shown = nn.Linear(hidden + MotionFeatures.count, _HEAD)
        self.ahead = nn.Linear(_AHEAD, _HEAD, bias=False)
        self.head = nn.Sequential(
            nn.SiLU(), nn.Linear(_HEAD, _HEAD), nn.SiLU(), nn.Linear(_HEAD, 2 * BANDS + 4)
        )

    def update(self, row: Tensor, measurement: Tensor) -> Tensor:
        """Take in measurements, (B, 4), as `MotionFeatures.forward`; return the rows after them."""
        motion, state = row.split([MotionFeatures.width, self.cell.width], dim=1)
        motion = self.motion(motion, measurement)
        inputs = torch.cat([self.motion.features(motion), _pause(measurement)], dim=1)
        return torch.cat([motion, self.cell(state, inputs)], dim=1)

    def update_all(self, measurements: Tensor) -> Tensor:
        """Take in whole tracks, (L, B, 4), from their first measurements; return all rows."""
        length, batch, _ = measurements.shape
        motion, motions = measurements.new_zeros(batch, MotionFeatures.width), []
        with torch.no_grad():
            for measurement in measurements:
                motion = self.motion(motion, measurement)
                motions.append(motion)
            rows = torch.stack(motions)
            features = self.motion.features(rows.reshape(length * batch, -1))
            pauses = _pause(measurements.reshape(length * batch, -1))
            inputs = torch.cat([features, pauses], dim=1).reshape(length, batch, -1)
        state, states = measurements.new_zeros(batch, self.cell.width), []
        for one in inputs:
            state = self.cell(state, one)
            states.append(state)
        return torch.cat([rows, torch.stack(states)], dim=2)

    def head_input(self, row: Tensor) -> HeadInput:
        """What the head needs of rows, (B, width)."""
        motion = row[:, : MotionFeatures.width].detach()
        output = row[:, MotionFeatures.width :][:, : self.cell.hidden]
        sums = self.shown(torch.cat([output, self.motion.features(motion)], dim=1))
        return HeadInput(sums, self.motion.bands(motion), self.motion.scale(motion))

    def predict(self, given: HeadInput, frames: Tensor) -> Displacement:
        """Predict objects some frames, (B, 1), after their last measurements."""
        within = frames.clamp(0.0, _FARTHEST)
        ahead = torch.cat([torch.log1p(within), within / 8, torch.rsqrt(1.0 + within)], dim=1)
        answer = self.head(given.sums + self.ahead(ahead))
        gates, shifts, spreads, tails, stretch = answer.split([BANDS, BANDS, 2, 1, 1], dim=1)
        shares = within * torch.sigmoid(gates) + torch.sqrt(1.0 + within) * shifts
        mean = (given.bands * shares[:, None]).sum(2)
        beyond = 2 * torch.log(frames.clamp_min(_FARTHEST) / _FARTHEST)
        size = 2 * (given.scale * (1.0 + within)).log()
        log_squares = size + beyond + spreads.clamp(_LEAST_LOG, _MOST_LOG)
        freedom = _HEAVIEST + (_LIGHTEST - _HEAVIEST) * torch.sigmoid(tails)
        return Displacement(mean, _heading(given.bands), log_squares, freedom, stretch)

    def forward(
        self, before: Tensor, measurement: Tensor, now: Tensor, frames: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`update` and `predict` in one graph, independent of each other, for the ONNX file.

        Returns ``update(before, measurement)``, (B, width), and of ``predict(head_input(now),
        frames)`` the mean in x and y, variance of x, covariance, variance of y: (B, 5).
        """
        predicted = self.predict(self.head_input(now), frames)
        variances = (predicted.log_squares + predicted.log_stretch).exp()
        along, across = variances.split(1, dim=1)
        x, y = predicted.heading.split(1, dim=1)
        xx, xy = along * x * x + across * y * y, (along - across) * x * y
        moments = [predicted.mean, xx, xy, along * y * y + across * x * x]
        return self.update(before, measurement), torch.cat(moments, dim=1)


def _pause(measurement: Tensor) -> Tensor:
    """Logarithm of the frames since the last measurement, (B, 1)."""
    return measurement[:, 2:3].clamp_min(SHORTEST).log()


def _heading(bands: Tensor) -> Tensor:
    """Directions of the velocity without its fastest band; (1, 0) where it stands still."""
    velocity = bands[:, :, 1:].sum(2)
    square = velocity.square().sum(1, keepdim=True)
    still = (square < 1e-20).to(velocity.dtype)
    aside = torch.cat([still, torch.zeros_like(still)], dim=1)
    return velocity * (1.0 - still) * torch.rsqrt(square + still) + aside
