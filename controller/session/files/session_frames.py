"""The frames of a session: of its stream, of a box around the target, of each acquisition."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from msgspec.structs import replace

from ....drivers.clock import NS_PER_S
from ....drivers.messages import Description, Frame, Image, Truth
from ...configuration import RecordingSettings
from ...decisions import Decision
from ...tracking import FieldGeometry
from .frames import FrameFiles, OpenStream
from .tables import Seconds


class SessionFrames:
    """Writes what is to be kept of the stream in a folder, and each acquisition in one below.

    Parameters
    ----------
    folder, description, seconds, open_stream
        As for `FrameFiles`.
    settings : RecordingSettings
        What is to be kept of the stream.
    """

    def __init__(
        self,
        folder: Path,
        description: Description,
        seconds: Seconds,
        open_stream: OpenStream,
        settings: RecordingSettings,
    ) -> None:
        self._folder = folder
        self._open = partial(FrameFiles, seconds=seconds, open_stream=open_stream)
        self._description = description
        self._stream = self._open(folder, description)
        self._target = None
        if settings.keep == "target":
            box = TargetBox(description, settings.box_px)
            self._target = _TargetFrames(folder, description, box, self._open)
        self._field_every_ns = round(settings.field_every_s * NS_PER_S)
        self._next_field_ns = 0
        self._with_field = True
        self._acquired: FrameFiles | None = None
        self._acquisition = 0

    def append(self, frame: Frame) -> None:
        """Write what is to be kept of a frame; errors as `FrameFiles.append`."""
        if frame.acquisition:
            self._acquisition_files(frame).append(frame.image)
            return
        if self._target:
            self._target.append(frame)
            self._with_field = frame.exposed_ns >= self._next_field_ns
        if self._with_field:
            self._next_field_ns = frame.exposed_ns + self._field_every_ns
            self._stream.append(frame.image)

    def add_row(self, frame: Frame) -> None:
        """Write the row of the frame that was appended last."""
        if frame.acquisition:
            self._acquisition_files(frame).add_row(frame)
            return
        if self._target:
            self._target.add_row(frame)
        if self._with_field:
            self._stream.add_row(frame)

    def add_truth(self, truth: Truth) -> None:
        """Complete the row of a frame of the stream."""
        self._stream.add_truth(truth)
        if self._target:
            self._target.files.add_truth(truth)

    def decision(self, decision: Decision) -> None:
        """Learn from a decision where the target is."""
        if self._target:
            self._target.box.see(decision)

    @property
    def pending(self) -> int:
        """Frames of the stream that were taken, but whose pixels are not on the disk."""
        return (self._target.files if self._target else self._stream).pending

    def close(self) -> None:
        """Bring everything to the disk; errors as `FrameFiles.close`."""
        try:
            self._close_acquisition()
        finally:
            try:
                if self._target:
                    self._target.files.close()
            finally:
                self._stream.close()

    def _acquisition_files(self, frame: Frame) -> FrameFiles:
        if self._acquired is None or frame.acquisition != self._acquisition:
            self._close_acquisition()
            folder = self._folder / f"acquisition_{frame.acquisition:03}"
            self._acquired = self._open(folder, self._description)
            self._acquisition = frame.acquisition
        return self._acquired

    def _close_acquisition(self) -> None:
        acquired, self._acquired = self._acquired, None
        if acquired is not None:
            acquired.close()


class TargetBox:
    """Cuts a box around the target out of frames: where it was known to be last.

    Before there is one, around the middle of the field.

    Parameters
    ----------
    description : Description
    box_px : int
        Width and height; those of the field where that is smaller.

    Attributes
    ----------
    size_px : (width, height)
    """

    def __init__(self, description: Description, box_px: int) -> None:
        self._geometry = FieldGeometry(description)
        self._field_px = description.width_px, description.height_px
        self.size_px = min(box_px, self._field_px[0]), min(box_px, self._field_px[1])
        self._target_um: tuple[float, float] | None = None

    def see(self, decision: Decision) -> None:
        """Learn from a decision where the target is: where it was seen, else where it should be."""
        tracks = {point.id: (point.x_um, point.y_um) for point in decision.tracks}
        if decision.target is not None:
            at_um = decision.seen_um or tracks.get(decision.target)
            self._target_um = at_um or self._target_um

    def cut(self, frame: Frame) -> tuple[Image, int, int]:
        """Return the box, (height, width) and a view, and its left and upper edge in the frame."""
        stage_um = frame.pose.x_um, frame.pose.y_um
        at_px = self._geometry.pixel_from(self._target_um or stage_um, stage_um)
        left, top = (
            min(max(round(middle - (size - 1) / 2), 0), field - size)
            for middle, size, field in zip(at_px, self.size_px, self._field_px, strict=True)
        )
        width, height = self.size_px
        return frame.image[top : top + height, left : left + width], left, top


class _TargetFrames:
    """The box around the target in every frame, in ``target.ome.zarr`` and ``target.csv``."""

    def __init__(
        self,
        folder: Path,
        description: Description,
        box: TargetBox,
        open_files: partial[FrameFiles],
    ) -> None:
        self.box = box
        width, height = box.size_px
        about = replace(description, width_px=width, height_px=height)
        self.files = open_files(folder, about, name="target", columns=("left_px", "top_px"))
        self._at_px = (0, 0)

    def append(self, frame: Frame) -> None:
        image, *self._at_px = self.box.cut(frame)
        self.files.append(image.copy())

    def add_row(self, frame: Frame) -> None:
        self.files.add_row(frame, *self._at_px)
