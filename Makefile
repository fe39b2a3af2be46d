# Everything runs from .venv, which the first target that needs it makes.
PYTHON ?= python3
STRIATE_DATA ?= $(wildcard ../shared/data)
export STRIATE_DATA := $(abspath $(STRIATE_DATA))
BIN := .venv/bin
READY := .venv/.ready
ZOO := .venv-zoo/.ready
LOWEST := .venv-lowest/.ready
ZOO_BIN := .venv-zoo/bin
# Two test processes on two cores: libraries that start threads of their own would only fight.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help setup demo test test-slow test-reliability test-gpu test-zoo test-lowest check docs format bench bench-accuracy clean

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(READY)  ## make .venv and install everything into it

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("striate needs Python 3.11 or newer, found " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(READY)   ## train, attack and report in under four minutes
	$(BIN)/python examples/demo.py

test: $(READY)   ## every test but the slow ones
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 -m "not slow and not reliability and not gpu and not zoo"

test-slow: $(READY) ## the tests that take minutes
	$(ONE_THREAD) $(BIN)/python -m pytest -m slow -s

test-reliability: $(READY) ## kill, fill and flood sweeps for some minutes
	STRIATE_FUZZ=1000 $(ONE_THREAD) $(BIN)/python -m pytest -m reliability -s

test-gpu: $(READY) ## the tests that need a GPU
	$(BIN)/python -m pytest -m gpu

# Not the oracle of partial least squares, which wants newer ones; old versions warn.
test-lowest: $(LOWEST) ## the tests with the oldest versions allowed: 6 GB of downloads
	$(ONE_THREAD) .venv-lowest/bin/python -m pytest -n 2 -o filterwarnings= -W ignore \
		--ignore tests/predictivity/test_pls.py --ignore tests/test_bad_input.py \
		-m "not slow and not reliability and not gpu and not zoo"

$(LOWEST): pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable '.[cluster,export]'
	.venv-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt \
		pytest pytest-xdist hypothesis beartype foolbox tensorboard lightning duckdb
	touch $@

test-zoo: $(ZOO) ## the tests that need torchvision and timm
	$(ONE_THREAD) $(ZOO_BIN)/python -m pytest tests/zoo -m zoo

$(ZOO): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-zoo
	$(ZOO_BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(ZOO_BIN)/python -m pip install --quiet huggingface_hub pyyaml
	# Their builds for GPUs would replace torch; its CPU build runs them as well (tests/zoo).
	$(ZOO_BIN)/python -m pip install --quiet --no-deps torchvision==0.28.0 timm
	touch $@

check: $(READY)  ## format, lint, types, layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(BIN)/lint-imports

docs: $(READY)   ## these pages and the API as HTML, in docs/_build
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(ONE_THREAD) $(BIN)/python -m sphinx -q -W --keep-going docs docs/_build

format: $(READY) ## let ruff rewrite the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)  ## hot paths against named baselines, as ratios
	$(BIN)/python -m benchmarks

bench-accuracy: $(READY) ## the penalty against float64 over whole training runs: half an hour
	$(BIN)/python -m benchmarks.penalty_accuracy

clean:           ## remove the environment and caches
	rm -rf .venv .venv-zoo .venv-lowest docs/_build docs/api/generated .pytest_cache .ruff_cache .hypothesis .import_linter_cache
