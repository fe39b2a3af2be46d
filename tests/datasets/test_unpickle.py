"""Pickles are programs: what these ask for must be named, and not run."""

import pickle
import pickletools
import re
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from striate.datasets._unpickle import unpickle

ARRAYS = {
    "float64": np.arange(24.0).reshape(2, 3, 4),
    "float32, Fortran": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big endian": np.arange(5, dtype=">i2"),
    "bool": np.array([True, False]),
    "text": np.array(["original", "conv1"]),
    "bytes": np.array([b"a", b"bcd"]),
    "empty": np.zeros((0, 3)),
    "empty text": np.array([""]),
    "no axis": np.array(1.5),
    "complex": np.array([1 + 2j]),
    "not contiguous": np.arange(12).reshape(3, 4)[:, ::2],
}


def write(path, content, protocol=None):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_survive(array, protocol, tmp_path):
    found = unpickle(write(tmp_path / "x.pkl", array, protocol))
    assert type(found) is np.ndarray
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array, strict=True)


@pytest.mark.parametrize("protocol", range(6))
def test_containers_and_scalars_survive(protocol, tmp_path):
    shared = np.arange(3)
    nested = np.empty(3, object)
    nested[:] = ["original", np.array(["conv1"]), [1, None]]
    content = {
        "numbers": [1, 2.5, True, None, 1 + 2j, 10**30],
        "text": ("a", b"b"),
        "sets": [{1, 2}, frozenset({3})],
        "ordered": OrderedDict(x=1),
        "scalars": [np.float32(1.5), np.int64(3), np.bool_(True), np.str_("a")],
        "nested": nested,
        "shared": [shared, shared],
    }
    found = unpickle(write(tmp_path / "x.pkl", content, protocol))
    for key in ("numbers", "text", "sets", "ordered", "scalars"):
        assert found[key] == content[key]
    assert type(found["scalars"][0]) is np.float32
    assert found["nested"].dtype == object
    assert found["nested"][0] == "original"
    assert found["nested"][1].tolist() == ["conv1"]
    assert found["nested"][2] == [1, None]
    assert found["shared"][0] is found["shared"][1]


def test_names_of_numpy_1_are_understood(tmp_path):
    content = pickle.dumps({"x": ARRAYS["float64"], "y": np.float32(2)}, protocol=2)
    old = content.replace(b"numpy._core", b"numpy.core")
    assert b"numpy.core" in old
    (tmp_path / "x.pkl").write_bytes(old)
    found = unpickle(tmp_path / "x.pkl")
    np.testing.assert_array_equal(found["x"], ARRAYS["float64"])
    assert found["y"] == 2


def test_a_pickle_of_python_2_is_understood(tmp_path):
    # Of numpy.array([1.5, -2.0]), by hand: in Python 2, text and bytes are the same opcode.
    data = np.array([1.5, -2.0]).tobytes()
    (tmp_path / "x.pkl").write_bytes(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x10" + data + b"tb."
    )
    assert unpickle(tmp_path / "x.pkl").tolist() == [1.5, -2.0]


class Payload:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def in_an_object_array(payload):
    array = np.empty(2, object)
    array[:] = ["original", payload]
    return array


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("place", [
    lambda payload: payload,
    lambda payload: {"images": np.zeros(3), "responses": [payload]},
    in_an_object_array,
    lambda payload: in_an_object_array([in_an_object_array({"deep": payload})]),
    lambda payload: Payload(set, [payload]),
], ids=["alone", "in a dict", "object array", "nested", "argument"])  # fmt: skip
@pytest.mark.parametrize("kind", ["system", "eval", "exec", "open", "Popen", "getattr", "numpy"])
def test_a_hostile_pickle_is_not_run(kind, place, protocol, tmp_path):
    import os

    trace = tmp_path / "trace"
    touch = f"touch {trace}"
    payload, asked = {
        "system": (Payload(os.system, touch), "posix.system"),
        "eval": (Payload(eval, f"open({str(trace)!r}, 'w')"), "eval"),
        "exec": (Payload(exec, f"open({str(trace)!r}, 'w')"), "exec"),
        "open": (Payload(open, str(trace), "w"), "open"),
        "Popen": (Payload(subprocess.Popen, touch.split()), "Popen"),
        "getattr": (Payload(getattr, Payload(Path, str(trace)), "touch"), "getattr"),
        "numpy": (Payload(np.save, str(trace), 1), "numpy.save"),
    }[kind]
    path = write(tmp_path / "x.pkl", place(payload), protocol)
    with pytest.raises(ValueError, match=rf"asks for \w*.*{asked}, which is not run: only numpy"):
        unpickle(path)
    assert list(tmp_path.iterdir()) == [path]


