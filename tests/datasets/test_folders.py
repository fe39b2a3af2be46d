import errno
import re
import warnings
from pathlib import Path

import numpy as np
import PIL
import pytest
import torch
from PIL import Image

from striate.datasets import images


def picture(width, height):
    """Every pixel differs from its neighbours, and the channels from each other."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * y, x * x + 3 * y, x ^ y], -1).astype(np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def classes(tmp_path):
    """Two classes of two images, one of them empty in between, and what is no image."""
    for name in ("b/2.PNG", "b/10.png", "a/x.png", "a/y.png"):
        save(tmp_path / name, picture(9, 8))
    (tmp_path / "ab").mkdir()
    (tmp_path / ".trash").mkdir()
    save(tmp_path / ".trash" / "z.png", picture(9, 8))
    (tmp_path / "a" / "._x.png").write_bytes(b"resource fork")
    (tmp_path / "readme.txt").write_text("nothing")
    return tmp_path


# What torchvision 0.28.0 (Pillow 13.0.0) makes of `picture(width, height)`, saved as PNG:
# Resize(resize), CenterCrop(crop), ToTensor(), times 255. Its sum, and three of its pixels: the
# first, one at row crop // 2 and column crop // 3, and the last.
TORCHVISION = [
    ((500, 375, 256, 224), 19086973, [161, 106, 73], [152, 109, 124], [136, 82, 195]),
    ((375, 500, 256, 224), 19067326, [161, 49, 73], [166, 195, 125], [136, 68, 194]),
    ((333, 500, 256, 224), 19087737, [126, 204, 125], [106, 99, 142], [159, 118, 187]),
    ((61, 47, 32, 27), 209890, [34, 123, 10], [68, 133, 12], [97, 153, 25]),
    ((47, 61, 32, 27), 208897, [34, 42, 10], [214, 103, 15], [97, 80, 25]),
    ((47, 61, 32, 32), 283219, [2, 19, 6], [192, 57, 16], [90, 192, 26]),
    ((31, 90, 33, 30), 278874, [56, 95, 28], [183, 102, 37], [144, 228, 38]),
    ((90, 31, 40, 40), 472695, [0, 95, 29], [95, 67, 46], [92, 157, 35]),
    ((20, 50, 16, 17), 69980, [4, 45, 15], [161, 116, 30], [0, 0, 0]),
    ((50, 20, None, 33), 173864, [0, 0, 0], [190, 135, 25], [0, 0, 0]),
    ((15, 16, None, 21), 36040, [0, 0, 0], [32, 40, 12], [0, 0, 0]),
    ((20, 23, None, 20), 79244, [0, 6, 2], [72, 72, 10], [143, 168, 6]),
    ((23, 20, None, 20), 84428, [0, 4, 2], [80, 94, 2], [143, 242, 6]),
    ((299, 450, 299, 299), 33886563, [0, 228, 76], [3, 236, 130], [92, 70, 92]),
    ((41, 40, 64, 33), 301031, [97, 127, 1], [78, 87, 4], [129, 203, 1]),
    ((100, 1, 7, 7), 9254, [0, 97, 49], [0, 125, 49], [0, 182, 50]),
    ((7, 7, 7, 7), 1687, [0, 0, 0], [6, 13, 1], [36, 54, 0]),
    ((3, 200, 5, 64), 86949, [0, 0, 0], [0, 0, 0], [0, 0, 0]),
]


def skip_what_older_pillows_round_otherwise(sizes):
    if sizes == (20, 50, 16, 17) and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("an image resized to 16 × 40 is rounded otherwise by Pillow 13 than before")


@pytest.mark.parametrize(("sizes", "total", "first", "middle", "last"), TORCHVISION)
def test_images_are_torchvisions_to_the_last_bit(sizes, total, first, middle, last, tmp_path):
    width, height, resize, crop = sizes
    skip_what_older_pillows_round_otherwise(sizes)
    save(tmp_path / "x.png", picture(width, height))
    (batch,) = images(tmp_path, resize=resize, crop=crop)
    assert batch.shape == (1, 3, crop, crop)
    assert batch.dtype == torch.float32
    levels = (batch[0] * 255).round()
    # Eight-bit pixels divided in float32, nothing else.
    assert torch.equal(levels / 255, batch[0])
    assert int(levels.long().sum()) == total
    assert levels[:, 0, 0].tolist() == first
    assert levels[:, crop // 2, crop // 3].tolist() == middle
    assert levels[:, -1, -1].tolist() == last


# As above, with Resize(resize, InterpolationMode.BICUBIC).
BICUBIC = [
    ((500, 375, 256, 224), 19088013, [168, 100, 73], [159, 110, 124], [142, 68, 192]),
    ((61, 47, 32, 27), 210078, [34, 123, 10], [46, 134, 13], [90, 160, 26]),
    ((31, 90, 33, 30), 279186, [56, 94, 28], [195, 104, 38], [145, 236, 38]),
    ((20, 50, 16, 17), 69875, [2, 45, 15], [160, 116, 31], [0, 0, 0]),
    ((41, 40, 64, 33), 301307, [97, 127, 0], [78, 87, 5], [129, 212, 0]),
]


@pytest.mark.parametrize(("sizes", "total", "first", "middle", "last"), BICUBIC)
def test_bicubic_images_are_torchvisions_too(sizes, total, first, middle, last, tmp_path):
    width, height, resize, crop = sizes
    skip_what_older_pillows_round_otherwise(sizes)
    save(tmp_path / "x.png", picture(width, height))
    (batch,) = images(tmp_path, resize=resize, crop=crop, interpolation="bicubic")
    levels = (batch[0] * 255).round()
    assert int(levels.long().sum()) == total
    assert levels[:, 0, 0].tolist() == first
    assert levels[:, crop // 2, crop // 3].tolist() == middle
    assert levels[:, -1, -1].tolist() == last


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_parts_that_are_cut_out_are_resized_in_the_same_way(interpolation, tmp_path):
    save(tmp_path / "x.png", picture(40, 30))
    folder = images(tmp_path, resize=None, crop=20, interpolation=interpolation)
    part = folder.cut([0], lambda *_: (2, 3, 25, 31))
    save(tmp_path / "part" / "x.png", picture(40, 30)[2:27, 3:34])
    with Image.open(tmp_path / "part" / "x.png") as image:
        wanted = image.resize((20, 20), Image.Resampling[interpolation.upper()])
    assert (part[0].permute(1, 2, 0).numpy() * 255).round().tolist() == np.array(wanted).tolist()


def test_bicubic_is_another_preparation_and_bilinear_the_one_it_was(classes):
    usual, cubic = (images(classes, resize=8, crop=6, interpolation=kind)
                    for kind in ("bilinear", "bicubic"))  # fmt: skip
    assert usual.fingerprint == images(classes, resize=8, crop=6).fingerprint
    assert cubic.fingerprint != usual.fingerprint
    assert "resized to 8 (bicubic), cropped to 6" in cubic.source


@pytest.mark.parametrize("size", [(120, 77), (61, 93), (50, 50)])
def test_the_resized_image_is_a_triangle_filter_over_the_source(size, tmp_path):
    width, height = size
    source = picture(width, height)
    save(tmp_path / "x.png", source)
    (batch,) = images(tmp_path, resize=40, crop=40)
    new = (40, int(40 * height / width)) if width <= height else (int(40 * width / height), 40)

    def weights(old, new):
        """Rows: output pixels. The triangle is as wide as the shrinking, and sums to one."""
        scale = max(old / new, 1)
        centre = (np.arange(new) + 0.5) * old / new
        distance = np.abs(np.arange(old)[None] + 0.5 - centre[:, None]) / scale
        triangle = np.clip(1 - distance, 0, None)
        return triangle / triangle.sum(1, keepdims=True)

    slow = np.einsum("ih,jw,hwc->cij", weights(height, new[1]), weights(width, new[0]), source)
    top, left = (round((side - 40) / 2) for side in slow.shape[1:])
    slow = slow[:, top : top + 40, left : left + 40]
    # Rounded to eight bits after either axis: half a level each, the first smoothed by the second.
    assert np.abs(batch[0].numpy() * 255 - slow).max() <= 1.01


def test_files_are_sorted_and_labelled_by_their_class(classes):
    found = images(classes, resize=None, crop=5, batch_size=3)
    assert found.names == ("a/x.png", "a/y.png", "b/10.png", "b/2.PNG")
    assert found.classes == ("a", "ab", "b"), "an empty class keeps its number"
    assert found.labels.tolist() == [0, 0, 2, 2]
    assert found.unreadable == ()


def test_other_layouts_have_no_labels(classes):
    save(classes / "top.png", picture(9, 8))
    found = images(classes, resize=None, crop=5)
    assert found.labels is None
    assert found.classes == ()
    save(classes / "deep" / "a" / "b" / "x.png", picture(9, 8))
    assert images(classes / "deep").labels is None
    assert images(classes / "a").names == ("x.png", "y.png")


def test_links_are_followed_but_not_round_in_circles(classes, tmp_path):
    (classes / "c").symlink_to(classes / "a")
    (classes / "a" / "up").symlink_to(classes)
    names = images(classes, resize=None, crop=5).names
    assert names == ("a/x.png", "a/y.png", "b/10.png", "b/2.PNG")
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (elsewhere / "1").symlink_to(classes / "a")
    (elsewhere / "2").symlink_to(classes / "b")
    names = images(elsewhere, resize=None, crop=5).names
    assert names == ("1/x.png", "1/y.png", "2/10.png", "2/2.PNG")


def test_folders_that_link_to_each_other_give_each_image_once(tmp_path):
    for here, there in (("a", "b"), ("b", "a")):
        save(tmp_path / here / f"{here}.png", picture(9, 8))
        (tmp_path / here / "link").symlink_to(tmp_path / there)
    assert images(tmp_path, resize=None, crop=5).names == ("a/a.png", "b/b.png")
    assert images(tmp_path / "a", resize=None, crop=5).names == ("a.png", "link/b.png")
    assert images(tmp_path / "a" / "link", resize=None, crop=5).names == ("b.png", "link/a.png")


def test_batches_are_a_sequence_that_can_be_gone_through_again(classes):
    found = images(classes, resize=None, crop=5, batch_size=3)
    assert len(found) == 2
    assert [len(batch) for batch in found] == [3, 1]
    assert torch.equal(found[-1], list(found)[1])
    threaded = images(classes, resize=None, crop=5, batch_size=3, threads=3)
    assert all(torch.equal(a, b) for a, b in zip(found, threaded, strict=True))
    with pytest.raises(IndexError):
        found[2]
    with pytest.raises(TypeError):
        found[0:1]


def test_a_draw_has_no_duplicates_and_begins_like_a_larger_one(tmp_path):
    for index in range(30):
        save(tmp_path / f"{index:02}.png", np.full((4, 4), index, np.uint8))
    draw = {"resize": None, "crop": 4}
    some = images(tmp_path, n=10, seed=3, **draw)
    assert len(set(some.names)) == 10
    assert images(tmp_path, n=20, seed=3, **draw).names[:10] == some.names
    assert images(tmp_path, n=10, seed=3, **draw).fingerprint == some.fingerprint
    assert images(tmp_path, n=10, seed=4, **draw).names != some.names
    assert sorted(images(tmp_path, n=30, seed=0, **draw).names) == list(
        images(tmp_path, **draw).names
    )
    shown = torch.cat([batch[:, 0, 0, 0] for batch in some]) * 255
    assert shown.tolist() == [int(name[:2]) for name in some.names]


def test_each_image_is_drawn_equally_often(tmp_path):
    for index in range(5):
        save(tmp_path / f"{index}.png", picture(4, 4))
    counts = dict.fromkeys(images(tmp_path, crop=4).names, 0)
    draws = 200
    for seed in range(draws):
        for name in images(tmp_path, n=2, seed=seed, crop=4).names:
            counts[name] += 1
    # Binomial with p = 2/5: four standard deviations.
    assert all(
        abs(count - draws * 0.4) < 4 * (draws * 0.4 * 0.6) ** 0.5 for count in counts.values()
    )


def test_the_fingerprint_stands_for_names_bytes_and_preparation(classes):
    ways = [images(classes, resize=resize, crop=crop)
            for resize, crop in ((None, 5), (8, 5), (8, 6))]  # fmt: skip
    prints = {one.fingerprint for one in ways}
    assert len(prints) == 3
    assert len({one.content for one in ways}) == 1
    before = images(classes, resize=8, crop=6)
    assert before.fingerprint in prints
    assert images(classes, resize=8, crop=6, batch_size=1).fingerprint == before.fingerprint
    assert before.source == (
        f"{classes.name}: 4 of 4 images, resized to 8, cropped to 6, seed None, 0 unreadable, "
        f"sha256 {before.fingerprint}"
    )
    (classes / "a" / "x.png").rename(classes / "a" / "w.png")
    renamed = images(classes, resize=8, crop=6)
    content = bytearray((classes / "a" / "w.png").read_bytes())
    content[-1] ^= 1  # beyond the pixels, and of the same length
    (classes / "a" / "w.png").write_bytes(content)
    every = (before, renamed, images(classes, resize=8, crop=6))
    assert len({one.fingerprint for one in every}) == len({one.content for one in every}) == 3


def truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def not_an_image(path):
    path.write_bytes(b"<html>404</html>")


def empty(path):
    path.write_bytes(b"")


def sixteen_bits(path):
    Image.fromarray(np.full((9, 9), 300, np.uint16)).save(path, format="PNG")


@pytest.mark.parametrize("damage", [truncated, not_an_image, empty, sixteen_bits])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_unreadable_files_are_listed_and_left_out(damage, suffix, classes):
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    bad = save(classes / "b" / f"5.{suffix}", noise)
    damage(bad)
    found = images(classes, resize=None, crop=5)
    assert [name for name, _ in found.unreadable] == [f"b/5.{suffix}"]
    assert found.unreadable[0][1]
    assert found.labels.tolist() == [0, 0, 2, 2]
    assert "1 unreadable" in found.source
    assert sum(len(batch) for batch in found) == 4


@pytest.mark.parametrize("error", [
    OSError(errno.EMFILE, "Too many open files"), OSError(errno.EACCES, "Permission denied"),
    OSError(errno.ENOMEM, "Cannot allocate memory"), OSError(errno.EIO, "Input/output error"),
    MemoryError(),
], ids=repr)  # fmt: skip
@pytest.mark.parametrize("draw", [{}, {"n": 3, "seed": 0}], ids=["all", "drawn"])
def test_what_is_of_the_machine_leaves_no_image_out(error, draw, classes, monkeypatch):
    """The data set would be another one, and nobody would know."""
    opened = Image.open

    def refused(path):
        if path.parent.name == "b":
            raise error
        return opened(path)

    monkeypatch.setattr(Image, "open", refused)
    reason = getattr(error, "strerror", "") or "MemoryError"
    with pytest.raises(OSError, match=rf"/b/\S+ could not be read, which may not be.*{reason}"):
        images(classes, resize=None, crop=5, **draw)


@pytest.mark.parametrize("error", [
    OSError("image file is truncated (3 bytes not processed)"),
    OSError(errno.EINVAL, "Invalid argument"), SyntaxError("not a TIFF file"),
    Image.DecompressionBombError("Image size exceeds limit"),
], ids=repr)  # fmt: skip
def test_what_a_decoder_says_of_a_file_leaves_it_out(error, classes, monkeypatch):
    opened = Image.open

    def refused(path):
        if path.name == "x.png":
            raise error
        return opened(path)

    monkeypatch.setattr(Image, "open", refused)
    found = images(classes, resize=None, crop=5)
    assert found.unreadable == (("a/x.png", str(error)),)


def test_a_link_that_leads_nowhere_is_left_out(classes):
    (classes / "a" / "z.png").symlink_to(classes / "gone.png")
    ((name, reason),) = images(classes, resize=None, crop=5).unreadable
    assert name == "a/z.png"
    assert "No such file" in reason


def test_a_draw_replaces_what_is_unreadable(classes):
    not_an_image(classes / "a" / "y.png")
    for seed in range(10):
        found = images(classes, n=3, seed=seed, resize=None, crop=5)
        assert sorted(found.names) == ["a/x.png", "b/10.png", "b/2.PNG"]
        assert len(found.unreadable) <= 1
    with pytest.raises(ValueError, match=r"1 of 4 images cannot be read, and n=4 are wanted; the "
                                         r"first is a/y\.png: cannot identify"):  # fmt: skip
        images(classes, n=4, seed=0, resize=None, crop=5)


def test_a_class_without_a_readable_image_is_there_until_classes_matter(classes):
    not_an_image(classes / "a" / "x.png")
    images(classes).check_classes()
    not_an_image(classes / "a" / "y.png")
    found = images(classes, resize=None, crop=5)
    assert found.names == ("b/10.png", "b/2.PNG")
    assert found.labels.tolist() == [2, 2]
    with pytest.raises(
        ValueError, match=r"no image of class 'a' can be read; the first is a/x\.png"
    ):
        found.check_classes()


def test_only_unreadable_files_are_an_error_that_names_the_first(classes):
    for path in classes.rglob("[!.]*.[pP]*"):
        not_an_image(path)
    with pytest.raises(ValueError, match=r"4 of 4 images cannot be read; the first is a/x\.png"):
        images(classes)


def test_a_file_that_vanishes_afterwards_is_named(classes):
    found = images(classes, resize=None, crop=5)
    (classes / "a" / "x.png").unlink()
    with pytest.raises(ValueError, match=r"a/x\.png can no longer be read"):
        found[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_kind_of_image_becomes_rgb_as_pillow_converts_it(mode, tmp_path):
    name = "x.tif" if mode == "CMYK" else "x.png"
    converted = Image.fromarray(picture(9, 9)).convert(mode)
    converted.save(tmp_path / name)
    expected = np.asarray(converted.convert("RGB")) / np.float32(255)
    (batch,) = images(tmp_path, resize=None, crop=9)
    assert (batch[0].permute(1, 2, 0).numpy() == expected).all()


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path):
    paletted = Image.fromarray(picture(9, 9)).quantize(16)
    paletted.save(tmp_path / "x.png", transparency=bytes(range(16)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.asarray(Image.open(tmp_path / "x.png").convert("RGB")) / np.float32(255)
    (batch,) = images(tmp_path, resize=None, crop=9)
    assert (batch[0].permute(1, 2, 0).numpy() == expected).all()


@pytest.mark.parametrize(("options", "message"), [
    ({"n": 2}, "n=2 images are drawn at random; give a seed"),
    ({"seed": 1}, "seed=1 without n, how many images to draw"),
    ({"n": 5, "seed": 0}, "n=5 of 4 images; draw at least 1 and no more than there are"),
    ({"n": 0, "seed": 0}, "n=0 of 4 images"),
    ({"resize": 0}, "resize=0: give a whole number from 1 on"),
    ({"crop": -1}, "crop=-1: give a whole number from 1 on"),
    ({"batch_size": 0}, "batch_size=0: give a whole number from 1 on"),
    ({"threads": 0}, "threads=0: give a whole number from 1 on"),
])  # fmt: skip
def test_arguments_that_mean_nothing_are_refused(options, message, classes):
    with pytest.raises(ValueError, match=re.escape(message)):
        images(classes, **options)


def test_a_folder_without_images_or_none_at_all_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"holds no image, that is no \.bmp, \.gif, \.jpeg"):
        images(tmp_path)
    with pytest.raises(ValueError, match=r"folder='nowhere' is not a folder"):
        images(Path("nowhere"))


@pytest.mark.data
def test_the_real_photographs(real_data):
    found = images(real_data / "imagenet-sample" / "val", n=60, seed=0, batch_size=40)
    assert [batch.shape for batch in found] == [(40, 3, 224, 224), (20, 3, 224, 224)]
    assert len(found.classes) == 1000
    assert found.unreadable == ()
    assert all(found.classes[label] == name.split("/")[0]
               for label, name in zip(found.labels.tolist(), found.names, strict=True))  # fmt: skip
    # The mean of ImageNet's pixels is 0.485, 0.456, 0.406 (every tutorial) with a deviation of
    # about 0.15 between photographs: four standard errors of 60.
    mean = torch.cat(list(found)).mean((0, 2, 3))
    assert (mean - torch.tensor([0.485, 0.456, 0.406])).abs().max() < 4 * 0.15 / 60**0.5
