import gzip
import hashlib
import inspect
import re
import time

import numpy as np
import pytest
import torch

from striate.datasets import _mnist, fetch, fingerprint, locate, mnist, verify

# (images, labels) of a data set small enough to be looked at.
SIZES = {"train": 5, "t10k": 3}


def idx(array):
    """The idx format, written by the description of LeCun et al."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    made = {}
    for prefix, size in SIZES.items():
        pixels = rng.integers(0, 256, (size, 4, 3), dtype=np.uint8)
        made[f"{prefix}-images-idx3-ubyte.gz"] = pixels
        made[f"{prefix}-labels-idx1-ubyte.gz"] = np.arange(size, dtype=np.uint8)
    return made


@pytest.fixture
def archives(arrays, monkeypatch):
    """A miniature MNIST that the module takes for the official one."""
    contents = {name: idx(array) for name, array in arrays.items()}
    packed = {name: gzip.compress(content, mtime=0) for name, content in contents.items()}
    files = {
        name: _mnist.IdxFile(sha256(packed[name]), sha256(contents[name])) for name in contents
    }
    monkeypatch.setattr(_mnist, "FILES", files)
    return packed


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def put(folder, archives):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in archives.items():
        (folder / name).write_bytes(content)
    return folder


def test_pixels_and_labels_survive_the_way_to_tensors(tmp_path, arrays, archives):
    put(tmp_path / "mnist", archives)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels, source = mnist(split, root=tmp_path)
        pixels = arrays[f"{prefix}-images-idx3-ubyte.gz"]
        assert images.dtype == torch.float32
        assert images.shape == (SIZES[prefix], 1, 4, 3)
        # IEEE division is exact to the last bit, so the oracle is double precision, rounded.
        assert (images.numpy()[:, 0] == (pixels / 255).astype(np.float32)).all()
        assert labels.tolist() == list(range(SIZES[prefix]))
        assert source == (
            f"mnist {split}: {SIZES[prefix]} images of 1x4x3, 10 classes, "
            f"sha256 {fingerprint('mnist', tmp_path)}"
        )


def test_a_copy_that_was_packed_anew_is_the_same_data_set(tmp_path, archives):
    put(tmp_path / "mnist", archives)
    original = fingerprint("mnist", tmp_path)
    for name, content in archives.items():
        (tmp_path / "mnist" / name).write_bytes(gzip.compress(gzip.decompress(content), 1, mtime=7))
    assert fingerprint("mnist", tmp_path) == original
    assert "5 train and 3 test images; all 4 files" in verify("mnist", tmp_path)


def truncated(content):
    return content[:-9]


def altered_inside(content):
    return gzip.compress(gzip.decompress(content)[:-1] + b"\xff", mtime=0)


def altered_outside(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def not_gzip(content):
    return b"<html>404</html>"


@pytest.mark.parametrize("damage", [truncated, altered_inside, altered_outside, not_gzip])
@pytest.mark.parametrize("use", ["mnist", "verify", "fingerprint"])
def test_a_damaged_file_is_refused_by_name_with_both_hashes(damage, use, tmp_path, archives):
    folder = put(tmp_path / "mnist", archives)
    call = {
        "mnist": lambda: mnist("train", root=tmp_path),
        "verify": lambda: verify("mnist", tmp_path),
        "fingerprint": lambda: fingerprint("mnist", tmp_path),
    }[use]
    call()  # a sound file first: the memory of it must not excuse the damaged one
    name = "train-images-idx3-ubyte.gz"
    wrong = damage(archives[name])
    (folder / name).write_bytes(wrong)
    if damage is altered_inside:
        expected, found = _mnist.FILES[name].content, sha256(gzip.decompress(wrong))
    else:
        expected, found = _mnist.FILES[name].compressed, sha256(wrong)
    message = (
        f"{folder / name} is truncated or altered: expected SHA-256 {expected}, found {found}; "
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_no_more_is_unpacked_than_the_largest_file_holds(tmp_path, archives, monkeypatch):
    folder = put(tmp_path / "mnist", archives)
    largest = max(len(gzip.decompress(content)) for content in archives.values())
    monkeypatch.setattr(_mnist, "LARGEST", largest)
    mnist("train", root=tmp_path)  # that one, whole
    name = "train-images-idx3-ubyte.gz"
    content = gzip.decompress(archives[name])
    assert len(content) == largest
    (folder / name).write_bytes(gzip.compress(content + bytes(10**6), mtime=0))
    # What was hashed says how much was unpacked.
    with pytest.raises(ValueError, match=f"found {sha256(content + bytes(1))}"):
        mnist("train", root=tmp_path)


def test_fetch_downloads_checks_and_then_leaves_alone(cache, mirror, archives, monkeypatch):
    put(mirror.folder, archives)
    monkeypatch.setattr(_mnist, "MIRRORS", (mirror.url,))
    assert fetch("mnist") == cache / "mnist"
    assert {path.name for path in (cache / "mnist").iterdir()} == archives.keys()
    assert locate("mnist") == cache / "mnist"
    monkeypatch.setattr(_mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    fetch("mnist")
    assert len(mnist("train").images) == SIZES["train"]


def test_loading_downloads_what_is_absent(mirror, archives, monkeypatch):
    put(mirror.folder, archives)
    monkeypatch.setattr(_mnist, "MIRRORS", (mirror.url,))
    with pytest.raises(ValueError, match="type `striate data fetch mnist`"):
        mnist("test", download=False)
    assert len(mnist("test").images) == SIZES["t10k"]


def test_a_second_mirror_helps_when_the_first_is_down_or_wrong(
    cache, mirror, archives, monkeypatch
):
    put(mirror.folder / "good", archives)
    put(mirror.folder / "bad", {name: truncated(content) for name, content in archives.items()})
    mirrors = ("http://127.0.0.1:9/", mirror.url + "bad/", mirror.url + "good/")
    monkeypatch.setattr(_mnist, "MIRRORS", mirrors)
    fetch("mnist")
    assert "all 4 files have the official content" in verify("mnist")


@pytest.mark.parametrize("damage", [truncated, altered_inside])
def test_a_damaged_download_is_refused_with_both_hashes_and_not_kept(
    damage, cache, mirror, archives, monkeypatch
):
    put(mirror.folder, archives | {"t10k-labels-idx1-ubyte.gz": b""})
    name = "t10k-images-idx3-ubyte.gz"
    wrong = damage(archives[name])
    (mirror.folder / name).write_bytes(wrong)
    monkeypatch.setattr(_mnist, "MIRRORS", (mirror.url,))
    expected = rf"{name}.*expected {sha256(archives[name])} but got {sha256(wrong)}"
    with pytest.raises(ValueError, match=expected):
        fetch("mnist")
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(archives)[2:]
    assert locate("mnist") is None


def test_fetch_replaces_a_damaged_file_in_the_cache(cache, mirror, archives, monkeypatch):
    put(mirror.folder, archives)
    put(cache / "mnist", {name: truncated(content) for name, content in archives.items()})
    monkeypatch.setattr(_mnist, "MIRRORS", (mirror.url,))
    with pytest.raises(ValueError, match="truncated or altered"):
        mnist("train")
    fetch("mnist")
    assert len(mnist("train").images) == SIZES["train"]


def test_without_network_the_error_says_where_it_looked_and_what_to_type(
    tmp_path, cache, mirror, monkeypatch
):
    monkeypatch.setattr(_mnist, "MIRRORS", ("http://127.0.0.1:9/", mirror.url))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path / "data"))
    with pytest.raises(ValueError, match="mnist is not in") as caught:
        mnist("train")
    for part in (str(tmp_path / "data"), str(cache), "127.0.0.1:9", "no connection", "404",
                 "`striate data fetch mnist`", "STRIATE_DATA"):  # fmt: skip
        assert part in str(caught.value)


def test_three_of_four_files_are_not_mnist(tmp_path, archives):
    folder = put(tmp_path / "mnist", archives)
    assert locate("mnist", tmp_path) == folder
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert locate("mnist", tmp_path) is None


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no split 'val'; type 'train' or 'test'"):
        inspect.unwrap(mnist)("val")  # past the type checks that only tests have


@pytest.mark.data
def test_the_real_mnist(real_data):
    train, test = mnist("train", root=real_data), mnist("test", root=real_data)
    assert train.images.shape == (60_000, 1, 28, 28)
    assert 16 + train.images.numel() == _mnist.LARGEST
    assert test.images.shape == (10_000, 1, 28, 28)
    # The class counts and the pixels' mean and standard deviation are in every MNIST tutorial.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.labels.bincount().tolist() == counts
    assert test.labels.bincount().tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert float(train.images.double().mean()) == pytest.approx(0.1307, abs=5e-5)
    assert float(train.images.double().std()) == pytest.approx(0.3081, abs=5e-5)
    assert "60000 train and 10000 test images" in verify("mnist", real_data)


@pytest.mark.data
def test_the_real_fingerprint_is_fast_the_second_time(real_data):
    first = fingerprint("mnist", real_data)
    start = time.perf_counter()
    assert fingerprint("mnist", real_data) == first
    assert time.perf_counter() - start < 0.05
    assert mnist("test", root=real_data).source.endswith(f"sha256 {first}")
