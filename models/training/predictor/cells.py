"""Recurrent cells of the networks: LSTM, GRU, or causal convolutions.

The state of a cell is a row of ``width`` numbers for each object, (B, width); the first ``hidden``
of them are its output. Called with rows and inputs, (B, F), it returns the rows after them.
"""

import torch
from torch import Tensor, nn


class LstmCell(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9:1735, 1997)."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden, self.width = hidden, 2 * hidden
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)
        with torch.no_grad():
            self.gates.bias[hidden : 2 * hidden] += 2.0  # remember, until training says otherwise

    def forward(self, row: Tensor, inputs: Tensor) -> Tensor:
        """Take in inputs."""
        out, cell = row.split(self.hidden, dim=1)
        take, keep, show, new = self.gates(torch.cat([inputs, out], dim=1)).chunk(4, dim=1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(take) * torch.tanh(new)
        return torch.cat([torch.sigmoid(show) * torch.tanh(cell), cell], dim=1)


class GruCell(nn.Module):
    """Gated recurrent unit (Cho et al., EMNLP 2014, arXiv:1406.1078)."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = self.width = hidden
        self.gates = nn.Linear(inputs + hidden, 2 * hidden)
        self.new = nn.Linear(inputs + hidden, hidden)

    def forward(self, row: Tensor, inputs: Tensor) -> Tensor:
        """Take in inputs."""
        gates = torch.sigmoid(self.gates(torch.cat([inputs, row], dim=1)))
        keep, show = gates.chunk(2, dim=1)
        new = torch.tanh(self.new(torch.cat([inputs, show * row], dim=1)))
        return keep * row + (1.0 - keep) * new


class TcnCell(nn.Module):
    """Temporal convolutions, dilated and causal (Bai et al., arXiv:1803.01271, 2018).

    Every layer keeps its past inputs in the row and combines the newest with that ``dilation``
    measurements ago, so that a measurement costs one column of every layer.
    """

    _DILATIONS = (1, 2, 4, 8)
    """Together they look back over 16 measurements, doubling as in the paper."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.width = hidden * (1 + sum(self._DILATIONS))
        self.first = nn.Linear(inputs, hidden)
        self.layers = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in self._DILATIONS)

    def forward(self, row: Tensor, inputs: Tensor) -> Tensor:
        """Take in inputs."""
        _, *pasts = row.split([self.hidden, *(self.hidden * d for d in self._DILATIONS)], dim=1)
        value, kept = torch.tanh(self.first(inputs)), []
        for layer, past in zip(self.layers, pasts, strict=True):
            ago = past[:, : self.hidden]
            kept.append(torch.cat([past[:, self.hidden :], value], dim=1))
            value = value + torch.relu(layer(torch.cat([value, ago], dim=1)))
        return torch.cat([value, *kept], dim=1)


ARCHITECTURES = {"lstm": LstmCell, "gru": GruCell, "tcn": TcnCell}
