"""Exported models: what has to go with them does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pursuit.models.errors import ModelError
from pursuit.models.export import export_model
from pursuit.models.weights import find


def test_the_licence_goes_with_weights_that_are_under_it(tmp_path: Path) -> None:
    names = {path.name for path in export_model(find("yolo"), "onnx", tmp_path / "yolo")}
    assert names == {"yolo.onnx", "yolo.json", "AGPL-3.0.txt"}
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in (tmp_path / "yolo/AGPL-3.0.txt").read_text()
    names = {path.name for path in export_model(find("ssd"), "onnx", tmp_path / "ssd")}
    assert names == {"ssd.onnx", "ssd.json"}


def test_a_model_needs_no_card_but_not_a_broken_one(tmp_path: Path) -> None:
    model = tmp_path / "mine.onnx"
    shutil.copyfile(find("lstm"), model)
    assert export_model(model, "onnx", tmp_path / "out") == [tmp_path / "out/mine.onnx"]
    for text in ("[1]", "{", "no card"):
        (tmp_path / "mine.json").write_text(text)
        with pytest.raises(ModelError, match=r"model card .* cannot be read"):
            export_model(model, "onnx", tmp_path / "out")
