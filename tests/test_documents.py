"""What the documents show runs."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from striate.models import shallow_mlp

ROOT = Path(__file__).parent.parent


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


def test_the_example_ends_in_its_assertion(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["penalty_in_your_own_loop.py"])
    with torch.random.fork_rng():
        runpy.run_path(str(ROOT / "examples" / "penalty_in_your_own_loop.py"), run_name="__main__")
    assert capsys.readouterr().out.count("α =") == 2


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench", "setup"])
def test_the_makefile_has_what_the_readme_names(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
