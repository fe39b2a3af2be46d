import os
import re
import subprocess
import sys

import pytest
import torch
from networks import Awkward, pictures
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn

from striate.activations import collect, kernels
from striate.spectra import principal_scores
from truths import planted, power_law

WIDE = ["0", "1", "4"]


def wide(dtype=torch.float64):
    """20 000 units, a ReLU after them in place, which leaves some silent, and 10 at the end."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 50, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(4), nn.Flatten(),
        nn.Linear(1250, 10),
    )  # fmt: skip
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3, generator=generator)
    model[0].bias.data[:8] -= 2.0
    return model.to(dtype)


X = pictures(40, size=20, dtype=torch.float64)
NEW = pictures(13, size=20, seed=2, dtype=torch.float64)


def standardised(responses, reference, z_scored):
    """All units at once, in float64."""
    mean, sd = reference.mean(0), reference.std(0, correction=0)
    sd = sd.where(reference.amax(0) > reference.amin(0), 1.0) if z_scored else 1.0
    return (responses - mean) / sd


def least_memory(model, **more):
    with pytest.raises(ValueError, match="does not hold one block") as told:
        kernels(model, X, WIDE, z_scored=True, memory="1MB", **more)
    return re.findall(r"memory='(\d+MB)' or more", str(told.value))[0]


def eigenvalues(kernel):
    return torch.linalg.eigvalsh(kernel.gram).flip(0) / (len(kernel.gram) - 1)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
@pytest.mark.parametrize("z_scored", [True, False])
def test_eigenvalues_are_those_of_sklearn(z_scored, dtype, tolerance):
    model = wide(dtype)
    responses = collect(model, X, WIDE)
    found = kernels(model, X, WIDE, z_scored=z_scored, batch_size=7)
    for name, kernel in found.items():
        x = responses[name].mean().numpy()
        x = StandardScaler(with_std=z_scored).fit_transform(x)
        expected = torch.from_numpy(PCA(svd_solver="full").fit(x).explained_variance_).double()
        ranks = min(39, x.shape[1])
        assert torch.allclose(eigenvalues(kernel)[:ranks], expected[:ranks], rtol=tolerance, atol=0)
        assert kernel.gram.dtype == torch.float64
        assert torch.equal(kernel.gram, kernel.gram.T)
        assert (kernel.units, kernel.z_scored) == (x.shape[1], z_scored)
        assert kernel.varying == (x.std(0) > 0).sum()
    assert found["1"].varying < found["1"].units  # else nothing is tried


@pytest.mark.parametrize("z_scored", [True, False])
def test_gram_and_cross_are_the_products_formed_at_once(z_scored):
    model = wide()
    others = {"new": NEW, "same": X}
    found = kernels(model, X, WIDE, z_scored=z_scored, others=others, batch_size=6)
    responses, new = collect(model, X, WIDE), collect(model, NEW, WIDE)
    for name, kernel in found.items():
        reference = responses[name].mean()
        z = standardised(reference, reference, z_scored)
        z_new = standardised(new[name].mean(), reference, z_scored)
        assert torch.allclose(kernel.gram, z @ z.T, rtol=1e-10, atol=1e-8)
        # A unit next to silent here may be large there; so is then the product.
        size = z_new.norm(dim=1, keepdim=True) * z.norm(dim=1)
        assert ((kernel.cross["new"] - z_new @ z.T).abs() <= 1e-11 * size).all()
        assert torch.allclose(kernel.cross["same"], kernel.gram, rtol=1e-10, atol=1e-8)


def test_scores_of_new_stimuli_are_those_of_pca():
    model = wide()
    kernel = kernels(model, X, "4", z_scored=True, others={"new": NEW})["4"]
    values, vectors = torch.linalg.eigh(kernel.gram)
    values, vectors = values.flip(0)[:10], vectors.flip(1)[:, :10]
    scores = kernel.cross["new"] @ vectors / values.sqrt()
    scaler = StandardScaler().fit(collect(model, X, "4")["4"].mean().numpy())
    pca = PCA(svd_solver="full").fit(scaler.transform(collect(model, X, "4")["4"].mean().numpy()))
    expected = torch.from_numpy(
        pca.transform(scaler.transform(collect(model, NEW, "4")["4"].mean().numpy()))
    )
    signs = (scores * expected).sum(0).sign()
    assert torch.allclose(scores * signs, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("batch_size", [5, 40])
def test_raw_scores_are_those_of_a_scaler_that_was_thrown_away(dtype, tolerance, batch_size):
    """The code of Kong et al.: PCA fitted to z-scored responses, applied to responses as they are.

    Layer 1 has silent units, whose scale scikit-learn sets to 1.
    """
    model = wide(dtype)
    found = kernels(
        model, X, WIDE, z_scored=True, others={"new": NEW, "as they are": NEW},
        raw=["as they are"], batch_size=batch_size,
    )  # fmt: skip
    alone = kernels(model, X, WIDE, z_scored=True, others={"new": NEW}, batch_size=batch_size)
    responses, new = collect(model, X, WIDE), collect(model, NEW, WIDE)
    for name, kernel in found.items():
        assert torch.equal(kernel.cross["new"], alone[name].cross["new"])
        x, x_new = (some[name].mean().double().numpy() for some in (responses, new))
        pca = PCA(n_components=9, svd_solver="full").fit(StandardScaler().fit_transform(x))
        expected = torch.from_numpy(pca.transform(x_new))
        scores = principal_scores(kernel.gram, kernel.cross["as they are"], count=9).new
        signs = (scores * expected).sum(0).sign()
        size = expected.abs().max()
        assert torch.allclose(scores * signs, expected, rtol=0, atol=tolerance * size)
        assert not torch.allclose(scores, principal_scores(
            kernel.gram, kernel.cross["new"], count=9
        ).new, rtol=0.1)  # fmt: skip


@pytest.mark.parametrize("raw", ["new", ["old"]])
def test_raw_names_others(raw):
    with pytest.raises(ValueError, match=r"raw=.* list names of others; there are 'new'"):
        kernels(wide(), X, WIDE, z_scored=True, others={"new": NEW}, raw=raw)
    with pytest.raises(ValueError, match="there are none"):
        kernels(wide(), X, WIDE, z_scored=True, raw=["new"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_numbers_are_the_same_bits_whatever_the_budget(dtype):
    model, others = wide(dtype), {"new": NEW}
    least = least_memory(model, others=others)
    shown = []
    for memory in ("1GB", least):
        told = []
        found = kernels(
            model, X, WIDE, z_scored=True, memory=memory, others=others,
            progress=lambda *given, told=told: told.append(given),
        )  # fmt: skip
        assert told[-1][0] == told[-1][1] == 53 * (told[-1][1] // 53)
        shown.append((told[-1][1] // 53, found))
    (one, at_once), (many, sliced) = shown
    assert one == 1
    assert many >= 4
    for name, kernel in at_once.items():
        assert torch.equal(kernel.gram, sliced[name].gram)
        assert torch.equal(kernel.cross["new"], sliced[name].cross["new"])
        assert kernel.varying == sliced[name].varying


def test_each_pass_stops_at_its_deepest_layer():
    model = wide()
    runs = [0, 0]
    for index, layer in enumerate((model[0], model[4])):

        def count(*_, index=index):
            runs[index] += 1

        layer.register_forward_pre_hook(count)
    kernels(model, X, WIDE, z_scored=True, memory=least_memory(model), batch_size=40)
    looks = 2  # of the call that was refused, and of this one, at two images
    assert runs[1] == looks + 1
    assert runs[0] > looks + 3


def test_a_planted_spectrum_is_found():
    """The responses are the images: of a given covariance, made to fit into [0, 1]."""
    variances = power_law(30, 1.0)
    x = planted(variances, 50, 3 * 12 * 12)
    x = 0.5 + x / (2.1 * x.abs().max())
    model = nn.Sequential(nn.Flatten())
    found = kernels(model, x.view(50, 3, 12, 12), "0", z_scored=False)["0"]
    values = eigenvalues(found)
    assert torch.allclose(values[:30] / values[0], torch.from_numpy(variances), rtol=1e-9)
    assert values[30:].abs().max() < 1e-12 * values[0]


def test_the_variances_of_z_scored_units_sum_to_their_number():
    kernel = kernels(wide(torch.float32), X, "1", z_scored=True)["1"]
    assert eigenvalues(kernel).sum().item() == pytest.approx(kernel.varying * 40 / 39, rel=1e-6)


@pytest.mark.parametrize("z_scored", [True, False])
def test_units_that_hardly_vary_beside_a_large_mean(z_scored):
    """In float32 their variance would drown; a constant that float64 rounds stays constant."""

    class Raised(nn.Module):
        def forward(self, x):
            small = x.flatten(1)[:, :50]
            return torch.cat([small, 4096 + small.round(decimals=2), 0 * small + 0.1], 1)

    model, x = nn.Sequential(Raised()), X.float()
    kernel = kernels(model, x, "0", z_scored=z_scored)["0"]
    responses = collect(model, x, "0")["0"].mean().double()
    z = standardised(responses, responses, z_scored)
    assert kernel.varying == 100
    assert torch.allclose(kernel.gram, z @ z.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_kept_in_two_bytes_and_summed_in_more(dtype):
    model = wide(dtype)
    kernel = kernels(model, X, "1", z_scored=True, others={"new": NEW})["1"]
    reference = collect(model, X, "1")["1"].mean().double()
    new = collect(model, NEW, "1")["1"].mean().double()
    z, z_new = standardised(reference, reference, True), standardised(new, reference, True)
    assert torch.allclose(kernel.gram, z @ z.T, rtol=1e-5, atol=1e-5 * kernel.gram.max())
    size = z_new.norm(dim=1, keepdim=True) * z.norm(dim=1)
    assert ((kernel.cross["new"] - z_new @ z.T).abs() <= 1e-5 * size).all()


def test_activations_may_be_kept_in_less():
    """Rounding adds a flat floor, independent from unit to unit."""
    model = wide(torch.float32)
    full = eigenvalues(kernels(model, X, "0", z_scored=True)["0"])[:39]
    brief = eigenvalues(kernels(model, X, "0", z_scored=True, dtype=torch.bfloat16)["0"])[:39]
    assert not torch.equal(full, brief)
    assert torch.allclose(full, brief, rtol=1e-3)


def test_products_are_exact_where_the_user_allows_rounded_ones():
    model = wide(torch.float32)
    found = kernels(model, X, "0", z_scored=True, others={"new": NEW})["0"]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        exact = kernels(model, X, "0", z_scored=True, others={"new": NEW})["0"]
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    reference = collect(model, X, "0")["0"].mean()
    z = standardised(reference.double(), reference.double(), True).float().double()
    assert torch.allclose(exact.gram, z @ z.T, rtol=0, atol=1e-8 * exact.gram.max())
    assert torch.allclose(exact.gram, found.gram, rtol=0, atol=1e-5 * exact.gram.max())
    assert not torch.equal(exact.gram, found.gram)


def test_a_precision_set_by_backend_is_taken_for_a_rounded_one(monkeypatch):
    """Asked for one precision where backends have their own, torch raises."""

    def refuse():
        raise RuntimeError("mix of the legacy and new APIs")

    expected = kernels(Awkward(), pictures(9), "conv1", z_scored=True)["conv1"]
    monkeypatch.setattr(torch, "get_float32_matmul_precision", refuse)
    found = kernels(Awkward(), pictures(9), "conv1", z_scored=True)["conv1"]
    assert torch.allclose(found.gram, expected.gram, rtol=1e-4, atol=1e-3)


def test_a_model_that_autocasts_does_not_round_the_products():
    class Casting(nn.Sequential):
        def forward(self, x):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return super().forward(x)

    model = Casting(*wide(torch.float32))
    kernel = kernels(model, X, "0", z_scored=True, others={"same": X})["0"]
    responses = collect(model, X, "0")["0"].mean()
    assert responses.dtype == torch.bfloat16
    z = standardised(responses.double(), responses.double(), True)
    for matrix in (kernel.gram, kernel.cross["same"]):
        assert torch.allclose(matrix, z @ z.T, rtol=1e-5, atol=1e-2)


def test_what_a_kernel_says_of_itself():
    kernel = kernels(Awkward(), pictures(5), "relu@1", z_scored=False)["relu@1"]
    assert (kernel.source, len(kernel.stimuli), kernel.cross) == ("Awkward:relu@1", 12, {})
    kernel = kernels(
        Awkward(), pictures(5), "relu@1", z_scored=False, source="net", stimuli="noise"
    )["relu@1"]
    assert (kernel.source, kernel.stimuli) == ("net:relu@1", "noise")


@pytest.mark.parametrize(("given", "message"), [
    ({"memory": "much"}, "memory='much' is not a size"),
    ({"images": X[:1]}, "images holds 1 image; a kernel needs at least 2"),
    ({"images": iter([X])}, "images is a list_iterator"),
    ({"others": {"new": iter([X])}}, r"others\['new'\] is a list_iterator"),
    ({"others": {"new": X[..., :16, :16]}},
     r"others\['new'\] make layer '0' put out 12800 units, images 20000; .* same size in pixels"),
    ({"layers": "5"}, "layers='5' fits no layer"),
    ({"partial": f"{__file__}/sums"}, "partial=.* is in .*test_kernels.py', which is a file; name"),
    ({"dtype": torch.float8_e4m3fn}, "dtype=torch.float8_e4m3fn: .* of 16 bits or more"),
])  # fmt: skip
def test_what_cannot_be_summed_is_refused(given, message):
    given = {"images": X, "layers": ["0"], "z_scored": True} | given
    model = nn.Sequential(*list(wide())[:2])
    with pytest.raises(ValueError, match=message):
        kernels(model, **given)


def test_infinite_units_beyond_the_first_block_are_found():
    class Late(nn.Module):
        def forward(self, x):
            x = x.flatten(1).repeat(1, 10)
            x[:, 9000] = torch.inf
            return x

    with pytest.raises(ValueError, match="layer '0' puts out values that are not finite"):
        kernels(nn.Sequential(Late()), X, "0", z_scored=True)


class Times(nn.Module):
    def __init__(self, exponent):
        super().__init__()
        self.factor = 2.0**exponent

    def forward(self, x):
        return self.factor * x.flatten(1)


@pytest.mark.parametrize("exponent", [-83, -60, 60, 83])
@pytest.mark.parametrize("raw", [(), ("new",)])
def test_squares_that_float32_does_not_hold_are_summed(exponent, raw):
    """By a power of two, which rounds nothing: the same bits as of responses near 1."""
    near, far = (
        kernels(
            nn.Sequential(Times(power)), X.float(), "0", z_scored=False,
            others={"new": NEW.float()}, raw=raw, batch_size=6,
        )["0"]
        for power in (0, exponent)
    )  # fmt: skip
    assert torch.equal(far.gram, near.gram * 4.0**exponent)
    assert torch.equal(far.cross["new"], near.cross["new"] * 4.0**exponent)
    assert far.varying == near.varying == 1200


@pytest.mark.parametrize(("exponent", "message"), [
    (515, "layer '0': gram holds values that are not finite"),
    (-520, "layer '0' puts out values that vary by about 1e-157, whose squares float64 does not"),
])  # fmt: skip
def test_the_layer_whose_squares_float64_does_not_hold_is_named(exponent, message):
    model = nn.Sequential(Times(exponent))
    with pytest.raises(ValueError, match=message):
        kernels(model, X, "0", z_scored=False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_layer_without_any_variance_is_zero(dtype):
    """Although the mean of forty equal numbers is another number, by rounding."""

    class Silent(nn.Module):
        def forward(self, x):
            return 0 * x + torch.linspace(0.1, 0.9, 20, dtype=x.dtype)

    kernel = kernels(nn.Sequential(Silent()), X.to(dtype), "0", z_scored=True)["0"]
    assert (kernel.units, kernel.varying) == (1200, 0)
    assert kernel.gram.abs().max() < 1e-10


def test_rows_of_both_kernels_sum_to_zero_in_float32_too():
    found = kernels(wide(torch.float32), X, "0", z_scored=True, others={"new": NEW})["0"]
    for matrix in (found.gram, found.cross["new"]):
        assert matrix.sum(1).abs().max() < 1e-12 * matrix.abs().sum(1).max()


PEAK = """
import re, torch
from pathlib import Path
from torch import nn
from striate.activations import kernels

