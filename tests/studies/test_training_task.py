"""A network's training as a task: what decides it, what comes of it, and that it can be resumed."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from striate.datasets import digits
from striate.models import Network, fingerprint, load
from striate.results import Curve, Score, read_record
from striate.results import load as load_results
from striate.studies.training import (
    PRECISIONS,
    Asked,
    epochs,
    material,
    network_task,
    networks,
    plan,
    train_network,
)
from striate.study import run
from striate.training import ImageSource, make_objective, train

NET = "small/cnn-1x8"
ADVERSARIAL = {"objective": "adversarial", "settings": {"eps": 0.1, "steps": 2, "step_size": 0.05}}
SPECTRAL = Asked(1.0, 1.0, ("hidden", "conv3"), (2, 20))


def start(name=NET, seed=0):
    return load(name, pretrained=False, seed=seed)


def trained(folder, *, network=None, data="digits", seed=0, images=300, **given):
    """Train once as the command does; return the task, its file and its results."""
    network = network or start()
    chosen = plan(**{"epochs": 2, "batch_size": 100, **given})
    found = material(data, network, train_images=images, augment=chosen.augment, seed=seed)
    task = network_task(network, found, chosen, seed=seed)

    def measure(task, checkpoint):
        return train_network(
            task, checkpoint, network=network, material=found, plan=chosen, folder=folder
        )

    (finished,) = run(measure, [task], directory=folder)
    return task, finished.path, load_results(finished.path)


def value(results, name, on):
    (score,) = [
        one for one in results
        if isinstance(one, Score) and (one.name, one.settings.get("on")) == (name, on)
    ]  # fmt: skip
    return score.value


def test_the_weights_written_are_those_that_a_plain_loop_ends_with(tmp_path):
    network, data = start(), digits("train")
    before = fingerprint(network.model)
    _, path, results = trained(tmp_path, network=network, learning_rate=0.1, momentum=0.5)
    assert fingerprint(network.model) == before  # it trains a copy
    model = start().model
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5, weight_decay=5e-4)
    objective, _ = make_objective("standard", {}, seed=0)
    history = list(
        train(
            model, data.images[:300], data.labels[:300], objective=objective, optimizer=sgd,
            epochs=2, batch_size=100, seed=0,
        )
    )  # fmt: skip
    weights = load_file(path.with_suffix(".safetensors"))
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(weights[name], part) for name, part in model.state_dict().items())
    (curve,) = [one for one in results if isinstance(one, Curve) and one.name == "loss"]
    losses = [one.value for epoch in history for one in epoch if one.name == "loss"]
    assert (curve.x, curve.y) == ((1.0, 2.0), tuple(losses))
    assert value(results, "loss", "train") == losses[-1]
    test = digits("test")
    with torch.no_grad():
        right = (model.eval()(test.images).argmax(1) == test.labels).double().mean()
    assert value(results, "accuracy", "test") == pytest.approx(right.item())


def test_the_weights_can_be_loaded_and_are_named_in_each_result(tmp_path):
    task, path, results = trained(tmp_path, epochs=1)
    weights = path.with_suffix(".safetensors")
    found = load(NET, weights=weights)
    assert found.name == f"{NET}, {weights.stem}"
    for one in results:
        assert one.settings["model_sha256"] == fingerprint(found.model)[:12]
        assert one.settings["weights"] == weights.name
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        assert one.settings["weights_sha256"] == digest
        assert (one.settings["model"], one.settings["objective"]) == (NET, "standard")
        assert one.source == task["label"]
    assert task["initial_sha256"] == fingerprint(start().model)[:12]


def test_everything_that_decides_the_network_is_in_its_task(tmp_path):
    given = {
        **ADVERSARIAL, "spectral": SPECTRAL, "blur": "fine-to-coarse", "blur_sigma": 1.5,
        "noise": 0.1, "augment": True, "drops": (1,), "optimizer": "adam", "precision": "bfloat16",
        "learning_rate": 0.002,
    }  # fmt: skip
    _, path, results = trained(tmp_path, **given)
    expected = {
        "model": NET, "images": 300, "objective": "adversarial", "eps": 0.1, "steps": 2,
        "step_size": 0.05, "norm": "Linf", "random_start": False, "epochs": 2, "batch_size": 100,
        "learning_rate": 0.002, "momentum": 0.0, "weight_decay": 0.0, "optimizer": "adam",
        "schedule": "drops", "drops": "1", "replays": 1, "precision": "bfloat16",
        "blur": "fine-to-coarse", "blur_sigma": 1.5, "noise": 0.1, "augment": "shift 1",
        "spectral_alpha": 1.0, "spectral_beta": 1.0, "spectral_layers": "conv3 hidden",
        "spectral_ranks": "2-20", "spectral_units": "flat", "seed": 0,
    }  # fmt: skip
    assert {name: read_record(path)["task"][name] for name in expected} == expected
    alphas = {one.name for one in results if one.name.startswith("alpha")}
    assert alphas == {"alpha_conv3", "alpha_hidden"}
    plain, _, _ = trained(tmp_path, epochs=1)
    assert plain["data"].startswith("digits ")


@pytest.mark.parametrize("given", [
    {"learning_rate": 0.01}, {"momentum": 0.0}, {"weight_decay": 0.1}, {"schedule": "cosine"},
    {"drops": (1,)}, {"optimizer": "adam"}, {"noise": 0.2}, {"augment": True}, {"replays": 2},
    {"blur": "constant", "blur_sigma": 1.0}, {"spectral": SPECTRAL}, ADVERSARIAL,
    {"precision": "bfloat16"}, {"seed": 1}, {"images": 200},
], ids=lambda given: "-".join(given))  # fmt: skip
def test_every_setting_makes_another_network_and_another_file(given, tmp_path):
    _, usual, _ = trained(tmp_path)
    _, other, _ = trained(tmp_path, **given)
    weights = [load_file(path.with_suffix(".safetensors")) for path in (usual, other)]
    assert usual != other
    assert not torch.equal(weights[0]["conv1.weight"], weights[1]["conv1.weight"])


def test_a_penalised_layer_comes_to_the_exponent_asked_for(tmp_path):
    asked = Asked(2.0, 5.0, ("hidden",), (2, 20))
    free = asked._replace(beta=0.0)
    found = {}
    for name, spectral in (("free", free), ("asked", asked)):
        _, _, results = trained(
            tmp_path, epochs=15, images=1400, batch_size=200, spectral=spectral, optimizer="adam"
        )
        found[name] = value(results, "alpha_hidden", "train")
    assert abs(found["asked"] - 2.0) < 0.15 < abs(found["free"] - 2.0)


class Stop(Exception):
    """What stops a training."""


@pytest.mark.parametrize("given", [
    {"noise": 0.1, "augment": True, "schedule": "cosine"},
    {"objective": "free", "settings": {"eps": 0.1, "step_size": 0.1}, "replays": 2},
    {"objective": "trades", "spectral": SPECTRAL, "optimizer": "adam",
     "settings": {"beta": 2, "eps": 0.1, "steps": 2, "step_size": 0.05, "order": "paper"}},
], ids=["augmented", "free", "trades"])  # fmt: skip
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(given, tmp_path, monkeypatch):
    whole = trained(tmp_path / "whole", epochs=4, **given)
    kept = networks.train
    monkeypatch.setattr(
        networks, "train", lambda *args, **more: kept(*args, checkpoint_seconds=0.0, **more)
    )
    done, note = [], networks.note

    def stopping(checkpoint, epoch, *rest):
        note(checkpoint, epoch, *rest)
        done.append(epoch)
        if len(done) == 3:
            raise Stop

    monkeypatch.setattr(networks, "note", stopping)
    with pytest.raises(Stop):
        trained(tmp_path / "parts", epochs=4, **given)
    assert not list((tmp_path / "parts").glob("training/*"))
    assert list((tmp_path / "parts" / ".partial").glob("*.safetensors"))
    trained(tmp_path / "parts", epochs=4, **given)
    assert done == [1, 2, 3, 1, 2, 3, 4]  # the first epochs of the second time are read, not made
    one, other = (
        (folder / "training" / whole[1].with_suffix(".safetensors").name).read_bytes()
        for folder in (tmp_path / "whole", tmp_path / "parts")
    )
    assert one == other
    assert not list((tmp_path / "parts" / ".partial").glob("*"))


@pytest.fixture
def photographs(tmp_path):
    """Two classes that differ in colour: 12 images of each to learn from, 4 to be tested on."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("val", 4)):
        for colour, name in enumerate(("cat", "dog")):
            folder = tmp_path / "photos" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 80, (20, 26, 3), dtype=np.uint8)
                pixels[..., 2 * colour] += 150
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


