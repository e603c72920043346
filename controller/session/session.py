"""A session from beginning to end: processes start, the loop follows, everything is put away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Fault
from ...drivers.microscope import MicroscopeError
from ...drivers.wire import RemoteMicroscope
from ..assembly import Simulation, make_loop, open_lockstep
from ..configuration import Config
from ..decisions import DecisionPublisher
from ..loop import Loop, Step
from .processes import Child, ProcessError, share_quickly, undisturbed
from .recorder import Recorder

_LISTENER_S = 10.0

OnTurn = Callable[[Step], None]


class Interrupted(Exception):  # noqa: N818 (an event, not an error)
    """The user ended the session; its summary is kept."""

    def __init__(self, summary: dict[str, Any]) -> None:
        super().__init__("Stopped by the user.")
        self.summary = summary


class SessionError(RuntimeError):
    """A session ended early; the text is one sentence, the summary is what was kept."""

    def __init__(self, text: str, summary: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.summary = summary or {}


def run_lockstep(
    config: Config, simulated: Simulation | None, folder: Path, on_step: OnTurn
) -> dict[str, Any]:
    """Follow in virtual time, in this process.

    Parameters
    ----------
    config : Config
    simulated : Simulation or None
        As `complete` returned it.
    folder : Path
        Becomes the session folder.
    on_step : callable
        Told of every step of the loop.

    Returns
    -------
    dict
        The summary.
    """
    with open_lockstep(config, simulated) as microscope:
        loop = make_loop(config, microscope)
        recorder = Recorder(folder, microscope.describe(), config.toml())

        def record(step: Step) -> None:
            recorder.frame(step.frame)
            recorder.decision(step.decision)
            for report in step.reports:
                recorder.report(report)
            on_step(step)
            if recorder.fault:
                raise SessionError(recorder.fault)

        def close() -> dict[str, Any]:
            for report in microscope.reports():
                recorder.report(report)
            return _complete(recorder.close(), recorder.fault)

        return _conclude(lambda: _follow(loop, _seconds(config, simulated), record), close)


def run_live(
    config: Config,
    simulated: Simulation | None,
    folder: Path,
    on_step: OnTurn,
    microscope: tuple[str, int] | None = None,
) -> dict[str, Any]:
    """Follow in real time, with microscope and recorder in processes of their own.

    Parameters
    ----------
    config, simulated, folder, on_step
        As in `run_lockstep`.
    microscope : (host, port), optional
        A microscope that runs already; otherwise one is started, and ended again.
    """
    share_quickly()
    with tempfile.TemporaryDirectory(prefix="pursuit-") as temporary:
        path = Path(temporary) / "config.toml"
        path.write_text(config.toml(), encoding="utf-8")
        troubles = _Troubles()
        server: Child | None = None
        if microscope is None:
            server = Child("microscope", ["microscope", str(path)], on_death=troubles.end_loop)
            troubles.watch(server)
            microscope = ("127.0.0.1", server.ready["port"])
        try:
            with RemoteMicroscope(*microscope) as remote:
                troubles.end = remote.end
                return _record_and_follow(
                    config, simulated, remote, microscope, path, folder, troubles, on_step
                )
        finally:
            if server is not None:
                with undisturbed():
                    server.end()


def _record_and_follow(
    config: Config,
    simulated: Simulation | None,
    remote: RemoteMicroscope,
    address: tuple[str, int],
    config_path: Path,
    folder: Path,
    troubles: _Troubles,
    on_step: OnTurn,
) -> dict[str, Any]:
    loop = make_loop(config, remote)
    publisher = DecisionPublisher()
    recorder = Child(
        "recorder",
        [
            "record",
            *("--microscope", f"{address[0]}:{address[1]}"),
            *("--decisions", f"127.0.0.1:{publisher.port}"),
            *("--config", str(config_path)),
            *("--out", str(folder)),
        ],
        on_line=troubles.hear,
        on_death=troubles.end_loop,
    )
    troubles.watch(recorder)
    publisher.wait_for_listener(_LISTENER_S)

    def publish(step: Step) -> None:
        publisher.publish(step.decision)
        on_step(step)
        for report in step.reports:
            if isinstance(report, Fault) and report.fatal:
                raise SessionError(report.text)

    def follow() -> None:
        try:
            _follow(loop, _seconds(config, simulated), publish)
        finally:
            troubles.check()

    def close() -> dict[str, Any]:
        remote.close()
        publisher.close()
        last = recorder.end()
        return _complete(last.get("summary", {}), last.get("fault", ""))

    return _conclude(follow, close)


def _follow(loop: Loop, seconds: float | None, on_step: OnTurn) -> None:
    """Run the loop until its time is up or no more frames come."""
    first_ns: int | None = None
    with closing(loop.steps()) as steps:
        for step in steps:
            on_step(step)
            first_ns = step.frame.exposed_ns if first_ns is None else first_ns
            next_ns = step.frame.exposed_ns - first_ns + loop.interval_ns
            if seconds is not None and next_ns >= (seconds - 1e-6) * NS_PER_S:
                return


def _complete(summary: dict[str, Any], fault: str) -> dict[str, Any]:
    """Return the summary, or raise `SessionError` if something was not recorded."""
    if fault:
        raise SessionError(fault, summary)
    return summary


def _conclude(follow: Callable[[], None], close: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Follow; then, whatever happened, close the session folder, and say what happened first."""
    problem: BaseException | None = None
    try:
        follow()
    except BaseException as error:
        problem = error
    with undisturbed():
        try:
            summary = close()
        except SessionError as error:
            summary, problem = error.summary, problem or error
    if problem is None:
        return summary
    if isinstance(problem, KeyboardInterrupt):
        raise Interrupted(summary)
    if isinstance(problem, SessionError | MicroscopeError | ProcessError):
        raise SessionError(str(problem), summary)
    raise problem


def _seconds(config: Config, simulated: Simulation | None) -> float | None:
    if config.session.seconds is not None:
        return config.session.seconds
    return simulated.seconds if simulated else None


class _Troubles:
    """What child processes say while the loop runs."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._text = ""
        self.end: Callable[[], None] = lambda: None

    def watch(self, child: Child) -> None:
        self._children.append(child)

    def hear(self, line: dict[str, Any]) -> None:
        """Take a fault that a child reports as the end of the session."""
        if "fault" in line:
            self._text = line["fault"]
            self.end()

    def end_loop(self) -> None:
        """Let the loop end, as a child is gone; `check` then says which."""
        self.end()

    def check(self) -> None:
        """Raise `SessionError` if there was any trouble."""
        deaths = [child.death for child in self._children if child.death]
        if self._text or deaths:
            raise SessionError(self._text or deaths[0])
