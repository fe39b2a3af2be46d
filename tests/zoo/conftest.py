"""torchvision on a CPU build of torch: two of its operators must be declared before the import."""

import pytest
import torch

_LIBRARY = torch.library.Library("torchvision", "DEF")


def pytest_configure():
    for operator in ("nms", "qnms"):
        _LIBRARY.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


@pytest.fixture(scope="session")
def torchvision_models():
    return pytest.importorskip("torchvision.models")