def tiny():
    torch_net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in torch_net.parameters():
            part.copy_(torch.randn(part.shape, generator=generator) * 0.1)
    return Network("tiny", torch_net.eval(), 10, 8)


def test_a_folder_of_photographs_is_learned_and_tested_on(photographs, tmp_path):
    given = {"network": tiny(), "data": str(photographs), "images": None, "batch_size": 8}
    task, _, results = trained(tmp_path, epochs=8, learning_rate=0.02, **given)
    assert value(results, "accuracy", "test") == 1.0
    assert (task["images"], task["classes"]) == (24, 2)
    assert task["augment"] == "random resized crop, flip"
    still, _, _ = trained(tmp_path, epochs=1, augment=False, **given)
    assert still["augment"] is None
    few, _, _ = trained(tmp_path, epochs=1, **(given | {"images": 9, "batch_size": 4}))
    assert (few["images"], few["data"] != task["data"]) == (9, True)


def test_photographs_are_prepared_as_they_are_measured(photographs):
    from striate.datasets import images

    folder = photographs / "train"
    wanted = torch.cat(list(images(folder, resize=10, crop=8)))
    still = material(str(photographs), tiny(), augment=False)
    assert len(still.images) == 24
    order = torch.tensor([5, 0, 23])
    assert torch.equal(still.images.take(order, torch.Generator()), wanted[order])
    assert still.labels.tolist() == [0] * 12 + [1] * 12
    assert isinstance(material(str(photographs), tiny()).images, ImageSource)
    assert torch.equal(
        torch.cat(list(still.test)), torch.cat(list(images(photographs / "val", resize=10, crop=8)))
    )


