"""The classical detector: spots, blobs and bodies of about a given size, untrained.

In: an image. Out: centres, sizes and how they stand out.
"""

from .blobs import HALF_SCORE_SNR, BlobOptions, Blobs
from .bodies import above_background
from .search import SearchCriteria

__all__ = ["HALF_SCORE_SNR", "BlobOptions", "Blobs", "SearchCriteria", "above_background"]
