"""Association: crowds of detections in, speed and faithfulness of trackers out."""

from .associate import OBJECTS, run

__all__ = ["OBJECTS", "run"]
