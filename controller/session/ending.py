"""How a session ends: its folder is closed whatever happened, and what happened is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...drivers.interrupts import STOPPED, ignore_interrupts, is_interrupt, was_interrupted
from ...drivers.microscope import MicroscopeError
from ...models import plugins
from ...models.errors import ModelError
from ..configuration import as_sentence
from .processes import ProcessError

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


def complete(summary: Summary, fault: str) -> Summary:
    """Return the summary, or raise `SessionError` if something was not recorded."""
    if fault:
        raise SessionError(fault, summary)
    return summary


def conclude(run: Callable[[], None], close: Callable[[], Summary]) -> Summary:
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
