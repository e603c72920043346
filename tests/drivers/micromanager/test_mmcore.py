"""What only a microscope run by Micro-Manager can get wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pytest
import useq
from pursuit.drivers.clock import NS_PER_MS, Clock, SystemClock, VirtualClock
from pursuit.drivers.messages import Fault, Issued, Move, Report
from pursuit.drivers.micromanager import MMCoreMicroscope, load_core
from pursuit.drivers.micromanager.loading import release
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.settings import CameraSettings, StageSettings, StandSettings

adapters = pytest.importorskip("mm_test_adapters", reason="mm-test-adapters is not installed")
DEMO = Path(adapters.device_adapter_path()) / "MMConfig_demo.cfg"
NEVER = 2**62
R = TypeVar("R", bound=Report)
SETTINGS = StandSettings(camera=CameraSettings(pixel_um=0.5))

HEAD = "Property,Core,Initialize,0\n"
HUB = "Device,DHub,DemoCamera,DHub\n"
CAMERA = "Device,Camera,DemoCamera,DCam\n"
XY = "Device,XY,DemoCamera,DXYStage\n"
READY = "Property,Core,Initialize,1\n"


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str) -> Path:
        path = tmp_path / "stand.cfg"
        path.write_text("".join(lines), encoding="utf-8")
        return path

    return write


@contextmanager
def refused(match: str) -> Iterator[None]:
    with pytest.raises(MicroscopeError, match=match) as error:
        yield
    assert "\n" not in str(error.value)


def test_a_configuration_that_cannot_be_loaded_says_which(config, tmp_path: Path) -> None:
    with refused("no Micro-Manager configuration at"):
        load_core(tmp_path / "missing.cfg")
    with refused("no Micro-Manager configuration at"):
        load_core(tmp_path)
    for line in ("Device,Camera,NoSuchLibrary,DCam\n", "Device,Camera,DemoCamera,NoSuchDevice\n"):
        with refused("cannot load .*stand.cfg: .*adapters are installed"):
            load_core(config(HEAD, HUB, line, READY))
    for line in ("Property,Camera,NoSuchProperty,1\n", "Device,Camera\n"):
        with refused("cannot load .*stand.cfg"):
            load_core(config(HEAD, HUB, CAMERA, READY, line))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_configuration_may_be_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    """Micro-Manager on Windows writes names with a micro sign as Windows does."""
    path = tmp_path / "Zeiss µ.cfg"
    lines = ["# LED 445 nm ±24 nm\n", HEAD, HUB, CAMERA, XY.replace("XY,", "XY µm,", 1), READY]
    path.write_bytes("".join(lines).encode(encoding))
    core = load_core(path)
    assert "XY µm" in core.getLoadedDevices()
    release(core)


def test_a_file_that_is_no_configuration_is_told_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    path.write_bytes(b"II*\0\x08\0\0\0")
    with refused("movie.tif is no Micro-Manager configuration, as it is no text"):
        load_core(path)
    path = tmp_path / "µ.cfg"
    path.write_bytes("Nonsense µ\n".encode("cp1252"))
    with refused(f"cannot load {path}: Error in configuration file '{path}'"):
        load_core(path)


MULTI = "Device,Both,Utilities,Multi Camera\n"
TWO = [
    *(HEAD, HUB, CAMERA, CAMERA.replace("Camera,", "Second,", 1), MULTI, XY, READY),
    "Property,Both,Physical Camera 1,Camera\nProperty,Both,Physical Camera 2,Second\n",
    "Property,Core,Camera,Both\nProperty,Core,XYStage,XY\n",
    "Property,Camera,Mode,Color Test Pattern\nProperty,Second,Mode,Noise\n",
]


@pytest.mark.parametrize("interval_ms", [None, 30.0])
@pytest.mark.parametrize("channel", ["", "Camera", "Second"])
def test_of_several_cameras_behind_one_the_images_of_one_are_given(
    config: Callable[..., Path], channel: str, interval_ms: float | None
) -> None:
    camera = CameraSettings(pixel_um=0.5, exposure_ms=20, channel=channel, interval_ms=interval_ms)
    with (
        MMCoreMicroscope(load_core(config(*TWO)), StandSettings(camera=camera)) as scope,
        closing(scope.frames(every=True)) as frames,
    ):
        taken = list(islice(frames, 6))
    patterned = [frame.image.std() > 0.3 * frame.image.mean() for frame in taken]
    assert patterned == [channel != "Second"] * 6
    assert [frame.index for frame in taken] == list(range(6))


def test_an_acquisition_with_several_cameras_brings_the_images_of_all(
    config: Callable[..., Path],
) -> None:
    plan = useq.MDASequence.model_validate({"time_plan": {"interval": 0, "loops": 3}})
    settings = StandSettings(camera=CameraSettings(pixel_um=0.5, exposure_ms=20))
    with (
        MMCoreMicroscope(load_core(config(*TWO)), settings) as scope,
        closing(scope.acquire(plan)) as frames,
    ):
        taken = {
            (frame.index, frame.channel): frame.image.std() > 0.3 * frame.image.mean()
            for frame in frames
        }
    assert sorted(index for index, _ in taken) == list(range(6))
    assert [channel for _, channel in taken].count("Second") == 3
    assert all(patterned == (channel == "Camera") for (_, channel), patterned in taken.items())


def test_a_camera_that_is_not_behind_that_one_is_refused(config: Callable[..., Path]) -> None:
    camera = CameraSettings(pixel_um=0.5, channel="Third")
    with refused("no camera Third behind Both, which has: Camera, Second. Correct channel"):
        MMCoreMicroscope(load_core(config(*TWO)), StandSettings(camera=camera))


@pytest.mark.parametrize(
    ("exposure", "wanted_ms", "reason"),
    [
        ("0", None, "exposure of camera Camera is 0 ms: set exposure_ms"),
        ("10", 30_000.0, "takes an exposure of 10 ms, not of 30000 ms: set exposure_ms"),
    ],
)
def test_an_exposure_that_the_camera_has_not_is_refused(
    config: Callable[..., Path], exposure: str, wanted_ms: float | None, reason: str
) -> None:
    lines = [HEAD, HUB, CAMERA, XY, READY, f"Property,Camera,Exposure,{exposure}\n"]
    core = load_core(config(*lines, "Property,Core,Camera,Camera\nProperty,Core,XYStage,XY\n"))
    with refused(reason):
        MMCoreMicroscope(
            core, StandSettings(camera=CameraSettings(pixel_um=0.5, exposure_ms=wanted_ms))
        )


@pytest.mark.parametrize(
    ("devices", "settings", "reason"),
    [
        (XY, SETTINGS, "no device the role of camera: add one"),
        (CAMERA + "Property,Core,Camera,Camera\n", SETTINGS, "role of XY stage: add one"),
        (
            CAMERA + XY,
            StandSettings(camera=CameraSettings(label="Andor", pixel_um=1.0)),
            "no camera called Andor; the configuration has: Camera",
        ),
        (
            CAMERA + XY + "Property,Core,Camera,Camera\nProperty,Camera,PixelType,32bitRGB\n",
            SETTINGS,
            "monochrome",
        ),
        (CAMERA + XY + "Property,Core,Camera,Camera\n", StandSettings(), "size of a pixel"),
    ],
)
def test_a_stand_that_lacks_something_is_refused_and_let_go(
    config, devices: str, settings: StandSettings, reason: str
) -> None:
    lines = devices.splitlines(keepends=True)
    loads = [line for line in lines if line.startswith("Device")]
    rest = [line for line in lines if not line.startswith("Device")]
    core = load_core(config(HEAD, HUB, *loads, READY, *rest))
    with refused(reason):
        MMCoreMicroscope(core, settings)
    assert [label for label in core.getLoadedDevices() if label != "Core"] == []


def test_a_stand_without_focus_drive_or_shutter_works(config) -> None:
    core = load_core(config(HEAD, HUB, CAMERA, XY, READY, "Property,Core,Camera,Camera\n"))
    settings = StandSettings(camera=CameraSettings(pixel_um=0.5), stage=StageSettings(label="XY"))
    plan = useq.MDASequence.model_validate({"stage_positions": [(5.0, 5.0), (9.0, 9.0)]})
    with MMCoreMicroscope(core, settings) as scope:
        assert scope.describe().focus == ""
        scope.move(Move(1.0, 1.0, 7.0, NEVER, 0))
        scope.halt()
        with closing(scope.acquire(plan)) as frames:
            assert [(f.pose.x_um, f.pose.z_um) for f in frames] == [
                (pytest.approx(5.0, abs=0.05), 0.0),
                (pytest.approx(9.0, abs=0.05), 0.0),
            ]
        assert not [report for report in scope.reports() if isinstance(report, Fault)]


class Stage:
    """The demo stand, with an XY stage that is slow and refuses commands while it moves."""

    def __init__(self, settings: StandSettings = SETTINGS, clock: Clock | None = None) -> None:
        self.core = load_core(DEMO)
        self.core.setProperty("XY", "Velocity", 1.0)
        self._send = self.core.setXYPosition
        self.core.setXYPosition = self._refuse_while_busy
        self.scope = MMCoreMicroscope(self.core, settings, clock)
        self._reports: list[Report] = []

    def _refuse_while_busy(self, *args: Any) -> None:
        if self.core.deviceBusy("XY"):
            raise RuntimeError("The stage is moving.")
        self._send(*args)

    def told(self, kind: type[R], count: int) -> list[R]:
        """Wait until there were so many reports of a kind; return all of them."""
        clock = SystemClock()
        for _ in range(2_000):
            self._reports += self.scope.reports()
            found = [report for report in self._reports if isinstance(report, kind)]
            if len(found) >= count:
                return found
            clock.sleep_until_ns(clock.now_ns() + 5 * NS_PER_MS)
        raise AssertionError(f"there were no {count} reports {kind.__name__}")

    def rest(self) -> tuple[float, float]:
        self.core.waitForDevice("XY")
        x, y = self.core.getXYPosition("XY")
        return x, y


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    with stage.scope:
        yield stage


def test_a_move_that_a_busy_stage_refuses_is_carried_out_afterwards(stage: Stage) -> None:
    stage.scope.move(Move(100.0, 0.0, None, NEVER, 1))
    stage.told(Issued, 1)
    assert stage.core.deviceBusy("XY")
    for x in (10.0, 20.0, 30.0):
        stage.scope.move(Move(x, 40.0, None, NEVER, 2))
    first, second = stage.told(Issued, 2)
    assert (first.frame, second.frame) == (1, 2)
    assert stage.rest() == pytest.approx((30.0, 40.0), abs=0.05)
    assert stage.told(Fault, 0) == []


def test_a_move_that_expires_while_the_stage_is_busy_is_dropped(stage: Stage) -> None:
    stage.scope.move(Move(60.0, 0.0, None, NEVER, 1))
    stage.told(Issued, 1)
    stage.scope.move(Move(0.0, 0.0, None, SystemClock().now_ns() + NS_PER_MS, 2))
    assert stage.rest() == pytest.approx((60.0, 0.0), abs=0.05)
    stage.scope.move(Move(50.0, 0.0, None, NEVER, 3))
    assert [issued.frame for issued in stage.told(Issued, 2)] == [1, 3]


def test_stop_forgets_a_move_that_waits(stage: Stage) -> None:
    stage.scope.move(Move(1_000.0, 0.0, None, NEVER, 1))
    stage.told(Issued, 1)
    stage.scope.move(Move(-1_000.0, 0.0, None, NEVER, 2))
    stage.scope.halt()
    x, _ = stage.rest()
    assert 0.0 <= x < 1_000.0
    stage.scope.move(Move(x, 3.0, None, NEVER, 3))
    assert [issued.frame for issued in stage.told(Issued, 2)] == [1, 3]


def test_a_stage_that_fails_becomes_a_fault(stage: Stage, monkeypatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("no answer\non COM3")

    with monkeypatch.context() as broken:
        broken.setattr(stage.core, "setXYPosition", fail)
        stage.scope.move(Move(1.0, 1.0, None, NEVER, 1))
        fault = stage.told(Fault, 1)[0]
        assert fault.text == "The stage does not do as it is told: no answer on COM3"
    stage.scope.move(Move(2.0, 2.0, None, NEVER, 2))
    assert stage.told(Issued, 1)[0].frame == 2


def test_an_acquisition_sets_channel_and_exposure_and_puts_the_exposure_back(
    stage: Stage,
) -> None:
    plan = useq.MDASequence.model_validate(
        {"channels": [{"config": "DAPI", "exposure": 4.0}, {"config": "FITC", "exposure": 2.0}]}
    )
    with closing(stage.scope.acquire(plan)) as frames:
        seen = [(frame.channel, frame.exposure_ms) for frame in frames]
    assert seen == [("DAPI", 4.0), ("FITC", 2.0)]
    with closing(stage.scope.frames()) as frames:
        assert next(frames).exposure_ms == stage.scope.describe().exposure_ms


def test_an_acquisition_that_fails_says_so(stage: Stage, monkeypatch) -> None:
    plan = useq.MDASequence.model_validate({"stage_positions": [(0, 0), (1, 1)]})

    def fail(*args: object) -> None:
        raise RuntimeError("the shutter\nis stuck")

    with monkeypatch.context() as broken:
        broken.setattr(stage.core, "snapImage", fail)
        with refused("only 0 of 2 frames"):
            list(stage.scope.acquire(plan))
    with monkeypatch.context() as broken:
        broken.setattr(stage.core, "setShutterOpen", fail)
        with refused("The acquisition failed: the shutter is stuck"):
            list(stage.scope.acquire(plan))
    assert len(list(stage.scope.acquire(plan))) == 2


@pytest.mark.parametrize("every", [False, True])
def test_a_picture_each_interval_counts_the_intervals_that_were_missed(every: bool) -> None:
    clock = VirtualClock()
    camera = CameraSettings(pixel_um=0.5, exposure_ms=1.0, interval_ms=1_000.0)
    stage = Stage(StandSettings(camera=camera), clock=clock)
    with stage.scope, closing(stage.scope.frames(every=every)) as frames:
        indices = []
        for frame in islice(frames, 4):
            indices.append(frame.index)
            if frame.index == 1:
                clock.sleep_until_ns(clock.now_ns() + 3_500 * NS_PER_MS)
        assert indices == ([0, 1, 2, 3] if every else [0, 1, 4, 5])
        assert stage.scope.dropped == (0 if every else 2)


@pytest.mark.parametrize("every", [False, True])
def test_images_for_which_the_buffer_had_no_room_count_as_dropped(every: bool) -> None:
    core = load_core(DEMO)
    core.setCircularBufferMemoryFootprint(2)
    room = core.getBufferTotalCapacity()
    camera = CameraSettings(pixel_um=0.5, exposure_ms=5.0)
    with (
        MMCoreMicroscope(core, StandSettings(camera=camera)) as scope,
        closing(scope.frames(every=every)) as frames,
    ):
        before = list(islice(frames, 20))
        time.sleep(0.5)
        later = list(islice(frames, 3))
    elapsed_ms = (later[-1].exposed_ns - before[-1].exposed_ns) / NS_PER_MS
    assert elapsed_ms > 400
    assert later[0].index - before[-1].index > room + 1
    assert [frame.index for frame in later] == sorted({frame.index for frame in later})
    assert scope.dropped == later[-1].index + 1 - len(before + later)
