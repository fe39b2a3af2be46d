import hashlib

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from striate.activations._images import glimpse, survey
from truths import gaussian

PIXELS = torch.rand(11, 3, 4, 4, generator=torch.Generator().manual_seed(0))


class Slices:
    """As an open HDF5 data set: arrays by slices, and single images by iteration."""

    def __len__(self):
        return len(PIXELS)

    def __getitem__(self, index):
        return PIXELS[index].numpy()


class Labelled(Slices):
    def __getitem__(self, index):
        return PIXELS[index], torch.zeros(len(PIXELS))[index]


def loader(shuffle=False, **more):
    return DataLoader(TensorDataset(PIXELS, torch.zeros(11)), batch_size=3, shuffle=shuffle, **more)


FORMS = {
    "tensor": PIXELS,
    "array": PIXELS.numpy(),
    "list": list(PIXELS.split(4)),
    "uneven": [PIXELS[:1], PIXELS[1:9], PIXELS[9:9], PIXELS[9:]],
    "tuple": (PIXELS[:5], PIXELS[5:]),
    "arrays": [PIXELS[:5].numpy(), PIXELS[5:].numpy()],
    "with labels": [(PIXELS[:5], torch.zeros(5)), (PIXELS[5:], torch.zeros(6))],
    "loader": loader(),
    "slices": Slices(),
    "slices with labels": Labelled(),
    "dataset": TensorDataset(PIXELS, torch.zeros(11)),
    "the other byte order": PIXELS.numpy().astype(PIXELS.numpy().dtype.newbyteorder()),
    "from the end": PIXELS.flip(0).numpy()[::-1],
    "another layout": PIXELS.to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("images", FORMS.values(), ids=FORMS)
def test_images_of_any_form_are_the_same_each_time(images, batch_size):
    stimuli = survey(images, batch_size=batch_size)
    assert stimuli.count == 11
    assert torch.equal(stimuli.first, PIXELS[:2])
    for _ in range(3):
        batches = list(stimuli.batches())
        assert torch.equal(torch.cat(batches), PIXELS)
        assert all(1 <= len(batch) <= batch_size for batch in batches)
    expected = hashlib.sha256(b"torch.float32(3, 4, 4)" + PIXELS.numpy().tobytes())
    assert stimuli.fingerprint == expected.hexdigest()[:12]


def test_other_pixels_have_another_fingerprint():
    changed = PIXELS.clone()
    changed[7, 1, 2, 3] += 1e-7
    prints = [PIXELS, changed, PIXELS.double(), PIXELS.transpose(2, 3), PIXELS.flip(0), PIXELS[:10]]
    assert len({survey(images, batch_size=4).fingerprint for images in prints}) == 6


class Shrinking:
    """Gives one batch less each time."""

    def __init__(self):
        self.batches = list(PIXELS.split(4))

    def __iter__(self):
        yield from self.batches
        self.batches.pop()


class Growing(Shrinking):
    def __iter__(self):
        yield from self.batches
        self.batches.append(PIXELS[:1])


@pytest.mark.parametrize(
    "images",
    [loader(shuffle=True, generator=torch.Generator().manual_seed(0)), Shrinking(), Growing()],
    ids=["shuffling", "fewer", "more"],
)
def test_images_that_change_are_noticed(images):
    stimuli = survey(images, batch_size=5)
    with pytest.raises(ValueError, match="images are not the same, or not in the same order"):
        list(stimuli.batches())


@pytest.mark.parametrize(("images", "message"), [
    ((batch for batch in [PIXELS]), "new is a generator, which is used up once gone through; give"),
    (iter([PIXELS]), "new is a list_iterator, which is used up"),
    ([], "new holds no image"),
    (PIXELS[:0], "new holds no image"),
    ([PIXELS, "label"], "new has a batch that is a str; give tensors"),
    ((PIXELS * 255).to(torch.uint8), r"a batch that is torch.uint8 of shape \(11, 3, 4, 4\)"),
    ([PIXELS[:3].numpy().astype(np.complex64)], r"is complex64 of shape \(3, 3, 4, 4\)"),
    ([np.array([["a", "b"]])], r"a batch that is <U1 of shape \(1, 2\)"),
    (PIXELS[:, 0, 0, 0], r"torch.float32 of shape \(11,\)"),
    ([PIXELS, PIXELS[:, :1]], r"images of shape \(3, 4, 4\) in torch.float32 and of \(1, 4, 4\)"),
    ([PIXELS, PIXELS.double()], r"in torch.float32 and of \(3, 4, 4\) in torch.float64"),
    (gaussian(3, 3, 4, 4), r"new lie in \[-\d.*\]; give pixels in \[0, 1\] and let the model"),
    (PIXELS.clone().fill_(torch.nan), r"new lie in \[nan, nan\]"),
])  # fmt: skip
def test_what_are_no_images_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        survey(images, batch_size=20, name="new")


class Single(torch.utils.data.Dataset):
    def __getitem__(self, index):
        return PIXELS[int(index)], 0

    def __len__(self):
        return len(PIXELS)


def test_single_images_are_refused():
    with pytest.raises(ValueError, match=r"a Single, which gives no batches .* or a DataLoader"):
        survey(Single(), batch_size=4)
    assert survey(DataLoader(Single(), batch_size=4), batch_size=4).count == 11


class Refusing(Slices):
    """Has an error of its own, as images of three channels for a network that takes one."""

    def __getitem__(self, index):
        raise ValueError(f"images has 3 channels, asked for {index}")


class Fussy(Single):
    """Gives single images, and says of several what its author saw fit."""

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise ValueError("no slices")
        return super().__getitem__(index)


@pytest.mark.parametrize("look", [survey, glimpse])
def test_an_error_of_images_themselves_is_not_told_as_another(look):
    with pytest.raises(ValueError, match=r"^images has 3 channels, asked for slice\(0, 1, None\)$"):
        look(Refusing(), batch_size=4)
    with pytest.raises(ValueError, match=r"a Fussy, which gives no batches .* or a DataLoader"):
        look(Fussy(), batch_size=4)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(("images", "least"), [
    (PIXELS, 11), (PIXELS.numpy(), 11), (Slices(), 11), (Labelled(), 11), (FORMS["uneven"], 11),
    (FORMS["with labels"], 11), (loader(), 10), (loader(drop_last=True), 7), (Shrinking(), 2),
    ([PIXELS[:1]], 1),
], ids=[
    "tensor", "array", "slices", "labelled", "uneven", "with labels", "loader", "dropping",
    "shrinking", "one",
])  # fmt: skip
def test_a_glimpse_shows_the_first_two_and_counts_no_more_than_there_are(images, least, batch_size):
    seen = glimpse(images, batch_size=batch_size)
    assert torch.equal(seen.first, PIXELS[: min(least, 2)])
    assert seen.count == least


def test_a_number_of_16_bytes_is_refused():
    wide = PIXELS.numpy().astype(np.longdouble)
    if wide.itemsize <= 8:
        pytest.skip("no such number on this machine")
    with pytest.raises(ValueError, match="images has a batch that is float128 of shape"):
        survey(wide, batch_size=4)


def test_at_least_one_image_at_a_time():
    with pytest.raises(ValueError, match="batch_size=0; show at least one"):
        survey(np.zeros((2, 3, 4, 4), np.float32), batch_size=0)
