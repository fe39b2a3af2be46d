"""Photographs decoded while a network trains."""

import threading

import numpy as np
import pytest
import torch
from PIL import Image
from runs import EPOCHS, Run, network, numbered, same

from striate import datasets
from striate.models import keras_adam
from striate.training import ImageSource, Source, standard, train
from striate.training.crops import DRAWS, random_window
from striate.training.sources import ahead

SIZES = [(40, 30), (25, 60), (33, 33), (70, 21), (48, 48), (31, 37)]


@pytest.fixture
def folder(tmp_path):
    """Two classes of photographs of noise, each of another size, width by height."""
    draw = np.random.default_rng(0)
    for index, (width, height) in enumerate(SIZES):
        path = tmp_path / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(draw.integers(256, size=(height, width, 3), dtype=np.uint8)).save(path)
    return datasets.images(tmp_path, resize=None, crop=16, threads=2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_images_are_windows_of_photographs_resized_by_pillow_and_flipped(folder):
    source = ImageSource(folder)
    assert isinstance(source, Source)
    assert len(source) == len(SIZES)
    indices = torch.tensor([4, 0, 0, 3, 2])
    found = source.take(indices, generator(1))
    draws = torch.rand(5, DRAWS + 1, dtype=torch.float64, generator=generator(1))
    turned = 0
    for given, index, row in zip(found, indices, draws, strict=True):
        image = Image.open(folder.folder / folder.names[index])
        top, left, height, width = random_window(image.height, image.width, row[:DRAWS])
        part = image.crop((left, top, left + width, top + height))
        wanted = np.asarray(part.resize((16, 16), Image.Resampling.BILINEAR)) / 255
        if row[DRAWS] < 0.5:
            wanted, turned = wanted[:, ::-1], turned + 1
        np.testing.assert_allclose(given.numpy(), wanted.transpose(2, 0, 1), rtol=0, atol=1e-7)
    assert 0 < turned < 5


def test_what_is_cut_does_not_depend_on_threads(folder, tmp_path):
    alone = datasets.images(tmp_path, resize=None, crop=16, threads=1)
    indices = torch.arange(len(SIZES))
    one, other = (ImageSource(each).take(indices, generator()) for each in (folder, alone))
    assert torch.equal(one, other)
    assert not torch.equal(one, ImageSource(folder).take(indices, generator(1)))


def test_whole_square_images_stay_as_they_are(folder):
    """The 48 × 48 one, at its own size, is only flipped or not."""
    whole = datasets.images(folder.folder, resize=None, crop=48)
    index = whole.names.index("a/4.png")
    pixels = np.asarray(Image.open(folder.folder / "a/4.png")).transpose(2, 0, 1) / 255
    source = ImageSource(whole, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    for image in source.take(torch.tensor([index] * 8), generator()):
        assert min(np.abs(image.numpy() - p).max() for p in (pixels, pixels[..., ::-1])) < 1e-7


def test_bad_windows_and_lost_files_are_refused(folder):
    with pytest.raises(ValueError, match=r"scale=\(0\.0, 1\.0\): give the least"):
        ImageSource(folder, scale=(0.0, 1.0))
    (folder.folder / folder.names[1]).unlink()
    with pytest.raises(ValueError, match=r"2\.png can no longer be read"):
        ImageSource(folder).take(torch.tensor([0, 1]), generator())


class Held:
    """A source that has everything in memory, and notes what was asked of it."""

    def __init__(self):
        self.images, self.asked = numbered()[0], []

    def __len__(self):
        return len(self.images)

    def take(self, indices, generator):
        self.asked.append((len(indices), torch.rand(1, generator=generator).item()))
        return self.images[indices]


def trained(images, **settings):
    net = network()
    adam = keras_adam(net.parameters(), learning_rate=0.01)
    fixed = {"epochs": EPOCHS, "batch_size": 20, "seed": 5} | settings
    list(train(net, images, numbered()[1], objective=standard, optimizer=adam, **fixed))
    return {f"model.{name}": value for name, value in net.state_dict().items()}


def test_a_source_trains_as_the_tensor_it_holds():
    source = Held()
    found, expected = trained(source), Run().finish().state()
    assert same(found, {name: expected[name] for name in found})
    assert [count for count, _ in source.asked] == [20, 20, 6] * EPOCHS
    assert len({draw for _, draw in source.asked}) == 3 * EPOCHS
    again = Held()
    trained(again)
    assert again.asked == source.asked


def test_photographs_train_a_network(folder):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 2))
    run = train(
        net, ImageSource(folder), folder.labels, objective=standard, epochs=2, batch_size=4,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9), seed=0,
    )  # fmt: skip
    losses = [result.value for epoch in run for result in epoch if result.name == "loss"]
    assert len(losses) == 2
    assert all(np.isfinite(losses))


def test_items_are_made_one_ahead_in_order_and_errors_arrive():
    made, go = [], threading.Event()

    def items():
        for number in range(4):
            if number == 3:
                raise OSError("the disk is gone")
            made.append(number)
            if number == 1:
                go.set()
            yield number

    coming = ahead(items())
    assert next(coming) == 0
    assert go.wait(10)  # the second is made while the first is in use
    assert list(zip(range(2), coming, strict=False)) == [(0, 1), (1, 2)]
    with pytest.raises(OSError, match="the disk is gone"):
        next(coming)
    assert made == [0, 1, 2]
    assert list(ahead(iter([]))) == []
