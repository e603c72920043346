"""Runtime cache of TensorRT for RTX: kernels compiled for a GPU, kept for the next start."""

from pathlib import Path
from typing import Any

from .engines import read_checked, write_checked


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
