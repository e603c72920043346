"""``pursuit models``: which models come with the package, and what can compute them here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from ..options import AsJson
from ..progress import plain_console

if TYPE_CHECKING:
    from rich.console import Console


def models(as_json: AsJson = False) -> None:
    """List the models that come with Pursuit, and what can compute them here.

    Example: `pursuit models`
    """
    from ....models.runtimes import reasons

    shelf = shipped_models()
    runtimes: list[dict[str, str | bool]] = [
        {"name": name, "works": not reason, "reason": reason} for name, reason in reasons().items()
    ]
    if as_json:
        print(json.dumps({"models": shelf, "runtimes": runtimes}))
        return
    console = plain_console()
    _print_models(console, shelf)
    _print_precision(console, shelf)
    _print_runtimes(console, runtimes)


def shipped_models() -> list[dict[str, Any]]:
    """Return what the cards of the shipped models say, with file and size."""
    from ....models import weights
    from ....models.card import ModelCard

    return [
        {
            **msgspec.to_builtins(ModelCard.read(path.with_suffix(".json"))),
            "name": name,
            "file": str(path),
            "megabytes": path.stat().st_size / 1e6,
        }
        for name, path in weights.shipped().items()
    ]


def _print_models(console: Console, shelf: list[dict[str, Any]]) -> None:
    if not shelf:
        console.print("No models come with this installation: train one with pursuit train.\n")
        return
    table = _table("model", "architecture", "MB", "objects (px)", "classes", "licence", "made")
    for model in shelf:
        low, high = model["object_px"]
        table.add_row(
            model["name"],
            model["architecture"],
            f"{model['megabytes']:.1f}",
            f"{low:g} to {high:g}",
            ", ".join(model["classes"]),
            model["licence"],
            model["date"],
        )
    console.print(table)
    console.print()


def _print_precision(console: Console, shelf: list[dict[str, Any]]) -> None:
    table = _table("model", "data", "trained on", "judged on", "mAP50", "mAP50-95", "licence")
    for model in shelf:
        for data in model["data"]:
            scores = (data["map50"], data["map50_95"])
            table.add_row(
                model["name"],
                data["name"],
                str(data["images"]),
                str(data["held_back"]),
                *("-" if score is None else f"{score:.3f}" for score in scores),
                data["licence"],
            )
    if table.row_count:
        console.print(table)
        console.print()


def _print_runtimes(console: Console, runtimes: list[dict[str, str | bool]]) -> None:
    table = _table("runtime", "works here")
    for row in runtimes:
        table.add_row(str(row["name"]), "yes" if row["works"] else f"no: {row['reason']}")
    console.print(table)


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column)
    return table
