import contextlib
import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg  # noqa: F401  the pools it brings are to be limited, too
from PIL import Image
from threadpoolctl import threadpool_limits

from datasets.test_nwb import write
from striate import __version__, results
from striate.report import write as write_report
from striate.studies import gerum2022
from typed import striate

GRID = (
    "run gerum2022 --alphas 1,2,3 --betas 0,1 --epochs 5 --train-images 120 --batch-size 60 "
    "--ranks 2-20 --epsilons 0,0.1 --attack-images 20"
)
LABELS = [
    "shallow_mlp-digits-beta0-seed1234",
    *(f"shallow_mlp-digits-beta1-alpha{alpha}-seed1234" for alpha in (1, 2, 3)),
]


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data but the digits, and a folder to be in that is nobody's."""
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The bits of a sum depend on how many threads share it: one here, one in each of two jobs."""
    with threadpool_limits(1):
        yield


def process(words, folder):
    """Type a command on a machine of two cores; the group of processes it starts is its own."""
    program = "import os; os.cpu_count = lambda: 2; from striate.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *shlex.split(words)],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background of a shell are deaf to ctrl-C, and so would this be.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def files(folder):
    return {path.name: path.stat().st_mtime_ns for path in results.paths(folder / "gerum2022")}


def measured(folder):
    """What each file says, but for how long it took."""
    return {
        path.name: [result for result in results.load(path) if result.name != "seconds"]
        for path in results.paths(folder / "gerum2022")
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The results of the whole grid, trained one network at a time, and what was said."""
    folder = tmp_path_factory.mktemp("whole")
    status, out, err = striate(f"{GRID} --results {folder}")
    assert (status, out) == (0, "")
    return folder, err


def test_the_version_is_told_without_loading_torch():
    program = (
        "import sys\n"
        "from striate import cli\n"
        "sys.argv = ['striate', '--version']\n"
        "try:\n"
        "    cli.main()\n"
        "except SystemExit as leaving:\n"
        "    print(leaving.code, sorted({'torch', 'numpy', 'pandas'} & sys.modules.keys()))\n"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert asked.stdout == f"striate {__version__}\n0 []\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "Measure how a network represents images"),
        ("run", "what is done already is skipped"),
        ("report", "one page that explains them"),
        ("table", "measured beside published"),
        ("data", "where they are, and get them"),
        ("data list", "where each data set would be read from"),
        ("data fetch", "checked by SHA-256"),
        ("data verify", "from end to end"),
        ("measure tuning", "how like V1 that is"),
        ("visualize", "one PNG each"),
    ],
)
def test_every_command_explains_itself(words, says):
    status, out, err = striate(f"{words} --help")
    assert (status, err) == (0, "")
    assert says in " ".join(out.split())


def test_a_run_says_what_it_does_and_what_to_type_next(whole):
    folder, said = whole
    assert "digits train: 1437 images of 1x8x8" in said
    assert f"4 networks, results in {folder}" in said
    for i, label in enumerate(LABELS, start=1):
        assert f"   {i}/4  {label}  " in said
        assert f"{label}  was there" not in said
    assert said.endswith(f"next: striate report --results {folder}\n")
    assert [name.rpartition("-")[0] for name in sorted(files(folder))] == LABELS


def test_fewer_epochs_move_the_attack_to_the_new_end(whole):
    for path in results.paths(whole[0] / "gerum2022"):
        task = results.read_record(path)["task"]
        assert (task["epochs"], task["attack_epochs"]) == (5, "5")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_screen_that_knows_no_greek_gets_all_the_same_what_was_found(whole, encoding):
    folder, _ = whole
    words = [sys.executable, "-m", "striate.cli", "table", "--results", str(folder)]
    there = {**os.environ, "PYTHONIOENCODING": encoding}
    found = subprocess.run(words, env=there, capture_output=True)
    assert found.returncode == 0, found.stderr
    text = found.stdout.decode(encoding)
    assert "\\u03b1" in text  # α
    assert text.count("shallow_mlp") == striate(f"table --results {folder}")[1].count("shallow_mlp")


