"""What a learned predictor is shown of an object: its steps, without units and directions."""

import torch
from torch import Tensor, nn

_MEMORIES = (0.4, 1.5, 4.0, 10.0, 25.0, 60.0)
"""Frames over which the mean velocities of an object look back, fastest first. Chosen: from less
than one to about a training track, in steps of a factor of 2.5."""
BANDS = len(_MEMORIES)
"""Number of frequency bands of the velocity."""
_SHORT, _LONG = 4.0, 40.0
"""Frames over which the size of the steps is averaged. Chosen: what it does now, and usually."""
SHORTEST = 0.2
"""In frames: measurements that follow each other faster count as this far apart. Chosen: two of
one instant give no infinite velocity."""
_NOISE_RATE = 0.125
"""Share of the difference by which a measurement changes the mean stated noise: 8 of them."""
_PRIOR_STEPS = 0.25
"""Steps that the stated noise is worth in the size of the steps. Chosen: one step outweighs it."""
_LEAST_UM2 = 1e-10
"""Least variance, of 0.01 nm: nothing is divided by 0."""
_LEAST_SIZE = 1e-3
"""Least size of a band or of the noise, over that of the steps. Chosen: a guard."""
_MANY = 64.0
"""Measurements from which on an object counts as well known: the length of a training track."""
_BOUND = 6.0
"""Largest feature of either sign. Chosen: in training they are about one."""


class MotionFeatures(nn.Module):
    """Running means of the steps of objects, as a row of numbers for each.

    Time counts in frames. With a memory of m frames, the mean velocity is the ratio of the
    displacements to the times they took, both weighted by ``exp(-age / m)``. The differences
    of neighbours in this series of means are the *bands*: vectors in µm a frame that add up to
    the latest velocity. The features are their sizes and the angles between them: turning,
    mirroring, shifting or scaling a track does not change them.

    Attributes
    ----------
    width : int
        Numbers in a row. A row of zeros is an object that was never measured.
    count : int
        Number of features.
    """

    width = 3 * BANDS + 6
    count = BANDS * (BANDS + 1) // 2 + 4

    memories: Tensor
    weights: Tensor
    held: Tensor
    pairs: Tensor

    def __init__(self) -> None:
        super().__init__()
        memories = torch.tensor(_MEMORIES)
        self.register_buffer("memories", memories)
        self.register_buffer("weights", memories.clamp_min(1.0).sqrt())
        self.register_buffer("held", torch.exp(-1.0 / torch.tensor([_SHORT, _LONG])))
        self.register_buffer("pairs", torch.triu_indices(BANDS, BANDS, 1))

    def forward(self, row: Tensor, measurement: Tensor) -> Tensor:
        """Take in measurements, (B, 4); return the rows, (B, width), after them.

        The columns are the displacement in x and y since the last measurement in µm, the time
        since then in frames, and the stated variance of a position along an axis in µm².
        """
        step, frames, noise = measurement[:, :2], measurement[:, 2:3], measurement[:, 3:4]
        paths, times, squares, counts, stated, seen = self._parts(row)
        first = (seen < 0.5).to(row.dtype)
        noise = noise.clamp_min(_LEAST_UM2)
        took = frames.clamp_min(SHORTEST)
        kept = torch.exp(-took / self.memories)
        again = 1.0 - first
        steps = step[:, :, None].expand(-1, -1, BANDS).reshape(-1, 2 * BANDS)
        paths = again * (paths * torch.cat([kept, kept], dim=1) + steps)
        times = again * (times * kept + took)
        square = step.square().sum(1, keepdim=True) / (2 * took)
        squares = first * 2 * _PRIOR_STEPS * noise + again * (squares * self.held + square)
        counts = first * _PRIOR_STEPS + again * (counts * self.held + 1.0)
        stated = first * noise + again * (stated + _NOISE_RATE * (noise - stated))
        return torch.cat([paths, times, squares, counts, stated, seen + 1.0], dim=1)

    def bands(self, row: Tensor) -> Tensor:
        """Vectors in µm a frame, fastest first, (B, 2, BANDS)."""
        paths, times, *_ = self._parts(row)
        velocities = paths.reshape(-1, 2, BANDS) / times.clamp_min(SHORTEST)[:, None]
        slower = torch.cat([velocities[:, :, 1:], torch.zeros_like(velocities[:, :, :1])], dim=2)
        return velocities - slower

    def scale(self, row: Tensor) -> Tensor:
        """Size of the steps along an axis in µm, (B, 1)."""
        _, _, squares, counts, *_ = self._parts(row)
        mean_um2 = squares[:, 1:] / counts[:, 1:].clamp_min(_PRIOR_STEPS / 2)
        return mean_um2.clamp_min(_LEAST_UM2).sqrt()

    def features(self, row: Tensor) -> Tensor:
        """Features of the objects of rows, (B, count).

        The sizes of the bands and of the noise over that of the steps are logarithms: of two
        objects that go straight on, one may turn a thousandth of a step and one a tenth, and
        that is all that tells how each can be predicted. The angles between bands are cosines.
        """
        _, _, squares, counts, stated, seen = self._parts(row)
        scale = self.scale(row)
        bands = self.bands(row) * (self.weights / scale)[:, None]
        sizes = bands.square().sum(1).clamp_min(_LEAST_SIZE**2).sqrt()
        units = bands / sizes[:, None]
        cosines = (units[:, :, self.pairs[0]] * units[:, :, self.pairs[1]]).sum(1)
        short = (squares[:, :1] / counts[:, :1]).clamp_min(_LEAST_UM2).sqrt()
        seen = seen.clamp(1.0, _MANY)
        rest = [
            (stated.sqrt() / scale).clamp_min(_LEAST_SIZE).log(),
            (short / scale).clamp_min(_LEAST_SIZE).log(),
            seen.log() / 2 - 1.0,
            1.0 / seen,
        ]
        return torch.cat([sizes.log() / 1.5, cosines, *rest], dim=1).clamp(-_BOUND, _BOUND)

    def _parts(self, row: Tensor) -> tuple[Tensor, ...]:
        return row.split([2 * BANDS, BANDS, 2, 2, 1, 1], 1)