def test_the_hostile_pickles_of_these_tests_are_hostile(tmp_path):
    trace = tmp_path / "trace"
    path = write(tmp_path / "x.pkl", in_an_object_array(Payload(Path.touch, trace)))
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists()


class State:
    """Pickled as something else, with a state of its choice."""

    def __init__(self, function, arguments, state):
        self.parts = (function, arguments, state)

    def __reduce__(self):
        return self.parts


OBJECT_IN_VOID = (3, "|", None, ("a",), {"a": (np.dtype(object), 0)}, 8, 1, 0)
_reconstruct = np.zeros(1).__reduce__()[0]
_scalar = np.float64(1).__reduce__()[0]


@pytest.mark.parametrize(("content", "message"), [
    # Fields that hold objects, under flags that deny it: raw bytes would become pointers.
    (State(np.dtype, ("V8",), OBJECT_IN_VOID), "a numpy data type 'V8'; plain ones"),
    (State(np.dtype, ("f8",), OBJECT_IN_VOID), "a numpy data type made of others"),
    (State(np.dtype, ("U1",), (3, "<", None, None, None, 4096, 4, 8)), "<U1 4096 bytes"),
    (State(np.dtype, ("f8",), (3, "x", None, None, None, -1, -1, 0)), "made of others"),
    (Payload(np.dtype, [("a", "O")]), r"a numpy data type \[\('a', 'O'\)\]"),
    (np.zeros(2, [("a", "f8")]), "a numpy data type 'V8'"),
    (np.array(["2020-01-01"], "M8[D]"), "a numpy data type 'M8'"),
    (np.dtype("f8"), "holds a function or a data type"),
    (np.ndarray, "holds a function or a data type"),
    (Payload(np.ndarray, (1,), "O", b"12345678"), "asks for a numpy data type|calls numpy.ndarray"),
    (State(_reconstruct, (np.ndarray, (0,), b"b"), (1, (2,), np.dtype("O"), False, b"x" * 16)),
     r"shape \(2,\) the wrong amount of data"),
    (State(_reconstruct, (np.ndarray, (0,), b"b"), (1, (9,), np.dtype("f8"), False, b"x" * 16)),
     r"shape \(9,\) the wrong amount of data"),
    (State(_reconstruct, (np.ndarray, (0,), b"b"), (1, (-2, -1), np.dtype("f8"), False, b"x" * 16)),
     r"an array of shape \(-2, -1\)"),
    (State(_reconstruct, (np.ndarray, (0,), b"b"), (1, (2,), "f8", False, b"x" * 16)),
     "something that is no data type"),
    (Payload(_scalar, np.dtype("O"), b"12345678"), "a numpy scalar something"),
    (Payload(_scalar, np.dtype("f8"), b"1234"), "a numpy scalar something"),
    (State(set, ([1],), (None, {"__call__": 1})), "is not a pickle of arrays"),
])  # fmt: skip
def test_made_up_arrays_are_refused(content, message, tmp_path):
    path = write(tmp_path / "x.pkl", content)
    with pytest.raises(ValueError, match=message):
        unpickle(path)


