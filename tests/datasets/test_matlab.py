"""Against scipy where it can be believed: files that MATLAB wrote, and files that are whole."""

import io
import struct
import zlib
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import scipy.io.matlab
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.io import loadmat, savemat

from striate.datasets._matlab import fields, numbers

# Of six versions, little-endian and (Solaris) big-endian, compressed since 7.
WRITTEN_BY_MATLAB = Path(scipy.io.matlab.__file__).parent / "tests" / "data"
WRITERS = ("6.1_SOL2", "6.5.1_GLNX86", "7.1_GLNX86", "7.4_GLNX86")
WHOLE = [
    *((f"test{what}_{writer}", f"test{what}")
      for what, writer in product(("3dmatrix", "double", "matrix", "minus"), WRITERS)),
    ("testmulti_7.1_GLNX86", "a"), ("testmulti_7.4_GLNX86", "theta"),
    ("testbool_8_WIN64", "testbools"), ("some_functions", "c"), ("test_skip_variable", "first"),
    ("big_endian", "floats"), ("little_endian", "floats"),
    ("miuint32_for_miint32", "an_array"), ("miutf8_array_name", "array_name"),
]  # fmt: skip
TYPES = st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])


def same(found, expected):
    assert found.dtype == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)
    assert found.shape == expected.shape


@pytest.mark.parametrize(("file", "name"), WHOLE)
def test_what_matlab_wrote_is_read_as_scipy_reads_it(file, name):
    path = WRITTEN_BY_MATLAB / f"{file}.mat"
    same(numbers(path, name), loadmat(path)[name])


@pytest.mark.parametrize("writer", WRITERS)
def test_a_field_is_read_beside_text_and_complex_numbers(writer):
    path = WRITTEN_BY_MATLAB / f"teststruct_{writer}.mat"
    (found,) = fields(path, "teststruct", ["doublefield"])["doublefield"]
    same(found, loadmat(path)["teststruct"]["doublefield"].item())
    for field, said in (("stringfield", "text"), ("complexfield", "complex")):
        with pytest.raises(ValueError, match=rf"teststruct\.{field} is {said}; it must hold real"):
            fields(path, "teststruct", [field])


@settings(max_examples=60)
@given(
    array=TYPES.flatmap(lambda of: arrays(of, array_shapes(min_dims=0, max_dims=4, min_side=0))),
    compressed=st.booleans(),
)  # fmt: skip
def test_any_array_and_struct_is_read_as_scipy_reads_it(tmp_path_factory, array, compressed):
    path = tmp_path_factory.mktemp("matlab") / "x.mat"
    content = {"before": "text", "x": array, "s": {"a": "text", "b": array, "c": [array]}}
    savemat(path, content, do_compression=compressed)
    same(numbers(path, "x"), loadmat(path)["x"])
    (found,) = fields(path, "s", ["b"])["b"]
    same(found, loadmat(path)["s"]["b"].item())


def test_an_array_of_structs_is_a_list_of_each_field(tmp_path):
    structs = np.zeros((2, 3), [("n", object), ("other", object)])
    structs["n"] = np.arange(6.0).reshape(2, 3)
    structs["other"] = "text"
    savemat(tmp_path / "x.mat", {"s": structs})
    found = fields(tmp_path / "x.mat", "s", ["n"])["n"]
    assert [one.item() for one in found] == [0, 3, 1, 4, 2, 5]  # MATLAB's order


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def variable(name=b"x", *, flags=6, shape=(1, 2), data=None):
    data = element(9, np.ones(2).tobytes()) if data is None else data
    shape = element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, element(6, struct.pack("<II", flags, 0)) + shape + element(1, name) + data)


def file(*variables):
    return b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + b"".join(variables)


def deflated(content):
    compressed = zlib.compress(content, 1)
    return struct.pack("<II", 15, len(compressed)) + compressed


def test_objects_are_passed_over(tmp_path):
    # As MATLAB writes a string, a table or a datetime: no dimensions.
    flags, words = element(6, struct.pack("<II", 17, 0)), element(1, b"o") + element(1, b"MCOS")
    (tmp_path / "x.mat").write_bytes(file(element(14, flags + words), variable()))
    assert numbers(tmp_path / "x.mat", "x").tolist() == [[1, 1]]


LONG = struct.pack("<II", 14, 10**6)


def one_field(width=4, name=b"a\0\0\0"):
    return element(5, struct.pack("<i", width)) + element(1, name) + variable(b"")


