"""What travels between the packages and over the wire: frozen, typed, units in the names.

A microscope says what it is (`Description`), yields `Frame` objects and tells the rest in a
`Report`; a controller answers with a `Move`.
"""

from __future__ import annotations

from .description import Description, Dynamics
from .frame import Frame, Image, StagePose
from .message import SCHEMA, Message, pack
from .move import Move
from .reports import Fault, Issued, PoseRead, Report, Truth
from .restrictions import Area, Circle, Point, Polygon, Restrictions

__all__ = [
    "SCHEMA",
    "Area",
    "Circle",
    "Description",
    "Dynamics",
    "Fault",
    "Frame",
    "Image",
    "Issued",
    "Message",
    "Move",
    "Point",
    "Polygon",
    "PoseRead",
    "Report",
    "Restrictions",
    "StagePose",
    "Truth",
    "pack",
]
