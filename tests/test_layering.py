"""What import-linter cannot see: what is loaded when a module runs, and calls nobody may make."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import striate

SOURCE = Path(striate.__file__).parent

FORBIDDEN = {
    "pickle.load": r"\bpickle\.loads?\b",
    "weights_only=False": r"weights_only\s*=\s*False",
    "allow_pickle=True": r"allow_pickle\s*=\s*True",
    "eval": r"(?<![\w.])eval\(",
    "exec": r"(?<![\w.])exec\(",
    "yaml.load": r"\byaml\.load\b",
    "torch.manual_seed": r"\btorch\.(random\.)?manual_seed\b",
    "np.random.seed": r"\b(np|numpy)\.random\.seed\b",
    "random.seed": r"(?<!\.)\brandom\.seed\b",
}


def test_results_reports_and_published_numbers_need_no_torch():
    program = (
        "import sys, striate.report, striate.results, striate.reference\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] == 'torch'))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert asked.stdout == "[]\n"


def test_the_package_itself_loads_nothing_but_itself():
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import striate\n"
        "print(sorted(set(sys.modules) - before))"
    )
    asked = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert asked.stdout == "['striate']\n"


@pytest.mark.parametrize("pattern", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_file_can_run_code_and_no_global_seed_is_set(pattern):
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}
    assert len(texts) > 40
    guilty = [
        f"{path.relative_to(SOURCE)}:{number}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert guilty == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("pickle.load", "x = pickle.load(file)"),
        ("weights_only=False", "torch.load(path, weights_only=False)"),
        ("allow_pickle=True", "np.load(path, allow_pickle = True)"),
        ("eval", "y = eval(text)"),
        ("exec", "exec(text)"),
        ("yaml.load", "yaml.load(file)"),
        ("torch.manual_seed", "torch.manual_seed(0)"),
        ("np.random.seed", "np.random.seed(0)"),
        ("random.seed", "random.seed(0)"),
    ],
)
def test_the_patterns_find_what_they_are_for(name, line):
    assert re.search(FORBIDDEN[name], line)
    for innocent in ("model.eval()", "torch.Generator().manual_seed(0)", "safetensors.load_file"):
        assert not re.search(FORBIDDEN[name], innocent)
