"""The images a network is shown: photographs of a folder, or a data set by its name."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate import datasets
from striate.models import Network
from striate.studies.spectra import pictures


def network(size):
    return Network("net", nn.Flatten(), size, size)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


def test_a_data_set_gives_its_test_images():
    shown = pictures("digits", network(8))
    assert torch.equal(shown.draw(None, None), datasets.digits("test").images)
    assert shown.available == len(datasets.digits("test").images)
    assert shown.name == f"digits test {datasets.fingerprint('digits')}"


def test_fewer_images_are_the_beginning_of_more():
    shown = pictures("digits", network(8))
    few, more = shown.draw(20, 3), shown.draw(50, 3)
    assert torch.equal(few, more[:20])
    assert not torch.equal(few, shown.draw(20, 4))
    assert len(torch.unique(more, dim=0)) == 50  # without replacement


def test_images_of_a_data_set_must_fit_the_network():
    expected = "images='digits' are of 8×8 pixels and net takes 32×32; give a folder of photographs"
    with pytest.raises(ValueError, match=expected):
        pictures("digits", network(32))


def test_photographs_are_brought_to_the_size_of_the_network(folder):
    shown = pictures(str(folder), network(16))
    (batch,) = shown.draw(4, 0)
    assert (shown.available, batch.shape) == (6, (4, 3, 16, 16))
    assert shown.name.startswith(f"{folder.name} ")
    assert shown.name != pictures(str(folder), network(8)).name


def test_a_folder_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="folder='nowhere' is not a folder"):
        pictures("nowhere", network(8))
