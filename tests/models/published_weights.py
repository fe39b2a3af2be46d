"""A stand-in for what torchvision says of its weights: which images they were made with."""

from types import SimpleNamespace

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def weights(resize=256, size=224, mean=IMAGENET[0], std=IMAGENET[1], interpolation="bilinear"):
    """Members of the weights of one model."""
    wanted = SimpleNamespace(
        resize_size=[resize],
        crop_size=[size],
        mean=mean,
        std=std,
        interpolation=SimpleNamespace(value=interpolation),
    )
    return {"IMAGENET1K_V1": SimpleNamespace(transforms=lambda: wanted)}


def usual(_name):
    """In place of `torchvision.models.get_model_weights`."""
    return SimpleNamespace(__members__=weights())
