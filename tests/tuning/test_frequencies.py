import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from striate import reference
from striate.tuning import (
    FREQUENCIES_CPD,
    frequency_experiments,
    frequency_experiments_by_field,
    frequency_histogram,
    frequency_score,
    open_ended,
)

TABLE = reference.devalois1982()
EDGES = torch.tensor([*TABLE["bin_left_cpd"], TABLE["bin_right_cpd"].iloc[-1]], dtype=torch.float64)
V1 = torch.tensor(TABLE["count"].tolist())
NOMINAL = torch.tensor(FREQUENCIES_CPD, dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def units(count, seed=1):
    return NOMINAL[torch.randint(10, (count,), generator=seeded(seed))]


def slow_score(counts, known):
    """As printed: the largest distance between two cumulative sums."""
    one, other = np.cumsum(counts) / np.sum(counts), np.cumsum(known) / np.sum(known)
    return 1 - max(abs(a - b) for a, b in zip(one, other, strict=True))


def slow_experiments(frequency, edges, known, drawn):
    scores = []
    for sample in drawn.numpy():
        counts, _ = np.histogram(frequency.numpy()[sample], edges.numpy())
        scores.append(slow_score(counts, known.numpy()))
    return torch.tensor(scores, dtype=torch.float64)


def test_every_frequency_of_kong_has_a_bin_of_its_own():
    assert frequency_histogram(NOMINAL, EDGES).tolist() == [1] * 10
    assert V1.sum() == 101
    cdf = [0, 0.0297, 0.0594, 0.1188, 0.2871, 0.5050, 0.6832, 0.8713, 0.9604, 1]
    assert_close(V1.cumsum(0) / 101, torch.tensor(cdf), rtol=0, atol=6e-5)


# protocols/kong.md §6.
@pytest.mark.parametrize(("counts", "score"), [
    (V1.tolist(), 1), ([1] * 10, 0.7188), ([0] * 9 + [7], 0.0396), ([7] + [0] * 9, 0),
    ([0] * 6 + [7] + [0] * 3, 0.4950), ([3] + [0] * 8 + [3], 0.5),
])  # fmt: skip
def test_kongs_scores(counts, score):
    found = frequency_score(torch.tensor(counts), V1)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(score, abs=6e-5)
    assert found.item() == pytest.approx(slow_score(counts, V1.numpy()), abs=1e-15)


def test_many_histograms_are_scored_at_once():
    counts = torch.randint(0, 50, (4, 3, 10), generator=seeded())
    found = frequency_score(counts, V1)
    for one in np.ndindex(4, 3):
        assert found[one].item() == pytest.approx(slow_score(counts[one].numpy(), V1.numpy()))


@given(st.lists(st.floats(0.35, 11.2), min_size=1, max_size=50))
def test_bins_are_those_of_numpy(frequency):
    # The edges are the hard part.
    values = torch.tensor([*frequency, *EDGES.tolist()], dtype=torch.float64)
    expected, _ = np.histogram(values.numpy(), EDGES.numpy())
    assert frequency_histogram(values, EDGES).tolist() == expected.tolist()


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 30), st.integers(1, 9))
def test_experiments_are_samples_that_are_scored_one_by_one(seed, count, draws, experiments):
    frequency = units(count, seed)
    found = frequency_experiments(
        frequency, edges=EDGES, reference=V1, draws=draws, experiments=experiments,
        generator=seeded(seed),
    )  # fmt: skip
    drawn = torch.randint(count, (experiments, draws), generator=seeded(seed))
    assert_close(found, slow_experiments(frequency, EDGES, V1, drawn), rtol=0, atol=1e-14)


def test_by_default_there_are_1000_experiments_of_150():
    found = frequency_experiments(units(300), edges=EDGES, reference=V1, generator=seeded())
    drawn = torch.randint(300, (1000, 150), generator=seeded())
    assert_close(found, slow_experiments(units(300), EDGES, V1, drawn), rtol=0, atol=1e-14)


def test_units_like_v1_score_as_two_samples_of_one_population_do():
    middle = (EDGES[:-1] * EDGES[1:]).sqrt()
    cells = middle.repeat_interleave(V1)
    found = frequency_experiments(cells, edges=EDGES, reference=V1, generator=seeded())
    # The mean largest distance of a sample of n is at most sqrt(pi / 2) ln 2 / sqrt(n) = 0.071
    # (Kolmogorov's, for continuous distributions; less with ten bins).
    assert 1 - 0.071 < found.mean() < 1
    assert found.std() > 0.01


