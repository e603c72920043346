"""What a person sees while a command works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def plain_console(*, stderr: bool = False) -> Console:
    """A console that shows names of files and extras as they are, with brackets and colons."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False)


@contextmanager
def progress(
    what: str, total: int | None = None, disable: bool = False
) -> Iterator[Callable[[int, int], None]]:
    """Show how much is done, of how much, on the standard error stream."""
    from rich.progress import Progress

    with Progress(console=plain_console(stderr=True), transient=True, disable=disable) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def stages(console: Console, first: str) -> Iterator[Callable[[str, float], None]]:
    """Show which stage of the work goes on, and for how many seconds in all it has.

    Where there is no terminal, a line for each that begins.
    """
    if console.is_terminal:
        with console.status(first) as status:
            yield lambda what, seconds: status.update(f"{what}, {seconds:.0f} s")
        return
    told = {first}
    console.print(first)

    def tell(what: str, seconds: float) -> None:
        if what not in told:
            told.add(what)
            console.print(f"{what}, after {seconds:.0f} s")

    yield tell


def print_note(note: str) -> None:
    """Say something beside the result, on the standard error stream."""
    plain_console(stderr=True).print(note, soft_wrap=True)


@contextmanager
def needing_training() -> Iterator[None]:
    """Step a missing package into a sentence."""
    from ...models.errors import ModelError

    try:
        yield
    except ImportError as error:
        raise ModelError(
            f'training needs {error.name}, which is not installed: pip install "pursuit[train]"'
        ) from error


PARTS = 20
"""Lines that tell of a training where no terminal shows its bar. Chosen: every few minutes."""


@contextmanager
def training_progress(console: Console) -> Iterator[Callable[[int, int, float], None]]:
    """Show the steps of a training and its loss: a bar, or lines where there is no terminal."""
    if not console.is_terminal:
        yield lambda step, steps, loss: _tell(console, step, steps, loss)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    what, count = TextColumn("{task.description}"), TextColumn("{task.completed}/{task.total}")
    with Progress(what, BarColumn(), count, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("training", total=None)

        def on_step(step: int, steps: int, loss: float) -> None:
            text = "judging" if step == steps else f"training, loss {loss:.2f}"
            progress.update(task, completed=step, total=steps, description=text)

        yield on_step


def _tell(console: Console, step: int, steps: int, loss: float) -> None:
    if step * PARTS // steps > (step - 1) * PARTS // steps:
        console.print(f"training: step {step} of {steps}, loss {loss:.2f}")
