import pytest
import torch
from torch.testing import assert_close

from striate.tuning import phase_modulation, preferred_frequency, rounding_noise, tuning_curves
from truths import gaussian

SHAPE = (3, 4, 5)
FREQUENCIES = [0.5, 1.0, 2.0, 4.0]


def slow_curves(responses, shape):
    """The mean over all stimuli with one value of a parameter, counted out one by one."""
    sums = [torch.zeros(responses.shape[1], count).double() for count in shape]
    for index, row in enumerate(responses.double()):
        values = (index // (shape[1] * shape[2]), index // shape[2] % shape[1], index % shape[2])
        for total, value in zip(sums, values, strict=True):
            total[:, value] += row
    stimuli = len(responses)
    return [total * count / stimuli for total, count in zip(sums, shape, strict=True)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_curves_are_means_over_the_other_parameters(dtype):
    responses = gaussian(60, 7, dtype=dtype)
    curves = tuning_curves(responses, SHAPE)
    for found, expected in zip(curves, slow_curves(responses, SHAPE), strict=True):
        assert found.dtype == dtype
        assert_close(found.double(), expected, rtol=0, atol=4 * torch.finfo(dtype).eps)


def test_sums_are_in_double_precision():
    # In float32 the ones would be lost beside 2 ** 25.
    responses = torch.ones(60, 1)
    responses[0], responses[-1] = 2.0**25, -(2.0**25)
    assert tuning_curves(responses, (1, 1, 60)).orientation.item() == pytest.approx(58 / 60)


def test_a_unit_that_always_gives_the_same_has_a_flat_curve():
    curves = tuning_curves(torch.full((1000, 3), 0.1), (10, 10, 10))
    assert not preferred_frequency(curves.frequency, torch.arange(10.0)).selected.any()


def test_the_first_maximum_is_preferred_and_flat_curves_are_not_selected():
    curves = torch.tensor([[0.0, 2, 1, 2], [-3, -1, -2, -4], [5, 5, 5, 5], [0, 0, 0, 1e-30]])
    preferred = preferred_frequency(curves, FREQUENCIES)
    assert preferred.frequency.tolist() == [1.0, 1.0, 0.5, 4.0]
    assert preferred.selected.tolist() == [True, True, False, True]


def test_curves_that_vary_by_rounding_alone_are_flat_where_that_is_asked():
    curves = torch.tensor([[1.0, 1 + 4e-7, 1], [1, 1.001, 1], [0, 1e-9, 0]])
    given = [1.0, 2.0, 4.0]
    assert preferred_frequency(curves, given).selected.all()
    noise = rounding_noise(curves.T)
    assert_close(noise, 8 * 2.0**-23 * torch.tensor([1.0, 1.001, 1e-9]))
    assert preferred_frequency(curves, given, noise=noise).selected.tolist() == [False, True, True]
    assert preferred_frequency(curves, given, noise=0.01).selected.sum() == 0


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("noise", [-1.0, float("inf"), torch.tensor([0.0, float("nan"), 0])])
def test_noise_is_a_number_of_all_or_of_each(noise):
    with pytest.raises(
        ValueError, match="give one finite number from 0 on, or one of each of 3 un"
    ):
        preferred_frequency(torch.ones(3, 4), FREQUENCIES, noise=noise)
    with pytest.raises(ValueError, match="one of each of 3 units"):
        preferred_frequency(torch.ones(3, 4), FREQUENCIES, noise=torch.zeros(2))


X = torch.ones(60, 2)
BAD = [
    (X, (3, 4, 6), r"shape=\(3, 4, 6\) means 72 stimuli, responses are to 60; give bank.shape"),
    (X, (12, 5), r"shape=\(12, 5\): give how many orientations, frequencies and phases"),
    (X, (60, 1, 0), "a count of shape=0: give a whole number from 1 on"),
    (X[:, 0], SHAPE, r"responses has shape \(60,\); need stimuli × units"),
    (X[:, :0], SHAPE, r"responses has shape \(60, 0\); need stimuli × units, at least one each"),
    (X.long(), SHAPE, r"responses holds torch.int64; give floating point, e.g. responses.double"),
    (X * float("nan"), SHAPE, "responses holds values that are not finite"),
    ([[1.0]], (1, 1, 1), "responses is a list; give a torch.Tensor: stimuli × units"),
]


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("responses", "shape", "message"), BAD)
def test_responses_that_are_not_to_the_bank_are_refused(responses, shape, message):
    with pytest.raises(ValueError, match=message):
        tuning_curves(responses, shape)
    with pytest.raises(ValueError, match=message):
        phase_modulation(responses, shape, [0.0, 90.0, 180.0, 270.0, 360.0])


@pytest.mark.parametrize(
    "wrong",
    [[-1.0, 0.0, 3.0, 4.0], [1.0] * 4, [1.0, 2.0, 4.0, 2.0], [1.0, 2.0, 4.0, float("inf")]],
    ids=str,
)
def test_frequencies_are_from_0_on_and_each_is_there_once(wrong):
    with pytest.raises(ValueError, match="give finite frequencies from 0 on, each once"):
        preferred_frequency(torch.ones(2, 4), wrong)
    assert preferred_frequency(torch.eye(4), [0.0, 4.0, 2.0, 1.0]).frequency.tolist() == [
        0,
        4,
        2,
        1,
    ]


@pytest.mark.usefixtures("unchecked_types")
def test_frequencies_that_are_not_those_of_the_curves_are_refused():
    with pytest.raises(ValueError, match="3 frequencies_cpd for curves of 4 points; give one each"):
        preferred_frequency(torch.ones(2, 4), FREQUENCIES[:3])
    with pytest.raises(ValueError, match=r"curves has shape \(4,\); need units × frequencies"):
        preferred_frequency(torch.ones(4), FREQUENCIES)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_in_half_precision_the_bound_is_that_of_a_mean(dtype):
    responses = torch.tensor([[2.0], [-4.0]], dtype=dtype)
    one = 8 * torch.finfo(dtype).eps * 4
    assert rounding_noise(responses).item() == one
    assert rounding_noise(responses, averaged=100).item() == pytest.approx(one / 10)
    full = responses.float()
    assert rounding_noise(full, averaged=100).item() == rounding_noise(full).item()


def test_pixels_in_float32_round_what_a_network_in_float64_answers():
    responses = torch.tensor([[2.0], [-4.0]]).double()
    assert rounding_noise(responses, images=torch.float32).item() == 8 * 2.0**-23 * 4
    assert rounding_noise(responses, images=torch.float64).item() == 8 * 2.0**-52 * 4


def test_what_bounds_rounding_is_checked():
    with pytest.raises(ValueError, match="averaged=0: give a whole number from 1 on"):
        rounding_noise(torch.ones(2, 1), averaged=0)
    with pytest.raises(ValueError, match=r"images=torch.int64; give a type of floating point"):
        rounding_noise(torch.ones(2, 1), images=torch.int64)
