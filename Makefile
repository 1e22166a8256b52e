# Two commands on a fresh machine (Python 3.11+, make, git): `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check campaign serve sandbox benchmarks clean

$(VENV)/.runtime: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing Tieline into $(VENV) …"
	@$(PIP) install -c constraints.txt -e '.[tableau]'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "installing what the tests need …"
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.runtime        ## the main job, end to end, against the sandbox on SQLite
	@$(BIN)/tieline demo $(ARGS)

test: $(VENV)/.dev            ## all tests
	@$(BIN)/python -m pytest -n auto $(ARGS)

campaign: $(VENV)/.dev        ## what we promise, tried a million times; ARGS=--short is the form that CI runs
	@$(BIN)/python -m campaigns $(ARGS)

check: $(VENV)/.dev           ## style, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

serve: $(VENV)/.runtime       ## the long-lived service with the configuration of this folder
	@$(BIN)/tieline serve

sandbox: $(VENV)/.runtime     ## simulated vendors to try a mapping on
	@$(BIN)/tieline sandbox

benchmarks: $(VENV)/.dev      ## figures for docs/benchmarks.md
	@$(PIP) install -c constraints.txt -e '.[benchmarks]'
	@$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) var build dist *.egg-info
