"""Draws that have most photographs in common are had for the price of one."""

import weakref

import pytest
import torch
from torch import nn

from striate.activations import kernels, remove_partial
from striate.study.photographs import Drawn, kernels_of_draws, shared

IMAGES = torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
NEW = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def network():
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 40), nn.Tanh()).double()
    for weight in model.parameters():
        nn.init.normal_(weight, generator=generator)
    return model


def pick(rows):
    return IMAGES[list(rows)]


def test_draws_share_passes_where_one_nearly_holds_the_other():
    draws = {
        "half": Drawn(range(0, 10), True), "all": Drawn(range(20), True),
        "other": Drawn(range(100, 120), True), "a few more": Drawn(range(15, 25), False),
        "too many more": Drawn(range(14, 30), False),
        # With the first group, and what it has taken in already, there would be 28 images.
        "again a few more": Drawn(range(18, 28), True),
    }  # fmt: skip
    assert shared(draws) == [
        ["all", "half", "a few more"], ["other"], ["too many more", "again a few more"],
    ]  # fmt: skip


def test_each_draw_has_the_kernel_of_its_images_in_its_order():
    draws = {
        "photographs": Drawn([5, 3, 9, 20, 11, 2], False), "all": Drawn(range(30), True),
        "set": Drawn([29, 1, 4, 3], True),
    }  # fmt: skip
    told = []
    shown = kernels_of_draws(
        network(), pick, draws, ["2"], crossed="photographs", others={"new": NEW}, memory="50MB",
        progress=lambda *far: told.append(far),
    )  # fmt: skip
    found = {name: kernel for _, name, kernel in shown}
    assert found.keys() == draws.keys()
    assert told[-1] == (35, 35)  # each image once
    for name, drawn in draws.items():
        alone = kernels(
            network(), pick(drawn.rows), "2", z_scored=drawn.z_scored, others={"new": NEW}
        )["2"]
        assert torch.allclose(found[name].gram, alone.gram, rtol=1e-10, atol=1e-10)
    alone = kernels(network(), pick([5, 3, 9, 20, 11, 2]), "2", z_scored=False, others={"new": NEW})
    expected = alone["2"].cross["new"]
    assert torch.allclose(found["photographs"].cross["new"], expected, rtol=1e-10, atol=1e-10)


def test_draws_that_have_little_in_common_are_shown_apart():
    draws = {"one": Drawn(range(10), True), "two": Drawn(range(10, 20), True)}
    told = []
    for _ in kernels_of_draws(
        network(), pick, draws, ["2"], memory="50MB", progress=lambda *far: told.append(far)
    ):
        pass
    assert [far for far in told if far[0] == far[1]] == [(10, 10), (10, 10)]


@pytest.mark.parametrize(("crossed", "others"), [(None, {"new": NEW}), ("one", None)])
def test_others_need_a_draw_and_a_draw_needs_others(crossed, others):
    with pytest.raises(ValueError, match="name a draw where there are others, and only then"):
        next(
            kernels_of_draws(
                network(), pick, {"one": Drawn(range(9), True)}, "2", crossed=crossed, others=others
            )
        )


def test_a_kernel_is_let_go_before_the_next_draw_is_shown():
    draws = {str(first): Drawn(range(first, first + 10), True) for first in (0, 10, 20)}
    alive: list[weakref.ref] = []
    most = 0
    for _, _, kernel in kernels_of_draws(network(), pick, draws, ["1", "2"], memory="50MB"):
        alive.append(weakref.ref(kernel.gram))
        most = max(most, sum(one() is not None for one in alive))
    assert len(alive) == 6
    assert most <= 3  # this one, the one before, and the other layer's of the same draw


def test_a_run_that_is_stopped_at_a_later_draw_finds_the_sums_of_earlier_ones(tmp_path):
    draws = {str(first): Drawn(range(first, first + 10), True) for first in (0, 10, 20)}
    shown: list[int] = []

    def run(stop=None):
        def told(done, _):
            shown.append(done)
            if stop is not None and len(shown) == stop:
                raise KeyboardInterrupt

        return [
            (layer, name, kernel.gram.clone())
            for layer, name, kernel in kernels_of_draws(
                network(), pick, draws, ["1", "2"], memory="50MB", batch_size=10,
                partial=tmp_path, progress=told,
            )
        ]  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        run(stop=3)
    shown.clear()
    again = run()
    assert shown == [10]  # those of the third draw alone
    assert list(tmp_path.glob("kernel-*"))
    shown.clear()
    once_more = run()
    assert shown == []
    remove_partial(tmp_path)
    assert not tmp_path.exists()
    fresh = run()
    for (_, name, gram), (_, other, same), (_, third, new) in zip(
        again, once_more, fresh, strict=True
    ):
        assert name == other == third
        assert torch.equal(gram, same)
        assert torch.equal(gram, new)