def test_the_same_command_again_does_nothing(whole):
    folder, _ = whole
    before = files(folder)
    status, _, said = striate(f"{GRID} --results {folder}")
    assert status == 0
    assert [line.split() for line in said.splitlines() if "was there" in line] == [
        [f"{i}/4", label, "was", "there"] for i, label in enumerate(LABELS, start=1)
    ]
    assert files(folder) == before


def test_a_dry_run_tells_what_is_left_to_do_and_touches_nothing(whole):
    status, out, _ = striate(f"{GRID} --results new --dry-run")
    assert (status, out) == (0, "".join(f"to do\t{label}\n" for label in LABELS))
    assert not Path("new").exists()
    more = GRID.replace("1,2,3", "1,2,3,4")
    status, out, _ = striate(f"{more} --results {whole[0]} --dry-run")
    assert out.splitlines() == [
        *(f"done\t{label}" for label in LABELS),
        "to do\tshallow_mlp-digits-beta1-alpha4-seed1234",
    ]


def test_every_option_reaches_the_grid(monkeypatch):
    asked = {}
    monkeypatch.setattr(gerum2022, "tasks", lambda **words: asked.update(words) or [])
    words = (
        "--preset 2023 --protocol authors --data mnist --network cnn --alphas 1,2.5 --betas 0,3 "
        "--seeds 4 --form line --ranks 2-9 --epochs 7 --attack-epochs 3,7 --epsilons 0,0.1 "
        "--batch-size 50 --learning-rate 0.01 --train-images 80 --attack-images 20 "
        "--solver subspace --layers all --width 70 --weight-decay 0.001 --every 4 "
        "--verdict --verdict-n 15"
    )
    assert striate(f"run gerum2022 {words} --dry-run")[0] == 0
    assert asked == {
        "preset": "2023",
        "protocol": "authors",
        "data": "mnist",
        "network": "cnn",
        "overrides": {
            "alphas": (1.0, 2.5),
            "betas": (0.0, 3.0),
            "seeds": 4,
            "form": "line",
            "ranks": (2, 9),
            "epochs": 7,
            "attack_epochs": (3, 7),
            "epsilons": (0.0, 0.1),
            "batch_size": 50,
            "learning_rate": 0.01,
            "train_images": 80,
            "attack_images": 20,
            "solver": "subspace",
            "layers": "all",
            "width": 70,
            "weight_decay": 0.001,
            "every": 4,
            "verdict": True,
            "verdict_images": 15,
        },
    }
    assert asked["overrides"].keys() == set(gerum2022.Plan._fields)


def test_report_and_table_follow_from_the_results(whole):
    folder, _ = whole
    before = files(folder)
    status, out, err = striate(f"report --results {folder} --out page")
    assert (status, out, err) == (0, "page/report.html\n", "")
    assert "shallow MLP on digits" in Path("page/report.html").read_text(encoding="utf-8")
    status, out, err = striate(f"table --results {folder}")
    assert (status, err) == (0, "")
    rows = [row for row in out.splitlines() if row.startswith("│")]
    assert len(rows) == 4
    assert "shallow MLP on digits" in rows[0]
    assert files(folder) == before


def test_claims_are_judged_in_markdown(whole):
    status, out, err = striate(f"table --claims --results {whole[0]}")
    assert (status, err) == (0, "")
    heading, rule, *rows = out.splitlines()
    assert heading.startswith("| network | claim |")
    assert set(rule) == set("| -")
    assert any(row.endswith("| no such networks were trained |") for row in rows)


def test_data_sets_are_listed_with_where_they_are():
    status, out, err = striate("data list")
    assert (status, err) == (0, "")
    assert "sklearn" in next(line for line in out.splitlines() if "digits" in line)
    for name in ("mnist", "cifar10"):
        line = next(line for line in out.splitlines() if name in line)
        assert f"not here; striate data fetch {name}" in line


def test_the_digits_are_verified_and_need_no_fetching():
    status, out, err = striate("data verify digits")
    assert (status, err) == (0, "")
    assert "1437 train and 360 test images" in out
    status, out, err = striate("data fetch digits")
    assert (status, err) == (0, "")
    assert Path(out.strip()).is_dir()


