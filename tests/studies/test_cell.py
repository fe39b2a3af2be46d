from functools import partial

import pytest
import scipy.linalg  # noqa: F401  the pools it brings are to be limited, too
import torch
from threadpoolctl import threadpool_limits

from striate.datasets import digits
from striate.models import deep_mlp, keras_adam, shallow_mlp
from striate.results import Curve, Score
from striate.spectra import SpectralPenalty, batch_alpha
from striate.studies.gerum2022 import cell, measure, tasks
from striate.study.robustness import network_robustness
from striate.training import Step, train

EPSILONS = (0.0, 0.1, 0.3)
SMALL = {
    "alphas": (1.0,),
    "betas": (1.0,),
    "epochs": 2,
    "attack_epochs": (2,),
    "epsilons": EPSILONS,
    "train_images": 300,
    "attack_images": 20,
    "batch_size": 120,  # 120, 120 and 60 images
    "ranks": (3, 30),
}


def one(network="shallow_mlp", **changes):
    """The first cell of a small grid on digits."""
    return tasks(
        preset="quick",
        protocol="paper",
        data="digits",
        network=network,
        overrides={**SMALL, **changes},
    )[0]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The bits of a sum depend on how many threads share it; and the machine may be busy."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return measure(one(), tmp_path_factory.mktemp("cell") / "cell.json")


def kinds(results):
    return [
        (
            type(result).__name__,
            result.name,
            result.settings.get("on") or result.settings["part"],
            result.settings["epoch"],
        )
        for result in results
    ]


def pick(results, *kind):
    (found,) = (result for result, one in zip(results, kinds(results), strict=True) if one == kind)
    return found


def untimed(results):
    return [result for result in results if result.name != "seconds"]


def attacked(epoch):
    return {
        ("Curve", "accuracy_fgsm", "test", epoch),
        ("Curve", "accuracy_pgd", "test", epoch),
        ("Curve", "eigenspectrum", "test", epoch),
    }


LASTING = {
    *(
        (kind, name, on, 2)
        for kind in ("Curve", "Score")
        for name, on in [
            ("loss", "train"),
            ("accuracy", "train"),
            ("accuracy", "test"),
            ("alpha", "train"),
            ("alpha", "test"),
        ]
    ),
    ("Score", "seconds", "training", 2),
    ("Score", "seconds", "measuring alpha", 2),
    ("Score", "seconds", "attacking", 2),
}
HALVED = {("Score", f"epsilon_half_{name}", "test", 2) for name in ("fgsm", "pgd")}


def test_a_cell_measures_what_the_figures_need_and_nothing_twice(measured):
    found = kinds(measured)
    assert len(set(found)) == len(found)
    assert set(found) - HALVED == LASTING | attacked(2)


def test_each_result_carries_every_setting_of_its_cell(measured):
    task = one()
    for result in measured:
        assert task.items() <= result.settings.items()
        assert result.source == "shallow_mlp on digits, β = 1, α* = 1, seed 1234"


def test_curves_by_epoch_end_in_the_scores(measured):
    for name, on in [("loss", "train"), ("accuracy", "test"), ("alpha", "train")]:
        curve, last = (pick(measured, kind, name, on, 2) for kind in ("Curve", "Score"))
        assert curve.x == (1.0, 2.0)
        assert curve.y[-1] == last.value
    assert pick(measured, "Score", "alpha", "train", 2).error is not None


def test_the_attacks_are_those_of_the_task(measured):
    for name in ("fgsm", "pgd"):
        curve = pick(measured, "Curve", f"accuracy_{name}", "test", 2)
        assert curve.x == EPSILONS
        assert curve.settings["images"] == 20
        assert all(round(20 * y, 4) == round(20 * y) for y in curve.y)
        halving = [r for r in measured if r.name == f"epsilon_half_{name}"]
        assert len(halving) == (min(curve.y) <= curve.y[0] / 2)


