"""What can be said about following by a template."""

from typing import Annotated

import msgspec
from msgspec import Meta


class TemplateOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to follow.

    Other Parameters
    ----------------
    diameter_px : float, optional
        Size of the object; found in the first image if not given.
    point_px : (x, y), optional
        Where the object is in the first image; in the middle if not given.
    learn : float
        Share of the template's memory that each image with a high score renews; 0 keeps the
        first template.
    least_score : float
        Score below which the object counts as gone.
    """

    diameter_px: Annotated[float, Meta(ge=3)] | None = None
    point_px: tuple[float, float] | None = None
    learn: Annotated[float, Meta(ge=0, le=1)] = 0.3
    least_score: Annotated[float, Meta(ge=0, le=1)] = 0.2
