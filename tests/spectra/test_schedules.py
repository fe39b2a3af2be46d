import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.spectra import SpectralPenalty, ramp
from striate.spectra.schedules import at

small = st.integers(0, 50)
number = st.floats(-10, 10)


@given(number, number, st.integers(1, 50), small, st.integers(0, 200))
def test_a_ramp_is_a_line_between_two_flats(start, end, steps, after, step):
    found = ramp(start, end, steps=steps, after=after)(step)
    if step <= after:
        assert found == start
    elif step >= after + steps:
        assert found == pytest.approx(end, abs=1e-14)
    else:
        done = (step - after) / steps
        assert found == pytest.approx((1 - done) * start + done * end, abs=1e-13)


def test_a_ramp_of_one_step_is_a_switch():
    switch = ramp(0.0, 2.0, steps=1, after=3)
    assert [switch(step) for step in range(6)] == [0, 0, 0, 0, 2, 2]


def test_a_ramp_survives_pickling():
    again = pickle.loads(pickle.dumps(ramp(1.0, 2.0, steps=4, after=2)))
    assert [again(step) for step in range(8)] == [1, 1, 1, 1.25, 1.5, 1.75, 2, 2]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"steps": 0}, "steps=0: give a whole number from 1 on"),
        ({"steps": -1}, "steps=-1: give a whole number from 1 on"),
        ({"steps": True}, "steps=True: give a whole number from 1 on"),
        ({"steps": 5, "after": -1}, "after=-1: give a whole number from 0 on"),
        ({"end": float("inf"), "steps": 3}, "end=inf: give a finite number"),
        ({"start": float("nan"), "steps": 3}, "start=nan: give a finite number"),
    ],
)
def test_a_ramp_that_is_none_is_refused(settings, told):
    with pytest.raises(ValueError, match=f"^{told}$"):
        ramp(**{"start": 0.0, "end": 1.0, **settings})


@pytest.mark.parametrize("name", ["alpha", "beta"])
@pytest.mark.parametrize("schedule", [lambda: 1.0, lambda step, epoch: 1.0, lambda *, step: 1.0])
def test_a_function_that_takes_no_step_is_no_schedule(name, schedule):
    told = f"^{name} is a function that cannot be called with a step .*the training step"
    with pytest.raises(ValueError, match=told):
        SpectralPenalty(**{"alpha": 1.0, "beta": 1.0, name: schedule}, ranks=(1, 5))


def test_a_function_that_takes_more_than_a_step_if_it_need_not_is_one():
    for schedule in (lambda step, scale=2.0: scale, lambda *steps: 1.0, math.sqrt, float):
        SpectralPenalty(alpha=1.0, beta=schedule, ranks=(1, 5))


def test_what_a_schedule_itself_stops_at_stays_its_own_error():
    def broken(step):
        return "a" + step

    with pytest.raises(TypeError, match="concatenate"):
        SpectralPenalty(alpha=1.0, beta=broken, ranks=(1, 5))


def test_a_setting_is_a_number_or_a_function_of_the_step():
    assert at(3.0, 17) == 3.0
    assert at(lambda step: step / 2, 17) == 8.5
    assert isinstance(at(lambda step: 1, 0), float)
