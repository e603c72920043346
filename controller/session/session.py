"""A session from beginning to end: processes start, the loop follows, everything is closed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...drivers.interrupts import STOPPED, ignore_interrupts, is_interrupt, was_interrupted
from ...drivers.messages import Fault
from ...drivers.microscope import MicroscopeError
from ...drivers.wire import RemoteMicroscope, own_address
from ...models import plugins
from ...models.errors import ModelError
from ..assembly import Simulation, make_loop, open_lockstep
from ..configuration import Config, as_sentence
from ..decisions import DecisionPublisher
from ..loop import Step
from .following import Acquisitions, follow
from .observers import Observer, Observers
from .processes import Children, ProcessError, switch_threads_often
from .recorder import Recorder

_SUBSCRIBED_S = 10.0
"""How long the recorder's subscription is awaited; chosen: far longer than it takes on any host."""

Summary = dict[str, Any]


class Interrupted(Exception):  # noqa: N818 (an event, not an error)
    """The user ended the session; its summary is kept."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(STOPPED)
        self.summary = summary


class SessionError(RuntimeError):
    """A session ended early; the text is one sentence, the summary is what was kept."""

    def __init__(self, text: str, summary: Summary | None = None) -> None:
        super().__init__(text)
        self.summary = summary or {}


def run_lockstep(
    config: Config,
    simulated: Simulation | None,
    folder: Path,
    observers: Sequence[Observer] = (),
    acquisitions: Acquisitions | None = None,
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
        recorder = Recorder(folder, microscope.describe(), config.toml())
        attached = Observers([recorder, *observers])

        def check(step: Step) -> None:
            if recorder.fault:
                raise SessionError(recorder.fault)
            _check_fatal(step)

        def run() -> None:
            seconds, queue = _seconds(config, simulated), acquisitions or Acquisitions()
            follow(loop, microscope, seconds, attached, queue, check, recorder.note_fault)

        def close() -> Summary:
            for report in microscope.reports():
                recorder.report(report)
            attached.close()
            for fault in attached.faults():
                recorder.note_fault(fault)
            return _complete(recorder.finish(), recorder.fault)

        return _conclude(run, close)


def run_live(
    config: Config,
    simulated: Simulation | None,
    folder: Path,
    observers: Sequence[Observer] = (),
    microscope: tuple[str, int] | None = None,
    acquisitions: Acquisitions | None = None,
) -> Summary:
    """Follow in real time, with microscope and recorder in processes of their own.

    Parameters
    ----------
    config, simulated, folder, observers, acquisitions
        As in `run_lockstep`.
    microscope : (host, port), optional
        A microscope that runs already; otherwise one is started, and ended again.
    """
    switch_threads_often()
    with tempfile.TemporaryDirectory(prefix="pursuit-") as temporary:
        path = Path(temporary) / "config.toml"
        path.write_text(config.toml(), encoding="utf-8")
        children = Children()
        if microscope is None:
            server = children.start("microscope", ["microscope", str(path)])
            microscope = ("127.0.0.1", server.ready["port"])
        try:
            with RemoteMicroscope(*microscope) as remote:
                children.end_loop = remote.end
                loop = make_loop(config, remote, simulated.movie if simulated else None)
                if config.microscope.mm_config:
                    with suppress(Exception):  # what fails now fails in the session, and is told
                        loop.prepare()
                    if was_interrupted():  # by Ctrl-C, of which compiled code may make any error
                        raise KeyboardInterrupt
                publisher = DecisionPublisher(own_address(microscope[0]))
                attached = Observers([_Publishing(publisher), *observers])
                remote.announce(publisher.address)
                recorder = children.start("recorder", _record(microscope, path, folder))
                publisher.wait_for_listener(_SUBSCRIBED_S)
                faults: list[str] = []

                def report(fault: str) -> None:
                    loop.note(fault)
                    faults.append(fault)

                def run() -> None:
                    seconds, queue = _seconds(config, simulated), acquisitions or Acquisitions()
                    try:
                        follow(loop, remote, seconds, attached, queue, _check_fatal, report)
                    finally:
                        children.check()

                def close() -> Summary:
                    remote.close()
                    attached.close()
                    last = recorder.end()
                    summary = last.get("summary", {})
                    if summary:
                        summary["faults"] += [*faults, *attached.faults()]
                    return _complete(summary, last.get("fault", ""))

                return _conclude(run, close)
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


def _record(microscope: tuple[str, int], config: Path, folder: Path) -> list[str]:
    """Return the arguments of the recorder's process; it finds the decisions by itself."""
    host, port = microscope
    return [
        *("record", "--microscope", f"{host}:{port}"),
        *("--config", str(config), "--out", str(folder)),
    ]


def _check_fatal(step: Step) -> None:
    for report in step.reports:
        if isinstance(report, Fault) and report.fatal:
            raise SessionError(report.text)


def _complete(summary: Summary, fault: str) -> Summary:
    """Return the summary, or raise `SessionError` if something was not recorded."""
    if fault:
        raise SessionError(fault, summary)
    return summary


def _conclude(run: Callable[[], None], close: Callable[[], Summary]) -> Summary:
    """Run; then, whatever happened, close the session folder, and say what happened first."""
    problem: BaseException | None = None
    try:
        run()
    except BaseException as error:
        problem = error
    with ignore_interrupts():
        try:
            summary = close()
        except SessionError as error:
            summary, problem = error.summary, problem or error
    if problem is None:
        return summary
    if is_interrupt(problem):
        raise Interrupted(summary)
    if isinstance(problem, ModelError):
        raise SessionError(as_sentence(problem), summary) from problem
    if isinstance(problem, SessionError | MicroscopeError | ProcessError):
        raise SessionError(str(problem), summary)
    if was_interrupted():
        raise Interrupted(summary) from problem
    if told := plugins.failure(problem):
        raise SessionError(told, summary) from problem
    raise problem


def _seconds(config: Config, simulated: Simulation | None) -> float | None:
    wanted = config.session.seconds
    return simulated.lasts_s(wanted) if simulated else wanted
