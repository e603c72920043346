"""Micro-Manager's default is never taken for a calibration, and a wrong scale is refused."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from pursuit.drivers.micromanager import load_core
from pursuit.drivers.micromanager.pixel_geometry import PixelGeometry, pixel_geometry
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.settings import CameraSettings

pytest.importorskip("mm_test_adapters", reason="mm-test-adapters is not installed")
STAND = """\
Property,Core,Initialize,0
Device,DHub,DemoCamera,DHub
Device,Camera,DemoCamera,DCam
Property,Core,Initialize,1
Property,Core,Camera,Camera
ConfigPixelSize,Res,Camera,PixelType,8bit
PixelSize_um,Res,0.108
"""


def geometry(
    folder: Path,
    affine: str = "",
    camera: CameraSettings | None = None,
    binning: int = 1,
    flags: Sequence[str] = (),
) -> PixelGeometry:
    lines = f"PixelSizeAffine,Res,{affine}\n" if affine else ""
    path = folder / "stand.cfg"
    path.write_text(f"{STAND}{lines}", encoding="utf-8")
    core = load_core(path)
    core.setProperty("Camera", "PixelType", "8bit")
    core.setProperty("Camera", "Binning", str(binning))
    for flag in flags:
        core.setProperty("Camera", flag, "1")
    return pixel_geometry(core, camera or CameraSettings())


@pytest.mark.parametrize("affine", ["", "1,0,0,0,1,0"])
@pytest.mark.parametrize("binning", [1, 2])
def test_micro_managers_default_is_no_calibration(
    tmp_path: Path, affine: str, binning: int
) -> None:
    found = geometry(tmp_path, affine, binning=binning)
    pixel_um = pytest.approx(0.108 * binning)
    assert found.pixel_um == pixel_um
    assert found.affine == (pixel_um, 0, 0, pixel_um)
    assert "Not calibrated" in found.uncalibrated
    assert "pursuit calibrate" in found.uncalibrated


MIRROR_X, MIRROR_Y, SWAP = "TransposeMirrorX", "TransposeMirrorY", "TransposeXY"


@pytest.mark.parametrize(
    ("flags", "affine"),
    [
        ([MIRROR_X], (-1, 0, 0, 1)),
        ([MIRROR_Y], (1, 0, 0, -1)),
        ([MIRROR_X, MIRROR_Y], (-1, 0, 0, -1)),
        ([SWAP], (0, -1, -1, 0)),
        ([SWAP, MIRROR_X], (0, 1, -1, 0)),
        ([SWAP, MIRROR_Y, "TransposeCorrection"], (1, 0, 0, 1)),
    ],
)
def test_without_an_affine_the_orientation_of_the_camera_is_where_following_begins(
    tmp_path: Path, flags: list[str], affine: tuple[float, ...]
) -> None:
    """As Micro-Manager's own navigation takes it; one that corrects its images needs nothing."""
    found = geometry(tmp_path, flags=flags)
    assert found.affine == pytest.approx([0.108 * one for one in affine])
    assert "Not calibrated" in found.uncalibrated
    calibrated = geometry(tmp_path, "0,0.108,0,-0.108,0,0", flags=flags)
    assert calibrated == (pytest.approx(0.108), (0, 0.108, -0.108, 0), "")


@pytest.mark.parametrize("pixel_um", [None, 0.11])
def test_an_affine_that_was_set_is_used_whoever_told_the_size_of_a_pixel(
    tmp_path: Path, pixel_um: float | None
) -> None:
    camera = CameraSettings(pixel_um=pixel_um)
    found = geometry(tmp_path, "0,0.108,0,-0.108,0,0", camera)
    assert found == (pixel_um or pytest.approx(0.108), (0, 0.108, -0.108, 0), "")


def test_binning_scales_micro_managers_affine(tmp_path: Path) -> None:
    found = geometry(tmp_path, "0,0.108,0,-0.108,0,0", binning=2)
    assert found.pixel_um == pytest.approx(0.216)
    assert found.affine == pytest.approx((0, 0.216, -0.216, 0))
    assert not found.uncalibrated


def test_an_affine_of_another_objective_is_no_calibration(tmp_path: Path) -> None:
    found = geometry(tmp_path, "0.65,0,0,0,0.65,0")
    assert found.affine == (0.108, 0, 0, 0.108)
    assert "0.65 µm, not 0.108 µm" in found.uncalibrated


@pytest.mark.parametrize(
    ("camera", "binning", "source"),
    [
        (CameraSettings(affine=(1, 0, 0, 1)), 1, "Micro-Manager's pixel size is 0.108 µm"),
        (CameraSettings(affine=(0.108, 0, 0, 0.108)), 2, "Micro-Manager's pixel size is 0.216 µm"),
        (
            CameraSettings(affine=(1, 0, 0, 1), pixel_um=0.325),
            1,
            "pixel_um under .camera. is 0.325 µm",
        ),
    ],
)
def test_an_affine_that_contradicts_the_size_of_a_pixel_is_refused(
    tmp_path: Path, camera: CameraSettings, binning: int, source: str
) -> None:
    with pytest.raises(MicroscopeError, match=f"{source}: correct what is wrong, or run"):
        geometry(tmp_path, camera=camera, binning=binning)


def test_an_affine_that_agrees_is_a_calibration(tmp_path: Path) -> None:
    affine = (0.01, 0.107, -0.107, 0.01)
    assert geometry(tmp_path, camera=CameraSettings(affine=affine)) == (
        pytest.approx(0.108),
        affine,
        "",
    )
