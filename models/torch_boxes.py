"""Areas of boxes and of what they share, in torch; boxes are left, top, right, bottom."""

import torch
from torch import Tensor


def shared_and_joint_areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Areas of intersection and union of boxes (..., 4) with boxes (..., 4).

    A box that is inside out has no area. Temporary arrays are reused, as there may be millions
    of pairs.
    """
    sides = torch.minimum(a[..., 2:], b[..., 2:])
    sides = sides.sub_(torch.maximum(a[..., :2], b[..., :2])).clamp_(min=0)
    shared = sides[..., 0] * sides[..., 1]
    area_a, area_b = ((boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) for boxes in (a, b))
    return shared, area_a + area_b - shared
