"""Every runtime computes the same, and says in a sentence what it cannot do."""

from __future__ import annotations

import pickle
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pursuit.models import weights
from pursuit.models.errors import DeviceError, ModelError
from pursuit.models.runtimes import RUNTIMES, load, openvino, tensorrt

ENGINES = {"openvino": "openvino", "onnx": "onnxruntime", "torch": "torch"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PURSUIT_CACHE", str(tmp_path / "cache"))


def field(number: int, content: bytes | str | int) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    raw = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def varint(value: int) -> bytes:
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


def tensor(name: str, *sizes: int | str, kind: int = 1) -> bytes:
    dims = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in sizes)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def one_step(operation: str, *inputs: bytes, kind: int = 1) -> bytes:
    """An ONNX model of one operation; SpaceToDepth with blocks of 2 × 2."""
    names = "xabc"[: len(inputs)]
    block = field(5, field(1, "blocksize") + field(3, 2) + field(20, 2))
    step = b"".join(field(1, n) for n in names) + field(2, "y") + field(4, operation)
    graph = field(1, step + block * (operation == "SpaceToDepth")) + field(2, "graph")
    graph += b"".join(field(11, value) for value in inputs)
    graph += field(12, tensor("y", 1, "d", "e", "f", kind=kind))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


PICTURE = tensor("x", 1, 3, "h", "w")
GATHERS = one_step("SpaceToDepth", PICTURE)
"""Takes even heights and widths only."""
ELSEWHERE = GATHERS + field(7, field(5, field(13, field(1, "location") + field(2, "split.bin"))))
"""Has weights in a file beside it."""


def write(folder: Path, content: bytes, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape, dtype=np.float32)


def needs(runtime: str) -> None:
    pytest.importorskip(ENGINES[runtime])
    if runtime == "torch":
        pytest.importorskip("onnx")


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_inputs_of_any_size_that_fits(tmp_path: Path, runtime: str) -> None:
    needs(runtime)
    ready = load(write(tmp_path, GATHERS), runtime, exact=True).runtime
    for height, width in [(64, 96), (128, 128), (64, 96), *((8, 2 * n) for n in range(1, 8))]:
        pixels = noise(1, 3, height, width)
        (found,) = ready.run(pixels)
        blocks = pixels.reshape(3, height // 2, 2, width // 2, 2).transpose(2, 4, 0, 1, 3)
        np.testing.assert_array_equal(found[0], blocks.reshape(12, height // 2, width // 2))
    ready.close()


@pytest.mark.parametrize("shape", [(1, 1, 64, 64), (2, 3, 64, 64), (3, 64, 64), (1, 3, 0, 64)])
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_inputs_that_do_not_fit_are_refused(tmp_path: Path, runtime: str, shape: tuple) -> None:
    needs(runtime)
    ready = load(write(tmp_path, GATHERS), runtime).runtime
    with pytest.raises(ModelError, match="takes 1 × 3 × any × any and was given"):
        ready.run(np.zeros(shape, np.float32))
    with pytest.raises(ModelError, match=r"33 × 64 pixels.*multiples of its stride"):
        ready.run(np.zeros((1, 3, 64, 33), np.float32))
    assert len(ready.run(np.zeros((1, 3, 64, 64), np.float32))) == 1


class Bomb:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("exploded"),)


def bad_files(folder: Path) -> dict[Path, str]:
    with ZipFile(folder / "best.pt", "w") as archive:
        archive.writestr("best/data.pkl", pickle.dumps(Bomb()))
    return {
        folder / "missing.onnx": "No such file",
        folder / "best.pt": "yolo export model=best.pt format=onnx",
        write(folder, pickle.dumps(Bomb()), "old.pt"): "can run any code",
        write(folder, b"", "empty.onnx"): "is not an ONNX model",
        write(folder, b"hello", "text.onnx"): "is not an ONNX model",
        write(folder, GATHERS[:-9], "cut.onnx"): "is damaged",
        write(folder, one_step("Frobnicate", PICTURE), "new.onnx"): "Frobnicate",
        write(folder, one_step("Add", PICTURE, tensor("a", 1)), "two.onnx"): "not one picture",
        write(folder, one_step("Relu", tensor("x", 1, 10)), "flat.onnx"): "not one picture",
        write(
            folder, one_step("Identity", tensor("x", 1, 3, "h", "w", kind=10), kind=10), "half.onnx"
        ): "type float16: export it so that it takes float32, without half",
        write(
            folder, one_step("Identity", tensor("x", 1, 3, "h", "w", kind=2), kind=2), "bytes.onnx"
        ): "type uint8: export it so that it takes float32",
        write(folder, ELSEWHERE, "split.onnx"): "split.onnx are in another file, split.bin",
    }


@pytest.mark.parametrize("runtime", ["auto", "openvino", "onnx", "torch"])
def test_files_that_cannot_be_used(
    tmp_path: Path,
    runtime: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if runtime != "auto":
        needs(runtime)
    monkeypatch.chdir(tmp_path)
    for path, reason in bad_files(tmp_path).items():
        with pytest.raises(ModelError, match=reason) as raised:
            load(path, runtime)
        assert path.name in str(raised.value)
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 300
    assert not Path("exploded").exists()
    assert capfd.readouterr() == ("", ""), "a library prints what it cannot read"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60), cut=st.integers(0, len(GATHERS)))
def test_noise_in_a_file_is_an_error_or_a_network(tmp_path: Path, content: bytes, cut: int) -> None:
    path = write(tmp_path, GATHERS[:cut] + content + GATHERS[cut + len(content) :])
    try:
        load(path, "openvino")
    except ModelError as error:
        assert "\n" not in str(error)


def test_auto_says_what_it_chose_and_why_not_the_others(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GATHERS))
    assert loaded.why.startswith(f"{loaded.runtime.name} on {loaded.runtime.device}; ")
    assert all(name in loaded.why for name in RUNTIMES)


