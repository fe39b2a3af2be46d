"""The word for a robust accuracy: its rule case by case, and on networks of known worth."""

import pytest
import torch
from defended import BROKEN, pictures, rng, trained
from scipy.stats import beta

from striate.robustness import LinfBall, Probe, Sign, probes, signs, verdict

NAMES = (
    "random forward", "probabilities", "zero gradients", "flat over eps", "random search wins",
    "loss does not rise",
)  # fmt: skip


def outcomes(images, *left):
    """Probes of which each leaves the first so many of `images`."""
    names = ("plain", "margin", "fine steps")
    return [Probe(name, torch.arange(images) < n) for name, n in zip(names, left, strict=False)]


def shown(*names, measured=1.0):
    return [
        Sign(name, name in names, measured if name in names else 0.0, 0.0, "") for name in NAMES
    ]


@pytest.mark.parametrize(("images", "left", "raised", "baseline", "word"), [
    (1000, (600, 590), (), None, "robust"),
    (1000, (600, 590), (), 0.3, "robust"),
    (1000, (600, 590), (), 0.6, "none"),
    (1000, (600, 590), (), 0.7, "none"),
    (1000, (90, 90), (), None, "none"),
    (1000, (90, 90), (), 0.0, "none"),       # guessing is the least reference
    (1000, (600, 300), (), None, "masked"),
    (1000, (600, 0), (), None, "masked"),
    (1000, (600, 450), (), None, "undecided"),  # a quarter
    (1000, (600, 599), ("flat over eps",), None, "masked"),
    (1000, (600, 599), ("random search wins",), None, "masked"),
    (1000, (600, 599), ("random forward",), None, "undecided"),
    (1000, (600, 599), ("probabilities",), None, "undecided"),
    (1000, (600, 599), ("zero gradients",), None, "undecided"),
    (1000, (600, 599), ("loss does not rise",), None, "undecided"),
    (1000, (600, 100), ("loss does not rise",), None, "masked"),
    (1000, (90, 90), ("flat over eps",), None, "none"),  # nothing is claimed
    (5, (0, 0), (), None, "undecided"),
    (5, (3, 0), (), 0.5, "undecided"),
    (10, (8, 8), (), None, "undecided"),     # 0 of 8 is not yet less than a quarter
    (20, (18, 18), (), None, "robust"),      # 0 of 18 is: 0.75 ** 18 = 0.0056
])  # fmt: skip
def test_the_rule(images, left, raised, baseline, word):
    found = verdict(outcomes(images, *left), shown(*raised), classes=10, baseline=baseline)
    assert found.word == word
    assert found.plain == left[0] / images
    assert found.worst == min(left) / images
    assert len(found.reason) > 20


@pytest.mark.parametrize(("share", "word"), [(0.01, "robust"), (0.02, "undecided")])
def test_a_few_images_without_gradient_are_put_up_with(share, word):
    found = verdict(outcomes(1000, 600, 599), shown("zero gradients", measured=share), classes=10)
    assert found.word == word


@pytest.mark.parametrize("left", [50, 200])
def test_the_turns_are_where_the_binomial_interval_says(left):
    """Clopper and Pearson by the quantiles of the beta distribution, at every number taken."""
    words = []
    for taken in range(left + 1):
        found = verdict(outcomes(1000, left, left - taken), shown(), classes=1000)
        low = beta.ppf(0.01, taken, left - taken + 1) if taken else 0.0
        high = beta.ppf(0.99, taken + 1, left - taken) if taken < left else 1.0
        expected = "masked" if low > 0.25 else "robust" if high < 0.25 else "undecided"
        assert found.word == expected
        words.append(found.word)
    assert sorted(set(words)) == ["masked", "robust", "undecided"]


def test_the_worst_is_counted_image_by_image():
    plain = Probe("plain", torch.ones(4, dtype=torch.bool))
    one, other = (Probe(name, torch.tensor(v, dtype=torch.bool)) for name, v in (
        ("margin", [0, 1, 1, 1]), ("restarts", [1, 0, 1, 1])))  # fmt: skip
    assert verdict([one, plain, other], shown(), classes=10).worst == 0.5
    assert verdict([one, plain, other], shown(), classes=10).plain == 1.0


@pytest.mark.parametrize("reference", [0.25, 0.5])
def test_a_net_as_good_as_its_baseline_rarely_passes_for_robust(reference):
    """Baseline and net of one accuracy, both measured on 400 images: one in twenty at most."""
    generator = rng(1)
    drawn = (torch.rand(2, 500, 400, generator=generator) < reference).sum(2)
    words = [
        verdict(outcomes(400, net, net), shown(), classes=10, baseline=base / 400).word
        for net, base in drawn.T.tolist()
    ]
    passed = words.count("robust")
    assert passed / 500 < 0.05 + 3 * (0.05 * 0.95 / 500) ** 0.5


def judged(net, *, eps, count=200, baseline=None, surrogate=None):
    images, labels = (each[:count] for each in pictures("test"))
    ball = LinfBall(eps)
    tried = probes(
        net, images, labels, ball=ball, restarts=2, queries=100, generator=rng(),
        surrogate=surrogate,
    )  # fmt: skip
    raised = signs(net, images, labels, ball=ball, queries=100, generator=rng())
    return verdict(tried, raised, classes=10, baseline=baseline)


@pytest.mark.parametrize("seed", range(5))
def test_networks_of_known_worth(seed):
    """One trained against the attack, its twin without a defence, and the twin behind masks."""
    defended, twin = trained("adversarial", seed), trained("mlp", seed)
    undefended = judged(twin, eps=0.15)
    assert undefended.word == "none"
    known = {"eps": 0.15, "baseline": undefended.plain, "surrogate": twin}
    found = judged(defended, **known)
    assert found.word == "robust"
    assert found.worst > 0.4
    for kind in ("large logits", "staircase"):
        masked = judged(BROKEN[kind](twin), **known)
        assert masked.word == "masked"
        assert masked.plain > 0.8
        assert masked.worst < 0.2
    assert judged(defended, **known, count=8).word == "undecided"


@pytest.mark.parametrize(("arguments", "message"), [
    (([], []), "probes are none; one of them must be 'plain'"),
    ((outcomes(3, 1, 1)[1:], []), "probes are margin; one of them must be 'plain'"),
    ((outcomes(3, 1) + outcomes(3, 1), []), "plain, plain; one of them"),
    ((outcomes(3, 1) + outcomes(4, 1, 1)[1:], []), r"probes of \[3, 4\] images"),
    ((outcomes(0, 0, 0), []), r"probes of \[0\] images"),
    ((outcomes(3, 1), shown()), "probes hold the plain attack alone; give a stronger one"),
    ((outcomes(3, 1, 1), []), "signs lack 'flat over eps' and 'random search wins'"),
    ((outcomes(3, 1, 1), shown()[:4]), "signs lack 'random search wins'; give those of `signs`"),
], ids=["no probes", "no plain", "two plain", "not the same", "no images", "none stronger",
        "no signs", "a sign less"])  # fmt: skip
def test_probes_that_do_not_belong_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        verdict(*arguments, classes=10)


@pytest.mark.parametrize(("settings", "message"), [
    ({"classes": 1}, "classes=1; there are at least 2"),
    ({"classes": 10, "baseline": 1.5}, r"baseline=1.5; an accuracy lies in \[0, 1\]"),
    ({"classes": 10, "baseline": float("nan")}, "baseline=nan"),
], ids=["classes", "baseline", "nan"])  # fmt: skip
def test_numbers_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        verdict(outcomes(10, 5, 5), shown(), **settings)
