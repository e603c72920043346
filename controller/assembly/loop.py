"""From a configuration to a loop: detector, tracker, target and policy around a microscope."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...drivers.messages import Description
from ...drivers.microscope import Microscope
from ...models import detectors, predictors, weights
from ...models.detectors import Detector, SupportsWarmUp
from ...models.detectors.learned import detector_for
from ...models.errors import ModelError
from ...models.plugins import is_plugin
from ...models.predictors import Predictor
from ...sim.movie import Movie
from .. import policies
from ..configuration import Config, ConfigError, as_sentence
from ..focus import Focus
from ..loop import Loop
from ..policies import Policy
from ..targets import Places, TargetSelection
from ..tracking import FieldGeometry, Tracker


def make_loop(config: Config, microscope: Microscope, movie: Movie | None = None) -> Loop:
    """Put the loop together; raises a `ConfigError` if a model or one of its options is unknown.

    Places are told in pixels of the ``movie`` that is the specimen, if it is one.
    """
    description = microscope.describe()
    predictor = make_predictor(config)
    check_diameter(config, description.pixel_um, description.width_px, description.height_px)
    detector = make_detector(config, description.pixel_um)
    if isinstance(detector, SupportsWarmUp):
        detector.warm_up(description.height_px, description.width_px)
    return Loop(
        microscope,
        detector,
        Tracker(config.tracking, FieldGeometry(description), predictor),
        TargetSelection(config.target, Places(movie.px_of_um, movie.pixel_um) if movie else None),
        make_policy(config),
        config.attention,
        make_focus(config, description),
        config.session.dry_run,
    )


def preload(config: Config) -> None:
    """Load the libraries and files of models, while something else is awaited.

    What fails fails again when the models are made, and is told then. Code of the user's is left.
    """
    for table, make in (("predictor", make_predictor), ("detector", _make_any_detector)):
        if not is_plugin(getattr(config, table)["name"]):
            with suppress(Exception):
                make(config)


def _make_any_detector(config: Config) -> Detector:
    return make_detector(config, 1.0)


def make_focus(config: Config, description: Description) -> Focus:
    """Make what keeps the target in focus."""
    try:
        return Focus(config.focusing, description, config.focus)
    except ModelError as error:
        raise ConfigError(as_sentence(error)) from error


def make_detector(config: Config, pixel_um: float) -> Detector:
    """Make the detector, its sizes in µm turned into pixels."""
    options = dict(config.detector)
    name = options.pop("name")
    for key in [key for key in options if key.endswith("_um")]:
        options[key.removesuffix("_um") + "_px"] = options.pop(key) / pixel_um
    return _checked(detectors.create, name, options)


def check_diameter(
    config: Config, pixel_um: float, width_px: int, height_px: int, what: str = "the field"
) -> None:
    """Refuse a diameter of objects that are larger than what the detector will be shown.

    Raises
    ------
    ConfigError
    """
    for key, unit_px in (("diameter_px", 1.0), ("diameter_um", 1 / pixel_um)):
        given = config.detector.get(key, 0.0)
        if isinstance(given, int | float) and given * unit_px > min(width_px, height_px):
            size = f"{width_px} × {height_px} px"
            in_px = "" if unit_px == 1 else f", which is {given * unit_px:.4g} px,"
            raise ConfigError(
                f"detector.{key} = {given:g}{in_px} is larger than {what} of {size}: give the "
                f"diameter of one object in {key[-2:].replace('u', 'µ')}."
            )


def detector_table(name: str | None, model: str | None) -> dict[str, Any]:
    """Return the table for a detector's name and model; without a name, that of the model.

    Raises
    ------
    ConfigError
        If there is no such model.
    """
    table = {"name": name} if name else {}
    if model is not None:
        try:
            table = {"name": detector_for(model)} | table
        except ModelError as error:
            raise ConfigError(as_sentence(error)) from error
        is_shipped = model in weights.shipped()
        table["weights"] = model if is_shipped else str(Path(model).resolve())
    return table


def make_predictor(config: Config) -> Predictor:
    """Make the predictor of all tracks."""
    options = dict(config.predictor)
    return _checked(predictors.create, options.pop("name"), options)


def make_policy(config: Config) -> Policy:
    """Make the policy."""
    options = dict(config.policy)
    return _checked(policies.create, options.pop("name"), options)


def _checked(create: Callable[..., Any], name: str, options: dict[str, Any]) -> Any:
    try:
        return create(name, options)
    except ValueError as error:
        raise ConfigError(as_sentence(error)) from error