def test_what_a_name_stands_for_cannot_be_changed(tmp_path):
    # BUILD with (None, {"_run": …}) on the function itself.
    (tmp_path / "x.pkl").write_bytes(b"cnumpy\nndarray\n(N(dV_run\nI1\nstb.")
    with pytest.raises(ValueError, match="sets _run of a function, which is not done"):
        unpickle(tmp_path / "x.pkl")
    (tmp_path / "y.pkl").write_bytes(b"\x80\x02cnumpy\nndarray\n)\x81.")  # NEWOBJ
    with pytest.raises(ValueError, match="is not a pickle of arrays"):
        unpickle(tmp_path / "y.pkl")


def test_bytes_are_only_made_of_latin_1(tmp_path):
    (tmp_path / "y.pkl").write_bytes(b"c__builtin__\nbytes\n(I1000000000000\ntR.")
    with pytest.raises(ValueError, match="makes bytes of something else"):
        unpickle(tmp_path / "y.pkl")
    (tmp_path / "x.pkl").write_bytes(b"c_codecs\nencode\n(Vabc\nVhex_codec\ntR.")
    with pytest.raises(ValueError, match="asks for text in the encoding 'hex_codec'"):
        unpickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("content", [
    b"", b"PK", b"\x80\x04", b"\x80\x04K\x01", b"cos\n", b"(i\xff", b"\x80\x63.", b"P1\n.",
    pickle.dumps({"x": np.arange(100)})[:-40],
])  # fmt: skip
def test_what_is_no_pickle_is_said_to_be_none(content, tmp_path):
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / 'x.pkl'} ")):
        unpickle(tmp_path / "x.pkl")


def test_a_pickle_that_contains_itself_ends(tmp_path):
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested too deeply"):
        unpickle(write(tmp_path / "x.pkl", loop))


def test_parts_that_are_shared_a_billion_times_take_no_time(tmp_path):
    lol = ["x"]
    for _ in range(60):
        lol = [lol, lol]
    found = unpickle(write(tmp_path / "x.pkl", lol))
    assert found[0] is found[1]


# What asks for gigabytes in a few bytes: the number of a part, and sizes of what is not there.
GREEDY = {
    "number": b"\x80\x02}r" + (2**27).to_bytes(4, "little") + b".",
    "number in text": b"}p134217728\n.",
    "bytearray": b"\x80\x05\x96" + (2**32).to_bytes(8, "little") + b".",
    "bytes": b"\x80\x05\x8e" + (2**32).to_bytes(8, "little") + b".",
    "text": b"\x80\x05\x8d" + (2**32).to_bytes(8, "little") + b".",
    "frame": b"\x80\x05\x95" + (2**32).to_bytes(8, "little") + b".",
    "integer": b"\x80\x05\x8b" + (2**31 - 1).to_bytes(4, "little") + b".",
}
MEASURE = """
import contextlib, resource, sys
from pathlib import Path
from striate.datasets._unpickle import unpickle
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB
before = peak()
for name in sys.argv[1:]:
    with contextlib.suppress(ValueError):
        unpickle(Path(name))
    if peak() > before + 2**18:
        sys.exit(f"{name} took {(peak() - before) >> 10} MiB")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_few_bytes_do_not_take_much_memory(tmp_path):
    for name, content in GREEDY.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, tmp_path.iterdir())],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_random_damage_raises_nothing_but_the_error(tmp_path):
    rng = np.random.default_rng(0)
    sound = pickle.dumps({"x": ARRAYS["float64"], "y": in_an_object_array("z")}, protocol=4)
    assert "numpy" in {arg for _, arg, _ in pickletools.genops(sound) if isinstance(arg, str)}
    refused = 0
    for _ in range(200):
        content = bytearray(sound)
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(0, 256)
        (tmp_path / "x.pkl").write_bytes(content)
        try:
            unpickle(tmp_path / "x.pkl")
        except ValueError:
            refused += 1
    assert refused > 50
