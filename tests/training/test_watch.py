"""A watched training is the same training, and what was read is what was there."""

import contextlib
import copy
import inspect
import io
import json
import math
import pickle
import re
import runpy
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

import striate
import truths
from striate.spectra import alpha_interval, eigenspectrum, fit_power_law
from striate.training import Reading
from striate.training.reading import Settings, check, condense, measure, sample
from striate.training.sinks import opened

ROOT = Path(__file__).parents[2]
RANKS = (2, 12)
watch = partial(striate.watch, ranks=RANKS)


def network(seed=0):
    """Convolution, batch norm, dropout and an in-place activation: all that could go wrong."""
    torch.manual_seed(seed)
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(1, 6, 3))
    model.add_module("norm", nn.BatchNorm2d(6))
    model.add_module("relu", nn.ReLU(inplace=True))
    model.add_module("drop", nn.Dropout(0.3))
    model.add_module("flatten", nn.Flatten())
    model.add_module("hidden", nn.Linear(6 * 36, 40))
    model.add_module("tanh", nn.Tanh())
    model.add_module("output", nn.Linear(40, 4))
    return model


def batch(count=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, 8, 8, generator=generator), torch.arange(count) % 4


def step(model, optimizer=None, count=64, seed=0):
    images, labels = batch(count, seed)
    loss = cross_entropy(model(images).float(), labels)
    if optimizer is not None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def trained(steps=5, **watching):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    torch.manual_seed(1)
    with contextlib.ExitStack() as stack:
        if watching:
            stack.enter_context(watch(model, **watching))
        losses = [step(model, optimizer, seed=i) for i in range(steps)]
    grads = [parameter.grad for parameter in model.parameters()]
    state = [*model.state_dict().values(), *grads, torch.random.get_rng_state()]
    return losses, state


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("watching", [
    {"layers": "**", "every": 1},
    {"layers": ["conv", "norm"], "every": 2, "gather": 2, "units": "channels"},
], ids=lambda what: what if isinstance(what, str) else None)  # fmt: skip
def test_a_watched_training_gives_the_same_bits(watching):
    plain, watched = trained(), trained(**watching)
    assert plain[0] == watched[0]
    assert all(torch.equal(a, b) for a, b in zip(plain[1], watched[1], strict=True))


def test_what_is_read_is_the_spectrum_of_the_layer_at_that_moment():
    model, (images, _) = network(), batch(100)
    with watch(model, "conv") as readings:  # whose output an in-place activation overwrites
        model(images)
    (reading,) = readings
    x = model.conv(images).detach().flatten(1).double()
    spectrum = eigenspectrum(x)
    assert reading.alpha == pytest.approx(
        fit_power_law(spectrum, ranks=RANKS, weights="none").alpha.item(), rel=1e-9
    )
    share = spectrum / spectrum.sum()
    assert reading.participation_ratio == pytest.approx(1 / share.square().sum().item(), rel=1e-9)
    assert reading.effective_rank == pytest.approx(
        torch.distributions.Categorical(share).entropy().exp().item(), rel=1e-6
    )
    assert reading[:2] == (0, "conv")
    assert reading[6:11] == (100, 216, "flat", RANKS, "none")
    assert reading.note == ""
    assert 0 < reading.seconds < 60


@pytest.mark.parametrize("weights", ["rank", "none"])
@pytest.mark.parametrize("units", [30, 300])
def test_a_planted_spectrum_is_read(units, weights):
    variances = truths.power_law(30, 1.3)
    x = truths.planted(variances, 100, units)
    found = measure(condense(x), ranks=(3, 25), weights=weights)
    assert found.alpha == pytest.approx(1.3, abs=1e-9)
    assert found.participation_ratio == pytest.approx(variances.sum() ** 2 / (variances**2).sum())
    share = variances / variances.sum()
    assert found.effective_rank == pytest.approx(
        math.exp(-(share * [math.log(s) for s in share]).sum())
    )


def test_equal_variances_fill_as_many_dimensions_as_there_are():
    x = truths.planted(truths.power_law(20, 0.0), 50, 30)
    found = measure(condense(x), ranks=(1, 20), weights="none")
    assert found.participation_ratio == pytest.approx(20)
    assert found.effective_rank == pytest.approx(20)
    assert found.alpha == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("units", [130, 40, 31])
