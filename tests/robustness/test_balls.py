import inspect
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, kstest
from torch.testing import assert_close

from striate.robustness import Ball, L1Ball, L2Ball, LinfBall, ball
from striate.robustness.limits import norms, within
from truths import gaussian

SHAPE = (2, 4, 4)
BALLS = {
    "Linf": lambda eps: LinfBall(eps),
    "L2": lambda eps: L2Ball(eps),
    "L1 paper": lambda eps: L1Ball(eps, geometry="paper"),
    "L1 exact": lambda eps: L1Ball(eps, geometry="exact"),
}
ORDERS = {"Linf": np.inf, "L2": 2, "L1": 1}
balls = pytest.mark.parametrize("name", BALLS)
nearest = pytest.mark.parametrize("name", ["Linf", "L2", "L1 exact"])  # Euclidean projections
seeds, radii, scales = st.integers(0, 999), st.floats(0, 1), st.floats(1e-3, 10)


def sizes(delta, name):
    """Norm of each image, by numpy."""
    order = ORDERS[name.split()[0]]
    return np.array([np.linalg.norm(one.double().numpy().ravel(), order) for one in delta])


def slow_l1(delta, eps):
    """Nearest point of the L1 ball, one image: the threshold by bisection until it stands still."""
    if np.abs(delta).sum() <= eps:
        return delta
    low, high = 0.0, np.abs(delta).max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if np.maximum(np.abs(delta) - middle, 0).sum() > eps else (low, middle)
        )
    return np.sign(delta) * np.maximum(np.abs(delta) - high, 0)


def slow_scaling(delta, eps, order):
    return delta * min(1, eps / max(np.linalg.norm(delta, order), 1e-12))


SLOW = {
    "Linf": lambda delta, eps: np.clip(delta, -eps, eps),
    "L2": lambda delta, eps: slow_scaling(delta, eps, 2),
    "L1 paper": lambda delta, eps: slow_scaling(delta, eps, 1),
    "L1 exact": slow_l1,
}


@balls
@given(seeds, radii, scales)
def test_the_projection_is_that_of_the_formula(name, seed, eps, scale):
    delta = scale * gaussian(3, *SHAPE, seed=seed)
    found = BALLS[name](eps).project(delta)
    for one, expected in zip(found, delta, strict=True):
        slow = SLOW[name](expected.numpy().ravel(), eps)
        assert_close(one.numpy().ravel(), slow, rtol=0, atol=1e-12 * scale)


def test_the_projections_of_a_known_point():
    delta = torch.tensor([1.0, -0.5]).view(1, 1, 1, 2)
    expected = {
        "Linf": [0.75, -0.5],
        "L2": [0.75 / 1.25**0.5, -0.375 / 1.25**0.5],
        "L1 paper": [0.5, -0.25],
        "L1 exact": [0.625, -0.125],
    }
    for name, point in expected.items():
        assert_close(BALLS[name](0.75).project(delta).flatten().tolist(), point)


@balls
@given(seeds, radii, scales)
def test_what_is_projected_is_inside_and_stays(name, seed, eps, scale):
    ball = BALLS[name](eps)
    once = ball.project(scale * gaussian(3, *SHAPE, seed=seed))
    assert (sizes(once, name) <= eps * (1 + 1e-12)).all()
    assert_close(ball.project(once), once, rtol=1e-12, atol=1e-15)


@balls
@given(seeds, st.floats(0.1, 1))
def test_what_is_inside_is_not_touched(name, seed, eps):
    ball = BALLS[name](eps)
    inside = 0.99 * ball.sample(torch.zeros(5, *SHAPE), torch.Generator().manual_seed(seed))
    assert torch.equal(ball.project(inside), inside)


