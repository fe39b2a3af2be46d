"""Products are those of float64, however the matrices lie in memory and whoever multiplies."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from striate import _products as products
from striate._products import add_product, product

# On and above what is worth a call of oneDNN, and below.
SHAPES = [(300, 90, 70), (70, 500, 40), (9, 2000, 80), (300, 90, 1), (1, 90, 300), (20, 0, 30)]


def layouts(rows: int, columns: int) -> Iterator[Tensor]:
    """The same numbers along rows, along columns, and with gaps of four kinds."""
    seeded = torch.Generator().manual_seed(rows + columns)
    x = torch.randn(rows, columns, generator=seeded)
    yield x
    yield x.T.contiguous().T
    gaps = torch.zeros(rows, columns + 5)
    gaps[:, 2:-3] = x
    yield gaps[:, 2:-3]
    across = torch.zeros(columns, rows + 5)
    across[:, 2:-3] = x.T
    yield across[:, 2:-3].T
    sparse = torch.zeros(2 * rows, 3 * columns)
    sparse[::2, ::3] = x
    yield sparse[::2, ::3]
    longer = torch.cat([x, x])
    yield longer[:rows]


@pytest.fixture(params=["onednn", "mkl"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take one, whatever this processor is."""
    if request.param == "onednn" and not torch.backends.mkldnn.is_available():
        pytest.skip("PyTorch was built without oneDNN")
    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: request.param == "onednn")
    return request.param


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("plus", [False, True], ids=["alone", "plus a row"])
def test_however_the_matrices_lie_the_product_is_theirs(library, shape, plus):
    rows, terms, columns = shape
    row = torch.linspace(-1, 1, columns) if plus else None
    for left in layouts(rows, terms):
        for right in layouts(terms, columns):
            found = product(left, right, plus=row)
            expected = left.double() @ right.double() + (0 if row is None else row)
            assert found.dtype == torch.float32
            torch.testing.assert_close(found.double(), expected, rtol=0, atol=3e-6 * terms**0.5 * 4)


def test_a_gap_in_the_memory_is_closed_before_it_is_multiplied(monkeypatch):
    """With one in its second matrix oneDNN takes a thousand times as long."""
    given: list[Tensor] = []

    def seen(left: Tensor, right: Tensor, *rest: object) -> Tensor:
        given.append(right)
        return left @ right.T

    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn._linear_pointwise, "default", seen)
    for left in layouts(300, 90):
        for right in layouts(90, 70):
            product(left, right)
    assert len(given) == 36
    assert all(right.is_contiguous() or right.T.is_contiguous() for right in given)


def test_what_is_too_small_or_of_another_type_does_not_go_to_onednn(monkeypatch):
    def refuse(*given: object) -> Tensor:
        raise AssertionError(given)

    monkeypatch.setattr(products, "_onednn_is_quicker", lambda: True)
    monkeypatch.setattr(products, "_rows_by_rows", refuse)
    for left, right in [
        (torch.ones(3000, 90), torch.ones(90, 7)),
        (torch.ones(20, 90), torch.ones(90, 70)),
        (torch.ones(300, 90).double(), torch.ones(90, 70).double()),
        (torch.ones(300, 90).bfloat16(), torch.ones(90, 70).bfloat16()),
    ]:
        assert torch.equal(product(left, right), left @ right)
    with monkeypatch.context() as without:
        without.setattr(torch.backends.mkldnn, "enabled", False)
        assert not products.by_onednn()
        assert product(torch.ones(300, 90), torch.ones(90, 70)).max() == 90
    with pytest.raises(AssertionError):
        product(torch.ones(300, 90), torch.ones(90, 70))


def test_a_product_is_added_to_a_part_of_a_matrix(library):
    left, right = next(layouts(300, 90)), next(layouts(90, 70))
    for dtype in (torch.float32, torch.float64):
        whole = torch.ones(300, 200, dtype=dtype)
        add_product(whole[:, 50:120], left.to(dtype), right.to(dtype))
        expected = torch.ones(300, 200, dtype=torch.float64)
        expected[:, 50:120] += left.double() @ right.double()
        torch.testing.assert_close(whole.double(), expected, rtol=0, atol=1e-4)


def test_only_onednn_makes_a_product_before_it_is_added(library, monkeypatch):
    """On a GPU, and in float64, a second square would be as large as the first."""

    def refuse(*given: object, **settings: object) -> Tensor:
        raise AssertionError("a product of its own")

    monkeypatch.setattr(products, "product", refuse)
    for dtype in (torch.float32, torch.float64):
        whole = torch.zeros(300, 70, dtype=dtype)
        given = whole, torch.ones(300, 90, dtype=dtype), torch.ones(90, 70, dtype=dtype)
        if dtype == torch.float32 and library == "onednn":
            with pytest.raises(AssertionError):
                add_product(*given)
        else:
            add_product(*given)
            assert (whole == 90).all()


def test_a_product_that_is_differentiated_keeps_its_gradient(library):
    left = torch.ones(300, 90, requires_grad=True)
    right = torch.arange(90.0 * 70).reshape(90, 70)
    product(left, right).sum().backward()
    assert torch.equal(left.grad, right.sum(1).expand(300, 90))  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        assert not product(left, right).requires_grad


def test_the_same_product_has_the_same_bits(library):
    left, right = next(layouts(300, 90)), next(layouts(90, 70))
    first = product(left, right)
    assert all(torch.equal(product(left, right), first) for _ in range(5))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"cpu_name": "AMD EPYC 9B14", "avx512_f": True}, True),
        ({"cpu_name": "AMD EPYC 7B13", "avx512_f": False}, False),
        ({"cpu_name": "Intel Xeon", "avx512_f": True}, False),
        ({}, False),
    ],
    ids=["AMD with AVX-512", "AMD without", "Intel", "unknown"],
)
def test_the_name_of_the_processor_decides(monkeypatch, known, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    decide: Callable[[], bool] = products._onednn_is_quicker.__wrapped__
    assert decide() == (expected and torch.backends.mkldnn.is_available())


def test_a_pytorch_that_does_not_tell_the_processor_goes_on_as_ever(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not products._onednn_is_quicker.__wrapped__()
