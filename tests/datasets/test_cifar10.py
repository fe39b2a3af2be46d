import hashlib
import inspect
import io
import tarfile
import time

import numpy as np
import pytest
import torch

from striate.datasets import _cifar10, cifar10, fetch, fingerprint, locate, verify

NAMES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
FOLDER = "cifar-10-batches-bin"


@pytest.fixture
def batches():
    """Six batches of two images, in the layout of the data set's home page."""
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (6, 2, 3073), dtype=np.uint8)
    records[:, :, 0] %= 10
    return dict(zip(NAMES, records, strict=True))


def put(root, batches):
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in batches.items():
        records.tofile(folder / name)
    return folder


def test_pixels_and_labels_survive_the_way_to_tensors(tmp_path, batches):
    put(tmp_path, batches)
    images, labels, _ = cifar10("train", root=tmp_path)
    assert images.dtype == torch.float32
    assert images.shape == (10, 3, 32, 32)
    assert images.is_contiguous()
    records = np.concatenate([batches[name] for name in NAMES[:5]])
    assert labels.tolist() == records[:, 0].tolist()
    # Image 3, green, row 5, column 7, found by hand from the published layout.
    assert images[3, 1, 5, 7] == np.float32(records[3, 1 + 1024 + 5 * 32 + 7] / 255)
    assert (images.numpy().reshape(10, -1) == (records[:, 1:] / 255).astype(np.float32)).all()
    assert len(cifar10("test", root=tmp_path).images) == 2


def test_a_prepared_folder_may_hold_fewer_batches_and_says_so(tmp_path, batches):
    kept = ("data_batch_2.bin", "data_batch_4.bin", "test_batch.bin")
    folder = put(tmp_path, {name: batches[name] for name in kept})
    _, labels, source = cifar10("train", root=tmp_path)
    assert labels.tolist() == [*batches[kept[0]][:, 0], *batches[kept[1]][:, 0]]
    assert source == (
        "cifar10 train: 4 of the official 50000 images of 3x32x32, 10 classes, "
        f"sha256 {fingerprint('cifar10', tmp_path)}"
    )
    assert verify("cifar10", tmp_path).startswith(
        f"cifar10 in {folder}: 4 of the official 50000 train and 2 of the official 10000 test"
    )


def test_a_whole_data_set_is_not_said_to_be_a_part(monkeypatch, tmp_path, batches):
    monkeypatch.setattr(_cifar10, "OFFICIAL", {"train": 10, "test": 2})
    put(tmp_path, batches)
    assert cifar10("train", root=tmp_path).source.startswith("cifar10 train: 10 images of 3x32x32")


def test_the_fingerprint_follows_the_content_not_the_place(tmp_path, batches):
    for name in ("here", "there"):
        put(tmp_path / name, batches)
    here, there = tmp_path / "here", tmp_path / "there"
    assert fingerprint("cifar10", here) == fingerprint("cifar10", there)
    batches["data_batch_1.bin"][0, 9] ^= 1
    put(there, batches)
    assert fingerprint("cifar10", here) != fingerprint("cifar10", there)
    (there / FOLDER / "data_batch_1.bin").unlink()
    assert fingerprint("cifar10", here) != fingerprint("cifar10", there)


def test_a_split_without_batches_is_refused(tmp_path, batches):
    put(tmp_path, {"test_batch.bin": batches["test_batch.bin"]})
    with pytest.raises(ValueError, match=r"holds no train images, .*data_batch_1\.bin"):
        cifar10("train", root=tmp_path)


@pytest.mark.parametrize("size", [0, 3072, 3074])
def test_a_file_of_the_wrong_size_is_refused_by_name(size, tmp_path, batches):
    path = put(tmp_path, batches) / "data_batch_3.bin"
    path.write_bytes(bytes(size))
    message = rf"data_batch_3\.bin holds {size} bytes, not a whole number of records of 3073"
    with pytest.raises(ValueError, match=message):
        cifar10("train", root=tmp_path)
    with pytest.raises(ValueError, match=message):
        verify("cifar10", tmp_path)


def test_a_label_beyond_nine_is_refused_with_its_place(tmp_path, batches):
    batches["test_batch.bin"][1, 0] = 10
    put(tmp_path, batches)
    message = r"test_batch\.bin is not CIFAR-10: the label of image 1 is 10, expected 0 to 9"
    with pytest.raises(ValueError, match=message):
        cifar10("test", root=tmp_path)


