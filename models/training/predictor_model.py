"""The networks that predict motion: a memory of summaries, and a head for any horizon."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from .predictor_strides import BANDS, Strides

FARTHEST = 32.0
"""Frames to which the networks are trained to look ahead."""

_HEAD = 48
_LEAST_LOG, _MOST_LOG = -14.0, 14.0
_HEAVIEST, _LIGHTEST = 2.5, 40.0
"""Degrees of freedom of the law of an error; with the last it is all but Gaussian."""
_OUTSIDE = 0.05
WITHIN_95 = -2 * math.log(_OUTSIDE)
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
    """

    mean: Tensor
    heading: Tensor
    log_squares: Tensor
    freedom: Tensor

    def log_variances(self) -> Tensor:
        """Of the Gaussian whose 95 % ellipse holds 95 % of this law, (B, 2).

        In two dimensions a misfit exceeds ``q`` with the probability ``(1 + q / f) ** (-f / 2)``.
        """
        held = self.freedom * (torch.exp(-2 * math.log(_OUTSIDE) / self.freedom) - 1.0)
        return self.log_squares + (held / WITHIN_95).log()


class Memory(Protocol):
    """What becomes of the summaries of an object: a row of numbers, ``width`` of them.

    The first ``hidden`` of them are what the head sees.
    """

    width: int
    hidden: int

    def __call__(self, row: Tensor, summary: Tensor) -> Tensor:
        """Take in summaries, (B, F), and return the rows, (B, width), after them."""
        ...


