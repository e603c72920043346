"""The networks that predict motion: a memory of summaries, and a head for any horizon."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .memory import ARCHITECTURES
from .strides import BANDS, SHORTEST, Strides

FARTHEST = 32.0
"""Frames to which the networks are trained to look ahead."""

_HEAD, _AHEAD = 48, 3
_LEAST_LOG, _MOST_LOG = -14.0, 14.0
_HEAVIEST, _LIGHTEST = 2.5, 40.0
"""Degrees of freedom of the law of an error; with the last it is all but Gaussian."""
OUTSIDE = 0.05
WITHIN_95 = -2 * math.log(OUTSIDE)
"""Quantile of chi² with two degrees of freedom."""


class Outlook(NamedTuple):
    """Where objects will be: a Student's t law for each.

    Attributes
    ----------
    mean : (B, 2)
        Displacement from where they were last seen, in µm.
    heading : (B, 2)
        Direction of the latest velocity, of length one.
    log_squares : (B, 2)
        Squared scale of the law along and across the heading, the natural logarithm of µm².
    freedom : (B, 1)
        Its degrees of freedom.
    log_stretch : (B, 1)
        Logarithm of what the squared scales are multiplied by to be the variances of the
        Gaussian whose 95 % ellipse holds 95 % of what happens.
    """

    mean: Tensor
    heading: Tensor
    log_squares: Tensor
    freedom: Tensor
    log_stretch: Tensor

    def log_variances(self) -> Tensor:
        """Of that Gaussian, along and across the heading, (B, 2)."""
        return self.log_squares + self.log_stretch


class View(NamedTuple):
    """What the head needs to know of objects.

    Attributes
    ----------
    shown : (B, _HEAD)
        Sums of its first layer, without the horizon.
    bands : (B, 2, BANDS)
        As `Strides.bands`.
    scale : (B, 1)
        As `Strides.scale`.
    """

    shown: Tensor
    bands: Tensor
    scale: Tensor

    def repeated(self, times: int) -> View:
        """Every object so many times after one another."""
        return View(*(values.repeat_interleave(times, dim=0) for values in self))


class PredictorModel(nn.Module):
    """A predictor as a network: what one measurement changes, and where the object will be.

    An object is a row of numbers, (width,): its strides and its memory; zeros before it was
    first seen. The mean displacement is a sum of the bands of its velocity with shares that
    the network says: a gate from 0 to 1 times the horizon, and a shift. So it turns and scales
    with the track, and going straight on is a matter of open gates. The spread differs along
    and across the latest velocity. The head sees the strides beside the memory: what has just
    happened need not pass through it.

    Parameters
    ----------
    architecture : str
        One of `ARCHITECTURES`.
    hidden : int
        Numbers that the head sees of an object.
    """

    def __init__(self, architecture: str = "lstm", hidden: int = 64) -> None:
        super().__init__()
        self.strides = Strides()
        self.memory = ARCHITECTURES[architecture](Strides.features + 1, hidden)
        self.width = Strides.width + self.memory.width
        self.shown = nn.Linear(hidden + Strides.features, _HEAD)
        self.ahead = nn.Linear(_AHEAD, _HEAD, bias=False)
        self.head = nn.Sequential(
            nn.SiLU(), nn.Linear(_HEAD, _HEAD), nn.SiLU(), nn.Linear(_HEAD, 2 * BANDS + 4)
        )

    def see(self, row: Tensor, measurement: Tensor) -> Tensor:
        """Take in measurements, (B, 4), as `Strides.forward`; return the rows after them."""
        strides, memory = row.split([Strides.width, self.memory.width], dim=1)
        strides = self.strides(strides, measurement)
        summary = torch.cat([self.strides.look(strides), _pause(measurement)], dim=1)
        return torch.cat([strides, self.memory(memory, summary)], dim=1)

    def watch(self, measurements: Tensor) -> Tensor:
        """Take in whole tracks, (L, B, 4), from their first measurements; return all rows."""
        length, batch, _ = measurements.shape
        strides, rows = measurements.new_zeros(batch, Strides.width), []
        with torch.no_grad():
            for measurement in measurements:
                strides = self.strides(strides, measurement)
                rows.append(strides)
            walked = torch.stack(rows)
            looks = self.strides.look(walked.reshape(length * batch, -1))
            summaries = torch.cat([looks, _pause(measurements.reshape(length * batch, -1))], dim=1)
        memory, memories = measurements.new_zeros(batch, self.memory.width), []
        for summary in summaries.reshape(length, batch, -1):
            memory = self.memory(memory, summary)
            memories.append(memory)
        return torch.cat([walked, torch.stack(memories)], dim=2)

    def view(self, row: Tensor) -> View:
        """What the head needs to know of rows, (B, width), whatever the horizon."""
        strides = row[:, : Strides.width].detach()
        memory = row[:, Strides.width :][:, : self.memory.hidden]
        shown = self.shown(torch.cat([memory, self.strides.look(strides)], dim=1))
        return View(shown, self.strides.bands(strides), self.strides.scale(strides))

    def expect(self, view: View, frames: Tensor) -> Outlook:
        """Say where objects will be some frames, (B, 1), after they were last seen."""
        within = frames.clamp(0.0, FARTHEST)
        ahead = torch.cat([torch.log1p(within), within / 8, torch.rsqrt(1.0 + within)], dim=1)
        answer = self.head(view.shown + self.ahead(ahead))
        parts = answer.split([BANDS, BANDS, 2, 1, 1], dim=1)
        gates, shifts, spreads, tails, stretch = parts
        shares = within * torch.sigmoid(gates) + torch.sqrt(1.0 + within) * shifts
        mean = (view.bands * shares[:, None]).sum(2)
        beyond = 2 * torch.log(frames.clamp_min(FARTHEST) / FARTHEST)
        size = 2 * (view.scale * (1.0 + within)).log()
        log_squares = size + beyond + spreads.clamp(_LEAST_LOG, _MOST_LOG)
        freedom = _HEAVIEST + (_LIGHTEST - _HEAVIEST) * torch.sigmoid(tails)
        return Outlook(mean, _heading(view.bands), log_squares, freedom, stretch)

    def forward(
        self, before: Tensor, measurement: Tensor, now: Tensor, frames: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Both in one graph, independent of each other, as the ONNX file has them.

        Returns
        -------
        after : (B, width)
            ``see(before, measurement)``.
        outlook : (B, 5)
            ``expect(view(now), frames)``: mean in x and y, variance of x, covariance, variance
            of y.
        """
        outlook = self.expect(self.view(now), frames)
        along, across = outlook.log_variances().exp().split(1, dim=1)
        x, y = outlook.heading.split(1, dim=1)
        covariance = [along * x * x + across * y * y, (along - across) * x * y]
        covariance.append(along * y * y + across * x * x)
        return self.see(before, measurement), torch.cat([outlook.mean, *covariance], dim=1)


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
