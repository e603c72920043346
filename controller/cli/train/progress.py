"""What the commands that train share: how they fail, and what a person sees."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def needing_training() -> Iterator[None]:
    """Step a missing package into a sentence."""
    from ....models.errors import ModelError

    try:
        yield
    except ImportError as error:
        raise ModelError(
            f'training needs {error.name}, which is not installed: pip install "pursuit[train]"'
        ) from error


@contextmanager
def training_progress(console: Any) -> Iterator[Callable[[int, int, float], None]]:
    """Show the steps of a training and its loss."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    what, count = TextColumn("{task.description}"), TextColumn("{task.completed}/{task.total}")
    with Progress(what, BarColumn(), count, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("training", total=None)

        def on_step(step: int, steps: int, loss: float) -> None:
            text = "judging" if step == steps else f"training, loss {loss:.2f}"
            progress.update(task, completed=step, total=steps, description=text)

        yield on_step
