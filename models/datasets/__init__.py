"""Annotated images and tracks: read, split and judged on.

In: folders and files of others. Out: samples, tracks, scores.
"""

from __future__ import annotations

from .dataset import Dataset, Sample
from .defocus_stack import Seen, check_sign, joined, reach_um, seen_at, split, stack_windows
from .evaluation import evaluate
from .motions import Lesson, Motions, draw_lesson, given_motions
from .readers import read_dataset
from .track_files import Tracks, read_tracks

__all__ = [
    "Dataset",
    "Lesson",
    "Motions",
    "Sample",
    "Seen",
    "Tracks",
    "check_sign",
    "draw_lesson",
    "evaluate",
    "given_motions",
    "joined",
    "reach_um",
    "read_dataset",
    "read_tracks",
    "seen_at",
    "split",
    "stack_windows",
]
