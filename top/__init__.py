"""Makes a microscope follow living things: controller, sim, drivers and models."""

from importlib.metadata import version


def __getattr__(name: str) -> str:
    if name == "__version__":
        return version("pursuit")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
