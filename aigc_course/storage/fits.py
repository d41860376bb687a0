"""Whether what a checkpoint holds fits the modules and optimizers at hand; if not, a ValueError names a difference."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_course.storage import weights


def settings_of(module: nn.Module) -> dict[str, dict[str, Any]]:
    """What a module computes with beside its weights: the kind of each part and its numbers, such as `num_heads`."""
    return {
        name: {"kind": type(part).__name__}
        | {key: value for key, value in vars(part).items() if type(value) in (int, float) and not key.startswith("_")}
        for name, part in module.named_modules()
    }


def check_names(what: str, saved: list[str], wanted: Mapping[str, object]) -> None:
    """ValueError unless the checkpoint holds what shall be filled, no more and no less."""
    if sorted(saved) != sorted(wanted):
        raise ValueError(
            f"the checkpoint holds the {what} {sorted(saved)}, but {sorted(wanted)} is to be filled from it"
        )


def check_module(name: str, saved: dict[str, Tensor], settings: dict[str, dict[str, Any]], module: nn.Module) -> None:
    """ValueError, naming the first difference, unless shapes, kinds of numbers and settings of all parts agree."""
    wanted, advice = module.state_dict(), "Build the model with the settings it was trained with"
    for key in sorted(saved.keys() | wanted.keys()):
        shapes = [str(tuple(tensors[key].shape)) if key in tensors else "none" for tensors in (saved, wanted)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f'the checkpoint has a different shape: "{key}" of module "{name}" has shape {shapes[0]} in the file, '
                f"{shapes[1]} in the model. {advice}"
            )
        if saved[key].dtype != wanted[key].dtype:  # a training does not go on bit for bit in another precision
            raise ValueError(
                f'"{key}" of module "{name}" is {weights.kind_of(saved[key])} in the checkpoint, '
                f"{weights.kind_of(wanted[key])} in the model. {advice}"
            )
    here = settings_of(module)
    for place in sorted(settings.keys() | here.keys()):
        there, now = settings.get(place, {}), here.get(place, {})
        for key in sorted(there.keys() | now.keys()):
            if there.get(key) != now.get(key):
                raise ValueError(
                    f'"{place}" of module "{name}" has {key} {there.get(key)} in the checkpoint, {now.get(key)} in the '
                    f"model. {advice}"
                )


def check_optimizer(name: str, saved: dict[str, Any], optimizer: Optimizer) -> None:
    """ValueError unless kind and numbers of parameters agree."""
    sizes = [[len(group["params"]) for group in groups] for groups in (saved["param_groups"], optimizer.param_groups)]
    kinds = saved["kind"], type(optimizer).__name__
    if kinds[0] != kinds[1] or sizes[0] != sizes[1]:
        raise ValueError(
            f'optimizer "{name}" is {kinds[0]} over groups of {sizes[0]} parameters in the checkpoint, but {kinds[1]} '
            f"over {sizes[1]} here. Build it the way it was built for the run that wrote the checkpoint"
        )
