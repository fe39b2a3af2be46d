import h5py
import numpy as np
import pytest
import torch

from striate.datasets import nwb, recording

RNG = np.random.default_rng(0)
SHOWN = np.array(["b", "a", "b", "grey", "c", "a", "b"])
ONSETS = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
SPIKES = [np.sort(RNG.random(400) * 9), np.array([1.05, 3.05, 3.0999, 3.1, 7.04]), np.array([])]


def write(path, *, shown=SHOWN, onsets=ONSETS, spikes=SPIKES, observed=None, table="trials"):
    """The layout of NWB 2: ragged columns have an index of where each row ends."""
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
        units = file.create_group("units")
        units["id"] = np.arange(len(spikes))
        units["spike_times"] = np.concatenate(spikes)
        units["spike_times_index"] = np.cumsum([len(one) for one in spikes])
        if observed is not None:
            units["obs_intervals"] = np.concatenate(observed)
            units["obs_intervals_index"] = np.cumsum([len(one) for one in observed])
        trials = file.create_group(f"intervals/{table}")
        trials["start_time"], trials["stop_time"] = onsets, onsets + 0.5
        text = shown.dtype.kind == "U"
        trials.create_dataset("stimulus_id", data=shown.astype(object) if text else shown,
                              dtype=h5py.string_dtype() if text else None)  # fmt: skip
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.nwb"


def test_spikes_are_counted_from_onset_to_the_end_of_the_window(path):
    found = recording(write(path), start_s=0.04, length_s=0.06)
    tensor = found.responses.tensor
    assert found.image_ids == ("a", "b", "c", "grey")
    assert tensor.shape == (3, 4, 3)
    for stimulus, name in enumerate(found.image_ids):
        onsets = sorted(ONSETS[name == SHOWN])
        for repeat in range(3):
            for unit, spikes in enumerate(SPIKES):
                if repeat >= len(onsets):
                    assert tensor[repeat, stimulus, unit].isnan()
                    continue
                first = onsets[repeat] + 0.04
                count = sum(first <= spike < first + 0.06 for spike in spikes)
                assert tensor[repeat, stimulus, unit] == count
    # At 1.05 one; at 3.05 and 3.0999, while 3.1 is out; at 7.04, which is in.
    assert tensor[:, 1, 1].tolist() == [1, 2, 1]
    assert found.notes == (
        "spikes counted from 0.04 to 0.1 s after the onset, by intervals/trials",
        "1 to 3 presentations of each stimulus",
        "dropped 0 presentations of no stimulus",
        "41.7% of trials not recorded",
    )
    assert found.images is None


def test_presentations_are_ordered_by_time_whatever_the_table(path):
    order = RNG.permutation(len(ONSETS))
    expected = recording(write(path), start_s=0.0, length_s=0.4).responses.tensor
    write(path, shown=SHOWN[order], onsets=ONSETS[order])
    found = recording(path, start_s=0.0, length_s=0.4).responses.tensor
    np.testing.assert_array_equal(found, expected)


def test_numbers_are_sorted_by_size_and_blanks_dropped(path):
    shown = np.array([10.0, 9.0, -1.0, np.nan, 9.0, 100.0, 10.0])
    found = recording(write(path, shown=shown), start_s=0.0, length_s=0.4, drop=["-1.0"])
    assert found.image_ids == ("9.0", "10.0", "100.0")
    assert found.notes[2:4] == (
        "dropped 2 presentations of no stimulus",
        "read with drop=['-1.0']",
    )


def test_spikes_need_not_be_sorted(path):
    expected = recording(write(path), start_s=0.0, length_s=0.4).responses.tensor
    shuffled = [RNG.permutation(one) for one in SPIKES]
    found = recording(write(path, spikes=shuffled), start_s=0.0, length_s=0.4).responses.tensor
    np.testing.assert_array_equal(found, expected)


def test_what_a_unit_was_not_observed_in_is_nan_not_zero(path):
    observed = [np.array([[0.0, 9.0]]), np.array([[0.0, 2.3], [2.9, 6.5]]), np.array([[0.0, 3.2]])]
    write(path, observed=observed)
    found = recording(path, start_s=0.0, length_s=0.4).responses.tensor
    plain = recording(write(path), start_s=0.0, length_s=0.4).responses.tensor
    # b at 1, 3 and 7; a at 2 and 6; c at 5.
    assert found[:, 1, 1].isnan().tolist() == [False, False, True]
    assert found[:2, 0, 1].isnan().tolist() == [True, False]
    assert found[:, 1, 2].isnan().tolist() == [False, True, True]
    assert found[0, 2].isnan().tolist() == [False, False, True]
    there = ~found.isnan()
    assert (found[there] == plain[there]).all()