def test_slices_of_units_add_up(units, monkeypatch):
    x = truths.gaussian(40, units)
    whole = condense(x)
    monkeypatch.setattr("striate.training.reading.CHUNK", 40 * 7)
    sliced = condense(x)
    torch.testing.assert_close(sliced, whole, rtol=1e-12, atol=1e-10)


def simulated(stimuli, units, alpha, repeats):
    scale = torch.arange(1, units + 1, dtype=torch.float64) ** (-alpha / 2)
    return [truths.gaussian(stimuli, units, seed=seed) * scale for seed in range(repeats)]


# A window at a fifth of the stimuli, and one with fewer units than stimuli.
@pytest.mark.parametrize(
    ("stimuli", "units", "window"), [(150, 300, (6, 30)), (200, 60, (4, 30))], ids=str
)
def test_the_error_is_the_spread_over_samples_of_stimuli(stimuli, units, window):
    samples = simulated(stimuli, units, 1.0, 60)
    found = [measure(condense(x), ranks=window, weights="none") for x in samples]
    alphas = torch.tensor([f.alpha for f in found])
    errors = torch.tensor([f.alpha_error for f in found])
    # The spread of 60 is itself known to 9 %; the jackknife errs on the safe side by up to 40 %.
    assert 0.8 < (errors.mean() / alphas.std()) < 1.5
    half = 2.262 * errors  # Student's t of 9 degrees of freedom, 95 %
    covered = ((alphas - alphas.mean()).abs() <= half).double().mean().item()
    assert covered >= 0.95 - 3.1 * math.sqrt(0.95 * 0.05 / 60)


def test_the_error_agrees_with_that_of_alpha_interval():
    ratios = []
    for x in simulated(150, 300, 1.0, 12):
        generator = torch.Generator().manual_seed(0)
        theirs = alpha_interval(x, ranks=(6, 30), weights="none", generator=generator)
        ours = measure(condense(x), ranks=(6, 30), weights="none")
        assert ours.alpha == pytest.approx(theirs.alpha, rel=1e-9)
        ratios.append(ours.alpha_error / theirs.standard_error)
    # One error of 10 groups is known to 24 %, the mean ratio of 12 to about 8 %.
    assert sum(ratios) / len(ratios) == pytest.approx(1, abs=0.25)


def test_passes_are_counted_in_training_with_gradients_alone():
    model = network()
    with watch(model, "hidden", every=3) as readings:
        for i in range(8):
            model.train()
            step(model, seed=i)
            model.eval()
            step(model)
            model.train()
            with torch.no_grad():
                step(model)
    assert [reading.step for reading in readings] == [0, 3, 6]


def test_an_evaluation_between_passes_that_are_gathered_is_not_seen():
    model = network()
    with watch(model, "conv", every=5, gather=3) as readings:
        for i in range(8):
            model.train()
            step(model, count=7, seed=i)
            model.eval()
            step(model)
    assert [(reading.step, reading.stimuli) for reading in readings] == [(0, 21), (5, 21)]


def test_a_batch_too_small_says_how_many_passes_to_gather():
    model = network()
    with watch(model, "conv") as readings:
        step(model, count=5)
    assert readings[0].alpha is None
    assert readings[0].participation_ratio > 1
    assert readings[0].note == (
        "ranks=(2, 12) need 13 stimuli, there were 5; gather=3 passes, or fit fewer ranks"
    )
    with watch(model, "conv", gather=3) as readings:
        for i in range(3):
            step(model, count=5, seed=i)
    assert readings[0].alpha is not None
    assert readings[0].note == ""


@pytest.mark.parametrize(("count", "note"), [
    (14, "no error of alpha: without a tenth of 14 stimuli, ranks=(2, 12) are not full"),
    (15, ""),
])  # fmt: skip
def test_without_stimuli_to_spare_alpha_has_no_error(count, note):
    model = network()
    with watch(model, "conv") as readings:
        step(model, count=count)
    assert readings[0].alpha is not None
    assert (readings[0].alpha_error is None) == bool(note)
    assert readings[0].note == note


def test_as_many_stimuli_as_asked_are_of_all_passes_together():
    model = network()
    with watch(model, "conv", gather=3, stimuli=60) as readings:
        for seed in range(3):
            step(model, seed=seed)
    assert [reading.stimuli for reading in readings] == [60]


