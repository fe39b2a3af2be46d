import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.spectra import ramp
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


@pytest.mark.parametrize("settings", [{"steps": 0}, {"steps": -1}, {"steps": 5, "after": -1}])
def test_a_ramp_that_is_none_is_refused(settings):
    asked = f"steps={settings['steps']}, after={settings.get('after', 0)}"
    with pytest.raises(ValueError, match=f"{asked}: a ramp takes at least one step, from 0 on"):
        ramp(0.0, 1.0, **settings)


def test_a_setting_is_a_number_or_a_function_of_the_step():
    assert at(3.0, 17) == 3.0
    assert at(lambda step: step / 2, 17) == 8.5
    assert isinstance(at(lambda step: 1, 0), float)
