"""Whatever lies in a file, the loaders of results and recordings say so by a ValueError alone."""

import hashlib
import io
import json
import os
import pickle
import signal
import warnings
from functools import partial

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat
from tiny_cells import forked, killed_after

from striate.datasets import recording
from striate.results import Curve, Score, check, digest, load, load_all, load_arrays, save, verify

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

# Of each of the tests; more are drawn in `make test-reliability`.
MANY = int(os.environ.get("STRIATE_FUZZ", "25"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["kind", "name", "x", "y", "value", "file", "sha256", "Score", ""]),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


def good(path):
    results = [Score("a", 1.0, settings={"s": 1}), Curve("c", (1.0, 2.0), (3.0, 4.0))]
    arrays = {"a": np.arange(5.0), "b": np.eye(2, dtype=bool)}
    save(path, results, task={"study": "s"}, provenance={"seconds": 1.0}, arrays=arrays)
    return json.loads(path.read_text())


@st.composite
def replaced(draw, tree):
    """The same tree with one of its branches replaced, or left out."""
    if isinstance(tree, dict | list) and tree and draw(st.integers(0, 3)):
        keys = sorted(tree) if isinstance(tree, dict) else range(len(tree))
        key = draw(st.sampled_from(keys))
        copy = tree.copy()
        if draw(st.booleans()):
            copy[key] = draw(replaced(tree[key]))
        else:
            del copy[key]
        return copy
    return draw(JSON)


def only_value_errors(path):
    """Ask all loaders; anything but a ValueError is raised."""
    for loader in (load, load_arrays, check):
        try:
            found = loader(path)
        except ValueError as refused:
            if path.stem not in str(refused):
                raise AssertionError("it does not name the file") from refused
        else:
            assert isinstance(found, list | dict)
    try:
        load_all(path.parent)
    except ValueError:
        assert verify(path.parent).sound == 0


@settings(max_examples=MANY)
@given(data=st.data())
def test_a_record_with_a_fitting_checksum_may_say_anything(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "cell.json"
    record = good(path)
    content = {key: record[key] for key in ("task", "provenance", "results", "arrays")}
    content = data.draw(replaced(content))
    try:
        signed = {"format": 1, "sha256": digest(content), **content}
    except (ValueError, TypeError):  # NaN, or no longer a mapping
        signed = content
    path.write_text(json.dumps(signed))
    only_value_errors(path)


@settings(max_examples=MANY)
@given(content=st.binary(max_size=300) | JSON.map(lambda tree: json.dumps(tree).encode()))
def test_a_file_may_hold_anything(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "cell.json"
    path.write_bytes(content)
    only_value_errors(path)


WORDS = (0, 1, 2, 3, 8, 20, 200, 1 << 16, 1 << 31, (1 << 32) - 1)


@st.composite
def mutated(draw, whole):
    """A few bytes or words changed, cut out or put in; or the end missing."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        how = draw(st.sampled_from(["change", "change", "word", "word", "cut", "insert", "end"]))
        if how == "change" and content:
            content[place] = draw(st.integers(0, 255))
        elif how == "word":  # where sizes, types and flags lie
            word = draw(st.sampled_from(WORDS) | st.integers(0, 2**32 - 1))
            content[place - place % 4 : place - place % 4 + 4] = word.to_bytes(4, "little")
        elif how == "cut":
            del content[place : place + draw(st.integers(1, 20))]
        elif how == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=20))
        elif how == "end":
            del content[place:]
    return bytes(content)


@settings(max_examples=MANY)
@given(data=st.data())
def test_arrays_under_a_fitting_checksum_may_be_anything(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "cell.json"
    record = good(path)
    archive = data.draw(mutated(path.with_suffix(".npz").read_bytes()) | st.binary(max_size=100))
    path.with_suffix(".npz").write_bytes(archive)
    content = {key: record[key] for key in ("task", "provenance", "results", "arrays")}
    content["arrays"]["sha256"] = hashlib.sha256(archive).hexdigest()
    path.write_text(json.dumps({"format": 1, "sha256": digest(content), **content}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile, of the time stamps it finds
        only_value_errors(path)


# --- recordings

RESPONSES = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
IMAGES = np.zeros((6, 8, 8), np.uint8)


def npz(file):
    np.savez(file, responses=RESPONSES, images=IMAGES)


def hdf5(file):
    with h5py.File(file, "w") as written:
        written["responses"] = RESPONSES


def mat(file, *, compressed=True):
    stim = {
        "resp": np.ones((10, 5)),
        "spont": np.eye(8, 5),
        "istim": np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
    }
    savemat(file, {"stim": stim}, do_compression=compressed)


def pkl(file):
    content = {
        "images": IMAGES.astype("float32"),
        "responses": RESPONSES,
        "image_types": np.array(["original"] * 6),
    }
    file.write(pickle.dumps(content))


def nwb(file):
    columns = {
        "units/spike_times": np.array([0.1, 0.2, 1.1, 1.2]),
        "units/spike_times_index": np.array([2, 4]),
        "intervals/trials/start_time": np.arange(4.0),
        "intervals/trials/stop_time": np.arange(4.0) + 1,
        "intervals/trials/stimulus_id": np.array([0, 1, 0, 1]),
    }
    with h5py.File(file, "w") as written:
        written.attrs["nwb_version"] = "2.6.0"
        for name, values in columns.items():
            written[name] = values


KINDS = {
    "npz": (npz, {}),
    "h5": (hdf5, {}),
    "mat": (mat, {"spontaneous": 2}),
    "plain.mat": (partial(mat, compressed=False), {"spontaneous": 2}),
    "pkl": (pkl, {"types": ["original"]}),
    "nwb": (nwb, {"start_s": 0.0, "length_s": 1.0}),
}


def whole(make):
    buffer = io.BytesIO()
    make(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_the_recordings_that_are_damaged_below_can_be_read(tmp_path, kind):
    make, options = KINDS[kind]
    (tmp_path / f"x.{kind}").write_bytes(whole(make))
    assert recording(tmp_path / f"x.{kind}", **options).responses.tensor.ndim == 3


@pytest.mark.reliability
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_recording_is_refused_by_value_error_alone(tmp_path, kind):
    """In a copy of this process: the libraries behind these formats are written in C."""
    make, options = KINDS[kind]
    content, path, said = whole(make), tmp_path / f"x.{kind}", tmp_path / "said"
    counts = {"read": 0, "refused": 0}

    @settings(max_examples=max(MANY, 500),
              suppress_health_check=list(HealthCheck), database=None)  # fmt: skip
    @given(damaged=mutated(content))
    def ask(damaged):
        path.write_bytes(damaged)
        signal.alarm(30)  # nothing hangs
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                recording(path, **options)
            counts["read"] += 1
        except ValueError:
            counts["refused"] += 1
        finally:
            signal.alarm(0)

    def work():
        try:
            ask()
            said.write_text(f"{counts}")
        except BaseException as error:
            said.write_text(f"{type(error).__name__}: {error}")
            raise

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    child = forked(work)
    try:
        assert not killed_after(500, child), "it hangs"
    except AssertionError:
        pytest.fail(said.read_text() if said.exists() else f"{kind}: the process died")
    print(f"\n{kind}: {said.read_text()}")