def test_gathered_rows_are_those_of_the_passes_together():
    model = network().requires_grad_(False)
    model.output.requires_grad_(True)
    images = batch(60)[0]
    with watch(model, "conv") as whole:
        model(images)
    with watch(model, "conv", gather=3) as parts:
        for part in images.split(20):
            model(part)
    assert parts[0].alpha == pytest.approx(whole[0].alpha, rel=1e-6)
    assert parts[0].alpha_error == pytest.approx(whole[0].alpha_error, rel=1e-4)


def test_at_most_so_many_stimuli_evenly_spaced():
    x = torch.arange(1000.0)[:, None].expand(-1, 3)
    rows = sample(x, units="flat", most=4)
    assert rows[:, 0].tolist() == [0, 250, 500, 750]
    assert len(sample(x, units="flat", most=2000)) == 1000


@pytest.mark.parametrize(("units", "shape"), [
    ("flat", (5, 42)), ("channels", (30, 7)), ("features", (35, 6)), ("centre", (5, 7)),
])  # fmt: skip
def test_what_the_units_are(units, shape):
    maps = truths.gaussian(5, 7, 6)
    rows = sample(maps, units=units, most=1000)
    assert rows.shape == shape
    expected = {
        "flat": maps.flatten(1),
        "channels": maps.transpose(1, 2).flatten(0, 1),
        "features": maps.flatten(0, 1),
        "centre": maps[:, :, 3],
    }[units]
    assert torch.equal(rows.sort(0).values, expected.sort(0).values)


def test_positions_of_maps_and_their_centre():
    maps = truths.gaussian(3, 2, 4, 5)
    assert torch.equal(sample(maps, units="centre", most=9), maps[:, :, 2, 2])
    rows = sample(maps, units="channels", most=12)  # 4 of the 20 positions of each image
    flat = maps.flatten(2)
    for image in range(3):
        found = [
            next(p for p in range(20) if torch.equal(flat[image, :, p], row))
            for row in rows[4 * image : 4 * image + 4]
        ]
        assert len(set(found)) == 4


def test_positions_are_spread_when_each_image_gives_one():
    where = torch.arange(49.0).reshape(1, 1, 7, 7).expand(500, 1, 7, 7)
    rows = sample(where, units="channels", most=500)
    counts = rows[:, 0].long().bincount(minlength=49)
    assert counts.min() >= 5


class Tokens(nn.Module):
    """A model around one layer that puts out whatever it is told to."""

    def __init__(self, output, runs=1):
        super().__init__()
        self.odd, self.output, self.runs = Odd(output), nn.Linear(30, 2), runs

    def forward(self, x):
        for _ in range(self.runs):
            self.odd(x)
        return self.output(x)