def peak():  # of this process alone; getrusage starts from that of the parent
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

model = nn.Sequential(nn.Conv2d(3, 3200, 1))
images = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))
model(images[:4])
before = peak()
kernels(model, images, "0", z_scored=True, memory="120MB", batch_size=4)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux reports it")
def test_the_memory_used_is_the_budget():
    """Of 100 blocks, 210 MB together.

    What is freed goes back to the system here. By itself, glibc keeps freed outputs of a
    convolution, 13 MB each, in holes that the next one does not always fit: six of them, at worst.
    """
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment = {**os.environ, **threads, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    asked = subprocess.run(
        [sys.executable, "-c", PEAK], capture_output=True, text=True, check=True, env=environment
    )
    assert 60e6 < int(asked.stdout) < 120e6


class InPlace(nn.Module):
    """Normalises its input in place, channel by channel."""

    def forward(self, x):
        for channel in range(3):
            x[:, channel].sub_(0.1 + channel / 10).div_(0.3)
        return x


class Beside(InPlace):
    def forward(self, x):
        return super().forward(x.clone())


@pytest.mark.parametrize("images", [X, X[:, :1].expand(-1, 3, -1, -1), [X[:25], X[25:]]])
def test_a_network_that_normalises_its_input_in_place_gives_the_same_and_leaves_the_images(images):
    before = [one.clone() for one in images]
    inside, beside = (nn.Sequential(kind(), *wide()) for kind in (InPlace, Beside))
    few = {"memory": least_memory(wide()), "z_scored": True, "batch_size": 7}  # several passes
    found = kernels(inside, images, ["1", "5"], **few)
    expected = kernels(beside, images, ["1", "5"], **few)
    for name, kernel in expected.items():
        assert torch.equal(found[name].gram, kernel.gram)
    one = collect(inside, images, "1")["1"].tensor
    assert torch.equal(one, collect(beside, images, "1")["1"].tensor)
    assert all(torch.equal(now, then) for now, then in zip(images, before, strict=True))
