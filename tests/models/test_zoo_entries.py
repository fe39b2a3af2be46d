"""The study's networks as data: they are those of the published table. Their modules: tests/zoo."""

import pytest
from torch import nn

from striate.models import NETWORKS
from striate.models.zoo import ZOO, default_layers, paper_layers
from striate.reference import kong2021_table_s1


def test_the_entries_are_the_rows_of_the_published_table():
    table = kong2021_table_s1().set_index("model")
    assert set(ZOO) == set(table.index)
    for name, entry in ZOO.items():
        assert entry.architecture == table.loc[name, "architecture"]
        assert entry.robust == bool(table.loc[name, "robust"])
    assert sum(entry.robust for entry in ZOO.values()) == 14
    assert sum(len(entry.layers) for entry in ZOO.values()) == 1029


@pytest.mark.parametrize(("architecture", "count"), [
    ("alexnet", 7), ("vgg11", 7), ("resnet18", 11), ("resnet34", 19), ("resnet50", 19),
    ("wide_resnet101_2", 36), ("resnet152", 53), ("squeezenet1_0", 9), ("densenet121", 62),
    ("densenet161", 82), ("densenet169", 86), ("densenet201", 102), ("googlenet", 14),
    ("inception_v3", 13), ("mobilenet_v2", 19), ("mnasnet0_5", 19), ("shufflenet_v2_x1_0", 18),
])  # fmt: skip
def test_an_architecture_has_as_many_layers_as_the_protocol_says(architecture, count):
    layers = paper_layers(architecture)
    assert len(layers) == len(set(layers)) == count


def test_networks_are_shown_what_they_were_trained_on():
    assert ZOO["resnet50_simclr"].mean == (0, 0, 0)
    assert ZOO["resnet50_simclr"].std == (1, 1, 1)
    assert (ZOO["inception_v3"].resize, ZOO["inception_v3"].size) == (299, 299)
    others = [e for e in ZOO.values() if e.architecture != "inception_v3"]
    assert {(entry.resize, entry.size) for entry in others} == {(256, 224)}


def test_other_architectures_are_refused_with_a_hint():
    with pytest.raises(ValueError, match=r"architecture='resnet9' is none .* see default_layers"):
        paper_layers("resnet9")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU())


def test_blocks_are_chosen_where_there_are_some():
    stages = nn.Sequential(nn.Sequential(Block(), Block()), nn.Sequential(Block()))
    assert default_layers(nn.Sequential(nn.Linear(3, 3), stages)) == ("1.0.0", "1.0.1", "1.1.0")


def test_and_layers_but_for_the_last_where_there_are_none():
    cnn = NETWORKS["cnn"]((3, 32, 32), 10, seed=0)
    assert default_layers(cnn) == ("conv1", "conv2", "dense")


def test_a_network_of_one_layer_has_nothing_to_choose_from():
    with pytest.raises(ValueError, match="has neither blocks nor layers to choose from"):
        default_layers(nn.Linear(2, 2))
