"""Movies whose objects are cut out of real stills: moved, turned, overlapping, dividing.

Where each object is, is known exactly. What moves is real texture; how it moves is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ....models.arrays import Floats, Image
from ....models.datasets import AnnotatedMovie, AnnotatedTrack, Dataset, Sample, read_dataset
from ....models.errors import ModelError
from ....models.images import Recording
from .cutouts import Cutout, FloatImage, Still, take_apart

_HELD_BACK = 0.2
"""Share of the stills on which nothing was trained, as in `pursuit train`."""
FRAMES = 30
"""Of a movie. Chosen: ten times what first moves take."""
_MOVIES, _OBJECTS, _FEWEST = 10, 8, 5
"""Most movies of a data set, most objects in each, and fewest: some are shown twice then."""
_SPEED = (0.03, 0.25)
"""Least and greatest step from frame to frame, in sizes of the object. Chosen: from hardly moving
to what can just be told by overlap."""
_KEPT = 0.8
"""Share of a velocity that is kept from frame to frame."""
_TURN = 0.1
"""Standard deviation of the turn from frame to frame, rad."""
_STRETCH = 0.1
"""By how much the sides of an object change, one against the other."""
_APART = 1.1
"""Least distance of two objects at first, in their sizes, if there is room. Chosen: nobody points
at what lies hidden under another; they meet later."""
_TRIES = 50
"""Places that are tried for that."""
_SMALLER = 2**-0.5
"""Sides of a daughter over those of her mother: half of the area."""
_PARTING = 0.12
"""How fast daughters part, in sizes a frame."""


@dataclass(slots=True, eq=False)
class _Body:
    """One object on its way."""

    cutout: Cutout
    at: Floats
    velocity: Floats
    angle: float
    scale: float
    phase: float
    born: int = 0
    places: list[tuple[float, float, float]] = field(default_factory=list)
    first_points: Floats = field(default_factory=lambda: np.empty((2, 0)))

    @property
    def size_px(self) -> float:
        return math.sqrt(self.cutout.mask.size) * self.scale


def textured_movies(folder: Path) -> list[AnnotatedMovie]:
    """Make movies of annotated stills, of those that training holds back.

    Raises
    ------
    ModelError
        If the folder has none, or no object stands alone.
    """
    dataset = read_dataset(folder)
    _, held_back = dataset.split(_HELD_BACK)
    movies = []
    for seed, sample in enumerate(_spread(held_back)):
        still = take_apart(sample, folder)
        if len(still.cutouts) >= 2:
            name = f"{folder.resolve().name}/{sample.group}"
            movies.append(_movie(name, still, np.random.default_rng(seed)))
        if len(movies) == _MOVIES:
            break
    if not movies:
        raise ModelError(f"the stills in {folder} have no objects that stand alone")
    return movies


def _spread(dataset: Dataset) -> list[Sample]:
    """Samples of different groups, in an order that is the same everywhere."""
    return list({sample.group: sample for sample in dataset.samples}.values())


def _movie(name: str, still: Still, rng: np.random.Generator) -> AnnotatedMovie:
    height, width = still.background.shape
    chosen = rng.permutation(len(still.cutouts))[:_OBJECTS].tolist()
    while len(chosen) < _FEWEST:
        chosen.append(int(rng.integers(len(still.cutouts))))
    bodies: list[_Body] = []
    for i in chosen:
        bodies.append(_begin(still.cutouts[i], bodies, (width, height), rng))
        if len(bodies) == 2:
            _meet(bodies)
    dividing = bodies[-1] if len(bodies) > 2 else None
    ended: list[_Body] = []
    frames = []
    top = 255 if still.background.max() < 256 else 65535
    for frame in range(FRAMES):
        if dividing is not None and frame == FRAMES // 2:
            bodies.remove(dividing)
            ended.append(dividing)
            bodies += _daughters(dividing, frame, rng)
        frames.append(_draw(still, bodies, top, rng))
        for body in bodies:
            _advance(body, (width, height), rng)
    recording = Recording(Path(name), np.stack(frames), 1.0, 1.0, None, ())
    tracks = tuple(_track(body, rng) for body in [*bodies, *ended])
    return AnnotatedMovie(name, recording, tracks)


def _begin(
    cutout: Cutout, others: list[_Body], sides: tuple[int, int], rng: np.random.Generator
) -> _Body:
    size_px = math.sqrt(cutout.mask.size)
    speed = size_px * math.exp(rng.uniform(*np.log(_SPEED)))
    heading = rng.uniform(0, 2 * math.pi)
    places = rng.uniform(0.2, 0.8, (_TRIES, 2)) * sides
    gaps = _gaps(places, size_px, others)
    at = places[np.flatnonzero(gaps >= min(_APART, gaps.max()))[0]]
    velocity = speed * np.array([math.cos(heading), math.sin(heading)])
    return _Body(cutout, at, velocity, rng.uniform(0, 2 * math.pi), 1.0, rng.uniform(0, 6.3))


def _gaps(places: Floats, size_px: float, others: list[_Body]) -> Floats:
    """Distance (N,) from places to the nearest other object, in mean sizes of the two."""
    gaps = np.full(len(places), np.inf)
    for other in others:
        away = np.hypot(*(places - other.at).T) / ((size_px + other.size_px) / 2)
        gaps = np.minimum(gaps, away)
    return gaps


def _meet(bodies: list[_Body]) -> None:
    """Send the first two to the same place for the middle of the movie."""
    one, other = bodies[:2]
    middle = (one.at + other.at) / 2
    for body in (one, other):
        steps = FRAMES / 2
        slow = 0.3 * body.size_px * steps
        way = body.at - middle
        body.at = middle + way * min(1.0, slow / max(float(np.hypot(*way)), 1e-9))
        body.velocity = (middle - body.at) / steps


def _daughters(mother: _Body, frame: int, rng: np.random.Generator) -> list[_Body]:
    along = np.array([math.cos(mother.angle), math.sin(mother.angle)])
    speed = _PARTING * mother.size_px
    return [
        _Body(
            mother.cutout,
            mother.at + side * along * mother.size_px / 4,
            side * along * speed,
            mother.angle + rng.uniform(-0.5, 0.5),
            _SMALLER,
            mother.phase,
            frame,
        )
        for side in (-1, 1)
    ]


def _advance(body: _Body, sides: tuple[int, int], rng: np.random.Generator) -> None:
    """Go on by a frame: a persistent random walk of constant mean speed that turns at the edge."""
    speed = float(np.hypot(*body.velocity))
    kick = rng.normal(0, speed * math.sqrt((1 - _KEPT**2) / 2), 2)
    body.velocity = _KEPT * body.velocity + kick
    body.velocity *= speed / max(float(np.hypot(*body.velocity)), 1e-9)
    body.at = body.at + body.velocity
    for axis in (0, 1):
        low, high = body.size_px, sides[axis] - 1 - body.size_px
        if not low <= body.at[axis] <= high:
            body.velocity[axis] = abs(body.velocity[axis]) * (1 if body.at[axis] < low else -1)
    body.angle += rng.normal(0, _TURN)
    body.phase += 0.3


def _draw(still: Still, bodies: list[_Body], top: int, rng: np.random.Generator) -> Image:
    """Draw all on the background, the later ones over the others; note where each is."""
    canvas = still.background.copy()
    light, share = np.zeros_like(canvas), np.zeros_like(canvas)
    size = canvas.shape[::-1]
    for body in bodies:
        matrix = _matrix(body)
        bright = cv2.warpAffine(body.cutout.light, matrix, size, flags=cv2.INTER_LINEAR)
        opaque = cv2.warpAffine(body.cutout.share, matrix, size, flags=cv2.INTER_LINEAR)
        light = light * (1 - opaque) + bright
        share = np.maximum(share, opaque)
        points = _points(body, matrix)
        if not body.places:
            body.first_points = points
        body.places.append(_place(points))
    canvas += light + rng.normal(0, max(still.noise, 0.5), canvas.shape).astype(np.float32)
    grey = np.clip(np.round(canvas), 0, top)
    return grey.astype(np.uint8) if top == 255 else grey.astype(np.uint16)


def _matrix(body: _Body) -> FloatImage:
    """From the pixels of a cutout to those of the movie: (2, 3)."""
    height, width = body.cutout.mask.shape
    stretch = _STRETCH * math.sin(body.phase)
    sides = np.diag([1 + stretch, 1 / (1 + stretch)]) * body.scale
    cos, sin = math.cos(body.angle), math.sin(body.angle)
    turn = np.array([[cos, -sin], [sin, cos]]) @ sides
    middle = np.array([width - 1, height - 1]) / 2
    return np.column_stack([turn, body.at - turn @ middle]).astype(np.float32)


def _points(body: _Body, matrix: FloatImage) -> Floats:
    """Where its pixels are drawn, (2, N)."""
    rows, columns = np.nonzero(body.cutout.mask)
    points = matrix[:, :2] @ np.stack([columns, rows]) + matrix[:, 2:]
    return points.astype(np.float64)


def _place(points: Floats) -> tuple[float, float, float]:
    """Centroid, and root of the area of the box, of what is drawn at points (2, N)."""
    width, height = np.ptp(points, axis=1) + 1
    x, y = points.mean(axis=1)
    return float(x), float(y), float(math.sqrt(width * height))


def _track(body: _Body, rng: np.random.Generator) -> AnnotatedTrack:
    places: Any = np.array(body.places)
    frames = body.born + np.arange(len(places))
    anywhere = body.first_points[:, rng.integers(body.first_points.shape[1])]
    return AnnotatedTrack(frames, places[:, :2], places[:, 2], anywhere)
