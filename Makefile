PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
.PHONY: setup demo test serve check bench clean
.DEFAULT_GOAL := setup

PIP := $(BIN)/pip --quiet --disable-pip-version-check

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.lock
	$(PIP) install -r requirements-dev.lock
	touch $@

setup: $(VENV)/.ready  ## install what runs into .venv, from requirements.lock

demo: setup  ## the whole year on invented ledgers: check, score, draft, two approvals, archive, verify
	$(BIN)/perfeval demo

# One process more than there are cores: the long tests wait for half of their time.
test: $(VENV)/.ready-dev  ## all tests, on all cores; those whose programs are missing skip with the reason
	$(BIN)/pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal

serve: setup  ## Prefect server, UI, deployment and downloads for the workspace W (default: here)
	$(BIN)/perfeval serve -w $(or $(W),.)

check: $(VENV)/.ready-dev  ## lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready-dev .bench-venv/.ready  ## time and memory against a straight script and the usual stack; what reading costs and how long people wait, beside an earlier commit; what status costs, and each act among 1 000 evaluations; what 300 runs leave in memory
	$(BIN)/python tests/bench/bench.py --rival .bench-venv/bin/python
	$(BIN)/python tests/bench/reading.py
	$(BIN)/python tests/bench/waits.py
	$(BIN)/python tests/bench/status.py
	$(BIN)/python tests/bench/pages.py
	$(BIN)/python tests/bench/growth.py
	$(BIN)/python tests/bench/memory.py

# Rivals live apart: where pandas is installed, Pandera's Polars side loads slower.
.bench-venv/.ready: tests/bench/requirements.lock
	$(PYTHON) -m venv .bench-venv
	.bench-venv/bin/pip --quiet --disable-pip-version-check install -r tests/bench/requirements.lock
	touch $@

clean:
	rm -rf $(VENV) .bench-venv
