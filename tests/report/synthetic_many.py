"""A results folder of more networks than can have a figure each: the first of S1 Table."""

from pathlib import Path

from synthetic_predictivity import save_predictivity
from synthetic_robustness import save_robustness, save_training
from synthetic_spectra import save_layers
from synthetic_tuning import save_tuning

from striate.reference import kong2021_table_s1

# Three base networks and their robust versions are among them.
NAMES = (
    *("alexnet", "vgg11", "vgg13", "resnet18", "resnet34", "resnet50", "wide_resnet50_2"),
    *("robust_resnet50_l2_3", "robust_resnet18_linf_1", "robust_wide_resnet50_2_l2_3"),
    *("squeezenet1_0", "densenet121", "googlenet", "mobilenet_v2", "robust_mobilenet_v2_l2_3"),
)
LAYERS = ("relu", "layer1.0", "layer2.0", "layer3.0")
V1_LAYER = "layer2.0"  # as planted: predicts V1 best, though another has the highest score


def of_model(name: str) -> dict[str, str]:
    """Name a network as the commands do, with a fingerprint of its own."""
    return {"model": f"kong2021/{name}", "sha": f"{kong2021_rows()[name]:012x}"}


def kong2021_rows() -> dict[str, int]:
    """Number the rows of S1 Table."""
    return {str(name): place for place, name in enumerate(kong2021_table_s1()["model"])}


def save_many(folder: Path, count: int = 12, *, predicted: bool = True) -> list[str]:
    """Save spectra, tuning, predictivity and robustness of networks; return their names.

    The exponents of robust networks are 0.5 larger, and their predictivity is 0.1 larger.
    """
    names = [*NAMES[:count]]
    for place, name in enumerate(names):
        robust = "robust" in name
        alphas = [0.8 + place / 100 + 0.1 * n + 0.5 * robust for n in range(len(LAYERS))]
        save_layers(folder, dict(zip(LAYERS, alphas, strict=True)), **of_model(name))
        scores = [0.2 + place / 100, 0.4, 0.5, 0.6]
        save_tuning(folder, dict(zip(LAYERS, scores, strict=True)), **of_model(name))
        if predicted:
            values = [0.3 + place / 100, 0.4, 0.5 + place / 1000 + 0.1 * robust, 0.35]
            layers = dict(zip(LAYERS, values, strict=True))
            save_predictivity(folder, layers, **of_model(name))
        word = "masked" if place == 0 else "robust" if robust else "none"
        strength = 0.8 if robust else 0.3
        about = {"word": word, "worst": 0.05 if place == 0 else None, "passbands": True}
        save_robustness(
            folder, strength=strength, clean=0.5 + place / 100, **about, **of_model(name)
        )
    return names


def save_trainings(folder: Path, count: int) -> None:
    """Save trainings of as many kinds."""
    for place in range(count):
        objective = ("standard", "trades", "igr")[place % 3]
        save_training(folder, sha=f"{place:012x}", objective=objective, weight_decay=place / 1e4)