class Odd(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.give = output

    def forward(self, x):
        return self.give(x)


@pytest.mark.parametrize(("output", "note"), [
    (lambda x: (x, None), "the first of 2 outputs"),
    (lambda x: {"none": None, "state": x}, "the first of 2 outputs"),
    (lambda x: [(x,), x], "the first of 2 outputs"),
    (lambda x: x.bfloat16(), ""),
    (lambda x: (100 * x).int(), ""),
    (lambda x: x.unflatten(1, (5, 6)), ""),
], ids=lambda what: what if isinstance(what, str) else None)  # fmt: skip
def test_outputs_that_are_not_one_plain_tensor(output, note):
    model = Tokens(output)
    with watch(model, "odd") as readings:
        model(truths.gaussian(40, 30, dtype=torch.float32))
    assert readings[0].alpha is not None
    assert readings[0].note == note


@pytest.mark.parametrize(("output", "note"), [
    (lambda x: None, "it put out a NoneType without a tensor"),
    (lambda x: "text", "it put out a str without a tensor"),
    (lambda x: x.sum(), r"it put out float32 of shape \(\); a spectrum needs real numbers"),
    (lambda x: x[:, 0], r"of shape \(40,\)"),
    (lambda x: x[:0], r"of shape \(0, 30\)"),
    (lambda x: torch.complex(x, x), "it put out complex64"),
    (lambda x: x[:1], "one stimulus has no variance"),
    (lambda x: x / 0, "responses are not finite"),
    (lambda x: torch.where(x > 2, torch.nan, x), "responses are not finite"),
    (lambda x: 0 * x, "all stimuli give the same responses"),
    (lambda x: 0 * x + 0.1, "all stimuli give the same responses"),
    (lambda x: x[:1].expand(40, 30), "all stimuli give the same responses"),
    (lambda x: x[:, :5], r"ranks=\(2, 12\) need 12 units, there are 5"),
    (lambda x: x[:12], r"ranks=\(2, 12\) need 13 stimuli, there were 12; gather=2"),
    (lambda x: x[:, :4].repeat(1, 9), "only 4 ranks stand out of rounding"),
    (lambda x: x[:, :4] @ truths.gaussian(4, 90, dtype=torch.float32),
     "only 4 ranks stand out of rounding"),
    (lambda x: (x[:, :4] @ truths.gaussian(4, 90, dtype=torch.float32)).bfloat16(),
     "only 4 ranks stand out of rounding"),
    (lambda x: x[torch.arange(40) % 5], "only 4 ranks stand out of rounding"),
    (lambda x: 1e-30 * x[:, :3] @ torch.ones(3, 40), "only 1 ranks stand out of rounding"),
], ids=lambda what: what if isinstance(what, str) else None)  # fmt: skip
def test_what_cannot_be_measured_is_null_with_a_reason_and_training_goes_on(output, note, tmp_path):
    model = Tokens(output)
    with watch(model, "odd", to=tmp_path / "a.jsonl") as readings:
        model(truths.gaussian(40, 30, dtype=torch.float32)).sum().backward()
    assert readings[0].alpha is None
    assert readings[0].alpha_error is None
    assert re.search(note, readings[0].note)
    assert json.loads((tmp_path / "a.jsonl").read_text())["alpha"] is None


@pytest.mark.parametrize("name", truths.degenerate(40, 30))
@pytest.mark.parametrize("width", [30, 90])
def test_no_degenerate_batch_makes_a_number_that_is_none(name, width):
    found = measure(condense(truths.degenerate(40, width)[name]), ranks=RANKS, weights="none")
    numbers = [number for number in found[:4] if number is not None]
    assert all(math.isfinite(number) for number in numbers)
    assert len(numbers) == 4 or found.note


def test_a_layer_that_runs_several_times_or_not_at_all():
    for runs, note in ((3, "the first of 3 runs"), (0, "it did not run")):
        model = Tokens(lambda x: x, runs=runs)
        with watch(model, "odd") as readings:
            model(truths.gaussian(40, 30, dtype=torch.float32))
        assert readings[0].note == note
        assert (readings[0].alpha is None) == (runs == 0)


def test_autocast_is_measured_in_full_precision():
    model, seen = network(), []
    model.hidden.register_forward_hook(lambda _layer, _inputs, output: seen.append(output))
    with torch.autocast("cpu", torch.bfloat16), watch(model, "hidden") as readings:
        step(model)
    assert seen[0].dtype == torch.bfloat16
    exact = fit_power_law(eigenspectrum(seen[0].detach().double()), ranks=RANKS, weights="none")
    assert readings[0].alpha == pytest.approx(exact.alpha.item(), rel=1e-9)


def test_a_deep_tail_is_read_in_double_precision():
    x = truths.planted(truths.power_law(30, 6.0), 60, 40)  # rank 30 at 1e-9 of the first
    model = Tokens(lambda _: x)
    with watch(model, "odd", ranks=(2, 30)) as readings:
        model(torch.zeros(60, 30))
    assert readings[0].alpha == pytest.approx(6.0, abs=1e-4)


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpoints_do_not_count_twice(reentrant):
    model = network()
    images, labels = batch()
    body, head = model[:5], model[5:]
    whole = nn.Sequential(body, head)

    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.whole = whole

        def forward(self, x):
            x = x.requires_grad_()
            return self.whole[1](checkpoint(self.whole[0], x, use_reentrant=reentrant))

    outer = Checkpointed()
    with watch(outer, "whole.0.conv", every=1) as readings:
        for _ in range(3):
            cross_entropy(outer(images.clone()), labels).backward()
    assert [reading.step for reading in readings] == [0, 1, 2]
    assert all(reading.note == "" and reading.alpha for reading in readings)


def test_a_checkpoint_around_the_whole_model_counts_once():
    model = network()
    images, labels = batch()
    with watch(model, "conv", every=1) as readings:
        for _ in range(2):
            cross_entropy(checkpoint(model, images, use_reentrant=False), labels).backward()
    assert [reading.step for reading in readings] == [0, 1]


@pytest.fixture
def compiler():
    """A backend that counts what it compiles, and forgets it afterwards."""
    torch._dynamo.reset()
    graphs = []

    def backend(graph, _inputs):
        graphs.append(graph)
        return graph

    yield backend, graphs
    torch._dynamo.reset()


class Own(nn.Sequential):
    """Not torch's own forward, which ``.compile()`` would skip."""

    def forward(self, x):
        for layer in self:
            x = layer(x)
        return x


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("warm", [True, False])
def test_a_compiled_model_is_watched_and_not_compiled_again(compiler, in_place, warm):
    backend, graphs = compiler
    model = Own(*network())
    if in_place:
        model.compile(backend=backend, fullgraph=True)
    called = model if in_place else torch.compile(model, backend=backend, fullgraph=True)
    if warm:
        step(called)
    before = len(graphs)
    with watch(called, ["0", "5"], every=2) as readings:
        losses = [step(called, torch.optim.SGD(model.parameters(), lr=0.1)) for _ in range(5)]
    assert [(reading.step, reading.layer) for reading in readings] == [
        (number, layer) for number in (0, 2, 4) for layer in ("0", "5")
    ]
    assert all(reading.alpha for reading in readings)
    compiled = len(graphs) - before
    step(called)
    assert (compiled, len(graphs) - before) == ((0, 0) if warm else (1, 1))
    assert hooks(model) == 0
    assert all(math.isfinite(loss) for loss in losses)


@pytest.mark.skipif(
    torch.__version__.startswith("2.6"), reason="cannot compile how tests check shapes"
)
def test_who_watches_the_inside_of_a_compiled_model_is_told_so(compiler):
    model = network()
    compiled = torch.compile(model, backend=compiler[0], fullgraph=True)
    with watch(model, "conv") as readings:
        step(compiled)
    assert readings[0].alpha is None
    assert "of a compiled model, what torch.compile returned" in readings[0].note


def test_parallel_wrappers_are_watched():
    model = nn.DataParallel(network())
    with watch(model, "module.conv") as readings:
        step(model)
    assert readings[0].layer == "conv"
    assert readings[0].alpha is not None


def test_copies_of_a_watched_model_are_not_watched_and_can_be_pickled(tmp_path):
    model = network()
    with watch(model, "conv", every=1, to=tmp_path / "a.jsonl") as readings:
        average = copy.deepcopy(model)
        pickled = pickle.loads(pickle.dumps(model))
        for other in (average, pickled):
            step(other)
        step(model)
    assert len(readings) == 1


def test_hooks_are_gone_after_an_interruption_and_the_file_is_whole(tmp_path):
    model, path = network(), tmp_path / "runs" / "a.jsonl"
    before = hooks(model)

    def interrupted():
        with watch(model, ["conv", "hidden"], every=2, to=path):
            for i in range(3):
                step(model, seed=i)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert hooks(model) == before == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["step"], line["layer"]) for line in lines] == [
        (number, layer) for number in (0, 2) for layer in ("conv", "hidden")
    ]