def test_folders_without_classes_or_with_others_are_refused(photographs):
    (photographs / "val" / "cat").rename(photographs / "val" / "cow")
    with pytest.raises(ValueError, match="class 'cat' is in one of train and val only"):
        material(str(photographs), tiny())
    (photographs / "val" / "cow" / "0.png").rename(photographs / "val" / "0.png")
    with pytest.raises(ValueError, match="has no classes: all images must lie at train/<class>"):
        material(str(photographs), tiny())
    with pytest.raises(ValueError, match=r"there is no folder .*val.train; give digits, mnist"):
        material(str(photographs / "val"), tiny())


def test_presets_give_what_is_not_given():
    made = plan("resnet50-trades")
    assert (made.objective, made.epochs, made.batch_size, made.augment) == ("trades", 80, 128, True)
    assert made.settings["beta"] == 2.0
    assert [made.rates()(epoch) for epoch in (25, 26, 66)] == pytest.approx([1, 0.1, 0.001])
    shorter = plan("resnet50-trades", epochs=9, drops=(3,), settings={"beta": 6}, augment=False)
    assert shorter.settings == {**made.settings, "beta": 6.0}
    assert (shorter.epochs, shorter.drops, shorter.learning_rate) == (9, (3,), 0.1)
    assert shorter.augment is False
    assert plan("resnet50-igr", schedule="cosine").drops == ()
    assert plan("resnet50-free").replays == 4


def test_the_smallest_batch_must_fill_the_window():
    network = start()
    found = material("digits", network, train_images=310)
    asked = plan(spectral=SPECTRAL, batch_size=100)
    with pytest.raises(ValueError, match="of the smallest batch, of 10 images, it has no such"):
        network_task(network, found, asked, seed=0)
    wide = asked._replace(spectral=of_channels(SPECTRAL))
    assert network_task(network, found, wide, seed=0)["spectral_layers"] == "conv3"


def test_a_penalty_must_be_asked_for_in_each_epoch():
    network = start()
    found = material("digits", network, train_images=300)
    asked = plan(spectral=SPECTRAL._replace(every=4), batch_size=100)
    with pytest.raises(ValueError, match="spectral_every=4 is more than the 3 steps of an epoch"):
        network_task(network, found, asked, seed=0)


def test_a_network_that_knows_a_layer_by_two_names_is_written(tmp_path):
    body = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    model = nn.Sequential(body, nn.Identity())
    model.add_module("last", body[1])
    model.forward = body.forward
    tied = Network("tied", model, 8, 8)
    _, path, _ = trained(tmp_path, network=tied, epochs=1)
    written = load_file(path.with_suffix(".safetensors"))
    assert torch.equal(written["0.1.weight"], written["last.weight"])


def of_channels(asked):
    return asked._replace(units="channels", ranks=(2, 9), layers=("conv3",))


