"""What the commands share: their options, what is made or read of them, and how they fail."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ...sim.scenarios import scenario_names

if TYPE_CHECKING:
    from ...models.datasets import Dataset, Tracks

ScopeFile = Annotated[
    Path | None,
    typer.Argument(metavar="SCOPE.toml", help="Configuration of a stand and a task."),
]
ScenarioName = Annotated[
    str | None,
    typer.Option(help=f"Simulated scenario: {', '.join(scenario_names())}, or a TOML file."),
]
Specimen = Annotated[Path | None, typer.Option(help="Movie that a simulated field moves across.")]
MMConfig = Annotated[Path | None, typer.Option(help="Micro-Manager file of real hardware.")]
Start = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y", help="Pixel of the movie where the middle of the field is at first."
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change one setting; repeatable."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random in the simulation.")]
DetectorName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="yolo, ssd, auto, blobs, template, watershed, edges or one of your own; default: "
        "yolo, and auto for what is pointed at.",
    ),
]
ModelFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.onnx",
        help="Model of a learned detector: a file, or the name of a shipped one.",
    ),
]
_PART = "Of a file with several: its name, or its number from 0."
Position = Annotated[str | None, typer.Option(metavar="NAME", help=_PART)]
Channel = Annotated[str | None, typer.Option(metavar="NAME", help=_PART)]
Plane = Annotated[int | None, typer.Option(min=0, help="Of a file with several: from 0.")]
PixelUm = Annotated[
    float | None, typer.Option(min=1e-9, help="Edge of a pixel; default: as the file tells.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def _new_file(path: Path | None, option: typer.CallbackParam) -> Path | None:
    """Refuse an output that is there already or cannot be written, before the work begins."""
    if path is not None:
        from ..configuration import check_new_file

        check_new_file(path, option.opts[0])
    return path


def _new_model(path: Path, option: typer.CallbackParam) -> Path:
    """Refuse the same of a model and its card."""
    _new_file(path.with_suffix(".json"), option)
    _new_file(path, option)
    return path


JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="Write the numbers to this new file.", callback=_new_file),
]
ModelOut = Annotated[
    Path,
    typer.Option("--out", help="ONNX file to write; its card goes beside it.", callback=_new_model),
]
Supervised = Annotated[bool, typer.Option("--supervised", hidden=True)]
DATA = typer.Argument(
    metavar="DATA...",
    help="Folders with images and labels: label maps, YOLO, Pascal VOC or COCO; "
    "CLASS=FOLDER names the only class of a folder whose labels name none.",
)
Columns = Annotated[
    str,
    typer.Option(
        metavar="KEY=NAME,...",
        help="What the columns track, t, x, y and z are called in the files.",
    ),
]
NO_FILES: list[Path] = []
"""Default of an argument with files."""


def read_source(text: str) -> Dataset:
    """Read the data set that an argument names."""
    from ...models.datasets import read_dataset

    name, equals, folder = text.partition("=")
    is_named = bool(equals) and not Path(text).exists()
    dataset = read_dataset(Path(folder), name) if is_named else read_dataset(Path(text))
    for note in dataset.notes:
        print(f"{dataset.name}: {note}", file=sys.stderr)
    return dataset


def read_all_tracks(paths: list[Path], columns: str) -> list[Tracks]:
    """Read files of tracks; ``columns`` is ``KEY=NAME``, separated by commas."""
    from ...models.datasets import read_tracks
    from ...models.errors import ModelError

    names: dict[str, str] = {}
    for pair in filter(None, columns.split(",")):
        key, equals, name = pair.partition("=")
        if not equals or not name:
            raise ModelError(f"--columns takes KEY=NAME, separated by commas, not {pair!r}")
        names[key.strip()] = name.strip()
    return [read_tracks(path, names) for path in paths]


def new_folder(name: str) -> Path:
    """Return a name for a session folder that says when and what."""
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    return Path("sessions") / f"{stamp}_{name}"


DEFAULT_PORT = 5710
"""Port of `pursuit microscope`, if no other is chosen."""
_LAST_PORT = 65_535
"""TCP has no others."""
MOST_PORT = _LAST_PORT - 3
"""A microscope uses the next three ports, too."""


def address(text: str, usual_port: int | None = DEFAULT_PORT) -> tuple[str, int]:
    """Split HOST:PORT; a host alone is asked at the usual port, if there is one."""
    from ..configuration import ConfigError

    host, colon, port = text.rpartition(":")
    if not colon and usual_port is not None:
        return text, usual_port
    most = _LAST_PORT if usual_port is None else MOST_PORT
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= most:
        raise ConfigError(f"{text} is not of the form HOST:PORT, with a port from 1 to {most}.")
    return host, int(port)


def fail(text: str) -> NoReturn:
    """Say what is wrong, and end the command without success."""
    print(f"Error: {text}", file=sys.stderr)
    raise SystemExit(1)
