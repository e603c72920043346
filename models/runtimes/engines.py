"""Builds TensorRT engines from ONNX files, and keeps them."""

import importlib
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from ..errors import DeviceError, ModelError
from .files import cache_folder, check_file, damaged, not_understood, sentence

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
    """Import whichever TensorRT is installed; ModelError if none is, or it cannot be loaded."""
    for name in LIBRARIES:
        if find_spec(name):
            try:
                return importlib.import_module(name)
            except (ImportError, OSError) as error:
                raise ModelError(
                    f"the library {name} cannot be loaded: {sentence(error)}"
                ) from error
    raise ModelError(f"tensorrt: {missing()}")


def is_rtx(trt: Any) -> bool:
    """Say whether a library is TensorRT for RTX."""
    return "rtx" in trt.__name__


def engine(path: Path, gpu: str = "", exact: bool = False) -> tuple[Path, bytes]:
    """Return the file of an engine and its content, built if it is not there or damaged.

    The key is made of the model's content, GPU, library and version, precision and sizes.

    Parameters
    ----------
    path : Path
        The ONNX file.
    gpu : str
        Name of the GPU it is for; empty for any, which TensorRT for RTX alone can do.
    exact : bool
        FP32 throughout, else FP16 but for the last steps.

    Raises
    ------
    ModelError
        If TensorRT is not installed or cannot build from this file.
    """
    trt = library()
    check_file(path)
    model = path.read_bytes()
    key = sha256(model)
    sizes = (SMALLEST_PX, TYPICAL_PX, LARGEST_PX)
    key.update(repr((gpu, trt.__name__, trt.__version__, exact, sizes)).encode())
    file = cache_folder() / "tensorrt" / f"{path.stem}-{key.hexdigest()[:20]}.engine"
    content = read_checked(file)
    if content is None:
        content = _build(trt, path, model, gpu, exact)
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


def _build(trt: Any, path: Path, model: bytes, gpu: str, exact: bool) -> bytes:
    log = Log(trt)
    builder = trt.Builder(log.logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log.logger)
    if not parser.parse(model if exact else _half(path, model)):
        raise _refusal(path, parser)
    config = builder.create_builder_config()
    config.add_optimization_profile(_sizes(builder, network, path))
    if gpu and is_rtx(trt):
        config.num_compute_capabilities = 1
        config.set_compute_capability(trt.ComputeCapability.CURRENT, 0)
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise DeviceError(
            f"TensorRT cannot build {path.name}: {sentence(log.error or 'no reason')}"
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
        raise ModelError(
            f"the file {path.name} does not take one picture: export a detector with batch 1"
        )
    picture = network.get_input(0)
    _, channels, *free = picture.shape
    shapes = [
        (1, channels, *(own if own > 0 else size for own in free))
        for size in (SMALLEST_PX, TYPICAL_PX, LARGEST_PX)
    ]
    profile = builder.create_optimization_profile()
    profile.set_shape(picture.name, *shapes)
    return profile


class RuntimeCache:
    """Kernels that TensorRT for RTX compiles when an engine first runs, kept beside the engine.

    Attributes
    ----------
    config : IRuntimeConfig
        For execution contexts: with these kernels, CUDA graphs and memory from outside.
    """

    def __init__(self, trt: Any, loaded: Any, file: Path) -> None:
        self._file = file.with_suffix(".kernels")
        self.config = loaded.create_runtime_config()
        self.config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        by_us = trt.ExecutionContextAllocationStrategy.USER_MANAGED
        self.config.set_execution_context_allocation_strategy(by_us)
        self._cache = self.config.create_runtime_cache()
        if kept := read_checked(self._file):
            self._cache.deserialize(kept)
        self.config.set_runtime_cache(self._cache)

    def save(self) -> None:
        """Write them for the next start."""
        write_checked(self._file, bytes(self._cache.serialize()))