def test_a_network_without_an_output_for_each_class_is_refused():
    odd = odd_one(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))
    with pytest.raises(ValueError, match=r"odd answers an image with \(4,\) numbers, and digits"):
        network_task(odd, material("digits", odd), plan(), seed=0)
    colour = odd_one(nn.Conv2d(3, 10, 8))
    with pytest.raises(ValueError, match=r"images of shape \(1, 8, 8\) do not pass through"):
        network_task(colour, material("digits", colour), plan(), seed=0)


def odd_one(model):
    return Network("odd", model, 8, 8)


def test_asking_for_a_task_changes_no_network(tmp_path):
    """Not even one in training mode, whose normalisation would learn from the batch shown."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(10))
    model(torch.rand(2, 1, 8, 8))
    network = Network("mine", model.train(), resize=8, size=8)
    found = material("digits", network, train_images=300, augment=False, seed=0)
    before = fingerprint(model)
    chosen = plan(epochs=1, batch_size=100)
    tasks = [network_task(network, found, chosen, seed=0) for _ in range(2)]
    assert tasks[0] == tasks[1]
    assert fingerprint(model) == before
    assert model.training
    assert model[1].training


def igr(precision):
    settings = {"strength": 0.3, "h": 0.01}
    return plan(objective="igr", settings=settings, precision=precision)


def test_slopes_that_were_rounded_away_are_not_taken_for_those_of_today():
    """Only there numbers changed: all other tasks keep their names."""
    network = start()
    found = material("digits", network, train_images=300)
    tasks = {name: network_task(network, found, igr(name), seed=0) for name in PRECISIONS}
    assert "slopes" not in tasks["float32"]
    for name in ("bfloat16", "float16"):
        assert tasks[name]["slopes"] == "without autocast"
    other = plan(precision="bfloat16")
    assert "slopes" not in network_task(network, found, other, seed=0)


class Moody(nn.Module):
    """Answers in training mode with something else, as networks with auxiliary outputs do."""

    def __init__(self, answer):
        super().__init__()
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Dropout(0.5))
        self.answer = answer

    def forward(self, x):
        logits = self.hidden(x)
        return self.answer(logits) if self.training else logits


@pytest.mark.parametrize(("answer", "given"), [
    (lambda logits: (logits, logits), "tuple"),
    (lambda logits: {"out": logits}, "dict"),
    (lambda logits: logits[:, :5], r"\(100, 5\)"),
], ids=["tuple", "dict", "fewer"])  # fmt: skip
def test_a_network_that_answers_otherwise_in_training_mode_is_refused(answer, given):
    odd = odd_one(Moody(answer))
    found = material("digits", odd, train_images=300)
    state = torch.get_rng_state()
    message = rf"odd answers with logits in evaluation mode, and with {given} in training mode"
    with pytest.raises(ValueError, match=message):
        network_task(odd, found, plan(), seed=0)
    assert torch.equal(torch.get_rng_state(), state)


class OfFour(nn.Module):
    """Compares the images of a batch four at a time while it is trained."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

    def forward(self, x):
        logits = self.body(x)
        return logits.view(-1, 4, 10).flatten(0, 1) if self.training else logits


def test_a_network_that_needs_a_batch_in_training_mode_is_shown_one():
    grouped = odd_one(OfFour())
    found = material("digits", grouped, train_images=300)
    assert network_task(grouped, found, plan(batch_size=100), seed=0)["batch_size"] == 100
    message = (
        "batch_size=250 leaves a last batch of 50 images, on which odd cannot be trained .*inv"
    )
    with pytest.raises(ValueError, match=message):
        network_task(grouped, found, plan(batch_size=250), seed=0)


class Idle(nn.Module):
    """With a part that takes part in no answer, though it may run."""

    def __init__(self, spare, *, runs=False):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Dropout(0.5))
        self.spare, self.runs = spare, runs

    def forward(self, x):
        if self.runs:
            self.spare(x.flatten(1))
        return self.body(x)


def test_of_several_processes_none_waits_for_a_gradient_that_never_comes():
    idle = odd_one(Idle(nn.Linear(3, 3)))
    frozen = odd_one(Idle(nn.Linear(3, 3).requires_grad_(False)))
    found = material("digits", idle, train_images=300)
    assert network_task(idle, found, plan(), seed=0)["seed"] == 0  # alone it does no harm
    message = (
        "odd has parameters that take no part in its answer, and 2 processes wait for the gradient "
        r"of each: spare\.weight, spare\.bias; set requires_grad=False"
    )
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match=message):
        network_task(idle, found, plan(), seed=0, processes=2)
    assert network_task(frozen, found, plan(), seed=0, processes=2)["processes"] == 2
    assert torch.equal(torch.get_rng_state(), state)