@pytest.mark.parametrize(("content", "said"), [
    (b"MATLAB 5.0", "does not begin as MATLAB 5 to 7.2 do"),
    (file(variable()).replace(b"\x00\x01IM", b"\x00\x03IM"), "its version is 0x300"),
    (file(), "has no variable 'x', .* it has none"),
    (file(variable(b"a"), variable(b"b")), "has no variable 'x', .* it has a, b"),
    (file(b"\x0e\0\0\0"), "ends within the 8 bytes"),
    (file(LONG), "1000000 bytes of type 14 are no variable, and 0 are left"),
    (file(element(9, b"")), "0 bytes of type 9 are no variable"),
    (file(variable(shape=(-1, -2))), r"its dimensions are \(-1, -2\)"),
    (file(variable(shape=(2**31 - 1,) * 3)), "16 bytes, which are no float64 of shape"),
    (file(variable(shape=(2, *[1] * 99))), r"x of shape \(2, 1, .*: maximum"),
    (file(variable(shape=(0, *[2**31 - 1] * 3), data=element(9, b""))), "x of shape .*too big"),
    (file(variable(data=element(200, b"1234"))), "is needed, and one of type 200 is there"),
    (file(variable(data=b"")), "is needed, and none is there"),
    (file(variable(data=struct.pack("<II", 9, 17) + bytes(16))), "17 bytes, and 16 are left"),
    (file(variable(data=struct.pack("<HHI", 9, 8, 0))), "8 bytes, and 4 are left"),
    (file(variable(flags=6 | 0x800)), "x is complex; it must hold real numbers"),
    (file(variable(flags=1)), "x is a cell array; it must"),
    (file(variable(flags=3)), "x is an object; it must"),
    (file(deflated(b"")), "ends within the 8 bytes"),
    (file(deflated(variable()[:-8])), "what was compressed should be 72 bytes, and is not"),
    (file(deflated(variable() + b"more")), "what was compressed should be 72 bytes, and is not"),
    (file(deflated(variable())[:-4] + b"1234"), "incorrect data check"),
    (file(struct.pack("<II", 15, 4) + b"1234"), "incorrect header check"),
])  # fmt: skip
def test_what_contradicts_itself_is_refused(content, said, tmp_path):
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.mat .*{said}"):
        numbers(tmp_path / "x.mat", "x")


@pytest.mark.parametrize(("data", "shape", "said"), [
    (one_field(), (1, 2), r"x is \(1, 2\) structs of 1 fields, and 1 values are there"),
    (one_field(width=0), (1, 1), "4 letters are no names of 0 each"),
    (one_field(width=-4), (1, 1), "4 letters are no names of -4 each"),
    (one_field(name=b"b\0\0\0"), (1, 1), r"no struct with a field 'a'; it has \('b',"),
])  # fmt: skip
def test_structs_that_contradict_themselves_are_refused(data, shape, said, tmp_path):
    (tmp_path / "x.mat").write_bytes(file(variable(flags=2, shape=shape, data=data)))
    with pytest.raises(ValueError, match=said):
        fields(tmp_path / "x.mat", "x", ["a"])


def alterations(content):
    """Each word replaced by what is likely to hurt, each byte by a flag's, and every cut."""
    for place in range(0, len(content) - 3, 4):
        for word in (0, 3, 17, 200, 4 << 16 | 9, 1 << 31, (1 << 32) - 1):
            yield content[:place] + struct.pack("<I", word) + content[place + 4 :]
    for place in range(len(content)):
        yield content[:place] + b"\x08" + content[place + 1 :]
        yield content[:place]


@pytest.mark.parametrize("wrap", [bytes, deflated])
def test_a_file_altered_anywhere_is_read_or_refused(wrap, tmp_path):
    """Under checksums that fit. Many of these end the process if scipy reads them."""
    written = io.BytesIO()
    structs = np.array([(1.0, {"a": "text", "b": np.eye(2)})], [("n", object), ("o", object)])
    savemat(written, {"s": structs})
    path, counts = tmp_path / "x.mat", {"read": 0, "refused": 0}
    content = written.getvalue()
    header, content = content[:128], content[128:]
    for altered in alterations(content):
        path.write_bytes(header + wrap(altered))
        try:
            (found,) = fields(path, "s", ["n"])["n"]
            assert found.nbytes <= 8
            counts["read"] += 1
        except ValueError as refused:
            assert "x.mat" in str(refused)  # noqa: PT017  that it is raised is not sure
            counts["refused"] += 1
    assert min(counts.values()) > 100
