# On a fresh machine with Python 3.11, git and make: `make train`, `make test`.
.DEFAULT_GOAL := help
.PHONY: help train test lint clean
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3.11
VENV ?= .venv
REMOTE ?= sample
ARGS ?=

# The name of a stamp says what was installed, whatever the files' dates are.
PINS := $(shell cat pyproject.toml constraints.txt | sha256sum | cut -c1-16)
READY := $(VENV)/.installed-$(PINS)
READY_DEV := $(VENV)/.installed-dev-$(PINS)
PIP := PYTHONWARNINGS=ignore $(VENV)/bin/python -m pip --disable-pip-version-check --quiet --no-input install --constraint constraints.txt

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export NO_ALBUMENTATIONS_UPDATE := 1
export DVC_NO_ANALYTICS := 1
unexport PYTHONPATH

help: ## Say what can be made.
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST)

train: $(READY) ## Install, get the sample data, train, evaluate, draw the plots.
	@echo "== Sample data: dvc pull (remote '$(REMOTE)')"
	@dvc pull --quiet --remote $(REMOTE) data.dvc
	@echo "== Train, evaluate: dvc repro (runs only what has changed)"
	@dvc repro
	@echo "== Plots: dvc plots show"
	@dvc plots show --out dvc_plots > /dev/null
	@echo "== Done"
	@echo "  report          results/report.html"
	@echo "  figures         results/metrics.json (with 95 % intervals), results/roc.csv, results/scores.csv"
	@echo "  plots           dvc_plots/index.html"
	@echo "  model           outputs/dvc/train/checkpoints/best.ckpt"
	@echo "  training curves outputs/dvc/train/ (csv, tensorboard, dvclive)"

test: $(READY_DEV) ## Install with the dev extra, run the whole test suite; ARGS="-k head" for a part of it.
	@echo "== Tests: pytest $(ARGS)"
	@OMP_NUM_THREADS=1 python -m pytest -n auto --dist worksteal $(ARGS)

lint: $(READY_DEV) ## Style, types and the pre-commit hooks; changes nothing but stray blanks.
	@echo "== ruff, mypy"
	@ruff check .
	@ruff format --check .
	@mypy
	@echo "== pre-commit"
	@pre-commit run --all-files --show-diff-on-failure

clean: ## Remove the environment, caches and outputs; data, DVC's cache and results stay.
	rm -rf $(VENV) build dist outputs dvc_plots .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests bench conf -name __pycache__ -prune -exec rm -rf {} +
	rm -rf src/*.egg-info

$(VENV)/bin/python:
	@echo "== Environment: $(VENV)"
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is not on the PATH; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# Without isolation, builds too use the pinned setuptools.
$(READY): | $(VENV)/bin/python
	@echo "== Packages of constraints.txt (about 2 minutes at first)"
	@$(PIP) pip setuptools wheel
	@$(PIP) --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

$(READY_DEV): | $(READY)
	@echo "== Packages for development"
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@
