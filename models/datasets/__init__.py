"""Annotated images and tracks: read, split and judged on.

In: folders and files of others. Out: samples, tracks, scores.
"""

from .annotated_movies import AnnotatedMovie, AnnotatedTrack, check_tracks, read_annotated_movies
from .augment import AugmentationSettings, Augmented
from .average_precision import evaluate
from .dataset import Dataset, Sample, read_dataset
from .focus_series import (
    FocusSeries,
    check_sign,
    greatest_defocus_um,
    joined_windows,
    measure_defocus,
    split_series,
    stack_windows,
)
from .label_images import read_label_image
from .track_files import Tracks, read_tracks
from .training_tracks import TrackBatch, TrainingTracks, draw_batch, to_training_tracks

__all__ = [
    "AnnotatedMovie",
    "AnnotatedTrack",
    "AugmentationSettings",
    "Augmented",
    "Dataset",
    "FocusSeries",
    "Sample",
    "TrackBatch",
    "Tracks",
    "TrainingTracks",
    "check_sign",
    "check_tracks",
    "draw_batch",
    "evaluate",
    "greatest_defocus_um",
    "joined_windows",
    "measure_defocus",
    "read_annotated_movies",
    "read_dataset",
    "read_label_image",
    "read_tracks",
    "split_series",
    "stack_windows",
    "to_training_tracks",
]