@nearest
@given(seeds, st.floats(0.01, 1), scales)
def test_an_exact_projection_brings_no_two_points_apart(name, seed, eps, scale):
    ball = BALLS[name](eps)
    one, other = (scale * gaussian(4, *SHAPE, seed=seed + k) for k in (0, 1000))
    before = (one - other).flatten(1).norm(dim=1)
    after = (ball.project(one) - ball.project(other)).flatten(1).norm(dim=1)
    assert (after <= before * (1 + 1e-12)).all()


@nearest
@given(seeds, st.floats(0.01, 1), scales)
def test_an_exact_projection_is_the_nearest_point(name, seed, eps, scale):
    """For every point p of the ball, <delta - projection, p - projection> is not positive."""
    ball = BALLS[name](eps)
    delta = scale * gaussian(1, *SHAPE, seed=seed)
    found = ball.project(delta)
    points = ball.sample(delta.expand(200, *SHAPE), torch.Generator().manual_seed(seed))
    products = ((delta - found) * (points - found)).flatten(1).sum(1)
    assert products.max() <= 1e-12 * scale


def test_radial_scaling_is_not_the_nearest_point_of_the_l1_ball():
    delta = gaussian(20, *SHAPE)
    paper, exact = (BALLS[f"L1 {name}"](1.0).project(delta) for name in ("paper", "exact"))
    assert ((delta - exact).flatten(1).norm(dim=1) < (delta - paper).flatten(1).norm(dim=1)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@balls
def test_the_dtype_is_kept_and_the_argument_too(name, dtype):
    delta = gaussian(3, *SHAPE, dtype=dtype)
    kept, ball = delta.clone(), BALLS[name](0.1)
    for found in (ball.project(delta), ball.steepest(delta), ball.sample(delta, None)):
        assert found.dtype == dtype
        assert found.shape == delta.shape
    assert torch.equal(delta, kept)


def directions(count, name, seed=0):
    """Random vectors of unit norm: dense, of a few pixels, and of one."""
    dense = gaussian(count, 32, seed=seed)
    few = dense * (gaussian(count, 32, seed=seed + 1) > 1)
    one = torch.eye(32, dtype=torch.float64)
    each = torch.cat([dense, few[few.any(1)], one, -one]).numpy()
    return each / np.linalg.norm(each, ORDERS[name.split()[0]], axis=1, keepdims=True)


@nearest
@given(seeds)
def test_no_direction_of_unit_norm_is_steeper(name, seed):
    gradient = gaussian(1, *SHAPE, seed=seed)
    found = BALLS[name](0.5).steepest(gradient)
    assert sizes(found, name) == pytest.approx(1)
    reached = (gradient * found).sum().item()
    assert reached >= (directions(500, name, seed) @ gradient.numpy().ravel()).max() - 1e-12


def test_the_steps_are_those_of_the_formulas():
    gradient = torch.tensor([[3.0, 0.0, -4.0, 1.0]]).view(1, 1, 2, 2)
    expected = {
        "Linf": [1, 0, -1, 1],
        "L2": [value / 26**0.5 for value in (3, 0, -4, 1)],
        "L1 paper": [3 / 8, 0, -4 / 8, 1 / 8],
        "L1 exact": [0, 0, -1, 0],
    }
    for name, step in expected.items():
        assert_close(
            BALLS[name](0.5).steepest(gradient).flatten().tolist(), step, check_dtype=False
        )


@pytest.mark.parametrize(("pixels", "moved"), [(100, 1), (101, 2), (784, 8), (3072, 31)])
def test_a_sparse_step_is_shared_by_a_hundredth_of_the_pixels(pixels, moved):
    gradient = gaussian(3, 1, 1, pixels)
    found = BALLS["L1 exact"](1.0).steepest(gradient)
    for one, slopes in zip(found, gradient, strict=True):
        chosen = one.flatten().nonzero()[:, 0]
        assert chosen.tolist() == sorted(slopes.abs().flatten().argsort()[-moved:].tolist())
        assert_close(one.flatten()[chosen], slopes.flatten()[chosen].sign() / moved)


def test_pixels_that_tie_share_a_sparse_step():
    gradient = torch.tensor([2.0, -2.0, 1.0, 2.0]).view(1, 1, 2, 2)
    found = BALLS["L1 exact"](1.0).steepest(gradient)
    assert_close(found.flatten(), torch.tensor([1, -1, 0, 1]) / 3)
    flipped = BALLS["L1 exact"](1.0).steepest(gradient.flip(3))
    assert torch.equal(flipped.flip(3), found)


@balls
def test_without_a_gradient_nothing_moves(name):
    ball = BALLS[name](0.5)
    zero = torch.zeros(2, *SHAPE)
    assert torch.equal(ball.steepest(zero), zero)
    assert torch.equal(ball.project(zero), zero)


@balls
def test_a_ball_of_no_size_holds_nothing_else(name):
    ball, delta = BALLS[name](0.0), gaussian(3, *SHAPE)
    assert not ball.project(delta).any()
    assert not ball.sample(delta, torch.Generator().manual_seed(0)).any()


@balls
def test_an_image_is_projected_as_if_it_were_alone(name):
    delta, ball = gaussian(6, *SHAPE), BALLS[name](0.3)
    for verb in (ball.project, ball.steepest):
        apart = torch.cat([verb(one[None]) for one in delta])
        assert_close(apart, verb(delta), rtol=1e-14, atol=0)


@balls
@pytest.mark.parametrize("eps", [0.3, 1.0])
def test_a_draw_is_uniform_in_the_ball(name, eps):
    """By the law of the radius, (r / eps) ** d is uniform; see also the direction, below."""
    drawn = BALLS[name](eps).sample(
        torch.zeros(2000, *SHAPE, dtype=torch.float64), torch.Generator().manual_seed(5)
    )
    radius = sizes(drawn, name) / eps
    assert radius.max() <= 1 + 1e-12
    assert kstest(radius**32, "uniform").pvalue > 1e-3
    assert abs((drawn > 0).double().mean() - 0.5) < 5 * 0.5 / math.sqrt(drawn.numel())


@pytest.mark.parametrize(("name", "law"), [
    ("Linf", beta(1, 1)),
    ("L2", beta(0.5, 16.5)),  # of the square: x² / (x² + rest + one more χ² of 2)
    ("L1 paper", beta(1, 32)),
    ("L1 exact", beta(1, 32)),
])  # fmt: skip
def test_a_pixel_of_a_draw_has_the_law_of_its_ball(name, law):
    drawn = BALLS[name](0.5).sample(
        torch.zeros(2000, *SHAPE, dtype=torch.float64), torch.Generator().manual_seed(6)
    )
    share = (drawn[:, 1, 2, 3].abs() / 0.5).numpy()
    assert kstest(share**2 if name == "L2" else share, law.cdf).pvalue > 1e-3


@balls
def test_a_draw_is_that_of_its_generator(name):
    like, ball = torch.zeros(4, *SHAPE), BALLS[name](0.5)
    first, again, other = (
        ball.sample(like, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    state = torch.get_rng_state()
    ball.sample(like, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)


@balls
def test_balls_are_values_that_name_their_norm(name):
    one = BALLS[name](0.25)
    assert isinstance(one, Ball)
    assert one.norm == name.split()[0]
    assert one == BALLS[name](0.25) != BALLS[name](0.5)
    geometry = {"geometry": name.split()[1]} if " " in name else {}
    assert ball(one.norm, 0.25, **geometry) == one


def test_an_l1_ball_by_name_is_the_papers():
    assert ball("L1", 40.0) == L1Ball(40.0, geometry="paper")


@pytest.mark.parametrize("build", [
    L2Ball, lambda eps: L1Ball(eps, geometry="paper"), lambda eps: ball("L2", eps),
], ids=["L2", "L1", "by name"])  # fmt: skip
@pytest.mark.parametrize("eps", [-0.1, float("nan"), float("inf"), 1e10])
def test_a_radius_that_is_none_is_refused(build, eps):
    with pytest.raises(ValueError, match=re.escape(f"eps={eps}: give a radius from 0 to")):
        build(eps)


@balls
def test_the_largest_ball_holds_what_the_longest_step_reaches(name):
    """Squares of longer ones are infinite in single precision, and the way back would be to 0."""
    largest = BALLS[name](1.0 if name == "Linf" else 1e9)
    reached = 1e9 * largest.steepest(gaussian(3, 3, 32, 32))
    assert (largest.project(reached).abs().amax((1, 2, 3)) >= largest.eps / 3072).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("eps", [0.0, 1e-6, 1 / 1020, 0.1])
@balls
def test_what_rounding_left_outside_is_brought_in(name, eps, dtype):
    """At most eps (1 + 1e-6), whether the difference is taken in float64 or by the caller."""
    generator = torch.Generator().manual_seed(1)
    clean = torch.rand(20, 1, 16, 16, generator=generator, dtype=dtype)
    ball = BALLS[name](eps)
    outer = ball.sample(clean, generator)
    outer = outer * (eps * 1.01 / norms(outer, ball.norm).clamp(min=1e-12)).to(dtype).view(
        -1, 1, 1, 1
    )
    adversarial = (clean + outer + (1e-4 if eps == 0 else 0)).clamp(0, 1)
    found = within(ball, adversarial, clean)
    assert (sizes(found.double() - clean.double(), name) <= eps * (1 + 1e-6)).all()
    assert (sizes(found - clean, name) <= eps * (1 + 1e-6)).all()
    assert found.dtype == dtype
    assert 0 <= found.min() <= found.max() <= 1
    if eps > 1e-4:
        assert (sizes(found.double() - clean.double(), name) > 0.95 * eps).all()


@balls
def test_what_is_within_comes_back_to_the_bit(name):
    generator = torch.Generator().manual_seed(1)
    clean, ball = torch.rand(20, *SHAPE, generator=generator), BALLS[name](0.1)
    adversarial = (clean + 0.99 * ball.sample(clean, generator)).clamp(0, 1)
    assert torch.equal(within(ball, adversarial, clean), adversarial)
    mixed = adversarial.clone()
    mixed[3] = 1 - clean[3]
    kept = mixed.clone()
    found = within(ball, mixed, clean)
    assert torch.equal(mixed, kept)
    assert (found != mixed).flatten(1).any(1).nonzero().tolist() == [[3]]


@pytest.mark.parametrize(("norm", "geometry", "message"), [
    ("L3", "paper", "norm='L3': give 'Linf', 'L2' or 'L1'"),
    ("L1", "dense", "geometry='dense': give 'paper' or 'exact'"),
    ("L2", "dense", "geometry='dense': give 'paper' or 'exact'"),
])  # fmt: skip
def test_a_norm_or_geometry_that_is_none_is_refused(norm, geometry, message):
    call = inspect.unwrap(ball)  # the types are checked first, in tests alone
    with pytest.raises(ValueError, match=message):
        call(norm, 0.5, geometry=geometry)


def test_a_geometry_that_is_none_is_refused_by_the_ball():
    wrong = L1Ball(0.5, geometry="paper")
    object.__setattr__(wrong, "geometry", "dense")
    with pytest.raises(ValueError, match="geometry='dense': give 'paper' or 'exact'"):
        wrong.__post_init__()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("ball", [L2Ball(0.5), L1Ball(0.5, geometry="paper")], ids=str)
def test_in_half_precision_an_image_without_slope_stays(ball, dtype):
    assert (ball.steepest(torch.zeros(2, 1, 4, 4, dtype=dtype)) == 0).all()
    assert (ball.project(torch.zeros(2, 1, 4, 4, dtype=dtype)) == 0).all()
