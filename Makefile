PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
.PHONY: setup demo test serve check bench clean
.DEFAULT_GOAL := setup

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

setup: $(VENV)/.ready  ## install into .venv from requirements.lock

demo: setup  ## the whole year on invented ledgers: check, score, draft, two approvals, archive, verify
	$(BIN)/perfeval demo

test: setup  ## all tests; those whose programs are missing skip with the reason
	$(BIN)/pytest

serve: setup  ## Prefect server, UI, deployment and downloads for the workspace W (default: here)
	$(BIN)/perfeval serve -w $(or $(W),.)

check: setup  ## lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup .bench-venv/.ready  ## time and memory against a straight script and the usual stack; how long Resume waits
	$(BIN)/python tests/bench/bench.py --rival .bench-venv/bin/python
	$(BIN)/python tests/bench/resume.py

# Rivals live apart: where pandas is installed, Pandera's Polars side loads slower.
.bench-venv/.ready: tests/bench/requirements.lock
	$(PYTHON) -m venv .bench-venv
	.bench-venv/bin/pip install --quiet --disable-pip-version-check -r tests/bench/requirements.lock
	touch $@

clean:
	rm -rf $(VENV) .bench-venv