def test_auto_falls_back_from_a_device_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DeviceError("the GPU has no memory left")

    monkeypatch.setattr(tensorrt, "unavailable", lambda: "")
    monkeypatch.setattr(tensorrt, "open_model", fail)
    loaded = load(write(tmp_path, GATHERS))
    assert loaded.runtime.name == "openvino"
    assert "tensorrt: the GPU has no memory left" in loaded.why
    with pytest.raises(DeviceError, match="no memory left"):
        load(write(tmp_path, GATHERS), "tensorrt")
    monkeypatch.setattr(openvino, "unavailable", lambda: "not installed: pip install openvino")
    with pytest.raises(ModelError, match="openvino cannot be used: not installed"):
        load(write(tmp_path, GATHERS), "openvino")


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [("openvno", "known: auto, tensorrt"), ("openvino:GPU.7", "finds no device 'GPU.7'")],
)
def test_runtimes_and_devices_that_are_not_there(tmp_path: Path, runtime: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        load(write(tmp_path, GATHERS), runtime)


def test_the_network_is_compiled_once_for_a_computer(tmp_path: Path) -> None:
    load(write(tmp_path, GATHERS), "openvino").runtime.warm_up(64, 64)
    assert list((tmp_path / "cache" / "openvino").iterdir())


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A network with what detectors have: strides, a shortcut, positions made from the shape."""
    onnx = pytest.importorskip("onnx")
    random = np.random.default_rng(0)
    weights = {
        "w1": random.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "w2": random.normal(0, 0.2, (8, 8, 3, 3)).astype(np.float32),
        "w3": random.normal(0, 0.2, (6, 16, 1, 1)).astype(np.float32),
        "twice": np.array([1, 1, 2, 2], np.float32),
        "rows": np.array([0, 6, -1], np.int64),
        "two": np.array([2, 4], np.int64),
        "first": np.array(2, np.int64),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
    }
    graph = onnx.parser.parse_graph(
        """
        detector (float[1, 3, h, w] images) => (float[1, 6, n] output0) {
            a = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (images, w1)
            s = Sigmoid (a)
            b = Mul (a, s)
            c = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (b, w2)
            m = MaxPool <kernel_shape = [5, 5], pads = [2, 2, 2, 2]> (c)
            none =
            u = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric",
                nearest_mode = "floor"> (m, , twice)
            d = Concat <axis = 1> (u, b)
            e = Conv <kernel_shape = [1, 1]> (d, w3)
            f = Reshape (e, rows)
            boxes, scores = Split <axis = 1> (f, two)
            sizes = Shape (e)
            width = Gather (sizes, first)
            columns = Range (zero, width, one)
            places = Cast <to = 1> (columns)
            most = ReduceMax <keepdims = 0> (places)
            moved = Add (boxes, most)
            sure = Sigmoid (scores)
            output0 = Concat <axis = 1> (moved, sure)
        }""".replace("            none =\n", "")
    )
    graph.initializer.extend(onnx.numpy_helper.from_array(v, k) for k, v in weights.items())
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10
    )
    onnx.checker.check_model(model)
    path = tmp_path / "detector.onnx"
    onnx.save(model, path)
    return path


def same(paths: list[tuple[Path, str]], size: tuple[int, int], within: float) -> None:
    channels = load(paths[0][0], paths[0][1]).runtime.inputs[0].shape[1]
    pixels = noise(1, channels, *size)
    first, *others = (load(path, name, exact=True).runtime.run(pixels) for path, name in paths)
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a, b, atol=within)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_runtimes_agree(detector: Path, runtime: str) -> None:
    needs(runtime)
    for size in [(64, 96), (160, 32)]:
        same([(detector, "openvino"), (detector, runtime)], size, 1e-4)


def test_half_precision_keeps_positions(detector: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from pursuit.models.runtimes.float16 import to_float16

    half = write(tmp_path, to_float16(detector.read_bytes()), "half.onnx")
    assert half.stat().st_size < detector.stat().st_size
    same([(detector, "openvino"), (half, "onnx")], (4096, 32), 0.02)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
@pytest.mark.parametrize("name", list(weights.shipped()))
def test_runtimes_agree_on_the_weights_that_come_along(name: str, runtime: str) -> None:
    needs(runtime)
    path = weights.find(name)
    same([(path, "openvino"), (path, runtime)], (128, 160), 1e-2)
