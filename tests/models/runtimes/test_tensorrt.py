"""Engines are built without a GPU, once, and built again if their file is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pursuit.models.errors import ModelError
from pursuit.models.runtimes import engines, load, tensorrt

if engines.missing():
    pytest.skip(f"TensorRT is {engines.missing()}", allow_module_level=True)
onnx = pytest.importorskip("onnx")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PURSUIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A convolution of stride 2, then positions up to the width of the picture."""
    graph = onnx.parser.parse_graph("""
        detector (float[1, 3, h, w] images) => (float[1, 4, i, j] output0) {
            a = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (images, k)
            s = Sigmoid (a)
            output0 = Mul (s, scale)
        }""")
    kernel = np.random.default_rng(0).normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32)
    for name, values in {"k": kernel, "scale": np.array(2048, np.float32)}.items():
        graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    opsets = [onnx.helper.make_opsetid("", 18)]
    path = tmp_path / "detector.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def ordered(path: Path, exact: bool = False) -> tuple[Path, bytes, int]:
    """File, content and the instant at which it was written."""
    file, content = engines.engine(path, exact=exact)
    return file, content, file.stat().st_mtime_ns


def needs_portable_engines() -> None:
    if tensorrt.unavailable() and not engines.is_rtx(engines.library()):
        pytest.skip("TensorRT needs a GPU to build; TensorRT for RTX does not")


@pytest.mark.parametrize("exact", [True, False])
def test_an_engine_is_built_once(network: Path, exact: bool) -> None:
    needs_portable_engines()
    built = ordered(network, exact)
    assert len(built[1]) > 1000
    assert ordered(network, exact) == built
    assert ordered(network, not exact)[0] != built[0]


def test_a_damaged_engine_is_built_again(network: Path) -> None:
    needs_portable_engines()
    file, content, _ = ordered(network)
    file.write_bytes(file.read_bytes()[:-100])
    again = ordered(network)
    assert (again[0], len(again[1])) == (file, len(content))
    assert ordered(network) == again


def test_another_model_of_the_same_name_has_its_own_engine(network: Path) -> None:
    needs_portable_engines()
    file, _, _ = ordered(network)
    model = onnx.load(network)
    model.producer_name = "another"
    onnx.save(model, network)
    assert ordered(network)[0] != file


@pytest.mark.parametrize("exact", [True, False])
def test_files_that_cannot_be_built(network: Path, exact: bool) -> None:
    whole = network.read_bytes()
    network.write_bytes(whole[:-20])
    with pytest.raises(ModelError, match=r"detector\.onnx is damaged"):
        ordered(network, exact)
    model = onnx.load_from_string(whole)
    model.graph.node[1].op_type = "Frobnicate"
    onnx.save(model, network)
    with pytest.raises(ModelError, match="Frobnicate"):
        ordered(network, exact)


def test_without_a_gpu_it_says_so(network: Path) -> None:
    if not tensorrt.unavailable():
        pytest.skip("there is a GPU")
    with pytest.raises(ModelError, match=r"tensorrt cannot be used: \w+"):
        load(network, "tensorrt")


@pytest.mark.parametrize(("exact", "within"), [(True, 1.0), (False, 4.0)])
def test_on_a_gpu_it_computes_what_openvino_does(network: Path, exact: bool, within: float) -> None:
    if reason := tensorrt.unavailable():
        pytest.skip(reason)
    ours = load(network, "tensorrt", exact=exact).runtime
    theirs = load(network, "openvino", exact=True).runtime
    for size in [(128, 128), (512, 640), (128, 128)]:
        pixels = np.random.default_rng(2).random((1, 3, *size), dtype=np.float32)
        np.testing.assert_allclose(ours.run(pixels)[0], theirs.run(pixels)[0], atol=within)
    with pytest.raises(ModelError, match="use tiles"):
        ours.run(np.zeros((1, 3, 4096, 64), np.float32))
