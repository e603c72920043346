"""A session from beginning to end: processes start, the loop follows, everything is closed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ...drivers.interrupts import ignore_interrupts, was_interrupted
from ...drivers.messages import Fault
from ...drivers.microscope import Microscope
from ...drivers.wire import RemoteMicroscope, own_address
from ...sim.movie import Movie
from ..assembly import Simulation, make_loop, open_lockstep, preload
from ..configuration import Config
from ..decisions import DecisionPublisher
from ..loop import Step
from .ending import SessionError, Summary, complete, conclude
from .following import Acquisitions, Follows, follow
from .observers import Observer, Observers
from .parent import switch_threads_often
from .processes import Children
from .recorder import Recorder

_SUBSCRIBED_S = 10.0
"""How long the recorder's subscription is awaited; chosen: far longer than it takes on any host."""

Tell = Callable[[str], object]
Make = Callable[[Config, Microscope, Movie | None], Follows]


def _unheard(text: str) -> None:
    """Nobody listens."""


def run_lockstep(
    config: Config,
    simulated: Simulation | None,
    folder: Path,
    observers: Sequence[Observer] = (),
    acquisitions: Acquisitions | None = None,
    tell: Tell = _unheard,
) -> Summary:
    """Follow in virtual time, in this process.

    Parameters
    ----------
    config : Config
    simulated : Simulation or None
        As `complete` returned it.
    folder : Path
        Becomes the session folder.
    observers : sequence of Observer
        Told of every step of the loop; closed at the end.
    acquisitions : Acquisitions, optional
        Asked for by whoever puts a sequence into it while the session follows.
    tell : callable, optional
        Called with sentences on what the recording takes and how long the disk lasts.

    Returns
    -------
    dict
        The summary.

    Raises
    ------
    SessionError, Interrupted
        If the session ends before its time, or not everything was recorded.
    """
    with open_lockstep(config, simulated) as microscope:
        loop = make_loop(config, microscope, simulated.movie if simulated else None)
        seconds = _seconds(config, simulated)
        about, toml = microscope.describe(), config.toml()
        recorder = Recorder(folder, about, toml, config.recording, seconds, waits=True)
        for sentence in recorder.forecast():
            tell(sentence)
        attached = Observers([recorder, *observers])

        def check(step: Step) -> None:
            _note(loop, recorder.take_news())
            if recorder.stopped:
                raise SessionError(recorder.stopped)
            _check_fatal(step)

        def run() -> None:
            queue = acquisitions or Acquisitions()
            follow(loop, microscope, seconds, attached, queue, check, recorder.note_fault)

        def close() -> Summary:
            for report in microscope.reports():
                recorder.report(report)
            attached.close()
            for fault in attached.faults():
                recorder.note_fault(fault)
            return complete(recorder.finish(), recorder.fault)

        return conclude(run, close)


def run_live(
    config: Config,
    simulated: Simulation | None,
    folder: Path,
    observers: Sequence[Observer] = (),
    microscope: tuple[str, int] | None = None,
    acquisitions: Acquisitions | None = None,
    tell: Tell = _unheard,
    make: Make = make_loop,
) -> Summary:
    """Follow in real time, with microscope and recorder in processes of their own.

    Parameters
    ----------
    config, simulated, folder, observers, acquisitions, tell
        As in `run_lockstep`.
    microscope : (host, port), optional
        A microscope that runs already; otherwise one is started, and ended again.
    make : callable
        Makes what follows.
    """
    switch_threads_often()
    with tempfile.TemporaryDirectory(prefix="pursuit-") as temporary:
        path = Path(temporary) / "config.toml"
        path.write_text(config.toml(), encoding="utf-8")
        children = Children()
        try:
            recorder = children.start("recorder", _record(path, folder))
            if microscope is None:
                server = children.start("microscope", ["microscope", str(path)])
                preload(config)
                microscope = ("127.0.0.1", server.await_ready()["port"])
            with RemoteMicroscope(*microscope) as remote:
                children.end_loop = remote.end
                loop = make(config, remote, simulated.movie if simulated else None)
                if config.microscope.mm_config:
                    with suppress(Exception):  # what fails now fails in the session, and is told
                        loop.prepare()
                    if was_interrupted():  # by Ctrl-C, of which compiled code may make any error
                        raise KeyboardInterrupt
                publisher = DecisionPublisher(own_address(microscope[0]))
                attached = Observers([_Publishing(publisher), *observers])
                remote.announce(publisher.address)
                host, port = microscope
                recorder.send({"microscope": f"{host}:{port}"})
                for sentence in recorder.await_ready()["forecast"]:
                    tell(sentence)
                publisher.wait_for_listener(_SUBSCRIBED_S)
                faults: list[str] = []

                def report(fault: str) -> None:
                    loop.note(fault)
                    faults.append(fault)

                def check(step: Step) -> None:
                    _note(loop, children.take_news())
                    _check_fatal(step)

                def run() -> None:
                    seconds, queue = _seconds(config, simulated), acquisitions or Acquisitions()
                    try:
                        follow(loop, remote, seconds, attached, queue, check, report)
                    finally:
                        children.check()

                def close() -> Summary:
                    remote.close()
                    attached.close()
                    last = recorder.end()
                    summary = last.get("summary", {})
                    if summary:
                        summary["faults"] += [*faults, *attached.faults()]
                    return complete(summary, last.get("fault", ""))

                return conclude(run, close)
        finally:
            with ignore_interrupts():
                children.end()


class _Publishing(Observer):
    """Publishes all decisions."""

    name = "The publisher of decisions"
    in_step = True

    def __init__(self, publisher: DecisionPublisher) -> None:
        self._publisher = publisher

    def observe(self, step: Step) -> None:
        self._publisher.publish(step.decision)

    def close(self) -> None:
        self._publisher.close()


def _record(config: Path, folder: Path) -> list[str]:
    """Return the arguments of the recorder's process; it is told later where to listen."""
    return ["record", "--microscope", "", "--config", str(config), "--out", str(folder)]


def _note(loop: Follows, sentences: list[str]) -> None:
    for sentence in sentences:
        loop.note(sentence)


def _check_fatal(step: Step) -> None:
    for report in step.reports:
        if isinstance(report, Fault) and report.fatal:
            raise SessionError(report.text)


def _seconds(config: Config, simulated: Simulation | None) -> float | None:
    wanted = config.session.seconds
    return simulated.lasts_s(wanted) if simulated else wanted
