# The commands of the README. Each one first sets up what it needs: a virtual environment in .venv,
# and the package in it, installed again only when pyproject.toml is newer than the last install.
#
#     make quickstart                  the main job, offline
#     make test                        every test, offline
#     make test ARGS="-k readme -x"    with arguments for pytest
#     make check test                  what CI runs

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
OFFLINE := HF_HUB_OFFLINE=1

.PHONY: help quickstart test test-fast check format readme

help:
	@echo "make quickstart  a small study on synthetic data, offline: three architectures, one report"
	@echo "make test        every test, offline (test-fast: without the slow ones)"
	@echo "make check       formatting, lint and types"
	@echo "make format      format and mend what can be mended"
	@echo "make readme      write the --help texts into README.md again"

quickstart: $(INSTALLED)
	$(OFFLINE) $(BIN)/t2t-xfer quickstart

test: $(INSTALLED)
	$(OFFLINE) $(BIN)/python -m pytest $(ARGS)

test-fast: $(INSTALLED)
	$(OFFLINE) $(BIN)/python -m pytest -m "not slow" $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

readme: $(INSTALLED)
	$(BIN)/python -m tests.readme

# An environment without pip is one whose making was interrupted: it is completed in place.
$(INSTALLED): pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11" >&2; \
	    exit 2; }; \
	  $(PYTHON) -m venv .venv; }
	@echo "Installing into .venv (once; torch is large) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
