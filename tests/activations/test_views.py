"""Several kernels in the same passes are those that each view has alone."""

import pytest
import torch
from networks import pictures
from torch import nn

from striate.activations import View, kernels, kernels_of_views

X = pictures(40, size=20, dtype=torch.float64)
NEW = pictures(13, size=20, seed=2, dtype=torch.float64)
SOME, ODD = torch.arange(3, 21), torch.tensor([39, 7, 1, 22, 5, 8])


def wide(dtype=torch.float64):
    """20 000 units, more than two blocks, of which some are silent, and 10 at the end."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 50, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(4), nn.Flatten(),
        nn.Linear(1250, 10),
    )  # fmt: skip
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3, generator=generator)
    model[0].bias.data[:8] -= 2.0
    return model.to(dtype)


def views(last):
    made = {
        "some": View(True, SOME), "odd": View(False, ODD), "all": View(True), "raw": View(False)
    }  # fmt: skip
    return {**{name: view for name, view in made.items() if name != last}, last: made[last]}


@pytest.mark.parametrize("last", ["some", "odd", "all", "raw"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5)])
def test_each_view_is_the_kernel_of_its_images_alone(last, dtype, tolerance):
    model, images, new = wide(dtype), X.to(dtype), NEW.to(dtype)
    chosen = views(last)
    found = kernels_of_views(model, images, ["1", "4"], chosen, others={"new": new}, batch_size=7)
    for layer in ("1", "4"):
        assert list(found[layer]) == list(chosen)
        for name, view in chosen.items():
            rows = torch.arange(40) if view.rows is None else view.rows
            alone = kernels(
                model, images[rows], layer, z_scored=view.z_scored, others={"new": new}
            )[layer]
            ours = found[layer][name]
            size = alone.gram.abs().max()
            assert torch.allclose(ours.gram, alone.gram, rtol=0, atol=tolerance * size)
            assert (ours.units, ours.varying, ours.z_scored) == (
                alone.units, alone.varying, alone.z_scored,
            )  # fmt: skip
            assert set(ours.cross) == ({"new"} if name == last else set())
            if name == last:
                cross = alone.cross["new"]
                size = cross.abs().max()
                assert torch.allclose(ours.cross["new"], cross, rtol=0, atol=tolerance * size)


def test_one_view_of_all_images_is_the_kernel_bit_for_bit():
    one = kernels(wide(), X, "1", z_scored=True, others={"new": NEW}, raw=["new"])["1"]
    found = kernels_of_views(
        wide(), X, "1", {"a": View(True)}, others={"new": NEW}, raw=["new"], stimuli="X"
    )["1"]["a"]
    assert torch.equal(one.gram, found.gram)
    assert torch.equal(one.cross["new"], found.cross["new"])
    assert found.stimuli == "X, a"


def test_the_numbers_of_all_views_are_the_same_bits_whatever_the_budget():
    told = []
    found = [
        kernels_of_views(
            wide(), X, ["1", "4"], views("all"), memory=memory, others={"new": NEW},
            progress=lambda done, of: told.append((done, of)),
        )
        for memory in ("41MB", "1GB")
    ]  # fmt: skip
    assert told[0][1] > told[-1][1] == 53  # more passes, and one that shows each image once
    for layer in ("1", "4"):
        for name in found[0][layer]:
            one, other = (each[layer][name] for each in found)
            assert torch.equal(one.gram, other.gram)
        assert torch.equal(one.cross["new"], other.cross["new"])


def test_half_precision_views_keep_what_was_put_out():
    chosen = {"some": View(True, SOME), "all": View(True)}
    found = kernels_of_views(wide(torch.float32), X.float(), "1", chosen, dtype=torch.bfloat16)["1"]
    alone = kernels(wide(torch.float32), X.float(), "1", z_scored=True, dtype=torch.bfloat16)["1"]
    assert torch.equal(found["all"].gram, alone.gram)


def test_all_views_of_an_unfinished_plan_are_taken_up(tmp_path):
    given = {"memory": "41MB", "partial": tmp_path, "others": {"new": NEW}}
    whole = kernels_of_views(wide(), X, ["1", "4"], views("some"), others={"new": NEW})

    def stop(done, of):
        if done > 53:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kernels_of_views(wide(), X, ["1", "4"], views("some"), progress=stop, **given)
    assert list(tmp_path.iterdir())
    told = []
    found = kernels_of_views(
        wide(), X, ["1", "4"], views("some"), progress=lambda *far: told.append(far), **given
    )
    again = []
    kernels_of_views(
        wide(), X, ["1", "4"], views("some"), progress=lambda *far: again.append(far), **given
    )
    assert told[-1][1] < again[-1][1]
    assert not list(tmp_path.iterdir())
    for layer, by_view in whole.items():
        for name, kernel in by_view.items():
            assert torch.equal(found[layer][name].gram, kernel.gram)
            assert found[layer][name].varying == kernel.varying
    assert torch.equal(found["1"]["some"].cross["new"], whole["1"]["some"].cross["new"])


def seen(folder=None, **changes):
    """Kernels of two views, of which the sums stay in a folder."""
    given = {"views": {"odd": View(False, ODD), "all": View(True)}, "others": {"new": NEW}}
    given |= changes
    return kernels_of_views(wide(), X, "4", partial=folder, keep_partial=True, **given)["4"]


@pytest.mark.parametrize("changes", [
    {"views": {"odd": View(False, ODD + 1 - 2 * (ODD == 39)), "all": View(True)}},
    {"others": {"newer": NEW}},
    {"raw": ["new"]},
    {"views": {"all": View(True), "odd": View(False, ODD)}},
], ids=["rows", "name", "raw", "order"])  # fmt: skip
def test_sums_of_other_views_are_not_taken_up(tmp_path, changes):
    seen(tmp_path)
    found, expected = seen(tmp_path, **changes), seen(**changes)
    for name, kernel in expected.items():
        assert torch.equal(found[name].gram, kernel.gram)
        assert found[name].cross.keys() == kernel.cross.keys()
        for key, cross in kernel.cross.items():
            assert torch.equal(found[name].cross[key], cross)


@pytest.mark.parametrize("rows", [[0], [0, 40], [-1, 3], [3, 3]], ids=str)
def test_rows_that_are_no_images_are_refused(rows):
    with pytest.raises(ValueError, match=r"views\['x'\]: rows are at least 2 of 40 images"):
        kernels_of_views(wide(), X, "4", {"x": View(True, torch.tensor(rows))})
    with pytest.raises(ValueError, match="views is empty"):
        kernels_of_views(wide(), X, "4", {})


@pytest.mark.parametrize(("views", "message"), [
    ({"x": View(True, [0, 1])}, r"views\['x'\]: rows are a list; give a tensor of one axis"),
    ({"x": View(True, torch.arange(3).numpy())}, "rows are a ndarray"),
    ({"x": View(True, torch.tensor([0.0, 1.0]))}, r"rows are torch.float32 of shape \(2,\)"),
    ({"x": View(True, torch.tensor([0, 1], dtype=torch.uint8))}, "rows are torch.uint8"),
    ({"x": View(True, torch.ones(40).bool())}, "rows are torch.bool"),
    ({"x": View(True, torch.tensor([[0, 1], [2, 3]]))}, r"int64 of shape \(2, 2\)"),
    ({"x": View("no")}, "z_scored='no': say True or False"),
], ids=str)  # fmt: skip
def test_what_are_no_views_is_refused_before_an_image_is_shown(views, message):
    def told(*_):
        raise AssertionError("shown")

    with pytest.raises(ValueError, match=message):
        kernels_of_views(wide(), X, "4", views, progress=told)


def test_the_budget_counts_the_sums_of_all_views_and_of_others():
    with pytest.raises(ValueError, match="does not hold one block") as told:
        kernels_of_views(wide(), X, "4", views("all"), others={"new": NEW}, memory="1kB")
    numbers = 18**2 + 6**2 + 40**2 + 40**2 + 13 * 40  # some, odd, raw, all; new × all
    assert f"Gram matrices ({8 * numbers / 1e6:.3g} MB per layer)" in str(told.value)
