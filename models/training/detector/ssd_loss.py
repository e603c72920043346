"""Loss of the single-shot detector, and its assignment of default boxes to objects."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...torch_boxes import shared_and_joint_areas
from .batch import Batch
from .ssd_boxes import LEVELS
from .ssd_model import HeadOutputs

ASSIGNED = 10
"""Default boxes that learn each object, at most, as in ultralytics' task-aligned assignment."""
BOX_WEIGHT = 2.0
"""Weight of the errors of boxes against those of scores (chosen)."""


class Match(NamedTuple):
    """Default boxes assigned to objects, P pairs.

    Attributes
    ----------
    slots : (P,) int64
        Index into all default boxes of the batch, picture by picture.
    objects : (P,) int64
        Index into all objects of the batch.
    quality : (P,)
        Score to be learned, 0 to 1: the best default box of an object gets the overlap of its
        box, the others less.
    """

    slots: Tensor
    objects: Tensor
    quality: Tensor


def ssd_loss(outputs: HeadOutputs, batch: Batch) -> Tensor:
    """Loss of the outputs for a batch.

    Scores learn the overlap of their own boxes (quality focal loss, Li et al. 2020), boxes the
    complete overlap (Zheng et al. 2020), both relative to the summed quality.
    """
    logits = outputs.logits.float().flatten(0, 1)
    objects, classes = torch.cat(batch.boxes), torch.cat(batch.classes)
    match = match_boxes(outputs, batch)
    target = torch.zeros_like(logits)
    target[match.slots, classes[match.objects]] = match.quality
    focus = (target - logits.detach().sigmoid()).square()
    wrong = functional.binary_cross_entropy_with_logits(logits, target, focus, reduction="sum")
    overlap = complete_overlap(outputs.boxes.flatten(0, 1)[match.slots], objects[match.objects])
    misfit = ((1 - overlap) * match.quality).sum()
    return (wrong + BOX_WEIGHT * misfit) / match.quality.sum().clamp(min=1.0)


@torch.no_grad()
def match_boxes(outputs: HeadOutputs, batch: Batch) -> Match:
    """Assign default boxes to each object.

    Of the default boxes in the 3 × 3 cells around its centre on every level an object gets the
    ``ASSIGNED`` that now do best, by score and by the overlap of their output box (task-aligned
    assignment, Feng et al. 2021): at first the default boxes most like it. A default box that
    several want goes to the one it does best for.
    """
    pictures, total = outputs.boxes.shape[:2]
    boxes, classes = torch.cat(batch.boxes), torch.cat(batch.classes)
    near, inside = candidates(boxes, batch.images.shape[2], batch.images.shape[3])
    slots = near + batch.pictures[:, None] * total
    found = outputs.boxes.flatten(0, 1)[slots]
    fit = complete_overlap(found, boxes[:, None]).clamp(min=0) * inside
    score = outputs.logits.flatten(0, 1)[slots, classes[:, None]].float().sigmoid()
    merit, chosen = (score.sqrt() * fit.pow(4)).topk(ASSIGNED, dim=1)
    quality = merit / merit[:, :1].clamp(min=1e-12) * fit.amax(1, keepdim=True)
    objects = torch.arange(len(boxes), device=boxes.device)[:, None].expand_as(chosen)
    good = merit > 0
    match = Match(slots.gather(1, chosen)[good], objects[good], quality[good])
    return _settled(match, merit[good], pictures * total)


def _settled(match: Match, merit: Tensor, slots: int) -> Match:
    """Give every default box to the object it does best for."""
    most = torch.zeros(slots, device=merit.device)
    most.scatter_reduce_(0, match.slots, merit, "amax")
    keep = merit >= most[match.slots]
    return Match(match.slots[keep], match.objects[keep], match.quality[keep])


def candidates(boxes: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return default boxes of the cells around the centres of objects (G, 4).

    They are indices, (G, K), in the order of the network's outputs: levels one after another,
    in each the cells row by row, in each the boxes in the order of its shapes. Beside them,
    (G, K), what is False where a cell lies outside the picture and its index is meaningless.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    steps = torch.tensor([-1, 0, 1], device=boxes.device)
    near, inside, first = [], [], 0
    for level in LEVELS:
        rows, columns, count = height // level.stride, width // level.stride, level.boxes_per_cell
        cell = (centres / level.stride).floor().long()
        x = (cell[:, 0, None, None] + steps[None, None, :]).expand(-1, 3, 3)
        y = (cell[:, 1, None, None] + steps[None, :, None]).expand(-1, 3, 3)
        valid = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        start = first + torch.where(valid, y * columns + x, 0) * count
        within = torch.arange(count, device=boxes.device)
        near.append((start[..., None] + within).flatten(1))
        inside.append(valid[..., None].expand(-1, -1, -1, count).flatten(1))
        first += rows * columns * count
    return torch.cat(near, 1), torch.cat(inside, 1)


def complete_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Complete intersection over union of boxes (..., 4), -1.5 to 1 (Zheng et al. 2020, CIoU).

    The plain one less the squared distance of the centres, relative to the diagonal of both
    together, and less a term for the ratio of the sides.
    """
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    shared, joint = shared_and_joint_areas(a, b)
    overlap = shared / (joint + 1e-6)
    around = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2).square().sum(-1)
    lean = torch.atan2(size_a[..., 0], size_a[..., 1]) - torch.atan2(size_b[..., 0], size_b[..., 1])
    ratio = 4 / math.pi**2 * lean.square()
    with torch.no_grad():
        weight = ratio / (1 - overlap + ratio + 1e-6)
    return overlap - apart / (around.square().sum(-1) + 1e-6) - weight * ratio
