"""Fine-tuning: weights of an exported model, made trainable again."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .batch import Batch


def load_exported(
    model: nn.Module, weights: Mapping[str, NDArray[np.float32]], batch: Batch
) -> None:
    """Give a network the weights of an exported one, as far as they fit.

    An exported convolution has its batch norm folded in. It is unfolded again: the norm gets
    the statistics that the convolution has on a batch, with a gain and bias that undo it, so
    that the network computes the same as the exported one and can be trained further.

    Parameters
    ----------
    model : Module
        Changed in place.
    weights : mapping of str to array
        By name, as `read_weights` returns them.
    batch : Batch
        Typical pictures.
    """
    own = model.state_dict()
    fitting = {
        name: torch.from_numpy(np.array(values))
        for name, values in weights.items()
        if name in own and tuple(own[name].shape) == values.shape
    }
    model.load_state_dict(fitting, strict=False)
    hooks = []
    for conv, norm in _pairs(model):
        if f"{conv}.weight" in fitting and f"{conv}.bias" in weights:
            _make_neutral(norm, torch.from_numpy(np.array(weights[f"{conv}.bias"])))
            hooks.append(norm.register_forward_pre_hook(_learn_statistics))
    if hooks:
        model.eval()
        with torch.no_grad():
            model(batch.images)
    for hook in hooks:
        hook.remove()


def _pairs(model: nn.Module) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    """Names of convolutions, and the batch norms that follow them."""
    for prefix, parent in model.named_modules():
        last = ""
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d) and last:
                yield last, child
            full = f"{prefix}.{name}" if prefix else name
            last = full if isinstance(child, nn.Conv2d) else ""


@torch.no_grad()
def _make_neutral(norm: nn.BatchNorm2d, bias: Tensor) -> None:
    """Let a norm add a bias and nothing else."""
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)
    norm.bias.copy_(bias)


def _learn_statistics(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Give a neutral norm the statistics of what comes through, its effect unchanged."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None and norm.running_var is not None
    values = inputs[0].transpose(0, 1).flatten(1)
    variance, mean = torch.var_mean(values, dim=1)
    variance = torch.clamp(variance, min=1e-6)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(torch.sqrt(variance + norm.eps))
    norm.bias.add_(mean)
