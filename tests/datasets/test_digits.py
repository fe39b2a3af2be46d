import inspect

import pytest
import torch
from sklearn.datasets import load_digits

from striate.datasets import _digits, digits, fetch, fingerprint, locate, verify


def test_both_splits_together_are_scikit_learns_digits():
    bunch = load_digits()
    parts = [digits("train"), digits("test")]
    assert [len(part.images) for part in parts] == [1437, 360]
    found = torch.cat([part.images for part in parts]).flatten(1) * 16
    found = torch.cat([found, torch.cat([part.labels for part in parts])[:, None]], 1)
    expected = torch.tensor(bunch.data, dtype=torch.float32)
    expected = torch.cat([expected, torch.tensor(bunch.target)[:, None]], 1)
    assert sorted(found.tolist()) == sorted(expected.tolist())


def test_the_split_is_stratified():
    train, test = digits("train"), digits("test")
    share = test.labels.bincount() / (train.labels.bincount() + test.labels.bincount())
    # 360 of 1797; a class of about 180 is rounded to whole images, one more or less.
    assert (share - 360 / 1797).abs().max() < 1 / 170


def test_images_are_float_pixels_and_a_fresh_copy():
    first = digits("test")
    assert first.images.shape == (360, 1, 8, 8)
    assert first.images.dtype == torch.float32
    assert (first.images.min(), first.images.max()) == (0, 1)
    first.images.zero_()
    first.labels.zero_()
    again = digits("test")
    assert again.images.max() == 1
    assert again.labels.max() == 9


def test_the_source_the_fingerprint_and_the_check_agree(tmp_path):
    print_ = fingerprint("digits")
    assert digits("train").source == (
        f"digits train: 1437 images of 1x8x8, 10 classes, sha256 {print_}"
    )
    assert verify("digits").endswith(f"1437 train and 360 test images, sha256 {print_}")
    assert fingerprint("digits", tmp_path) == print_


def test_there_is_nothing_to_download():
    folder = locate("digits")
    assert folder is not None
    assert (folder / "digits.csv.gz").is_file()
    assert fetch("digits") == folder


def test_another_scikit_learn_with_other_digits_is_noticed(monkeypatch):
    monkeypatch.setattr(_digits, "SHA256", "0" * 64)
    with pytest.raises(
        ValueError, match=r"have changed: expected SHA-256 0{64}, found 28d636f2f47e"
    ):
        verify("digits")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="no split 'validation'; type 'train' or 'test'"):
        inspect.unwrap(digits)("validation")  # past the type checks that only tests have
