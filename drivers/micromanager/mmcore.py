"""A microscope run by Micro-Manager: any configuration that pymmcore-plus can load."""

from __future__ import annotations

from contextlib import closing

import useq
from pymmcore_plus import CMMCorePlus

from ..actuation import StageWorker, checked_events
from ..clock import NS_PER_MS, Clock, SystemClock
from ..envelope import Envelope
from ..messages import Description, Frame, Move, Report, StagePose
from ..microscope import ASKED, STOPPED, Frames, MicroscopeError
from ..settings import StandSettings
from ..single_run import SingleRun
from ..stage import PoseModel
from .acquisition import Acquired, acquire
from .engine import StageEngine
from .exposures import Exposure, sequence, snaps
from .loading import camera_channel, claim_devices, read_position_um, release
from .stage_device import CoreStageDevice

_EXPOSURES_KEPT = 1024
"""Times of exposures that are kept for moves which answer them; chosen: a second at 1000/s."""
_END_OF_STREAM_S = 5.0
"""How long `close` waits for a stream in another thread, and two exposures; chosen: longer than
cameras take to stop."""


class MMCoreMicroscope:
    """The `Microscope` over a loaded core.

    Frames are taken in the thread that iterates `frames`; the stage has a thread of its own.

    Parameters
    ----------
    core : CMMCorePlus
        With all devices initialised. Unloaded by `close`, or at once if it cannot be used.
    settings : StandSettings
        What Micro-Manager's configuration does not say.
    clock : Clock
        Stamps frames and moves.

    Raises
    ------
    MicroscopeError
        If there is no camera or no XY stage, or the camera is not monochrome.
    """

    def __init__(
        self, core: CMMCorePlus, settings: StandSettings, clock: Clock | None = None
    ) -> None:
        self._core, self._settings = core, settings
        self._clock = clock or SystemClock()
        try:
            self._description = about = claim_devices(core, settings)
            position_um = read_position_um(core, about.xy_stage, about.focus)
            self._pose = PoseModel(
                position_um,
                settings.stage.dynamics,
                settings.focus.dynamics,
                settings.stage.after_hand == "wait",
            )
            self._stage = self._make_stage()
            core.register_mda_engine(StageEngine(core, self._stage.send))
        except BaseException:
            release(core)
            raise
        self._exposed_ns: dict[int, int] = {}
        self._dropped = self._next_index = self._acquisitions = 0
        self._runs = SingleRun()

    @property
    def dropped(self) -> int:
        """Exposures that `frames` passed over for a newer one."""
        return self._dropped

    def describe(self) -> Description:
        """What this microscope is."""
        return self._description

    def frames(self, *, every: bool = False, resume: bool = False) -> Frames:
        """Stream from the camera; see `Microscope.frames`."""
        return self._runs.begin(self._stream(every, resume))

    def _stream(self, every: bool, resume: bool) -> Frames:
        self._dropped, self._exposed_ns = 0, {}
        camera = self._settings.camera
        channel = camera_channel(self._core, camera)
        common = (self._core, camera.readout_ms, self._clock, every, self._runs.alive, channel)
        if camera.interval_ms is None:
            exposures = sequence(*common)
        else:
            exposures = snaps(*common, camera.interval_ms)
        first = expected = self._next_index if resume else 0
        with closing(exposures):
            for exposure in exposures:
                index = first + exposure.index
                self._dropped += index - expected
                self._next_index = expected = index + 1
                yield self._frame(exposure, index)

    def move(self, move: Move) -> None:
        """Send the stage somewhere and return at once."""
        self._stage.move(move, self._exposed_ns.get(move.frame, 0))

    def halt(self) -> None:
        """Begin to bring every axis to rest, and return at once."""
        self._stage.halt()

    def stop(self, reason: str = ASKED) -> None:
        """Bring every axis to rest, and take no moves until `arm`; see `Microscope.stop`."""
        self._stage.begin_stop(reason)
        self._core.mda.cancel()
        self._stage.stop(reason)

    def arm(self) -> None:
        """Take moves again after a stop."""
        self._stage.arm()

    @property
    def stopped(self) -> str:
        """Why no moves are taken; empty if they are."""
        return self._stage.stopped

    @property
    def problem(self) -> str:
        """Why the stage cannot be relied on any more; empty if all is well."""
        return self._stage.problem

    def reports(self) -> list[Report]:
        """All that happened since the last call."""
        return self._stage.reports()

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        """Run an acquisition through pymmcore-plus' own runner."""
        events = checked_events(sequence, self._description, self._pose.target_um)
        return self._runs.begin(self._acquire(events))

    def _acquire(self, events: list[useq.MDAEvent]) -> Frames:
        self._dropped, self._exposed_ns = 0, {}
        self._acquisitions += 1
        self._stage.others_move(True)
        images = acquire(self._core, events, self._description, self._clock, self._runs.alive)
        try:
            with closing(images):
                for index, acquired in enumerate(images):
                    yield self._acquired_frame(index, acquired)
        except MicroscopeError as error:
            reason = self._stage.stopped
            raise MicroscopeError(STOPPED.format(reason) if reason else str(error)) from error
        finally:
            self._core.setExposure(self._description.camera, self._description.exposure_ms)
            self._stage.others_move(False)

    def close(self) -> None:
        """Stop the stage, end streaming and unload the devices."""
        if not self._runs.alive():
            return
        self._stage.close()
        self._runs.close(_END_OF_STREAM_S + 2 * self._description.exposure_ms / 1e3)
        release(self._core)

    def __enter__(self) -> MMCoreMicroscope:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _frame(self, exposure: Exposure, index: int) -> Frame:
        self._exposed_ns[index] = exposure.exposed_ns
        if len(self._exposed_ns) > _EXPOSURES_KEPT:
            del self._exposed_ns[next(iter(self._exposed_ns))]
        return Frame(
            image=exposure.image,
            index=index,
            exposed_ns=exposure.exposed_ns,
            readable_ns=exposure.readable_ns,
            exposure_ms=exposure.exposure_ms,
            pose=self._pose.pose(exposure.exposed_ns, round(exposure.exposure_ms * NS_PER_MS)),
        )

    def _acquired_frame(self, index: int, acquired: Acquired) -> Frame:
        exposure_ms = acquired.event.exposure or self._description.exposure_ms
        late_ms = self._settings.camera.readout_ms + exposure_ms / 2
        exposed_ns = acquired.readable_ns - round(late_ms * NS_PER_MS)
        self._exposed_ns[index] = exposed_ns
        return Frame(
            image=acquired.image,
            index=index,
            exposed_ns=exposed_ns,
            readable_ns=acquired.readable_ns,
            exposure_ms=exposure_ms,
            pose=StagePose(*acquired.position_um, exposed_ns),
            channel=acquired.channel,
            acquisition=self._acquisitions,
        )

    def _make_stage(self) -> StageWorker:
        about = self._description
        device = CoreStageDevice(self._core, about.xy_stage, about.focus, self._settings.stage)
        return StageWorker(device, self._pose, Envelope.of(about), self._clock)
