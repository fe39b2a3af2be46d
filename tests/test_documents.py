"""What the documents show runs."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from striate.datasets import digits
from striate.models import shallow_mlp
from striate.spectra import SpectralPenalty, batch_alpha, fit_power_law
from striate.spectra.distances import DISTANCES

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def example(name):
    return (EXAMPLES / f"{name}.py").read_text()


def snippets_of(page):
    text = (ROOT / "docs" / page).read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_five_lines_of_the_readme_train_a_network():
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    model = shallow_mlp((1, 8, 8), 10, seed=0)
    names = {
        "model": model,
        "images": torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0)),
        "labels": torch.arange(60) % 10,
        "cross_entropy": cross_entropy,
    }
    exec(snippet, names)
    plain = cross_entropy(model(names["images"]), names["labels"])
    assert names["loss"] > plain
    names["loss"].backward()
    assert model.get_submodule("dense1").weight.grad.abs().max() > 0


def test_every_file_the_readme_points_to_exists():
    text = (ROOT / "README.md").read_text()
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(targets) >= 4
    assert [t for t in targets if not (ROOT / t).exists()] == []


@pytest.mark.parametrize(("name", "lines"), [
    ("penalty_in_your_own_loop", 2),
    ("penalty_on_conv_layers", 2),
    ("penalty_accumulated", 1),
    ("gabor_front_end", 3),
])  # fmt: skip
def test_an_example_ends_in_its_assertion(name, lines, capsys):
    with torch.random.fork_rng():
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert len(capsys.readouterr().out.splitlines()) == lines


# Of these, one starts processes that import it, one's framework warns of itself, one has options.
@pytest.mark.parametrize(("name", "line"), [
    ("penalty_across_processes", "two processes and one differ by"),
    ("penalty_with_lightning", "β = 1: α ="),
    ("frequencies_of_penalised", "tanh2, α* = 1, seed 0"),
])  # fmt: skip
def test_an_example_that_needs_a_process_ends_in_its_assertion(name, line, tmp_path):
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert line in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("name", "line"), [
    ("steered_resnets", "| accuracy under pgd 100 × 5 |"),
    ("robust_nets", "| digits | adversarial |"),
    ("v1_of_steered_nets", "α* 2, maps, seed 0"),
])  # fmt: skip
def test_an_example_that_takes_a_minute_ends_in_its_assertions(name, line, tmp_path):
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert line in ran.stdout


def test_the_frequencies_of_penalised_networks_are_averaged_over_seeds():
    names = runpy.run_path(str(EXAMPLES / "frequencies_of_penalised.py"))
    network, free, flat = names["Network"], names["Asked"](), names["FLAT"]
    found = {network(free, seed): {"a": float(seed), "b": 1.0} for seed in range(3)}
    found |= {network(flat, seed): {"a": 0.5, "b": 2.0 * seed} for seed in range(3)}
    assert names["table"](found, ["a", "b"]).splitlines()[2:] == [
        "| no penalty | 1.000 ± 0.577 | 1.000 ± 0.000 |",
        "| tanh2, α* = 1 | 0.500 ± 0.000 | 2.000 ± 1.155 |",
    ]
    assert names["table"](names["shifts"](found), ["a", "b"]).splitlines()[2:] == [
        "| tanh2, α* = 1 | -0.500 ± 0.577 | 1.000 ± 1.155 |",
    ]


def test_every_example_has_a_test():
    # make demo takes minutes; tests/training; tests/models.
    elsewhere = {"demo", "watch_any_training", "squeezenet", "cifar_networks", "v1_baselines"}
    here = set(re.findall(r'^    \("(\w+)", ', Path(__file__).read_text(), re.MULTILINE))
    assert {path.stem for path in EXAMPLES.glob("*.py")} == here | elsewhere


@pytest.fixture
def a_group_of_one(tmp_path):
    meeting = f"file://{tmp_path}/meeting"
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("a_group_of_one")
def test_the_page_on_penalties_runs(tmp_path, monkeypatch, capsys):
    *snippets, lightning = snippets_of("penalty.md")
    monkeypatch.chdir(tmp_path)
    names = {}
    with torch.random.fork_rng():
        for snippet in snippets:
            exec(snippet, names)
            assert names["loss"].isfinite()
    assert capsys.readouterr().out.startswith("α = ")
    assert int(names["penalty"].step) == 2
    assert Path("checkpoint.pt").exists()
    exec(lightning, names)
    # What it trains has run as an example.
    assert lightning.partition("\n\n")[2] in example("penalty_with_lightning")


def test_the_page_on_penalties_gives_the_alphas_of_its_example():
    text = (ROOT / "docs" / "penalty.md").read_text()
    cells = re.findall(r"^\| (\d+) \| (\d+)–(\d+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert len(cells) == 6
    train = digits("train")
    with torch.random.fork_rng():
        module = runpy.run_path(str(EXAMPLES / "penalty_in_your_own_loop.py"))
        hidden = module["trained"](0.0)[:3](train.images).detach()
        order = torch.randperm(len(hidden), generator=torch.Generator().manual_seed(0))
    for count, first, last, alpha in cells:
        found = batch_alpha(hidden[order[: int(count)]], ranks=(int(first), int(last)))
        # Rounded to one decimal; of 60 images, one sample and another differ by 0.1.
        assert found.item() == pytest.approx(float(alpha), abs=0.05 + 8 / int(count))
    centred = hidden - hidden.mean(0)
    scales = torch.linalg.svdvals(centred.double())
    assert (scales[49] / scales[0]).item() == pytest.approx(0.02, abs=0.005)
    rounded = batch_alpha(hidden.bfloat16(), ranks=(6, 50)).item()
    assert rounded == pytest.approx(2.61, abs=0.005)
    coarse = (centred.bfloat16().T @ centred.bfloat16()).double()
    spectrum = torch.linalg.eigvalsh(coarse).flip(0) / coarse.trace()
    blurred = fit_power_law(spectrum + 1e-8, ranks=(6, 50), weights="none").alpha.item()
    assert blurred == pytest.approx(2.58, abs=0.01)


def test_the_page_on_penalties_says_when_the_subspace_is_used():
    (count,) = re.search(
        r"16 times as many rows or units as the last rank \((\d+) for ranks 6–50\)",
        (ROOT / "docs" / "penalty.md").read_text().replace("\n", " "),
    ).groups()
    for units, remembers in ((int(count), True), (int(count) - 1, False)):
        penalty = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(6, 50))
        penalty(torch.randn(int(count) + 1, units, generator=torch.Generator().manual_seed(0)))
        assert (penalty.tracker.basis is not None) == remembers


@pytest.mark.parametrize("page", ["penalty.md", "watch.md"])
def test_every_file_a_page_points_to_exists(page):
    text = (ROOT / "docs" / page).read_text()
    targets = re.findall(r"\]\(([^)#]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    assert targets
    assert [t for t in targets if not (ROOT / "docs" / t).exists()] == []


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench", "setup"])
def test_the_makefile_has_what_the_readme_names(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_page_on_cross_validation_finds_the_planted_exponent():
    names = {}
    for snippet in snippets_of("cvpca.md"):
        exec(snippet, names)
    low, high = names["alpha"].corrected_interval
    assert low < 1 < high
    assert names["spectra"].eigenspectra.shape == (20, 100)


def test_the_page_on_penalties_gives_the_formulas_of_all_forms():
    text = " ".join((ROOT / "docs" / "penalty.md").read_text().split())
    n = np.arange(3, 13)
    random = np.random.default_rng(0)
    spectrum = np.sort(random.uniform(0.001, 0.1, 12))[::-1].copy()
    share, alpha = spectrum[2:], 1.3
    decades = np.log10(share + 1e-8)
    d, weights = decades + alpha * np.log10(n), np.log10((n + 1) / n)
    w = weights / weights.sum()
    excess = share / ((share[0] + 1e-8) * (n / 3) ** -alpha) - 1
    assert (excess > 0).any()
    assert (excess < 0).any()
    for form, told, value in [
        ("slope", "|α̂ − α|, where −α̂ is the slope of log₁₀(λₙ + 10⁻⁸) over log₁₀ n by plain least",
         abs(-np.polyfit(np.log10(n), decades, 1)[0] - alpha)),
        ("line", "Σ wₙ (dₙ − Σ wₙdₙ)² with dₙ = log₁₀(λₙ + 10⁻⁸) + α log₁₀ n, and weights "
         "wₙ = log₁₀((n+1)/n) that are divided by their sum", (w * (d - (w * d).sum()) ** 2).sum()),
        ("ratio", "1/(N+1) · Σ [(λₙ/gₙ − 1)² + max(λₙ/gₙ − 1, 0)]",
         (excess**2 + excess.clip(min=0)).sum() / (12 + 1)),
    ]:  # fmt: skip
        assert f'`"{form}"`: {told}' in text
        found = DISTANCES[form](torch.from_numpy(spectrum), alpha, (3, 12)).item()
        assert found == pytest.approx(value, rel=1e-10)
