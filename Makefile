# What people and CI run.  Everything is installed into .venv by the first target that needs it.
SHELL := /bin/bash
# The first that starts and is new enough; a version manager's stand-in may do neither.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check bench fuzz kill siege lock docs clean peers

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/bin/python:
	@.ci/python "$(PYTHON)" $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing the gateway into $(VENV) (once)"
	@$(PIP) install --no-compile --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.ready: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing the gateway and its test tools into $(VENV) (once)"
	@$(PIP) install --no-compile --require-hashes -r requirements-dev.lock
	@$(BIN)/python -W ignore -m compileall -q -j 0 $(VENV)/lib || true
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.runtime $@

demo: $(VENV)/.runtime ## a whole clinic on this machine: simulated devices, gateway, EHR (Ctrl-C ends it)
	@[ -t 0 ] && set -m; $(BIN)/python -W ignore::SyntaxWarning -m gateway demo $(ARGS); exit $$?

$(VENV)/peers-node/.ready: tests/peers_node/package.json tests/peers_node/package-lock.json | $(VENV)/bin/python
	@.ci/peers-node $(VENV)/peers-node

peers: $(VENV)/peers-node/.ready ## the independent programs the tests talk to (Debian packages, one by npm)
	@.ci/peers

test: $(VENV)/.ready peers ## the whole test suite, real peers included
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.ready ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# python-astm is older than today's Python: it is built and kept apart, and only measured.
$(VENV)/.peers: benchmarks/older/peers.txt benchmarks/older/build.txt | $(VENV)/.ready
	@$(PIP) install --target $(VENV)/peers --upgrade --require-hashes -r benchmarks/older/build.txt
	@PYTHONPATH=$(abspath benchmarks/older):$(abspath $(VENV)/peers) $(PIP) install --target $(VENV)/peers --upgrade --no-deps \
	  --no-build-isolation --require-hashes -r benchmarks/older/peers.txt || \
	  echo "python-astm cannot be built here: its rows are left out"
	@touch $@

bench: $(VENV)/.ready $(VENV)/.peers ## speed beside the peers and beside the bounds, in one run
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.ready ## the long fuzzing campaign (200,000 inputs a protocol)
	@GATEWAY_FUZZ=200000 $(BIN)/python -m pytest tests/fuzz -m fuzz --timeout=0 $(ARGS)

kill: $(VENV)/.ready peers ## the long kill campaign (200 kills under results, 200 under images)
	@GATEWAY_KILLS=200 $(BIN)/python -m pytest --timeout=0 $(ARGS) tests/end_to_end/test_kill.py \
	  tests/drivers/dicom/test_dicom_node_durability.py

siege: $(VENV)/.ready peers ## the long run of bad ultrasound units: stalls, drips, noise, races, 2,000 associations
	@GATEWAY_ASSOCIATIONS=2000 GATEWAY_ROUNDS=200 GATEWAY_PATIENCE=1 $(BIN)/python -m pytest --timeout=0 $(ARGS) \
	  tests/drivers/dicom/test_dicom_node_memory.py tests/drivers/dicom/test_dicom_node_limits.py \
	  tests/drivers/dicom/test_dicom_node_storage.py

lock: $(VENV)/.ready ## pin the dependencies again
	@.ci/lock $(BIN)

clean: ## remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