def test_hooks_are_gone_after_an_interruption_within_a_pass():
    def interrupt(_):
        raise KeyboardInterrupt

    model = Tokens(interrupt)
    with pytest.raises(KeyboardInterrupt), watch(model, ["odd", "output"]):
        model(torch.zeros(40, 30))
    assert hooks(model) == 0


def test_a_pass_that_raises_leaves_no_hook_and_the_next_is_measured():
    model = network()
    with watch(model, "conv", every=1) as readings:
        with pytest.raises(RuntimeError, match="mat1 and mat2"):
            model(torch.zeros(5, 1, 9, 9))
        model.eval()
        step(model)
        assert hooks(model) == 2  # those of the model itself
        model.train()
        step(model)
    assert [reading.step for reading in readings] == [1]
    assert readings[0].alpha is not None


@pytest.mark.parametrize("gather", [1, 3])
def test_a_measured_pass_that_raises_costs_no_reading(gather):
    model = network()
    fails = {0, 1, 3, 4, 20}  # of all passes; without the third no three are whole before the sixth
    with watch(model, "conv", every=10, gather=gather) as readings:
        for number in range(40):
            if number in fails:
                with pytest.raises(RuntimeError, match="mat1 and mat2"):
                    model(torch.zeros(5, 1, 9, 9))
            else:
                step(model)
    first = {1: [2, 10, 21, 30], 3: [5, 10, 21, 30]}[gather]
    assert [reading.step for reading in readings] == first
    assert all(reading.alpha is not None for reading in readings)
    assert hooks(model) == 0


