"""What a network remembers of an object: long short-term, gated, or in convolutions."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


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

    Every layer keeps its past inputs in the row and looks at now and ``dilation`` measurements
    ago, so that a measurement costs one column of every layer.
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
