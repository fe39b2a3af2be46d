import inspect
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.predictivity import Split, fold_indices, inner_split, split_indices

# Kong et al. 2021, protocols/kong.md §5: 6250 images.
GOLDEN = {
    0: ([2600, 5998, 3147, 144, 1525], [312, 3339, 5097, 2410, 4593]),
    1: ([1163, 2743, 4625, 5569, 4948], [4773, 5435, 2602, 5028, 4256]),
    19: ([4696, 2606, 6066, 3922, 131], [1488, 1712, 4994, 5729, 4739]),
}
some_groups = st.lists(st.integers(0, 12), min_size=4, max_size=60).filter(
    lambda labels: len(set(labels)) > 2
)


def everyone(split):
    return sorted(split.train.tolist() + split.test.tolist())


@pytest.mark.parametrize("seed", GOLDEN)
def test_kongs_splits(seed):
    split = split_indices(6250, seed=seed)
    assert (split.train[:5].tolist(), split.test[:5].tolist()) == GOLDEN[seed]
    assert (len(split.train), len(split.test)) == (4687, 1563)
    assert everyone(split) == list(range(6250))


@given(st.integers(0, 99), st.integers(4, 60))
def test_groups_of_one_make_no_difference(seed, stimuli):
    plain = split_indices(stimuli, seed=seed)
    for groups in (range(stimuli), torch.arange(stimuli), [f"{i:03}" for i in range(stimuli)]):
        grouped = split_indices(stimuli, seed=seed, groups=groups)
        assert torch.equal(plain.train, grouped.train)
        assert torch.equal(plain.test, grouped.test)


@given(st.integers(0, 99), some_groups, st.sampled_from([0.25, 0.5, 0.75]))
def test_siblings_stay_together_and_next_to_each_other(seed, labels, share):
    split = split_indices(len(labels), seed=seed, groups=labels, train_share=share)
    assert everyone(split) == list(range(len(labels)))
    train, test = ([labels[i] for i in rows.tolist()] for rows in split)
    assert train
    assert test
    assert not set(train) & set(test)
    for side in (train, test):
        changes = sum(one != other for one, other in itertools.pairwise(side))
        assert changes == len(set(side)) - 1
    # The nearest cut is off by at most half of a group, unless it would leave a side empty.
    largest = max(labels.count(label) for label in labels)
    off = abs(len(train) - int(share * len(labels)))
    assert off <= largest / 2 or min(len(set(train)), len(set(test))) == 1


@given(st.integers(0, 99), some_groups, st.integers(2, 3), st.booleans())
def test_folds_test_each_stimulus_once_and_are_balanced(seed, labels, folds, grouped):
    groups = labels if grouped else None
    splits = fold_indices(len(labels), folds=folds, seed=seed, groups=groups)
    assert sorted(i for split in splits for i in split.test.tolist()) == list(range(len(labels)))
    largest = max(labels.count(label) for label in labels) if grouped else 1
    sizes = [len(split.test) for split in splits]
    # The last group a fold got went to it when it was the smallest.
    assert max(sizes) - min(sizes) <= largest
    for split in splits:
        assert everyone(split) == list(range(len(labels)))
        if grouped:
            assert not {labels[i] for i in split.train} & {labels[i] for i in split.test}
    other = fold_indices(len(labels), folds=folds, seed=seed, groups=groups)
    assert all(torch.equal(a.test, b.test) for a, b in zip(splits, other, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_a_large_group_is_dealt_out_before_the_small_ones(seed):
    splits = fold_indices(8, folds=2, seed=seed, groups=[0, 0, 0, 0, 1, 2, 3, 4])
    assert [len(split.test) for split in splits] == [4, 4]


@given(st.integers(0, 99), st.booleans())
def test_an_inner_split_sees_nothing_of_the_test_part(seed, grouped):
    labels = [i % 17 for i in range(100)] if grouped else None
    outer = split_indices(100, seed=seed, groups=labels)
    inner = inner_split(outer, seed=seed, groups=labels, train_share=0.8)
    assert everyone(inner) == sorted(outer.train.tolist())
    if labels:
        assert not {labels[i] for i in inner.train} & {labels[i] for i in inner.test}
    else:
        order = np.random.RandomState(seed).permutation(len(outer.train))
        assert inner.train.tolist() == outer.train[order[:60]].tolist()


@pytest.mark.parametrize(("call", "message"), [
    (lambda: split_indices(1, seed=0), "stimuli=1: a split needs a whole number from 2 on"),
    (lambda: split_indices(9, seed=-1), "seed=-1: give a whole number from 0 to 4294967295"),
    (lambda: split_indices(9, seed=0, train_share=1.0), "train_share=1.0: give a share between"),
    (lambda: split_indices(9, seed=0, train_share=0.1),
     "train_share=0.1 of 9 stimuli leaves none to train on"),
    (lambda: split_indices(9, seed=0, groups=[1, 2]), "groups holds 2 labels for 9 stimuli"),
    (lambda: split_indices(3, seed=0, groups=[7, 7, 7]), "groups holds one label only"),
    (lambda: inspect.unwrap(split_indices)(2, seed=0, groups=[1, "a"]),
     "groups mixes kinds of labels"),
    (lambda: fold_indices(9, folds=10, seed=0), "folds=10 of 9 stimuli: give 2 to 9"),
    (lambda: fold_indices(4, folds=3, seed=0, groups=[1, 1, 2, 2]),
     "folds=3 of 2 groups of stimuli: give 2 to 2"),
    (lambda: inner_split(Split(torch.arange(8), torch.tensor([8, 9])), seed=0, groups=[1, 2, 3]),
     "groups holds 3 labels and the split names stimulus 7"),
    (lambda: inner_split(Split(torch.arange(8), torch.tensor([8, 9])), seed=0, groups=range(7)),
     "groups holds 7 labels and the split names stimulus 7"),
])  # fmt: skip
def test_what_cannot_be_split_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
