"""The configuration: one TOML file that describes a stand and a task.

Each field is a key. What it means is said once, in the docstring of its struct: under
``Attributes`` the settings that a person sets, under ``Other Parameters`` those for experts.
`reference` makes the documentation and the file of ``pursuit init`` of that.
"""

from typing import Annotated, Any, Literal

import msgspec
import tomli_w
from msgspec import Meta, field
from msgspec.structs import force_setattr

from ...drivers.settings import (
    CameraSettings,
    FocusSettings,
    LimitSettings,
    Settings,
    StageSettings,
    StandSettings,
)
from .. import policies
from ..focus import FocusingSettings
from ..loop import AttentionSettings
from ..targets import TargetSettings
from ..tracking import TrackingSettings
from .tables import without_none

MODELS = {"detector": "yolo", "predictor": "auto", "policy": "predictive"}
"""Tables that name a model, and the model if the table names none."""


class MicroscopeSettings(Settings, frozen=True):
    """Which microscope: at most one of the first three; without any, the scenario ``swimmer``.

    Attributes
    ----------
    mm_config : str, optional
        Micro-Manager configuration file of real hardware.
    scenario : str, optional
        Simulated scenario: a name from the list below, or a TOML file.
    specimen : str, optional
        Recorded movie, a file or an OME-Zarr folder, that a simulated field moves across.
    start_px : (x, y), optional
        Pixel of that movie where the middle of the field is at first; its middle if not given.
    presets : dict
        Presets by the name of their group, as of channel and objective; set before anything
        else, with ``mm_config``.
    properties : dict
        Values of properties by the label of their device and their name; set after the presets,
        with ``mm_config``.

    Other Parameters
    ----------------
    interval_s : float, optional
        Time between the frames of that movie; as its file tells, or 1, if not given.
    field_px : int, optional
        Width and height of the field on that movie; if not given, half of its shorter side, but
        64 at least and 256 at most.
    position : int or str, optional
        Position of the stage that is followed in, by its name or number from 0, where that movie
        has several.
    channel : int or str, optional
        Channel, likewise.
    plane : int, optional
        Plane in focus, likewise.
    """

    mm_config: str | None = None
    scenario: str | None = None
    specimen: str | None = None
    interval_s: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    start_px: tuple[float, float] | None = None
    field_px: Annotated[int, Meta(ge=16, le=8192, examples=[256])] | None = None
    position: int | str | None = None
    channel: int | str | None = None
    plane: Annotated[int, Meta(ge=0)] | None = None
    presets: Annotated[dict[str, str], Meta(examples=[{"Channel": "DAPI"}])] = field(
        default_factory=dict
    )
    properties: Annotated[
        dict[str, dict[str, str | int | float]], Meta(examples=[{"Camera": {"Gain": 2}}])
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = [n for n in ("mm_config", "scenario", "specimen") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: keep one")


class SessionSettings(Settings, frozen=True):
    """How long to follow.

    Attributes
    ----------
    seconds : float, optional
        How long to follow; if not given, as long as the scenario or movie lasts, with hardware
        until Ctrl-C.
    seed : int
        Seed of everything random in a simulated microscope.
    dry_run : bool
        Do everything but move: decisions say what would have been sent, and acquisitions are
        refused.
    """

    seconds: Annotated[float, Meta(gt=0, le=1e9, examples=[60.0])] | None = None
    seed: Annotated[int, Meta(ge=0)] = 0
    dry_run: bool = False


class RecordingSettings(Settings, frozen=True):
    """What is kept of the frames; losslessly compressed in any case.

    Attributes
    ----------
    keep : {"all", "target"}
        All frames; or of each a box around the target, and of some the whole field.

    Other Parameters
    ----------------
    box_px : int
        Width and height of that box; the field if that is smaller.
    field_every_s : float
        Time between frames of which the whole field is kept, with ``"target"``.
    """

    keep: Literal["all", "target"] = "all"
    box_px: Annotated[int, Meta(ge=16, le=8192)] = 256
    field_every_s: Annotated[float, Meta(gt=0, le=1e9)] = 1.0


class Config(Settings, frozen=True):
    """All tables of a configuration file.

    ``detector``, ``predictor`` and ``policy`` hold a name and that model's own options. An
    option of a detector that ends in ``_px`` may be given in µm under the same name ending in
    ``_um``. The options of the policy are complete: those that were not given are at their
    defaults.
    """

    microscope: MicroscopeSettings = MicroscopeSettings()
    camera: CameraSettings = CameraSettings()
    stage: StageSettings = StageSettings()
    focus: FocusSettings = FocusSettings()
    limits: LimitSettings = LimitSettings()
    detector: dict[str, Any] = field(default_factory=lambda: {"name": MODELS["detector"]})
    predictor: dict[str, Any] = field(default_factory=lambda: {"name": MODELS["predictor"]})
    attention: AttentionSettings = AttentionSettings()
    tracking: TrackingSettings = TrackingSettings()
    policy: dict[str, Any] = field(default_factory=lambda: {"name": MODELS["policy"]})
    target: TargetSettings = TargetSettings()
    focusing: FocusingSettings = FocusingSettings()
    recording: RecordingSettings = RecordingSettings()
    session: SessionSettings = SessionSettings()

    def __post_init__(self) -> None:
        for table in MODELS:
            if not isinstance(getattr(self, table).get("name"), str):
                raise ValueError(f"{table}.name must be the name of a {table}")
        for key, value in self.detector.items():
            if key.endswith("_um") and not isinstance(value, int | float):
                raise ValueError(f"detector.{key} must be a number of µm")
            if key.endswith("_um") and key.removesuffix("_um") + "_px" in self.detector:
                raise ValueError(f"detector.{key} is given in px as well: keep one")
        force_setattr(self, "policy", _completed(**self.policy))

    def stand(self, name: str) -> StandSettings:
        """The part that drivers need."""
        return StandSettings(name, self.camera, self.stage, self.focus, self.limits)

    def toml(self) -> str:
        """Write out every setting, so that a session can be repeated exactly."""
        return tomli_w.dumps(without_none(msgspec.to_builtins(self)))


def _completed(name: str, **given: Any) -> dict[str, Any]:
    """Check the table of a policy, and add the defaults of what was not given."""
    options = getattr(policies.create(name, given), "options", None)
    return {"name": name} | (
        msgspec.to_builtins(options) if isinstance(options, msgspec.Struct) else given
    )
