"""``pursuit stop`` and ``pursuit arm``: the stop button, and its release."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from .options import address, fail

if TYPE_CHECKING:
    from ...drivers.stop_button import Running

_ANSWER_MS = 5_000
"""How long a microscope may take to stand; chosen: longer than any stage brakes."""
_NOT_STOPPED = "had not been stopped; if it waited for a hand on the joystick, it waits no longer."

Where = Annotated[
    str | None,
    typer.Argument(
        metavar="HOST[:PORT]",
        help="The microscope; if left out, all that run on this computer.",
    ),
]


def stop(
    microscope: Where = None,
    reason: Annotated[str, typer.Option(help="For those whose moves are refused.")] = (
        "pursuit stop"
    ),
) -> None:
    """Bring the stage to rest at once, and let nothing move it until `pursuit arm`.

    It works from any terminal, while following and during acquisitions, and says whether the
    stage was read to stand.

    Example: `pursuit stop`
    """
    from ...drivers.stop_button import STOP_OFFSET, send_stop

    found = _microscopes(microscope, STOP_OFFSET)
    with ThreadPoolExecutor(len(found)) as pool:
        problems = list(
            pool.map(
                lambda each: send_stop(each.host, each.port, reason, _ANSWER_MS),
                found,
            )
        )
    for each, problem in zip(found, problems, strict=True):
        print(f"{each.name} at {each.host}:{each.port}: {problem or 'stopped, it stands.'}")
    if any(problems):
        fail("Not everything is known to stand: switch the stage off if it moves.")


def arm(microscope: Where = None) -> None:
    """Let a microscope that was stopped be moved again.

    Example: `pursuit arm`
    """
    from ...drivers.wire import RemoteMicroscope

    for each in _microscopes(microscope, 0):
        with RemoteMicroscope(each.host, each.port) as remote:
            was = remote.stopped
            remote.arm()
        told = f"armed again; it was stopped ({was})." if was else _NOT_STOPPED
        print(f"{each.name} at {each.host}:{each.port}: {told}")


def _microscopes(given: str | None, offset: int) -> list[Running]:
    """Return the one that is named, or all on this computer that listen at an offset of a port."""
    from ...drivers.stop_button import STOP_OFFSET, Running, forget, is_listening, running

    if given is not None:
        return [Running("microscope", *address(given))]
    found = running()
    for each in [each for each in found if not is_listening(each.host, each.port + STOP_OFFSET)]:
        forget(each)
        found.remove(each)
    found = [each for each in found if is_listening(each.host, each.port + offset)]
    if not found:
        fail("No microscope runs on this computer: name another one by HOST:PORT.")
    return found
