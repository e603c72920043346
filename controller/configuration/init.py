"""``pursuit init``: a configuration file for a stand, drawn from what Micro-Manager knows."""

from __future__ import annotations

import json
from pathlib import Path

from ...drivers.messages import Description
from ...drivers.micromanager import MMCoreMicroscope, load_core
from ...drivers.settings import CameraSettings, LimitSettings, StandSettings
from .tables import ConfigError

_UNCALIBRATED_UM = 1.0

_TEMPLATE = """\
# A stand and a task for `pursuit follow {file}`.
# Lines that begin with # are settings at their defaults; remove the # to change one.

[microscope]
mm_config = {mm_config}

[camera]
label = {camera}
exposure_ms = {exposure_ms:g}
{pixel}
# affine = [{a:g}, {b:g}, {c:g}, {d:g}]  # pixel offset (right, down) to stage offset in µm
# readout_ms = 0.0            # from the end of an exposure until its pixels are in memory
# interval_ms = 1000.0        # one picture every so often, instead of a stream

[stage]
label = {xy_stage}
# delay_ms = {delay_ms:g}             # from a command to the first motion
# speed_um_s = {speed_um_s:g}
# acceleration_um_s2 = {acceleration_um_s2:g}
# settle_ms = {settle_ms:g}
# backlash_um = 0.0           # how far the drive goes at a reversal before the stage follows
# ring_hz = 0.0               # frequency at which the stage rings after a move
# ring_damping = 0.0          # how soon that dies out: 0.3 in one swing, 0.03 in ten
# velocity_x = "Device,Property"   # properties that set a velocity, for the policy "velocity"
# velocity_y = "Device,Property"
{focus}
[limits]                      # no move leaves this box; check it before the first session
x_um = [{x0:g}, {x1:g}]
y_um = [{y0:g}, {y1:g}]
z_um = [{z0:g}, {z1:g}]

[detector]
name = "yolo"                 # or "ssd", or the classical "blobs"
# weights = "mine.onnx"       # a model of your own
# diameter_um = 10.0          # typical size of the objects; found out without it
# classes = ["cell"]          # those wanted; `pursuit models` lists them
# score = 0.25                # least score

[predictor]
name = "auto"
# speed_um_s = 10.0           # typical speed of the target; found out without it

[policy]
name = "predictive"           # or "velocity", for stages that take one
# deadband_um = 0.0

[target]
choose = "centre"             # or "largest", "brightest"
# point_um = [0.0, 0.0]       # in stage coordinates, instead
# daughter = "brightest"      # after a division: or "largest", "first", "both"

[focusing]
method = "off"                # or "sweep", "dither", "learned", "hardware"
# na = 0.5                    # of the objective; the others need it
# light_share = 0.1           # most of the light that is given up to focusing
"""


def write_scope(mm_config: Path, out: Path) -> Description:
    """Load a Micro-Manager configuration and write a configuration file for it.

    Parameters
    ----------
    mm_config : Path
        The ``.cfg`` file.
    out : Path
        Must not exist yet.

    Raises
    ------
    ConfigError
        If ``out`` exists.
    MicroscopeError
        If Micro-Manager cannot load the file, or there is no camera or stage in it.
    """
    if out.exists():
        raise ConfigError(f"{out} exists already: choose another name with --out.")
    core = load_core(mm_config)
    calibrated = core.getPixelSizeUm() > 0
    camera = CameraSettings(pixel_um=None if calibrated else _UNCALIBRATED_UM)
    settings = StandSettings(mm_config.stem, camera, limits=LimitSettings())
    with MMCoreMicroscope(core, settings) as microscope:
        description = microscope.describe()
    out.write_text(_text(mm_config, out, description, calibrated), encoding="utf-8")
    return description


def _text(mm_config: Path, out: Path, about: Description, calibrated: bool) -> str:
    a, b, c, d = about.affine
    (x0, x1), (y0, y1), (z0, z1) = about.limits_um
    dynamics = about.dynamics
    pixel = f"# pixel_um = {about.pixel_um:g}  # as Micro-Manager has it"
    if not calibrated:
        pixel = f"pixel_um = {about.pixel_um:g}  # NOT KNOWN to Micro-Manager: measure it"
    focus = f"\n[focus]\nlabel = {json.dumps(about.focus)}\n" if about.focus else ""
    return _TEMPLATE.format(
        file=out.name,
        mm_config=json.dumps(str(mm_config.resolve())),
        camera=json.dumps(about.camera),
        xy_stage=json.dumps(about.xy_stage),
        focus=focus,
        exposure_ms=about.exposure_ms,
        pixel=pixel,
        delay_ms=dynamics.delay_ms,
        speed_um_s=dynamics.speed_um_s,
        acceleration_um_s2=dynamics.acceleration_um_s2,
        settle_ms=dynamics.settle_ms,
        **{"a": a, "b": b, "c": c, "d": d},
        **{"x0": x0, "x1": x1, "y0": y0, "y1": y1, "z0": z0, "z1": z1},
    )