class LstmMemory(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9:1735, 1997)."""

    def __init__(self, summary: int, hidden: int) -> None:
        super().__init__()
        self.hidden, self.width = hidden, 2 * hidden
        self.gates = nn.Linear(summary + hidden, 4 * hidden)
        with torch.no_grad():
            self.gates.bias[hidden : 2 * hidden] += 2.0

    def forward(self, row: Tensor, summary: Tensor) -> Tensor:
        """Take in summaries."""
        out, cell = row.split(self.hidden, dim=1)
        take, keep, show, new = self.gates(torch.cat([summary, out], dim=1)).chunk(4, dim=1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(take) * torch.tanh(new)
        return torch.cat([torch.sigmoid(show) * torch.tanh(cell), cell], dim=1)


class GruMemory(nn.Module):
    """Gated recurrent unit (Cho et al., EMNLP 2014, arXiv:1406.1078)."""

    def __init__(self, summary: int, hidden: int) -> None:
        super().__init__()
        self.hidden = self.width = hidden
        self.gates = nn.Linear(summary + hidden, 2 * hidden)
        self.new = nn.Linear(summary + hidden, hidden)

    def forward(self, row: Tensor, summary: Tensor) -> Tensor:
        """Take in summaries."""
        gates = torch.sigmoid(self.gates(torch.cat([summary, row], dim=1)))
        keep, show = gates.chunk(2, dim=1)
        new = torch.tanh(self.new(torch.cat([summary, show * row], dim=1)))
        return keep * row + (1.0 - keep) * new


class TcnMemory(nn.Module):
    """Temporal convolutions, dilated and causal (Bai et al., arXiv:1803.01271, 2018).

    Every layer keeps its past inputs in the row and looks at now and ``dilation`` sightings
    ago, so that a sighting costs one column of every layer.
    """

    _DILATIONS = (1, 2, 4, 8)

    def __init__(self, summary: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.width = hidden * (1 + sum(self._DILATIONS))
        self.first = nn.Linear(summary, hidden)
        self.layers = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in self._DILATIONS)

    def forward(self, row: Tensor, summary: Tensor) -> Tensor:
        """Take in summaries."""
        _, *pasts = row.split([self.hidden, *(self.hidden * d for d in self._DILATIONS)], dim=1)
        value, kept = torch.tanh(self.first(summary)), []
        for layer, past in zip(self.layers, pasts, strict=True):
            ago = past[:, : self.hidden]
            kept.append(torch.cat([past[:, self.hidden :], value], dim=1))
            value = value + torch.relu(layer(torch.cat([value, ago], dim=1)))
        return torch.cat([value, *kept], dim=1)


ARCHITECTURES: dict[str, type[LstmMemory] | type[GruMemory] | type[TcnMemory]] = {
    "lstm": LstmMemory,
    "gru": GruMemory,
    "tcn": TcnMemory,
}


class PredictorModel(nn.Module):
    """A predictor as a network: what one sighting changes, and where the object will be.

    An object is a row of numbers, (width,): its strides and its memory; zeros before it was
    first seen. The mean displacement is a sum of the bands of its velocity with shares that
    the network says: a gate from 0 to 1 times the horizon, and a shift. So it turns and scales
    with the track, and going straight on is a matter of open gates. The spread differs along
    and across the latest velocity.

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
        self.memory = ARCHITECTURES[architecture](Strides.summary, hidden)
        self.width = Strides.width + self.memory.width
        self.head = nn.Sequential(
            nn.Linear(hidden + 3, _HEAD),
            nn.SiLU(),
            nn.Linear(_HEAD, _HEAD),
            nn.SiLU(),
            nn.Linear(_HEAD, 2 * BANDS + 3),
        )

    def see(self, row: Tensor, sighting: Tensor) -> Tensor:
        """Take in sightings, (B, 4), as `Strides.forward`; return the rows after them."""
        strides, memory = row.split([Strides.width, self.memory.width], dim=1)
        strides = self.strides(strides, sighting)
        summary = self.strides.summarise(strides, sighting)
        return torch.cat([strides, self.memory(memory, summary)], dim=1)

    def watch(self, sightings: Tensor) -> Tensor:
        """Take in whole tracks, (L, B, 4), from their first sightings; return all rows."""
        length, batch, _ = sightings.shape
        strides, rows = sightings.new_zeros(batch, Strides.width), []
        with torch.no_grad():
            for sighting in sightings:
                strides = self.strides(strides, sighting)
                rows.append(strides)
            walked = torch.stack(rows)
            flat = walked.reshape(length * batch, -1)
            summaries = self.strides.summarise(flat, sightings.reshape(length * batch, -1))
        memory, memories = sightings.new_zeros(batch, self.memory.width), []
        for summary in summaries.reshape(length, batch, -1):
            memory = self.memory(memory, summary)
            memories.append(memory)
        return torch.cat([walked, torch.stack(memories)], dim=2)

    def expect(self, row: Tensor, frames: Tensor) -> Outlook:
        """Say where objects will be some frames, (B, 1), after they were last seen."""
        strides, shown = row[:, : Strides.width], row[:, Strides.width :][:, : self.memory.hidden]
        within = frames.clamp(0.0, FARTHEST)
        ahead = torch.cat([torch.log1p(within), within / 8, torch.rsqrt(1.0 + within)], dim=1)
        answer = self.head(torch.cat([shown, ahead], dim=1))
        gates, shifts, spreads, tails = answer.split([BANDS, BANDS, 2, 1], dim=1)
        bands = self.strides.bands(strides)
        shares = within * torch.sigmoid(gates) + shifts
        mean = (bands * shares[:, None]).sum(2)
        beyond = 2 * torch.log(frames.clamp_min(FARTHEST) / FARTHEST)
        size = 2 * (self.strides.scale(strides) * (1.0 + within)).log()
        log_squares = size + beyond + spreads.clamp(_LEAST_LOG, _MOST_LOG)
        freedom = _HEAVIEST + (_LIGHTEST - _HEAVIEST) * torch.sigmoid(tails)
        return Outlook(mean, _heading(bands), log_squares, freedom)

    def forward(
        self, before: Tensor, sighting: Tensor, now: Tensor, frames: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Both in one graph, independent of each other, as the ONNX file has them.

        Returns
        -------
        after : (B, width)
            ``see(before, sighting)``.
        outlook : (B, 5)
            ``expect(now, frames)``: mean in x and y, variance of x, covariance, variance of y.
        """
        outlook = self.expect(now, frames)
        along, across = outlook.log_variances().exp().split(1, dim=1)
        x, y = outlook.heading.split(1, dim=1)
        covariance = [along * x * x + across * y * y, (along - across) * x * y]
        covariance.append(along * y * y + across * x * x)
        return self.see(before, sighting), torch.cat([outlook.mean, *covariance], dim=1)


def _heading(bands: Tensor) -> Tensor:
    """Directions of the velocity without its fastest band; (1, 0) where it stands still."""
    velocity = bands[:, :, 1:].sum(2)
    square = velocity.square().sum(1, keepdim=True)
    still = (square < 1e-20).to(velocity.dtype)
    aside = torch.cat([still, torch.zeros_like(still)], dim=1)
    return velocity * (1.0 - still) * torch.rsqrt(square + still) + aside