def wait_for(condition, seconds=120.0):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(whole, tmp_path, jobs):
    """With several jobs this also shows that they find what one job finds."""
    command = f"{GRID} --results {tmp_path / 'results'} --jobs {jobs}"
    stopped = process(command, tmp_path)
    wait_for(lambda: list((tmp_path / "results" / "gerum2022").glob("*.json")))
    stopped.send_signal(signal.SIGINT)
    out, said = stopped.communicate(timeout=60)
    assert (stopped.returncode, out) == (130, "")
    assert said.endswith("stopped; the same command goes on from here\n")
    assert "Traceback" not in said
    wait_for(lambda: gone(stopped.pid), seconds=20)

    before = files(tmp_path / "results")
    assert 1 <= len(before) < 4
    assert len(list(results.load_all(tmp_path / "results"))) > 0
    status, _, said = striate(command)
    assert status == 0
    assert said.count("was there") == len(before)
    wait_for(lambda: not multiprocessing.active_children(), seconds=20)
    after = files(tmp_path / "results")
    assert before.items() <= after.items()
    assert measured(tmp_path / "results") == measured(whole[0])
    left = {path.suffix for path in (tmp_path / "results" / ".partial").iterdir()}
    assert left.isdisjoint({".json", ".safetensors", ".progress"})


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_do_not_outlive_a_command_that_was_killed(tmp_path):
    killed = process(GRID.replace("--epochs 5", "--epochs 5000") + " --jobs 2", tmp_path)
    wait_for(lambda: list((tmp_path / "results" / ".partial").glob("*.progress")))
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    try:
        wait_for(lambda: gone(killed.pid), seconds=20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()


SQUEEZENET = Path(__file__).parents[1] / "examples" / "squeezenet.py"


def test_the_layers_of_a_network_are_listed():
    status, out, _ = striate(f"models layers {SQUEEZENET}:untrained --layers 'features.?,**.4'")
    lines = [line.split("\t") for line in out.splitlines()]
    assert status == 0
    assert [line[0] for line in lines] == [f"features.{n}" for n in range(10)]
    assert lines[2] == ["features.2", "MaxPool2d", "64×55×55", "193600", ""]


@pytest.mark.parametrize(("words", "said"), [
    ("NET:untrained --layers features.99", "layers='features.99' fits no layer of this SqueezeNet"),
    ("NET:trained", "set STRIATE_DATA to a folder that holds weights/squeezenet1_1_imagenet"),
    ("resnet18", "model='resnet18'; give torchvision/NAME, timm/NAME, kong2021/NAME, "),
])  # fmt: skip
def test_a_network_or_layer_that_does_not_exist_is_explained(words, said):
    status, out, err = striate(f"models layers {words.replace('NET', str(SQUEEZENET))}")
    assert (status, out) == (2, "")
    assert said in err


# --- spectra

TINY = """
import torch
from torch import nn
from striate.models import Network

def net():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)
    return Network("tiny", nn.Sequential(*layers), 8, 8)
"""


@pytest.fixture
def lab(tmp_path):
    """A network in a file, a folder of photographs, and a recording with its images."""
    rng = np.random.default_rng(0)
    (tmp_path / "tiny.py").write_text(TINY)
    (tmp_path / "photos").mkdir()
    for number in range(80):
        pixels = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    signal = rng.normal(size=(80, 12)) * np.arange(1, 13) ** -0.5
    np.savez(
        tmp_path / "v1.npz",
        responses=(signal + 0.3 * rng.normal(size=(4, 80, 12)) + 5).astype("float32"),
        images=rng.integers(0, 256, (80, 10, 10), dtype=np.uint8),
    )
    return tmp_path


def scores(out):
    return [line.split("\t") for line in out.splitlines()]


def test_the_spectra_of_a_network_are_measured_once(lab):
    words = "measure spectrum tiny.py:net --images photos --layers 1,3 --memory 100MB"
    status, out, err = striate(words)
    assert status == 0, err
    assert {(line[0], line[1]) for line in scores(out)} == {
        (name, "1") for name in ("alpha", "alpha_all_images", "r_squared", "residual_sd")
    }
    assert "ranks 10-39" in out
    (file,) = (lab / "results" / "spectra").glob("*.json")
    written = file.stat().st_mtime_ns
    assert striate(words)[1] == out
    assert file.stat().st_mtime_ns == written
    assert not list((lab / "results" / ".partial").glob("*"))
    found = results.load(file)
    assert {curve.settings["layer"] for curve in found if curve.name == "eigenspectrum"} == {
        "1",
        "3",
    }
    assert all(result.settings["model"] == "tiny.py:net" for result in found)
    assert all(result.settings["pictures"].startswith("photos ") for result in found)


def test_the_spectrum_of_a_recording_is_measured(lab):
    status, out, err = striate("spectrum v1.npz --ranks 2-8 --shuffles 3")
    assert status == 0, err
    assert [line[:2] for line in scores(out)] == [
        [name, method]
        for method in ("cvPCA", "PCA of the trial mean")
        for name in ("alpha", "r_squared", "residual_sd")
    ]
    assert "4 repeats x 80 stimuli x 12 units" in err


def test_stimuli_that_are_left_out_are_told_before_work(lab):
    held = dict(np.load("v1.npz"))
    held["responses"][:, 30:, 4] = np.nan
    np.savez("rare.npz", **held)
    told = "50 of 80 stimuli are left out: unit 4 (counted from 0) has no two trials of 50; leave"
    for words in ("spectrum rare.npz --ranks 1-3", "compare tiny.py:net rare.npz --ranks 1-3"):
        status, _, err = striate(words + " --layers 0" * words.startswith("compare"))
        assert status == 0, err
        assert told in err


def test_a_window_that_was_shortened_is_told(lab):
    status, out, err = striate("spectrum v1.npz --ranks 2-20 --shuffles 3")
    assert status == 0, err
    assert "ranks 2-11" in out
    assert "fitted to ranks 2-11: there are too few stimuli or units for 2-20" in err
    assert "fitted to" not in striate("spectrum v1.npz --ranks 2-8 --shuffles 3")[2]


def test_a_recording_that_says_nothing_of_its_window_is_told_it(lab):
    shown, onsets = np.arange(30).repeat(2), np.arange(60.0)
    spikes = [  # as many after an onset as the stimulus says, and the neuron
        np.sort(
            np.concatenate(
                [t + 0.01 * np.arange(s * n % 7) for t, s in zip(onsets, shown, strict=True)]
            )
        )
        for n in (1, 2, 3)
    ]
    write(lab / "session.nwb", shown=shown, onsets=onsets, spikes=spikes)
    status, _, err = striate("spectrum session.nwb --ranks 1-2")
    assert status == 2
    assert "needs start_s and length_s" in err
    read = "--read start_s=0.0 --read length_s=0.5 --read table=trials --read drop=0,1"
    status, out, err = striate(f"spectrum session.nwb --ranks 1-2 --shuffles 2 {read}")
    assert status == 0, err
    assert "spikes counted from 0 to 0.5 s after the onset, by intervals/trials" in err
    assert "dropped 4 presentations of no stimulus" in err
    assert scores(out)[0][0] == "alpha"


def test_layers_without_an_exponent_and_photographs_that_cannot_be_read_are_told(lab):
    (lab / "photos" / "7.png").write_bytes(b"no image")
    (lab / "photos" / "8.png").write_bytes(b"no image")
    status, out, err = striate("measure spectrum tiny.py:net --images photos --layers 3")
    assert (status, out) == (0, "")
    assert "no α of layer 3: too few directions vary for a window\n" in err
    assert "photos: left out, for they cannot be read: 7.png (cannot identify" in err
    assert "and 1 more\n" in err
    (file,) = (lab / "results" / "spectra").glob("*.json")
    assert "7.png" in results.read_record(file)["task"]["left_out"]
    assert "no layer was wide enough" in write_report(lab / "results").read_text()


@pytest.mark.parametrize(("words", "attacked"), [
    ("", "50 100"), ("--epochs 100", "50 100"), ("--epochs 60", "60"), ("--epochs 300", "300"),
    ("--epochs 300 --attack-epochs 50", "50"),
])  # fmt: skip
def test_other_epochs_than_the_presets_are_attacked_at_their_end(words, attacked, monkeypatch):
    seen = []
    module = sys.modules["striate.cli.run"]  # the package calls its command by that name
    monkeypatch.setattr(module, "tell_plan", lambda tasks, *_: seen.extend(tasks))
    words = f"run gerum2022 --preset 2023 --batch-size 479 {words} --dry-run"
    assert striate(words)[0] == 0
    assert {task["attack_epochs"] for task in seen} == {attacked}


def test_a_seed_that_torch_cannot_hold_is_refused_before_anything(lab):
    status, _, err = striate("spectrum v1.npz --ranks 2-8 --seed 9223372036854775808")
    assert status == 2
    assert "--seed" in err
    assert not (lab / "results").exists()


def test_a_damaged_measurement_is_told_moved_and_made_again(lab):
    words = "spectrum v1.npz --ranks 2-8 --shuffles 3"
    before = striate(words)[1]
    (file,) = (lab / "results" / "spectra").glob("*.json")
    file.write_bytes(file.read_bytes()[:-9])
    status, out, err = striate(words)
    assert (status, out) == (0, before)
    aside = Path("results", "spectra", f"{file.name}.damaged-1")
    assert f"{file.name} was damaged, and is now {aside}\n" in err
    assert "damaged" not in striate(words)[2]


def test_a_network_is_compared_with_a_recording(lab):
    status, out, err = striate("compare tiny.py:net v1.npz --ranks 2-6 --layers 1")
    assert status == 0, err
    assert [line[0] for line in scores(out)] == [
        *("alpha_matched", "alpha_matched", "alpha_difference"),
        *("r_squared", "residual_sd") * 2,
    ]
    ours, theirs, difference = scores(out)[:3]
    assert ours[4:] == ["sd over draws", "tiny.py:net:1"]
    assert theirs[4] == ""
    assert theirs[5].startswith("v1.npz")
    assert difference[4].endswith("half the 95 % interval")


def test_comparisons_at_several_sizes_are_told_apart_and_the_recording_is_said_once(lab):
    words = "compare tiny.py:net v1.npz --ranks 1-3 --layers 0,1 --stimulus-deg 5,4 --field-deg 6.4"
    status, out, err = striate(words)
    assert status == 0, err
    rows = scores(out)
    assert {row[3] for row in rows} == {"ranks 1-3, 5°", "ranks 1-3, 4°"}
    keys = [(row[0], row[1], row[3]) for row in rows]
    assert len(keys) == len(set(keys)) == 2 * (2 * 4 + 3)  # both layers have all, the neurons three
    own = [row for row in rows if row[5].startswith("v1.npz")]
    assert [(row[0], row[1]) for row in own] == [
        (name, "") for name in ("alpha_matched", "r_squared", "residual_sd") * 2
    ]


def test_a_network_sees_the_recording_s_images_as_large_as_is_said(lab):
    words = "compare tiny.py:net v1.npz --ranks 1-3 --layers 0 --dimensions 8"
    for sizes in ("", " --stimulus-deg 5,2 --field-deg 6.4 --crop-px 8"):
        status, _, err = striate(words + sizes)
        assert status == 0, err
    varying, ours, theirs = {}, set(), set()
    for file in (lab / "results" / "spectra").glob("comparison-*.json"):
        task, found = results.read_record(file)["task"], results.load(file)
        told = ("stimulus_deg", "field_deg", "crop_px", "surround", "dimensions")
        assert {tuple(one.settings[name] for name in told) for one in found} == {
            tuple(task[name] for name in told)
        }
        assert {one.settings["smoothness_bound"] for one in found} == {1.25}
        network, cortex = (one for one in found if one.name == "alpha_matched")
        varying[task["stimulus_deg"], task["field_deg"]] = network.settings["varying"]
        ours.add(network.value)
        theirs.add(cortex.value)
    # 5° of 6.4° are 6 of 8 pixels: a kernel of 3×3 sees some at all of its 36 places. 2° are two
    # pixels, and 4×4 places see them. There are 4 kernels.
    assert varying == {(None, None): 144, (5.0, 6.4): 144, (2.0, 6.4): 64}
    assert (len(ours), len(theirs)) == (3, 1)


@pytest.mark.parametrize(("words", "said"), [
    ("measure spectrum tiny.py:net --images nowhere", "folder='nowhere' is not a folder"),
    ("measure spectrum tiny.py:net --images photos --protocol best", "choose one of paper, autho"),
    ("measure spectrum tiny.py:net --images photos --layers 9", "layers='9' fits no layer"),
    ("measure spectrum tiny.py:net --images photos --memory 1KB", "memory"),
    ("measure spectrum tiny.py:nets --images photos", "has no function 'nets'"),
    ("spectrum v1.npz --ranks 9-100", "cannot fill a window"),
    ("spectrum v1.npz --ranks nine", "--ranks 'nine': give first-last"),
    ("spectrum v1.npz --ranks 2-8 --weights some", "--weights 'some'; choose rank (1/n) or none"),
    ("spectrum v1.npz --ranks 2-8 --algorithm best", "--algorithm 'best'; choose text or rele"),
    ("spectrum v1.npz --ranks 2-8 --population a", "v1.npz"),
    ("spectrum photos --ranks 2-8", "is a folder; name the file of a recording"),
    ("spectrum v1.npz --ranks 2-8 --dimensions 0", "--dimensions 0: give how many dim"),
    ("compare tiny.py:net v1.npz --ranks 2-6 --field-deg 6.4", "--field-deg 6.4 says nothing with"),
    ("compare tiny.py:net v1.npz --ranks 2-12 --layers 0 --stimulus-deg 2", "layer 0: the v"),
    ("compare tiny.py:net v1.npz --ranks 2-6 --layers 3", "has 12 units and there are fewer in 3"),
])  # fmt: skip
def test_a_wrong_measurement_costs_one_line(words, said, lab):
    status, out, err = striate(words)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert said in err


# --- tuning


def test_the_tuning_of_a_network_is_measured_once(lab):
    words = "measure tuning tiny.py:net --images photos --layers 1,3 --memory 100MB --optimal 1"
    status, out, err = striate(words)
    assert status == 0, err
    found = {(line[0], line[1]) for line in scores(out)}
    assert {("responsive", "1"), ("median_log2_frequency", "1"), ("responsive", "3")} <= found
    (file,) = (lab / "results" / "tuning").glob("*.json")
    written = file.stat().st_mtime_ns
    assert striate(words)[1] == out
    assert file.stat().st_mtime_ns == written
    assert not list((lab / "results" / ".partial").glob("*"))
    arrays = results.load_arrays(file)
    assert arrays["1/frequency_tuning"].shape == (4, 16)
    assert arrays["1/optimal"].shape == (1, 8, 8, 3)
    read = results.load(file)
    assert {one.settings["layer"] for one in read if one.name == "frequency_by_rank"} == {"1", "3"}
    assert all(one.settings["pictures"].startswith("photos ") for one in read)
    assert results.read_record(file)["task"]["optimal"] == 1


def test_a_layer_without_a_response_above_zero_is_told(lab):
    (lab / "negative.py").write_text(
        "import torch\nfrom torch import nn\n\nfrom striate.models import Network\n\n\n"
        "class Negative(nn.Module):\n    def forward(self, x):\n        return -1 - x.relu()\n\n\n"
        "def net():\n    torch.manual_seed(0)\n"
        "    model = nn.Sequential(nn.Conv2d(3, 4, 5), Negative())\n"
        "    return Network('n', model, 32, 32)\n"
    )
    words = "measure tuning negative.py:net --layers 1 --field-deg 2 --experiments 5 --draws 9"
    status, out, err = striate(f"{words} --results negative")
    assert status == 0, err
    said = "no circular variance, F1/F0 or bandwidth of layer 1: no channel has a response above 0"
    assert said in err
    assert "circular" not in out
    assert "median_log2_frequency" in out


def test_the_stimuli_that_channels_prefer_are_files(lab):
    words = "visualize tiny.py:net 1 0,3 --out seen/deep --steps 3"
    status, out, err = striate(words)
    assert status == 0, err
    names = [f"tiny.py-net-1-{channel}.png" for channel in (0, 3)]
    rows = [line.split("\t") for line in out.splitlines()]
    assert [path for path, *_ in rows] == [str(Path("seen/deep") / name) for name in names]
    assert all(float(objective) < 0 for _, _, objective in rows)
    first = []
    for name in names:
        with Image.open(lab / "seen" / "deep" / name) as image:
            assert (image.mode, image.size) == ("RGB", (8, 8))
            assert image.text["striate:model"] == "tiny.py:net"
            assert (image.text["striate:seed"], image.text["striate:steps"]) == ("0", "3")
            first.append(np.asarray(image))
    assert (first[0] != first[1]).any()
    before = {path: path.stat().st_mtime_ns for path in (lab / "seen" / "deep").iterdir()}
    assert striate(words)[:2] == (0, out)
    more = striate(words.replace("0,3", "3,1"))
    assert more[0] == 0
    assert more[1].splitlines()[0] == out.splitlines()[1]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert striate(f"{words.replace('seen/deep', 'seen/other')} --seed 1")[0] == 0
    with Image.open(lab / "seen" / "other" / names[0]) as image:
        assert (np.asarray(image) != first[0]).any()


def test_an_image_that_was_made_otherwise_is_not_lost(lab):
    words = "visualize tiny.py:net 1 0 --out seen --steps 3"
    assert striate(words)[0] == 0
    (file,) = (lab / "seen").iterdir()
    before = file.read_bytes()
    for change, told in (
        ("--seed 2", "made with seed=0 instead of seed=2; give another --out, or move it away"),
        ("--steps 4 --size 9", "made with size=8, steps=3 instead of size=9, steps=4"),
    ):
        status, out, err = striate(f"{words} {change}")
        assert (status, out) == (2, "")
        assert f"error: {Path('seen', file.name)} is there already, {told}" in err
    with Image.open(file) as image:
        image.save(file)  # without a word of how it was made, as another program would
    status, _, err = striate(words)
    assert (status, "made with model=not told" in err) == (2, True)
    file.write_bytes(b"no image")
    status, _, err = striate(words)
    assert status == 2
    assert len(before) > 8


def test_a_channel_for_which_nothing_was_found_is_told(lab):
    (lab / "dead.py").write_text(
        "import torch\nfrom torch import nn\n\n\ndef net():\n"
        "    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU())\n"
        "    nn.init.constant_(model[0].weight[0], 0.0)\n"
        "    nn.init.constant_(model[0].bias[0], -1.0)\n"
        "    nn.init.constant_(model[0].weight[1:], 0.1)\n    return model.requires_grad_()\n"
    )
    status, out, err = striate("visualize dead.py:net 1 0,1 --out seen --steps 40 --size 8")
    assert status == 0, err
    responses = [float(line.split("\t")[1]) for line in out.splitlines()]
    assert responses[0] == 0 < responses[1]
    assert "channel 0 of layer 1 responds to its image with 0, and to plain grey with 0" in err
    assert "channel 1" not in err


@pytest.mark.parametrize(("words", "said"), [
    ("measure tuning tiny.py:net --layers 9", "layers='9' fits no layer"),
    ("measure tuning tiny.py:net --field-deg -1", "field_deg=-1: give a positive number"),
    ("measure tuning tiny.py:net --temperature 100",
     "--temperature 100 is of optimal stimuli; add --optimal 3"),
    ("visualize tiny.py:net 1 0,3,0 --out new", "channels 0,3,0: name each channel once"),
    ("measure tuning tiny.py:net --optimal -1", "optimal=-1: give a whole number from 0 on"),
    ("visualize tiny.py:net 9 0 --out seen", "layers='9' fits no layer"),
    ("visualize tiny.py:net 1 4 --out seen", "layer '1' has 4, counted from 0 to 3, and no 4"),
    ("visualize tiny.py:net 1 first --out seen", "error: channels 'first': give numbers"),
    ("visualize tiny.py:net 1 0 --out v1.npz", "--out v1.npz is a file; name a folder"),
])  # fmt: skip
def test_a_wrong_look_at_tuning_costs_one_line(words, said, lab):
    status, out, err = striate(words)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert said in err
    assert not (lab / "seen").exists()