def test_numbers_are_those_of_the_network_that_the_task_describes(tmp_path):
    """Measured again, on a network trained here for the one epoch of a baseline: to the bit."""
    task = one(betas=(0.0,), epochs=1, attack_epochs=(1,))
    found = measure(task, tmp_path / "cell.json")
    (images, labels, _), (test_images, test_labels, _) = digits("train"), digits("test")
    model = shallow_mlp((1, 8, 8), 10, seed=1234)
    adam = keras_adam(model.parameters(), learning_rate=1e-3)
    alphas = []

    def objective(model, images, labels):
        hidden = model[:3](images)
        logits = model[3](hidden)
        alphas.append(batch_alpha(hidden, ranks=(3, 30)).item())
        return Step(torch.nn.functional.cross_entropy(logits, labels), logits, {})

    list(
        train(
            model,
            images[:300],
            labels[:300],
            objective=objective,
            optimizer=adam,
            epochs=1,
            batch_size=120,
            seed=1234,
        )
    )
    with torch.no_grad():
        right = (model(test_images).argmax(1) == test_labels).float().mean().item()
        alpha = batch_alpha(model[:3](test_images), ranks=(3, 30)).item()
    assert pick(found, "Score", "accuracy", "test", 1).value == right
    assert pick(found, "Score", "alpha", "test", 1).value == alpha
    trained = pick(found, "Score", "alpha", "train", 1)
    assert trained.value == pytest.approx(sum(alphas) / 3, rel=1e-12)
    assert task["target"] is None
    assert found[0].source == "shallow_mlp on digits, β = 0, seed 1234"
    assert len(pick(found, "Curve", "eigenspectrum", "test", 1).x) == 359


DEEP = {"network": "deep_mlp", "layers": "all", "width": 40, "weight_decay": 0.01}


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_every_hidden_layer_may_be_penalised_in_a_narrow_network_with_decay(tmp_path, beta):
    """Trained again here, step by step; the solver is exact so that the bits may be compared."""
    task = one(**DEEP, betas=(beta,), epochs=1, attack_epochs=(1,), solver="exact")
    found = measure(task, tmp_path / "cell.json")
    images, labels, _ = digits("train")
    model = deep_mlp((1, 8, 8), 10, seed=1234, width=40)
    adam = keras_adam(model.parameters(), learning_rate=1e-3, weight_decay=0.01)
    penalty = SpectralPenalty(alpha=1.0, beta=beta, ranks=(3, 30), solver="exact")
    alphas = {"alpha_tanh1": [], "alpha_tanh2": [], "alpha": []}

    def objective(model, images, labels):
        hidden = [model[: 1 + 2 * depth](images) for depth in (1, 2, 3)]
        for values, layer in zip(alphas.values(), hidden, strict=True):
            values.append(batch_alpha(layer, ranks=(3, 30)).item())
        loss = torch.nn.functional.cross_entropy(model[-1](hidden[-1]), labels)
        return Step(loss + sum(map(penalty, hidden)), model(images), {})

    settings = {"epochs": 1, "batch_size": 120, "seed": 1234, "optimizer": adam}
    epochs = train(model, images[:300], labels[:300], objective=objective, **settings)
    trained = {result.name: result for result in next(epochs) if isinstance(result, Score)}
    for name, values in alphas.items():
        mean = pick(found, "Score", name, "train", 1).value
        assert mean == pytest.approx(sum(values) / 3, rel=1e-5)
        assert pick(found, "Curve", name, "train", 1).y == (mean,)
    assert pick(found, "Score", "loss", "train", 1).value == pytest.approx(
        trained["loss"].value, rel=1e-5
    )


