"""Spectra and scores from inner products, against scikit-learn on the responses themselves."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch.testing import assert_close

from striate.spectra import eigenspectrum, gram_eigenspectrum, principal_scores
from truths import gaussian, planted, power_law, rotation

# Fewer stimuli than units, more, and as many.
SHAPES = [(40, 200), (60, 25), (30, 30), (2, 5)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def offset(stimuli, units, seed=0):
    """Units of different means and sizes, some of them dead."""
    x = gaussian(stimuli, units, seed=seed) * torch.arange(1.0, units + 1) ** -0.5
    x[:, ::7] = 0
    return x + 3 * gaussian(units, seed=seed + 1)


@shapes
@pytest.mark.parametrize("scaled", [True, False])
def test_variances_are_those_of_scikit_learn(shape, scaled):
    x = offset(*shape)
    z = StandardScaler().fit_transform(x.numpy()) if scaled else x.numpy()
    expected = PCA(svd_solver="full").fit(z).explained_variance_
    found = gram_eigenspectrum(torch.from_numpy(z @ z.T))
    assert len(found) == shape[0] - 1
    many = min(len(found), len(expected))
    largest = expected[0]
    # Rounding of the Gram matrix is relative to its largest entries, the means' included.
    assert_close(found[:many].numpy(), expected[:many], rtol=1e-10, atol=1e-12 * largest)
    assert_close(found[many:], torch.zeros_like(found[many:]), rtol=0, atol=1e-12 * largest)


def test_single_precision_is_right_to_four_digits_where_a_network_is_fitted():
    x = planted(power_law(300, 1.0), 400, 1000).float()
    found = gram_eigenspectrum(x @ x.T, count=300)
    assert found.dtype == torch.float32
    assert_close(found.double().numpy(), power_law(300, 1.0), rtol=1e-4, atol=0)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_a_planted_power_law_is_found(alpha):
    x = planted(power_law(39, alpha, 3.0), 60, 50)
    found = gram_eigenspectrum(x @ x.T)
    assert_close(found[:39].numpy(), power_law(39, alpha, 3.0), rtol=1e-10, atol=0)
    assert (found >= 0).all()


def test_standardised_variances_sum_to_the_units_that_vary():
    """protocols/kong.md §1: F n / (n - 1)."""
    x = offset(40, 200)
    z = torch.from_numpy(StandardScaler().fit_transform(x.numpy()))
    vary = 200 - len(range(0, 200, 7))
    total = gram_eigenspectrum(z @ z.T).sum().item()
    assert total == pytest.approx(vary * 40 / 39, rel=1e-12)


@given(st.integers(2, 15), st.integers(1, 15), st.integers(0, 99), st.floats(-10, 10))
def test_neither_rotation_nor_offset_changes_variances(stimuli, units, seed, shift):
    x = gaussian(stimuli, units, seed=seed)
    moved = x @ rotation(units, seed) + shift
    found = gram_eigenspectrum(moved @ moved.T)
    many = min(stimuli - 1, units)
    assert_close(found[:many], eigenspectrum(x)[:many], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("count", [1, 5, 39, 1000])
def test_the_leading_ones_are_the_first_of_all(count):
    x = offset(40, 200)
    gram = x @ x.T
    assert torch.equal(gram_eigenspectrum(gram, count=count), gram_eigenspectrum(gram)[:count])


@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
def test_scores_are_those_of_scikit_learn_up_to_sign(shape):
    count = 15
    scaler = StandardScaler()
    z = scaler.fit_transform(offset(*shape).numpy())
    new = scaler.transform(offset(17, shape[1], seed=5).numpy())
    # Not even centred: responses that were only divided by their spread.
    raw, raw_new = (torch.from_numpy(part) + 2.5 for part in (z, new))
    pca = PCA(count, svd_solver="full").fit(z)
    found = principal_scores(raw @ raw.T, raw_new @ raw.T, count=count)
    for ours, theirs in (
        (found.reference.numpy(), pca.transform(z)),
        (found.new.numpy(), pca.transform(new)),
    ):
        sign = np.sign((found.reference.numpy() * pca.transform(z)).sum(0))
        assert_close(ours, theirs * sign, rtol=0, atol=1e-9)
    assert_close(found.variances.numpy(), pca.explained_variance_, rtol=1e-10, atol=0)


def test_the_reference_stimuli_as_new_ones_have_their_own_scores():
    x = offset(40, 200)
    found = principal_scores(x @ x.T, x @ x.T, count=20)
    assert_close(found.new, found.reference, rtol=0, atol=1e-10)


def test_without_new_stimuli_there_are_no_new_scores():
    x = offset(40, 200)
    found = principal_scores(x @ x.T, count=3)
    assert found.new.shape == (0, 3)
    again = principal_scores(x @ x.T, x[:4] @ x.T, count=3)
    assert torch.equal(found.reference, again.reference)


def test_the_stimulus_that_scores_most_scores_positive():
    x = offset(40, 200)
    # Mirrored responses have the same inner products; those of a mirrored order have another sign.
    for gram in (x @ x.T, x.flip(0) @ x.flip(0).T):
        scores = principal_scores(gram, count=30).reference
        assert (scores.gather(0, scores.abs().argmax(0, keepdim=True)) > 0).all()


def test_scores_keep_the_precision_of_the_gram_matrix():
    x = offset(40, 200)
    x = x - x.mean(0)
    double = principal_scores(x @ x.T, count=5).reference
    x = x.float()
    found = principal_scores(x @ x.T, x[:3] @ x.T, count=5)
    assert {part.dtype for part in found} == {torch.float32}
    assert_close(found.reference.double(), double, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_what_is_found_in_half_precision_is_given_in_single(dtype):
    gram = 3 * torch.eye(5, dtype=dtype)
    assert_close(gram_eigenspectrum(gram), torch.full((4,), 0.75))
    found = principal_scores(gram, gram[:2], count=2)
    assert {part.dtype for part in found} == {torch.float32}
    assert_close(found.new, found.reference[:2])


def indefinite():
    """Inner products of variance -0.001 along the difference of two stimuli."""
    apart = torch.tensor([1.0, -1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    return torch.eye(5, dtype=torch.float64) - 1.001 / 2 * torch.outer(apart, apart)


def asymmetric():
    gram = torch.eye(5, dtype=torch.float64)
    gram[0, 1] = 1e-3
    return gram


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (torch.ones(3, 4), r"gram has shape \(3, 4\); need stimuli × stimuli"),
        (torch.ones(3), r"gram has shape \(3,\); need stimuli × stimuli"),
        (torch.ones(1, 1), "at least 2 stimuli, gram has 1"),
        (torch.full((3, 3), torch.nan), "not finite; did a response overflow"),
        (asymmetric(), "gram differs from its transpose by 0.001, its largest entry being 1"),
        (indefinite(), r"direction of negative variance \(-0.001, the trace being 4\)"),
        (-torch.eye(4), r"direction of negative variance \(-1, the trace being 4\)"),
    ],
)
def test_what_is_no_gram_matrix_is_refused(gram, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(gram_eigenspectrum)(gram)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(principal_scores)(gram, count=1)


def test_rounding_does_not_make_a_gram_matrix_asymmetric():
    gram = torch.eye(5, dtype=torch.float64) + 1
    gram[0, 1] *= 1 + 1e-7
    assert_close(gram_eigenspectrum(gram), torch.full((4,), 0.25).double(), rtol=1e-6, atol=0)


def test_of_two_roundings_of_one_product_the_mean_counts():
    x = gaussian(6, 4)
    gram = x @ x.T
    gram[0, 1] *= 1 + 1e-6
    assert_close(gram_eigenspectrum(gram), gram_eigenspectrum(gram.T), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("count", [0, -3])
def test_no_components_are_refused(count):
    gram = torch.eye(5)
    with pytest.raises(ValueError, match=f"count={count}: give a whole number .* or None for all"):
        gram_eigenspectrum(gram, count=count)
    with pytest.raises(ValueError, match=f"count={count}: give a whole number from 1 on$"):
        principal_scores(gram, count=count)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_components_that_are_rounding_are_refused(dtype):
    x = gaussian(40, 6).to(dtype)
    gram = x @ x.T
    principal_scores(gram, count=6)
    with pytest.raises(ValueError, match=r"count=7 components asked of 40 stimuli.* in 6 direct"):
        principal_scores(gram, count=7)


def test_a_variance_well_above_rounding_is_a_component():
    """The last one is 1e-5 of the first, a hundred times what single precision rounds."""
    x = gaussian(40, 6) * 10 ** (-torch.arange(6.0, dtype=torch.float64) / 2)
    gram = x @ x.T
    found = principal_scores(gram.float(), count=6)
    expected = principal_scores(gram, count=6)
    assert_close(found.variances.double(), expected.variances, rtol=0.1, atol=0)


@pytest.mark.parametrize(
    ("cross", "message"),
    [
        (torch.ones(3, 4), r"cross has shape \(3, 4\); need new stimuli × the 5 stimuli of gram"),
        (torch.full((3, 5), torch.inf), "cross holds inner products that are not finite"),
    ],
)
def test_inner_products_of_something_else_are_refused(cross, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(principal_scores)(torch.eye(5), cross, count=1)