def test_the_generator_decides():
    first, again, other = (
        frequency_experiments(units(50), edges=EDGES, reference=V1, generator=seeded(seed))
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    state = torch.get_rng_state()
    frequency_experiments(units(50), edges=EDGES, reference=V1, generator=seeded())
    assert torch.equal(torch.get_rng_state(), state)


def test_open_ends_change_nothing_for_units_within():
    edges, known = open_ended(EDGES, V1)
    assert known.tolist() == [0, *V1.tolist(), 0]
    frequency = torch.cat([units(99), EDGES])
    assert frequency_histogram(frequency, edges)[1:-1].tolist() == (
        frequency_histogram(frequency, EDGES).tolist()
    )
    closed = frequency_experiments(frequency, edges=EDGES, reference=V1, generator=seeded())
    opened = frequency_experiments(frequency, edges=edges, reference=known, generator=seeded())
    assert torch.equal(closed, opened)


@pytest.mark.parametrize(("outside", "share"), [(0.1, 0.25), (20.0, 0.25), (0.1, 0.5), (1e9, 1.0)])
def test_units_outside_cost_their_share(outside, share):
    """As V1 within: then the distance is largest where all those outside are missing."""
    edges, known = open_ended(EDGES, V1)
    inside = (EDGES[:-1] * EDGES[1:]).sqrt().repeat_interleave(V1)
    if share == 1:
        inside = inside[:0]
    beyond = max(len(inside), 1) * share / (1 - share) if share < 1 else 5
    frequency = torch.cat(
        [inside.repeat(3), torch.full((round(3 * beyond),), outside, dtype=torch.float64)]
    )
    counts = frequency_histogram(frequency, edges)
    assert counts.sum() == len(frequency)
    assert frequency_score(counts, known).item() == pytest.approx(1 - share, abs=1e-2)


def test_the_field_turns_cycles_per_image_into_cycles_per_degree():
    cycles = NOMINAL.repeat(20)[: 10 * 17 + 3] * 6.4
    fields = [1.0, 3.2, 5.0, 6.4, 8.0, 1000.0]
    found = frequency_experiments_by_field(
        cycles, fields_deg=fields, edges=EDGES, reference=V1, draws=20, experiments=6,
        generator=seeded(),
    )  # fmt: skip
    drawn = torch.randint(len(cycles), (6, 20), generator=seeded())
    inner = EDGES.tolist()[:-1]
    edges = torch.tensor([0, *inner, 11.2 + 1e-9, 1e9], dtype=torch.float64)
    known = torch.tensor([0, *V1.tolist(), 0])
    for scores, field in zip(found, fields, strict=True):
        expected = slow_experiments(cycles / field, edges, known, drawn)
        assert_close(scores, expected, rtol=0, atol=1e-14)
    assert found[-1].tolist() == [0.0] * 6  # all below
    plain = frequency_experiments(
        cycles / 6.4, edges=EDGES, reference=V1, draws=20, experiments=6, generator=seeded()
    )
    assert torch.equal(found[3], plain)


def test_the_last_bin_keeps_its_edge_when_it_is_opened():
    # 56 cycles per image are 11.2 per degree, the end of the bins, if the image has 5 degrees.
    found = frequency_experiments_by_field(
        torch.tensor([56.0]), fields_deg=[5.0, 4.999], edges=EDGES, reference=V1, experiments=1,
        generator=seeded(),
    )  # fmt: skip
    assert found.flatten().tolist() == pytest.approx([4 / 101, 0])


def experiments(frequency=NOMINAL, *, edges=EDGES, known=V1, **more):
    arguments = {"generator": seeded(), **more}
    return frequency_experiments(frequency, edges=edges, reference=known, **arguments)


def by_field(fields):
    return frequency_experiments_by_field(
        NOMINAL, fields_deg=fields, edges=EDGES, reference=V1, generator=seeded()
    )


BAD = [
    (lambda: experiments(NOMINAL[:0]), "frequency_cpd holds no unit; is none selected"),
    (lambda: experiments(NOMINAL * 2), r"2 of 10 frequencies lie outside the edges, 0.35 to 11.2 "
     r"\(the first is 12.5\); give them bins with open_ended\(edges, reference\)"),
    (lambda: experiments(NOMINAL / 2), "2 of 10 frequencies lie outside the edges"),
    (lambda: experiments(NOMINAL * float("nan")), "frequency_cpd holds numbers that are NaN"),
    (lambda: experiments(edges=EDGES[:-1]), "10 edges for 10 bins of reference"),
    (lambda: experiments(edges=EDGES.flip(0)), "edges=.*: give at least 2, ascending"),
    (lambda: experiments(edges=EDGES[:1]), r"edges=\[0.35\]: give at least 2, ascending"),
    (lambda: experiments(known=0 * V1), "reference holds a histogram without a unit"),
    (lambda: experiments(known=V1 - 1), "reference holds a count that is negative or not finite"),
    (lambda: experiments(draws=0), "draws=0: give a whole number from 1 on"),
    (lambda: experiments(experiments=1.5), "experiments=1.5: give a whole number from 1 on"),
    (lambda: experiments(generator=0), "generator=0: give a torch.Generator, such as"),
    (lambda: by_field([6.4, 0.0]), "a width of fields_deg=0.0: give a positive, finite"),
    (lambda: by_field([]), r"fields_deg has shape \(0,\)"),
    (lambda: open_ended(EDGES, V1[:-1]), "11 edges for 9 bins of reference; there is one"),
    (lambda: open_ended(*open_ended(EDGES, V1)), "edges run from 0 to inf; they are open already"),
    (lambda: frequency_score(V1[:-1], V1), r"counts have shape \(9,\); need 10 bins, as reference"),
    (lambda: frequency_score(0 * V1, V1), "counts holds a histogram without a unit; is none sel"),
    (lambda: frequency_score(V1, [1, 2]), r"reference=\[1, 2\]: give a t"),
]  # fmt: skip


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("call", "message"), BAD)
def test_what_cannot_be_scored_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