def test_a_layer_and_a_network_are_built_as_the_task_asks():
    wide, narrow = (cell.build(one(width=width), (1, 8, 8), 10, seed=1) for width in (None, 70))
    assert (wide.output.in_features, narrow.output.in_features) == (2000, 70)
    deep = cell.build(one("deep_mlp"), (1, 8, 8), 10, seed=1)
    assert list(cell._penalties(one("deep_mlp"), deep)) == ["hidden"]
    penalties = cell._penalties(one(network="deep_mlp", layers="all", solver="subspace"), deep)
    assert list(penalties) == ["tanh1", "tanh2", "hidden"]
    # A penalty may remember the last spectrum it saw, which is that of one layer.
    assert len(set(map(id, penalties.values()))) == 3
    assert {penalty.tracker.solver for penalty in penalties.values()} == {"subspace"}


def test_a_cell_twice_is_the_same_twice(measured, tmp_path):
    torch.manual_seed(17)
    again = measure(one(), tmp_path / "cell.json")
    assert untimed(again) == untimed(measured)
    assert kinds(again) == kinds(measured)


def test_another_seed_is_another_network(measured, tmp_path):
    (_, task) = tasks(
        preset="quick",
        protocol="paper",
        data="digits",
        network="shallow_mlp",
        overrides={**SMALL, "seeds": 2},
    )
    other = measure(task, tmp_path / "cell.json")
    assert kinds(other) == kinds(measured)
    for kind in [("Score", "loss", "train", 2), ("Score", "alpha", "test", 2)]:
        assert pick(other, *kind).value != pick(measured, *kind).value


def test_an_interrupted_cell_goes_on_to_the_same_results(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(cell, "train", partial(train, checkpoint_seconds=0.0))

    def interrupt(checkpoint, epoch, epochs, text):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cell, "note", interrupt)
        with pytest.raises(KeyboardInterrupt):
            measure(one(), tmp_path / "cell.json")
    assert (tmp_path / "cell-1.safetensors").exists()
    assert untimed(measure(one(), tmp_path / "cell.json")) == untimed(measured)


def test_an_attack_at_two_epochs_leaves_two_curves_each(tmp_path):
    found = kinds(measure(one(attack_epochs=(1, 2)), tmp_path / "cell.json"))
    lasting = {kind for kind in found if not kind[1].startswith("epsilon_half")}
    assert len(set(found)) == len(found)
    assert lasting == LASTING | attacked(1) | attacked(2)


