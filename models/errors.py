"""What can go wrong with a model file, in a sentence for the user."""


class ModelError(ValueError):
    """A model, its card or the data for it cannot be used; the text says what to do."""


class DeviceError(ModelError):
    """What computes a network failed or ran out of memory; another runtime may do."""