def archive(batches, strangers=()):
    """The bytes of a tar.gz with the batches, a readme and `strangers`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, records in batches.items():
            add(tar, f"{FOLDER}/{name}", records.tobytes())
        add(tar, f"{FOLDER}/readme.html", b"hello")
        for member in strangers:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return stream.getvalue()


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


@pytest.fixture
def serve(mirror, monkeypatch):
    """Publish an archive and pin its hash, or the hash of what it should have been."""

    def serve(content, promised=None):
        (mirror.folder / "cifar-10-binary.tar.gz").write_bytes(content)
        monkeypatch.setattr(_cifar10, "URLS", (mirror.url + "cifar-10-binary.tar.gz",))
        pinned = hashlib.sha256(promised or content).hexdigest()
        monkeypatch.setattr(_cifar10, "ARCHIVE_SHA256", pinned)

    return serve


def test_fetch_unpacks_the_batches_and_nothing_else(tmp_path, cache, serve, batches):
    escape = tarfile.TarInfo("../../escaped.bin")
    inside = tarfile.TarInfo(f"{FOLDER}/../../../escaped.bin")
    escape.size = inside.size = 3
    serve(archive(batches, [escape, inside]))
    assert fetch("cifar10") == cache / FOLDER == locate("cifar10")
    assert [path.name for path in cache.iterdir()] == [FOLDER]
    assert {path.name for path in (cache / FOLDER).iterdir()} == {*NAMES, "SHA256SUMS"}
    assert not list(tmp_path.rglob("escaped.bin"))
    assert cifar10("train").labels.tolist() == [
        label for name in NAMES[:5] for label in batches[name][:, 0]
    ]


def test_a_batch_that_is_a_link_is_not_followed(cache, serve, batches):
    link = tarfile.TarInfo(f"{FOLDER}/test_batch.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    del batches["test_batch.bin"]
    serve(archive(batches, [link]))
    with pytest.raises(ValueError, match=rf"holds no file {FOLDER}/test_batch\.bin"):
        fetch("cifar10")
    assert list(cache.iterdir()) == [], "half a data set must not stay behind"


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content + b"!"])
def test_a_damaged_archive_is_refused_with_both_hashes(damage, cache, serve, batches):
    whole = archive(batches)
    serve(damage(whole), promised=whole)
    expected = hashlib.sha256(whole).hexdigest()
    found = hashlib.sha256(damage(whole)).hexdigest()
    message = rf"cifar-10-binary\.tar\.gz.*expected {expected} but got {found}"
    with pytest.raises(ValueError, match=message):
        fetch("cifar10")
    with pytest.raises(ValueError, match=message):
        cifar10("test")
    assert list(cache.iterdir()) == []


def test_a_fetched_data_set_is_left_alone_and_checked_to_the_byte(cache, serve, batches):
    serve(archive(batches))
    fetch("cifar10")
    serve(b"gone")
    fetch("cifar10")
    assert "as downloaded" in verify("cifar10")
    path = cache / FOLDER / "data_batch_5.bin"
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    batches["data_batch_5.bin"][1, 3000] ^= 1
    batches["data_batch_5.bin"].tofile(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=f"{path} .*expected SHA-256 {expected}, found {found}"):
        verify("cifar10")


def listing(batches, mark=" "):
    return "".join(
        f"{hashlib.sha256(records.tobytes()).hexdigest()} {mark}{name}\n"
        for name, records in batches.items()
    )


USES = {
    "cifar10": lambda root: cifar10("train", root=root),
    "verify": lambda root: verify("cifar10", root),
    "fingerprint": lambda root: fingerprint("cifar10", root),
}


@pytest.mark.parametrize("mark", [" ", "*"])  # sha256sum --text and --binary
@pytest.mark.parametrize("use", USES)
def test_a_batch_is_held_to_the_list_beside_it_whatever_reads_it(use, mark, tmp_path, batches):
    folder = put(tmp_path, batches)
    unlisted = fingerprint("cifar10", tmp_path)
    (folder / "SHA256SUMS").write_text(listing(batches, mark))
    assert fingerprint("cifar10", tmp_path) == unlisted
    USES[use](tmp_path)
    expected = hashlib.sha256(batches["data_batch_1.bin"].tobytes()).hexdigest()
    batches["data_batch_1.bin"][0, 9] ^= 1
    batches["data_batch_1.bin"].tofile(folder / "data_batch_1.bin")
    with pytest.raises(ValueError, match=rf"data_batch_1\.bin is truncated or .*{expected}, found"):
        USES[use](tmp_path)


@pytest.mark.parametrize(("listed", "message"), [
    (lambda lines: lines[1:], r"SHA256SUMS lists no data_batch_1\.bin; add its line, or delete"),
    (lambda lines: [], r"SHA256SUMS lists no data_batch_1\.bin"),
    (lambda lines: ["garbage\n", *lines], "SHA256SUMS: line 1 is 'garbage'; each must be a SHA"),
    (lambda lines: [*lines, lines[0][1:]], "SHA256SUMS: line 7 is .*, as sha256sum writes them"),
    (lambda lines: [*lines, "\n"], "SHA256SUMS: line 7 is ''"),
])  # fmt: skip
@pytest.mark.parametrize("use", USES)
def test_a_list_that_does_not_cover_the_batches_is_refused(use, listed, message, tmp_path, batches):
    folder = put(tmp_path, batches)
    lines = listing(batches).splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(listed(lines)))
    with pytest.raises(ValueError, match=message):
        USES[use](tmp_path)


def test_a_list_may_hold_other_files_and_absent_batches(tmp_path, batches):
    text = listing(batches).upper().replace("DATA", "data").replace("TEST", "test")
    text = text.replace("BATCH", "batch").replace(".BIN", ".bin")
    del batches["data_batch_3.bin"]
    folder = put(tmp_path, batches)
    (folder / "SHA256SUMS").write_text(f"{text}{'0' * 64}  batches.meta.txt\n")
    assert len(cifar10("train", root=tmp_path).images) == 8


def test_fetch_completes_a_cache_that_holds_a_part(cache, serve, batches):
    put(cache, {"test_batch.bin": batches["test_batch.bin"]})
    serve(archive(batches))
    fetch("cifar10")
    assert len(cifar10("train").images) == 10


def test_without_network_the_error_says_where_it_looked_and_what_to_type(cache, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(_cifar10, "URLS", ("http://127.0.0.1:9/cifar-10-binary.tar.gz",))
    message = (
        rf"cifar10 is not in {cache},.*no connection.*`striate data fetch cifar10`.*STRIATE_DATA"
    )
    with pytest.raises(ValueError, match=message):
        cifar10("train")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="no split 'valid'; type 'train' or 'test'"):
        inspect.unwrap(cifar10)("valid")  # past the type checks that only tests have


@pytest.mark.data
def test_the_real_cifar10(real_data):
    train, test = cifar10("train", root=real_data), cifar10("test", root=real_data)
    assert len(train.images) % 10_000 == 0
    assert str(len(train.images)) in train.source
    assert test.labels.bincount().tolist() == [1000] * 10
    # frog, truck, truck, deer, automobile and cat, ship, ship, airplane, frog: the first images.
    assert train.labels[:5].tolist() == [6, 9, 9, 4, 1]
    assert test.labels[:5].tolist() == [3, 8, 8, 0, 6]
    # The channel means of the 50 000, as used for normalisation everywhere; a class-balanced
    # fifth of them is within 0.005 (an image's mean has a standard deviation of about 0.12).
    for channel, mean in enumerate((0.4914, 0.4822, 0.4465)):
        assert float(train.images[:, channel].mean()) == pytest.approx(mean, abs=0.005)
    # Neighbouring pixels of photographs are alike if planes are planes, and not if the same bytes
    # are read as red, green, blue, red, ...
    interleaved = train.images[:500].reshape(-1, 32, 32, 3).movedim(3, 1)
    assert roughness(train.images[:500]) < 0.7 * roughness(interleaved)


def roughness(images):
    return float((images[:, :, 1:] - images[:, :, :-1]).abs().mean())


@pytest.mark.data
def test_the_real_fingerprint_is_fast_the_second_time(real_data):
    first = fingerprint("cifar10", real_data)
    start = time.perf_counter()
    assert fingerprint("cifar10", real_data) == first
    assert time.perf_counter() - start < 0.05
    assert f"sha256 {first}" in verify("cifar10", real_data)