def test_a_layer_that_is_penalised_takes_part():
    odd = odd_one(Idle(nn.Linear(64, 30), runs=True))
    found = material("digits", odd, train_images=300)
    with pytest.raises(ValueError, match=r"spare\.weight, spare\.bias; set requires_grad=False"):
        network_task(odd, found, plan(), seed=0, processes=2)
    asked = plan(spectral=SPECTRAL._replace(layers=("spare",)))
    assert network_task(odd, found, asked, seed=0, processes=2)["processes"] == 2


def test_batches_of_which_a_process_trains_on_one_image_need_a_network_that_can():
    model = nn.Sequential(nn.Conv2d(1, 4, 8), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 10))
    found = material("digits", odd_one(model), train_images=103)
    assert network_task(odd_one(model), found, plan(batch_size=100), seed=0)
    message = "leaves a last batch of 3 images for 2 processes, on which odd cannot be trained"
    with pytest.raises(ValueError, match=message):
        network_task(odd_one(model), found, plan(batch_size=100), seed=0, processes=2)


class InPlace(nn.Module):
    def __init__(self, *, chance=0.0):
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), nn.Dropout(chance), nn.Linear(64, 10))

    def forward(self, x):
        return self.inner(x.sub_(0.3).div_(0.35))


def test_a_network_that_normalises_in_place_leaves_the_test_images_as_they_are(tmp_path):
    network = Network("nets.py:in_place", InPlace(), 8, 8)
    found = material("digits", network, train_images=200, seed=0)
    before, labels = found.test[0].clone(), found.test_labels
    for rate in (0.05, 0.051):
        chosen = plan(epochs=1, batch_size=100, learning_rate=rate)
        task = network_task(network, found, chosen, seed=0)
        path = tmp_path / f"{rate}.json"
        results = train_network(
            task, path, network=network, material=found, plan=chosen, folder=tmp_path
        )
        (weights,) = {one.settings["weights"] for one in results if "weights" in one.settings}
        twin = InPlace().eval()
        twin.load_state_dict(load_file(next(tmp_path.rglob(weights))))
        with torch.no_grad():
            logits = twin(torch.cat([batch.clone() for batch in found.test]))
        right = (logits.argmax(1) == labels).double().mean().item()
        assert value(results, "accuracy", "test") == pytest.approx(right)
        assert torch.equal(found.test[0], before)


def test_igr_of_a_network_that_draws_has_a_name_of_its_own():
    """Before, the difference of two draws was taken for a slope."""
    for objective, chance, draws in (("igr", 0.1, True), ("igr", 0.0, False), ("free", 0.1, False)):
        network = Network("nets.py:drops", InPlace(chance=chance), 8, 8)
        settings = {"igr": {"strength": 0.3, "h": 0.01}, "free": {"eps": 0.1, "step_size": 0.1}}
        found = material("digits", network, train_images=200, seed=0)
        chosen = plan(objective=objective, settings=settings[objective], batch_size=100)
        task = network_task(network, found, chosen, seed=0)
        assert task.get("draws") == ("alike in both passes" if draws else None)


def test_a_training_that_diverged_in_its_last_step_is_told_as_one():
    """No step is left whose loss would say so."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    nn.init.constant_(net[1].weight, 1e38)
    data = digits("test")
    with pytest.raises(
        ValueError, match="after its last step the network's loss on test images is"
    ):
        epochs.tested(net, [data.images[:20], data.images[20:50]], data.labels[:50])


@pytest.mark.parametrize("rate", [0.0, -0.1, 1e7, float("nan"), float("inf")])
def test_a_learning_rate_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match="give a number above 0 and up to 1e\\+06"):
        plan(learning_rate=rate)


def test_a_penalised_layer_may_have_a_space_in_its_name(tmp_path):
    net = nn.Sequential()
    for name, layer in (
        ("flat", nn.Flatten()),
        ("a b", nn.Linear(64, 30)),
        ("c", nn.Linear(30, 10)),
    ):
        net.add_module(name, layer)
    asked = Asked(1.0, 0.1, ("a b",), (2, 10))
    *_, results = trained(tmp_path, network=Network("nets.py:net", net, 8, 8), spectral=asked)
    assert any(one.name == "alpha_a b" for one in results)
