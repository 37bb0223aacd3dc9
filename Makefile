# What a checkout needs, in five words: make setup, demo, lab, test, clean.

PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
EXE := .exe
else
BIN := $(VENV)/bin
EXE :=
endif
PY := $(BIN)/python$(EXE)
STAMPS := $(VENV)/stamps

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONUTF8 = 1

.PHONY: help setup julia node hub chromium demo lab lint format test test-fast test-slow test-browser test-all bench soak clean

help:
	@echo "make setup      a virtual environment in $(VENV), a Julia for the local Engee, the kernelspec"
	@echo "make demo       run notebooks/quickstart.ipynb on a local Engee; the result is in build/"
	@echo "make lab        JupyterLab in notebooks/ with a local Engee behind it"
	@echo "make test       linters, and the tests that take minutes, not a quarter of an hour: make test-fast"
	@echo "make test-all   these, the slow ones (make test-slow) and those that need Chromium (make test-browser)"
	@echo "make bench      speed against peers: a table, and build/bench.json"
	@echo "make soak       random faults for MINUTES=10 (SEED=… repeats them), then 2,000 cells and 200 jobs in one kernel"
	@echo "make format     let ruff lay out the code"
	@echo "make clean      remove what was built; $(VENV) and Julia stay"

setup: $(STAMPS)/kernelspec julia

# pip's script comes last when an environment is made, so a half-made one is made again
$(BIN)/pip$(EXE):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed; this one is " + sys.version.split()[0] + ". Name another one: make setup PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python can't make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# an editable install copies what JupyterLab and its server load: done again where that has changed
SHARED := $(wildcard labextension/* labextension/static/* serverextension/*)
$(STAMPS)/packages: pyproject.toml engee_kernel/facts/version.py $(SHARED) | $(BIN)/pip$(EXE)
	@mkdir -p $(STAMPS)
	@echo "Installing packages into $(VENV) …"
	$(PY) -m pip install --quiet --editable '.[dev]'
	@touch $@

$(STAMPS)/kernelspec: $(STAMPS)/packages $(wildcard kernelspec/*) engee_kernel/jupyter/kernelspec.py
	$(BIN)/engee-kernel install --sys-prefix
	@touch $@

# Julia is kept outside of the checkout and may go away: looked for each time, which is quick
julia: $(STAMPS)/packages
	@$(PY) -c 'from engee_kernel.emulator.julia import find_julia; find_julia()' 2>/dev/null \
		|| $(BIN)/engee-kernel emulator --install-julia

# What VS Code talks to kernels with. Its tests are skipped, and say so, where there is no Node.js
node: build/node/stamp

build/node/stamp: tests/clients/node/package.json tests/clients/node/package-lock.json
	@mkdir -p build/node
	@cp $^ build/node
	@if command -v npm >/dev/null; then cd build/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch stamp; \
	else echo "NO NODE.JS: what VS Code does with the kernel will not be tested." >&2; fi

# A JupyterHub with its proxy, in environments of its own that all users of the machine can start
hub: build/hub/stamp

build/hub/stamp: tests/hub/node/package.json tests/hub/node/package-lock.json tests/hub/environments.py pyproject.toml | $(STAMPS)/packages
	@mkdir -p build/hub
	@cp tests/hub/node/*.json build/hub
	@if command -v npm >/dev/null; then cd build/hub && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
		&& cd ../.. && $(PY) tests/hub/environments.py && touch $@; \
	else echo "NO NODE.JS: JupyterHub will not be tested." >&2; fi

# The browser for JupyterLab's tests: any Chromium or Chrome, else Debian's where that can be installed
chromium: $(STAMPS)/packages
	@$(PY) -c 'import sys; sys.path.insert(0, "tests/browser"); from chromium import path; sys.exit(path() is None)' \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } \
		|| echo "NO CHROMIUM: JupyterLab will not be tested. Install it, or set ENGEE_CHROMIUM." >&2

demo: setup
	$(PY) notebooks/demo.py

lab: setup
	$(PY) notebooks/lab.py

lint: $(STAMPS)/packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMPS)/packages
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint test-fast

# Files of tests run side by side: most of their time is waiting for Julia and for time limits. What fails there may be
# starved on a shared machine: it is run once more, alone, and that decides. Both outcomes are printed
FAST := "not slow and not browser"
test-fast: setup
	$(PY) -m pytest -n 2 --dist loadfile -m $(FAST) || { [ $$? -eq 1 ] && echo "Once more, alone:" \
		&& $(PY) -m pytest -m $(FAST) --last-failed --last-failed-no-failures none; }

test-slow: setup node hub
	$(PY) -m pytest -m "slow and not browser"

test-browser: setup chromium
	$(PY) -m pytest -m browser

test-all: test test-slow test-browser

# Speed as ratios to peers in the same run. A quick one: make bench BENCH=--quick; a part: BENCH='--only cold';
# another Julia: BENCH='--julia PATH'
bench: setup
	$(PY) -m benchmarks $(BENCH)

soak: setup
	$(PY) -m tests.faults --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))
	$(PY) -m tests.faults.soak --cells $(or $(CELLS),2000) --jobs $(or $(JOBS),200)

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache
	find engee_kernel tests notebooks benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
	find notebooks -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +
