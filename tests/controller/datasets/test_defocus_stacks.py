import numpy as np
import pytest
import tifffile
from pursuit.controller.cli.app import app
from pursuit.models.focus import LearnedDefocus, Lens
from pursuit.sim.imaging import Optics, OpticsSettings, Sensor, SensorSettings
from pursuit.sim.motion import Brownian
from pursuit.sim.specimen import Specimen, SpecimenSettings
from typer.testing import CliRunner

pytest.importorskip("torch").set_num_threads(1)
pytest.importorskip("onnx")

EDGE_PX, PIXEL_UM, ASTIGMATISM_UM, STEP_UM, FOCUS_UM = 144, 0.325, 1.8, 0.15, 1.4
OPTICS = ("--na", "0.75", "--astigmatism-um", str(ASTIGMATISM_UM))
SCALES = ("--pixel-um", str(PIXEL_UM), "--step-um", str(STEP_UM))


def beads(astigmatism_um=ASTIGMATISM_UM, planes=21, side=3, seed=0):
    """Beads 2 µm wide on a slide, all in focus FOCUS_UM above the first image."""
    rng = np.random.default_rng(seed)
    settings = SpecimenSettings(
        motion=Brownian(diffusion_um2_s=0.0), count=side**2, shape="spot", radius_um=1.0,
        brightness=2000.0, background=1.0,
    )  # fmt: skip
    specimen = Specimen(settings, rng)
    optics = Optics(OpticsSettings(pixel_um=PIXEL_UM, na=0.75, astigmatism_um=astigmatism_um))
    sensor = Sensor(SensorSettings(width_px=EDGE_PX, height_px=EDGE_PX), rng)
    places = (np.arange(side) - (side - 1) / 2) * EDGE_PX / side * PIXEL_UM
    at_um = np.zeros((1, side**2, 3))
    at_um[0, :, :2] = np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)
    images = []
    for plane in range(planes):
        at_um[0, :, 2] = FOCUS_UM - plane * STEP_UM
        light = np.empty((EDGE_PX, EDGE_PX), np.float32)
        optics.render(at_um, specimen, 10.0, light)
        images.append(sensor.read(light).copy())
    return np.array(images)


def train(*arguments):
    result = CliRunner().invoke(app, ["train", "defocus", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


def written(path, images, **more):
    tifffile.imwrite(path, images, photometric="minisblack", **more)
    return path


def test_a_network_learns_from_a_stack(tmp_path):
    about = {"axes": "ZYX", "PhysicalSizeX": PIXEL_UM, "PhysicalSizeY": PIXEL_UM}
    about |= {"PhysicalSizeZ": 1000 * STEP_UM, "PhysicalSizeZUnit": "nm"}
    stack = written(tmp_path / "beads.ome.tif", beads(), metadata=about)
    out = tmp_path / "mine.onnx"
    code, text = train("--stack", stack, *OPTICS, "--steps", 90, "--batch", 16, "--out", out)
    assert code == 0 and "mine.onnx written" in text, text
    lens = Lens(0.75, 0.52, 1.0, PIXEL_UM, ASTIGMATISM_UM)
    network = LearnedDefocus(lens, str(out))
    assert network.card.trained_on.startswith("9 objects of beads.ome.tif at 21 focal positions")
    assert network.card.most_defocus == pytest.approx(FOCUS_UM / lens.depth_of_field_um, rel=0.15)
    other = beads(seed=1, side=1)[:, 54:90, 54:90]
    told = [network.estimate(other[plane]) for plane in (2, 9, 17)]
    below, focused, above = (one.um for one in told if one is not None)
    assert below > 0.2 and abs(focused) < 0.4 and above < -0.2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--step-um", "0.5"], "give --stack too"),
        (["--stack", "beads.tif", "--na", "0.75"], "give --astigmatism-um"),
        (["--stack", "gone.tif", *OPTICS, *SCALES], "There is no movie gone.tif"),
        (["--stack", "beads.tif", *OPTICS, "--pixel-um", "0.3"], "give --step-um"),
        (["--stack", "beads.tif", *OPTICS, "--step-um", "0.3"], "give --pixel-um"),
        (["--stack", "beads.tif", *OPTICS, *SCALES[:2], "--step-um", "0"], "other than 0"),
        (["--stack", "beads.tif", *OPTICS[2:], *SCALES, "--na", "1.2"], "below the index"),
        (["--stack", "beads.tif", *OPTICS[:3], "0", *SCALES], "Without astigmatism"),
        (["--stack", "beads.tif", *OPTICS[:3], "-1.8", *SCALES], "the other way round"),
        (["--stack", "round.tif", *OPTICS, *SCALES], "same on both sides"),
        (["--stack", "short.tif", *OPTICS, *SCALES], "is too short"),
        (["--stack", "half.tif", *OPTICS, *SCALES], "give --focus-um"),
        (["--stack", "half.tif", *OPTICS, *SCALES, "--focus-um", "9"], "one side of the focus"),
        (["--stack", "empty.tif", *OPTICS, *SCALES], "No object"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    tmp_path, monkeypatch, capfd, arguments, sentence
):
    monkeypatch.chdir(tmp_path)
    seen = beads()
    written("beads.tif", seen)
    written("short.tif", seen[7:11])
    written("half.tif", seen[11:])
    written("round.tif", beads(0.0))
    written("empty.tif", np.full_like(seen, 100))
    code, text = train(*arguments, "--steps", 1)
    said = " ".join((text + capfd.readouterr().err).split())
    assert code != 0 and sentence in said, said
    assert not (tmp_path / "defocus.onnx").exists()
