"""Builds TensorRT engines from ONNX files, and keeps them."""

import importlib
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from ..errors import DeviceError, ModelError
from .files import cache_folder, check_file, damaged, not_understood, sentence
from .runtime import OnProgress

LIBRARIES = ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings")
"""Import names, best first; the last is what the wheels of the second bring."""

SMALLEST_PX, TYPICAL_PX, LARGEST_PX = 32, 512, 2048
"""Height and width for which an engine is built, where the network leaves them free. Chosen: from
one cell of a stride to twice the largest tile; best at a usual field."""

_MAGIC = b"pursuit engine 1\n"
"""First bytes of a file of ours; the number changes with its layout."""


def missing() -> str:
    """Say what to install, empty if a TensorRT is there."""
    if any(find_spec(name) for name in LIBRARIES):
        return ""
    return 'not installed: pip install "pursuit[tensorrt-rtx]" or "pursuit[tensorrt]"'


def library() -> Any:
    """Import whichever TensorRT is installed.

    Raises
    ------
    ModelError
        If none is, or it cannot be loaded.
    """
    for name in LIBRARIES:
        if find_spec(name):
            try:
                return importlib.import_module(name)
            except (ImportError, OSError) as error:
                raise ModelError(f"{name} cannot be loaded: {sentence(error)}") from error
    raise ModelError(f"tensorrt: {missing()}")


def is_rtx(trt: Any) -> bool:
    """Say whether a library is TensorRT for RTX."""
    return "rtx" in trt.__name__


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """Which engine to build.

    Attributes
    ----------
    path : Path
        The ONNX file.
    gpu : str
        Name of the GPU it is for; empty for any, which TensorRT for RTX alone can do.
    exact : bool
        FP32 throughout, else FP16 but for the last steps.
    """

    path: Path
    gpu: str = ""
    exact: bool = False


def engine(request: EngineRequest, on_progress: OnProgress) -> tuple[Path, bytes]:
    """Return the file of an engine and its content, built if it is not there or damaged.

    The key is made of the model's content, GPU, library and version, precision and sizes.

    Raises
    ------
    ModelError
        If TensorRT is not installed or cannot build from this file.
    """
    trt = library()
    check_file(request.path)
    model = request.path.read_bytes()
    key = sha256(model)
    sizes = (SMALLEST_PX, TYPICAL_PX, LARGEST_PX)
    key.update(repr((request.gpu, trt.__name__, trt.__version__, request.exact, sizes)).encode())
    folder = cache_folder() / "tensorrt"
    file = folder / f"{request.path.stem}-{key.hexdigest()[:20]}.engine"
    content = read_checked(file)
    if content is None:
        content = _build(trt, request, model, on_progress)
        write_checked(file, content)
    return file, content


def read_checked(file: Path) -> bytes | None:
    """Read what :func:`write_checked` wrote; None if it is not there or not whole."""
    try:
        whole = file.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + 32
    content = whole[start:]
    return content if whole[:start] == _MAGIC + sha256(content).digest() else None


def write_checked(file: Path, content: bytes) -> None:
    """Write a file with a checksum, and move it into place: no process ever reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=file.parent, delete=False) as part:
        part.write(_MAGIC + sha256(content).digest() + content)
    Path(part.name).replace(file)


class Log:
    """Messages of TensorRT; the last error is kept."""

    def __init__(self, trt: Any) -> None:
        log = self

        class Logger(trt.ILogger):
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: Any, msg: str) -> None:
                if severity <= trt.ILogger.ERROR:
                    log.error = msg

        self.error = ""
        self.logger = Logger()


def _build(trt: Any, request: EngineRequest, model: bytes, on_progress: OnProgress) -> bytes:
    log = Log(trt)
    builder = trt.Builder(log.logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log.logger)
    if not parser.parse(model if request.exact else _half(request.path, model)):
        raise _refusal(request.path, parser)
    config = builder.create_builder_config()
    text = f"building {request.path.stem} for TensorRT"
    monitor = _monitor(trt, lambda share: on_progress(text, share))
    config.progress_monitor = monitor
    config.add_optimization_profile(_sizes(builder, network, request.path))
    if request.gpu and is_rtx(trt):
        config.num_compute_capabilities = 1
        config.set_compute_capability(trt.ComputeCapability.CURRENT, 0)
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise DeviceError(
            f"TensorRT cannot build {request.path.name}: {sentence(log.error or 'no reason')}"
        )
    return bytes(built)


def _half(path: Path, model: bytes) -> bytes:
    if not find_spec("onnx"):
        raise ModelError("TensorRT in FP16 needs onnx: pip install onnx")
    from google.protobuf.message import DecodeError

    from .float16 import to_float16

    try:
        return to_float16(model)
    except DecodeError as error:
        raise damaged(path) from error


def _refusal(path: Path, parser: Any) -> ModelError:
    if not parser.num_errors:
        return not_understood(path, "TensorRT", "it does not say why")
    error = parser.get_error(0)
    if "Failed to parse the ONNX model" in error.desc():
        return damaged(path)
    return not_understood(path, "TensorRT", f"{error.node_operator()}: {sentence(error.desc())}")


def _sizes(builder: Any, network: Any, path: Path) -> Any:
    """Optimisation profile: the sizes that the engine is to take."""
    if network.num_inputs != 1 or len(network.get_input(0).shape) != 4:
        raise ModelError(f"{path.name} does not take one picture: export a detector with batch 1")
    picture = network.get_input(0)
    _, channels, *free = picture.shape
    shapes = [
        (1, channels, *(own if own > 0 else size for own in free))
        for size in (SMALLEST_PX, TYPICAL_PX, LARGEST_PX)
    ]
    profile = builder.create_optimization_profile()
    profile.set_shape(picture.name, *shapes)
    return profile


def _monitor(trt: Any, on_share: Any) -> Any:
    class Monitor(trt.IProgressMonitor):
        """Nested phases of so many steps each, folded to one share that never falls."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._phases: dict[str, list[int]] = {}
            self._share = 0.0

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._phases[phase_name] = [0, num_steps]

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name in self._phases:
                self._phases[phase_name][0] = step + 1
                self._tell()
            return True

        def phase_finish(self, phase_name: str) -> None:
            self._phases.pop(phase_name, None)
            if not self._phases:
                on_share(1.0)

        def _tell(self) -> None:
            share, part = 0.0, 1.0
            for done, steps in self._phases.values():
                part /= max(1, steps)
                share += part * done
            if share > self._share:
                self._share = min(share, 1.0)
                on_share(self._share)

    return Monitor()