def test_a_block_without_a_reading_says_why():
    model = network()
    with watch(model, "conv", every=10, gather=3) as readings:
        step(model)
        step(model)
    assert [reading.alpha for reading in readings] == [None]
    assert readings[0].note == (
        "of 2 training passes none was read: a reading takes 3 that end without an error"
    )
    heard = []
    with watch(model, "conv", every=1, to=heard.append) as readings:
        for _ in range(3):
            step(model)
            readings.clear()
    assert [reading.step for reading in heard] == [0, 1, 2]
    with watch(model.eval(), "conv") as readings:
        step(model)
    assert "no training pass was seen, that is one in training mode" in readings[0].note


@pytest.mark.parametrize("units", ["channels", "centre"])
def test_channels_that_are_last_are_not_taken_for_rows(units):
    with pytest.raises(ValueError, match="have channels on their last axis"):
        sample(torch.zeros(10, 7, 7, 30), units=units, most=100)
    assert sample(torch.zeros(10, 7, 7, 30), units="features", most=100).shape[1] == 30


def test_each_line_is_written_at_once_and_appended(tmp_path):
    path = tmp_path / "a.jsonl"
    for _ in range(2):
        model = network()
        with watch(model, "conv", to=str(path)):
            step(model)
            line = path.read_text().splitlines()[-1]
    assert len(path.read_text().splitlines()) == 2
    assert list(json.loads(line)) == list(Reading._fields)
    assert "NaN" not in line


def test_readings_are_printed_on_a_line():
    model = network()
    shown = io.StringIO()
    with watch(model, "conv", to=partial(print, file=shown)) as readings:
        step(model)
        step(model, count=5)
    assert re.fullmatch(
        r"step 0  conv  α \d\.\d{3} ± \d\.\d{3}  participation ratio [\d.]+  "
        r"effective rank [\d.]+  64 stimuli × 216\n", shown.getvalue(),
    )  # fmt: skip
    missing = readings[0]._replace(alpha=None, effective_rank=None, note="dead")
    assert "α none" in str(missing)
    assert "effective rank none" in str(missing)
    assert str(missing).endswith("(dead)")


class Writer:
    """Stands in for TensorBoard's SummaryWriter: the same signature."""

    def __init__(self):
        self.written = []

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False):
        self.written.append((tag, scalar_value, global_step))


def test_numbers_go_to_tensorboard_and_missing_ones_do_not():
    model, writer = network(), Writer()
    with watch(model, "conv", every=1, to=writer) as readings:
        step(model)
        step(model, count=5)
    first, second = readings
    assert writer.written == [
        ("alpha/conv", first.alpha, 0),
        ("alpha_error/conv", first.alpha_error, 0),
        ("participation_ratio/conv", first.participation_ratio, 0),
        ("effective_rank/conv", first.effective_rank, 0),
        ("participation_ratio/conv", second.participation_ratio, 1),
        ("effective_rank/conv", second.effective_rank, 1),
    ]


def test_the_real_tensorboard_reads_what_was_written(tmp_path):
    pytest.importorskip("tensorboard")
    with contextlib.suppress(DeprecationWarning):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from torch.utils.tensorboard.writer import SummaryWriter
    model = network()
    with SummaryWriter(tmp_path) as writer, watch(model, "conv", to=writer) as readings:
        step(model)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (event,) = events.Scalars("alpha/conv")
    assert event.value == pytest.approx(readings[0].alpha, rel=1e-6)