def test_a_window_over_intervals_that_adjoin_was_observed(path):
    # Windows of 0.4 s from 1, 2, ... 7; a gap only from 4.2 to 4.3, and 6 to 9 twice.
    pieces = np.array([[5.1, 7.2], [0, 2.2], [2.2, 4.2], [4.3, 5.1], [6, 9.0], [3, 3.1]])
    observed = [np.array([[0.0, 9.0]]), pieces, np.zeros((0, 2))]
    found = recording(write(path, observed=observed), start_s=0.0, length_s=0.4).responses.tensor
    assert found.shape[2] == 2, "the third unit was never observed"
    plain = recording(write(path), start_s=0.0, length_s=0.4).responses.tensor[:, :, :2]
    gap = torch.zeros(3, 4, 2, dtype=torch.bool)
    gap[0, 3, 1] = True  # grey, at 4
    assert torch.equal(found.isnan(), gap | plain.isnan())
    assert torch.equal(found.nan_to_num(), plain.masked_fill(gap, 0).nan_to_num())


def test_intervals_of_another_shape_are_refused(path):
    three = [np.zeros((2, 3))] * 3
    with pytest.raises(ValueError, match="obs_intervals holds 3 times in each interval, of 3"):
        recording(write(path, observed=three), start_s=0.0, length_s=0.4)
    with pytest.raises(ValueError, match="holds 2 times in each interval, of 2 units; there must"):
        recording(write(path, observed=[np.zeros((2, 2))] * 2), start_s=0.0, length_s=0.4)


def test_text_that_says_nan_is_no_stimulus_and_what_is_not_finite_is_text(path):
    shown = np.array(["2", "NaN", "inf", "10", "nan", "-inf", "a"])
    found = recording(write(path, shown=shown), start_s=0.0, length_s=0.4)
    assert found.image_ids == ("2", "10", "-inf", "a", "inf")
    assert "dropped 2 presentations of no stimulus" in found.notes
    recording(path, start_s=0.0, length_s=0.4, drop=["NaN", "nan", ""])


def test_one_table_of_several_is_chosen(path):
    write(path, table="natural_scenes_presentations")
    assert (
        recording(path, start_s=0.0, length_s=0.1).notes[0].endswith("natural_scenes_presentations")
    )
    with h5py.File(path, "a") as file:
        file.create_group("intervals/epochs")
    with pytest.raises(ValueError, match="has 2 tables of intervals: epochs, natural_scenes"):
        recording(path, start_s=0.0, length_s=0.1)
    with pytest.raises(ValueError, match="has no intervals/trials; there are: epochs, natural_sc"):
        recording(path, start_s=0.0, length_s=0.1, table="trials")
    found = recording(path, start_s=0.0, length_s=0.1, table="natural_scenes_presentations")
    assert found.responses.tensor.shape == (3, 4, 3)


def spoil(path, first, last, **more):
    """Add the standard's table of times that are not to be used."""
    with h5py.File(path, "a") as file:
        table = file.create_group("intervals/invalid_times")
        table["start_time"], table["stop_time"] = np.array(first, float), np.array(last, float)
        for name, column in more.items():
            table[name] = column
    return path


def test_presentations_in_invalid_times_are_nan_not_counts(path):
    window = {"start_s": 0.1, "length_s": 0.2}
    plain = recording(write(path), **window)
    # b is shown at 1, 3 and 7, a at 2 and 6, grey at 4, c at 5; each for half a second.
    spoil(path, [0.0, 2.4, 2.9, 3.5], [1.0, 2.6, 3.01, 4.0], tags=np.zeros(4))
    found = recording(path, **window)
    gone = torch.zeros(3, 4, dtype=torch.bool)
    gone[0, 0] = gone[1, 1] = True  # at 2, after the window; and at 3, before it
    tensor = found.responses.tensor
    assert torch.equal(tensor.isnan(), gone[..., None] | plain.responses.tensor.isnan())
    there = ~tensor.isnan()
    assert torch.equal(tensor[there], plain.responses.tensor[there])
    assert found.notes == (
        *plain.notes[:3], "NaN, as 2 presentations overlap intervals/invalid_times",
        "58.3% of trials not recorded",
    )  # fmt: skip


def test_invalid_times_fall_on_their_presentations_whatever_the_order_of_the_table(path):
    order, window = np.array([5, 3, 0, 6, 1, 4, 2]), {"start_s": 0.0, "length_s": 0.4}
    expected = recording(spoil(write(path), [2.1], [3.2]), **window).responses.tensor
    spoil(write(path, shown=SHOWN[order], onsets=ONSETS[order]), [2.1], [3.2])
    np.testing.assert_array_equal(recording(path, **window).responses.tensor, expected)