def test_word_of_the_progress_is_left_for_others_and_removed(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(cell, "note", lambda *words: told.append(words[1:]))
    measure(one(), tmp_path / "cell.json")
    assert [(epoch, epochs) for epoch, epochs, _ in told] == [(1, 2), (2, 2)]
    assert all("α " in text and "accuracy 0." in text for _, _, text in told)


def test_the_strength_that_halves_accuracy_is_given_where_it_is_reached():
    (half,) = cell._halving("pgd", Curve("accuracy_pgd", (0.0, 0.1, 0.2), (0.8, 0.6, 0.2)), 7)
    assert half.name == "epsilon_half_pgd"
    assert half.value == pytest.approx(0.15)
    assert half.settings == {"on": "test", "epoch": 7}
    assert cell._halving("pgd", Curve("accuracy_pgd", (0.0, 0.1), (0.8, 0.5)), 7) == []


def test_a_verdict_is_added_where_it_is_asked_for(measured, tmp_path):
    asked = one(verdict=True)
    assert asked.items() - one().items() == {("verdict", "against a baseline")}
    found = measure(asked, tmp_path / "cell.json")
    judged = [result for result in found if result.name in ("sign", "probe", "verdict")]
    assert [result.name for result in judged].count("sign") == 6
    assert [one.settings["probe"] for one in judged if one.name == "probe"][-1] == "transfer"
    (verdict,) = (result for result in judged if result.name == "verdict")
    assert verdict.settings["eps"] == 0.05
    assert verdict.settings["on"] == "test"
    assert verdict.settings["verdict"] in ("robust", "masked", "undecided", "none")
    assert not list(tmp_path.glob("*undefended*"))
    others = [result for result in found if result not in judged]
    assert kinds(others) == kinds(measured)


def test_a_network_with_a_penalty_is_judged_against_the_same_one_without(tmp_path):
    settings = {"verdict": True, "betas": (0.0, 1.0), "attack_images": 100}
    overrides = {**SMALL, **settings}
    without, with_one = tasks(
        preset="quick", protocol="paper", data="digits", network="shallow_mlp", overrides=overrides
    )
    verdicts = []
    for task in (without, with_one):
        found = measure(task, tmp_path / f"{task['label']}.json")  # where it leaves a checkpoint
        verdicts += [one.settings for one in found if one.name == "verdict"]
    assert verdicts[0]["baseline"] is None
    assert verdicts[1]["baseline"] == pytest.approx(verdicts[0]["plain"])
    assert verdicts[1]["plain"] != pytest.approx(verdicts[0]["plain"])


def test_networks_to_judge_by_are_trained_once_and_few_are_kept(tmp_path, monkeypatch):
    trainings = []

    def counted(*given, **settings):
        trainings.append(settings["task"]["label"])
        return train(*given, **settings)

    monkeypatch.setattr(cell, "_UNDEFENDED", {})
    monkeypatch.setattr(cell, "train", counted)
    for seed in (1, 2, 1):
        measure({**one(verdict=True), "seed": seed}, tmp_path / f"{seed}.json")
    assert trainings.count("undefended") == 2
    left = tmp_path / "left.undefended.json"  # by a run that was stopped
    left.write_text("{}")
    measure({**one(verdict=True), "seed": 1}, tmp_path / "left.json")
    assert not left.exists()
    assert trainings.count("undefended") == 2
    monkeypatch.setattr(cell, "KEPT", 1)
    measure({**one(verdict=True), "seed": 3}, tmp_path / "3.json")
    assert len(cell._UNDEFENDED) == 1


@pytest.mark.parametrize(("asked", "judged"), [({}, 100), ({"verdict_images": 30}, 30)])
def test_a_verdict_is_by_as_many_images_as_asked(tmp_path, asked, judged):
    """At most those attacked; the network without a penalty is compared on the same ones."""
    found = measure(one(verdict=True, attack_images=100, **asked), tmp_path / "cell.json")
    (verdict,) = (one for one in found if one.name == "verdict")
    for share in (verdict.settings["plain"], verdict.settings["baseline"]):
        assert share * judged == pytest.approx(round(share * judged), abs=1e-9)


def test_guessing_is_among_the_classes_there_are(monkeypatch, tmp_path):
    """However few images are attacked."""
    judges = []

    def kept(*given, judge, **settings):
        judges.append(judge)
        return network_robustness(*given, judge=judge, **settings)

    monkeypatch.setattr(cell, "network_robustness", kept)
    measure({**one(verdict=True), "attack_images": 3}, tmp_path / "cell.json")
    assert judges[0].classes == 10


def test_no_cell_is_judged_by_the_network_of_another(tmp_path, monkeypatch):
    """All of one seed and in one process: each gets what it would get if it were the only one."""
    images, labels, _ = digits("train")
    cells = [
        (one(), images), (one(network="deep_mlp", width=40), images), (one(width=70), images),
        (one(epochs=1, attack_epochs=(1,)), images), (one(learning_rate=2e-3), images),
        (one(batch_size=100), images), ({**one(), "data": "negatives"}, 1 - images),
    ]  # fmt: skip

    def undefended(task, shown):
        return cell._undefended(task, shown[:300], labels[:300], 10, tmp_path / "cell.json")

    monkeypatch.setattr(cell, "_UNDEFENDED", {})
    together = [undefended(*given) for given in cells]
    assert undefended(one(betas=(2.0,), alphas=(3.0,)), images) is together[0]
    for given, network in zip(cells, together, strict=True):
        monkeypatch.setattr(cell, "_UNDEFENDED", {})
        alone, found = undefended(*given).state_dict(), network.state_dict()
        assert alone.keys() == found.keys()
        assert all(torch.equal(alone[name], found[name]) for name in alone)