@pytest.mark.parametrize(("settings", "message"), [
    ({"layers": "hiden"}, "layers='hiden' fits no layer of this Sequential; did you mean 'hidden'"),
    ({"ranks": (5, 2)}, r"ranks=\(5, 2\): need 1 <= first < last"),
    ({"every": 0}, "gather=1, every=0: gather at least one pass"),
    ({"gather": 0}, "gather=0, every=100"),
    ({"every": 3, "gather": 4}, "gather=4, every=3"),
    ({"stimuli": 12}, r"stimuli=12 in gather=1 parts cannot fill ranks=\(2, 12\), which need 13"),
    ({"stimuli": 14, "gather": 5}, r"stimuli=14 in gather=5 parts cannot fill"),
    ({"to": "readings.json"}, r"to='readings.json': readings are lines of JSON; end .* \.jsonl"),
], ids=lambda what: what if isinstance(what, str) else None)  # fmt: skip
def test_settings_out_of_range_are_refused_before_anything_is_touched(settings, message):
    model = network()
    with pytest.raises(ValueError, match=message):
        watch(model, **{"layers": "hidden"} | settings).__enter__()
    assert hooks(model) == 0


@pytest.mark.parametrize(("settings", "message"), [
    ({"weights": "ranks"}, r"weights='ranks'; choose 'rank' \(1/n\) or 'none'"),
    ({"units": "unit"}, "units='unit'; choose one of 'flat', 'channels', 'features', 'centre'"),
])  # fmt: skip
def test_words_that_are_none_are_refused(settings, message):
    asked = Settings(RANKS, "none", 100, 1, 512, "flat")._replace(**settings)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(check)(asked)


def test_a_destination_that_is_none_is_refused():
    with pytest.raises(ValueError, match="to=3: give a function, a path"):
        next(inspect.unwrap(opened)(3))


def test_a_callers_own_error_is_not_swallowed():
    def stop(reading):
        raise ZeroDivisionError(reading.step)

    model = network()
    with pytest.raises(ZeroDivisionError), watch(model, "conv", to=stop):
        step(model)
    assert hooks(model) == 0


def test_nothing_but_watch_is_fetched_at_the_door():
    from striate.training.watch import watch as itself

    assert striate.watch is itself
    assert "watch" in dir(striate)
    with pytest.raises(AttributeError, match="module 'striate' has no attribute 'wach'"):
        striate.wach  # noqa: B018


def test_the_example_and_the_page_run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        runpy.run_path(str(ROOT / "examples" / "watch_any_training.py"), run_name="__main__")
        assert capsys.readouterr().out.count("step ") >= 4
        text = (ROOT / "docs" / "watch.md").read_text()
        (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        exec(snippet, {})
    lines = (tmp_path / "spectra.jsonl").read_text().splitlines()
    assert len(lines) == 4
    assert all(json.loads(line)["alpha"] for line in lines)
    assert "torch" in sys.modules


@pytest.mark.parametrize("units", [60, 300])  # fewer than stimuli, and more
def test_the_error_is_the_jackknife_over_ten_blocks_of_stimuli(units):
    (x,) = simulated(120, units, 1.0, 1)
    blocks, alphas = x.split(12), []
    for left_out in range(10):
        rest = torch.cat([block for number, block in enumerate(blocks) if number != left_out])
        law = fit_power_law(eigenspectrum(rest), ranks=(4, 30), weights="none")
        alphas.append(law.alpha.item())
    mean = sum(alphas) / 10
    expected = math.sqrt(9 / 10 * sum((alpha - mean) ** 2 for alpha in alphas))
    found = measure(condense(x), ranks=(4, 30), weights="none")
    assert found.alpha_error == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("stimuli", "units"), [(100, 200), (200, 100)])
def test_rounding_is_shared_by_all_ranks(stimuli, units):
    """Of bfloat16: altogether more than the last of these ranks has, and far less in each."""
    variances = truths.power_law(30, 4.0)
    rounding = 2.0**-14 / 12 * variances.sum()
    assert 4 * rounding / 99 < variances[19] / 20 < variances[19] < 4 * rounding
    rounded = truths.planted(variances, stimuli, units).bfloat16()
    found = measure(condense(rounded), ranks=(2, 20), weights="none")
    assert found.note == ""
    # At rank 20 rounding adds a hundredth of the variance, and chance about as much.
    assert found.alpha == pytest.approx(4.0, abs=0.05)