def test_a_window_outside_of_its_presentation_may_be_invalid_too(path):
    # Between a presentation and its window, from 0.8 to 0.9 s after the onset; then in that of c.
    spoil(write(path), [2.6, 5.85], [2.7, 5.86])
    found = recording(path, start_s=0.8, length_s=0.1)
    assert found.responses.stimuli == ("session:0", "session:1", "session:3")
    assert found.image_ids == ("a", "b", "grey")
    assert "NaN, as 1 presentation overlaps intervals/invalid_times" in found.notes


def test_invalid_times_in_which_nothing_was_shown_change_nothing(path):
    plain = recording(write(path), start_s=0.0, length_s=0.4)
    for times in (([0.0, 1.5, 4.5], [1.0, 2.0, 4.9]), ([], [])):
        found = recording(spoil(write(path), *times), start_s=0.0, length_s=0.4)
        assert found.notes == plain.notes  # so results keep their names
        np.testing.assert_array_equal(found.responses.tensor, plain.responses.tensor)


def test_a_presentation_whose_stop_is_not_known_is_judged_by_its_window(path):
    with h5py.File(spoil(write(path), [5.3], [5.9]), "a") as file:
        file["intervals/trials/stop_time"][:] = np.nan
    assert recording(path, start_s=0.0, length_s=0.3).responses.tensor.shape[1] == 4
    assert recording(path, start_s=0.0, length_s=0.31).image_ids == ("a", "b", "grey")


def test_invalid_times_are_no_table_of_presentations(path):
    spoil(write(path), [0.0], [0.5])
    message = r"table='invalid_times' says when .*session.nwb is not to be used, .* are: trials"
    with pytest.raises(ValueError, match=message):
        recording(path, start_s=0.0, length_s=0.1, table="invalid_times")
    with h5py.File(path, "a") as file:
        del file["intervals/trials"]
    with pytest.raises(ValueError, match="has 0 tables of intervals: none"):
        recording(path, start_s=0.0, length_s=0.1)


def test_invalid_times_that_cannot_be_meant_are_refused(path):
    for first, last in (([0.0, 1.0], [0.5]), ([2.0], [1.0]), ([np.nan], [1.0])):
        spoil(write(path), first, last)
        with pytest.raises(ValueError, match=r"start_time and . stop_time; there must be one of"):
            recording(path, start_s=0.0, length_s=0.1)
    spoil(write(path), [0.0], [np.inf])
    with pytest.raises(ValueError, match="every presentation of intervals/trials overlaps inter"):
        recording(path, start_s=0.0, length_s=0.1)
    with h5py.File(spoil(write(path), [0.0], [1.0]), "a") as file:
        del file["intervals/trials/stop_time"]
        file["intervals/trials/stop_time"] = np.ones(3)
    with pytest.raises(ValueError, match="trials/stop_time has 3 entries for 7 presentations"):
        recording(path, start_s=0.0, length_s=0.1)


@pytest.mark.parametrize(("remove", "message"), [
    ("units", "has no units/spike_times; there: no such group, or nothing in it"),
    ("units/spike_times", "has no units/spike_times; there: id, spike_times_index"),
    ("units/spike_times_index", "has no units/spike_times_index; there: id, spike_times"),
    ("intervals", "has 0 tables of intervals: none; name the one of the stimuli"),
    ("intervals/trials/start_time", "no intervals/trials/start_time; there: stimulus_id, stop"),
    ("intervals/trials/stop_time", "no intervals/trials/stop_time"),
    ("intervals/trials/stimulus_id", "no intervals/trials/stimulus_id; there: start_time, stop"),
])  # fmt: skip
def test_what_is_absent_is_named_with_what_is_there(remove, message, path):
    write(path)
    with h5py.File(path, "a") as file:
        del file[remove]
    with pytest.raises(ValueError, match=message):
        recording(path, start_s=0.0, length_s=0.1)


@pytest.mark.parametrize("window", [(0.0, 0.0), (0.0, -0.1), (np.nan, 0.1), (0.0, np.inf)])
def test_a_window_that_is_none_is_refused(window, path):
    write(path)
    with pytest.raises(ValueError, match="give a window of positive length, in seconds"):
        recording(path, start_s=window[0], length_s=window[1])


def test_columns_of_another_kind_are_refused(path):
    write(path, shown=np.zeros((7, 2)))
    with pytest.raises(ValueError, match=r"float64 of shape \(7, 2\); it must name one stimulus"):
        recording(path, start_s=0.0, length_s=0.1)
    write(path, shown=np.full(7, np.nan))
    with pytest.raises(ValueError, match="intervals/trials holds no stimulus in column 'stim"):
        recording(path, start_s=0.0, length_s=0.1)
    write(path)
    with h5py.File(path, "a") as file:
        file["units/spike_times_index"][...] = [400, 390, 405]
    with pytest.raises(ValueError, match="spike_times_index does not cut up 405 spike_times"):
        recording(path, start_s=0.0, length_s=0.1)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is not an NWB file, which would be HDF5"):
        nwb(path, start_s=0.0, length_s=0.1)
