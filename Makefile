# One command runs the product, one passes the tests, one checks everything: `make help`.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
FLOORS := kehu api infra projections domain
FOLDERS := $(foreach folder,$(FLOORS) tests bench conformance examples,$(if $(wildcard $(folder)/*.py),$(folder)))

# The first Python here that is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps
LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command 'make lock'

.PHONY: help run test check lint bench torture conformance schema lock format clean
.DEFAULT_GOAL := help

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "ARGS is passed on, as in: make test ARGS='-k complaints'"

run: $(VENV)/run.stamp ## Start everything with the demo's data
	@$(BIN)/kehu demo $(ARGS)

test: $(VENV)/dev.stamp ## Run the tests
	@$(BIN)/python -m pytest $(ARGS)

check: lint ## Check format, lint, types, floors and duplicates, then run the tests
	@$(MAKE) --no-print-directory test

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check $(FOLDERS)
	$(BIN)/ruff check $(FOLDERS)
	$(BIN)/mypy $(FOLDERS)
	$(BIN)/lint-imports
	$(BIN)/pylint --disable=all --enable=duplicate-code --score=no $(FLOORS)

bench: $(VENV)/dev.stamp ## Measure side by side with the peers
	@$(BIN)/python -m bench $(ARGS)

torture: $(VENV)/dev.stamp ## Write, kill and crash for minutes, then judge the log
	@$(BIN)/python -m tests.torture $(ARGS)

conformance: $(VENV)/dev.stamp ## Run other people's tools against a running Kehu (npm and PyPI are needed)
	@$(BIN)/python -m conformance $(ARGS)

format: $(VENV)/dev.stamp ## Put the code into its format
	$(BIN)/ruff check --fix-only --quiet $(FOLDERS)
	$(BIN)/ruff format $(FOLDERS)

schema: $(VENV)/dev.stamp ## Write schema.graphql anew
	@$(BIN)/python -m api > schema.graphql

lock: $(VENV)/dev.stamp ## Choose the versions of all packages anew (ARGS=--upgrade for newer ones)
	$(LOCK) $(ARGS) pyproject.toml --extra files --extra clv --extra charts --group build --output-file requirements.lock
	$(LOCK) $(ARGS) pyproject.toml --all-extras --group build --constraint requirements.lock --output-file requirements-dev.lock
	$(LOCK) $(ARGS) --group demo --no-deps --output-file requirements-demo.lock

clean: ## Remove the environment and the caches; data stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
	find $(FOLDERS) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/run.stamp: requirements.lock requirements-demo.lock pyproject.toml | $(VENV)/made.stamp
	@echo "Installing the packages of requirements.lock (once) ..."
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --require-hashes -r requirements-demo.lock
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock requirements-demo.lock pyproject.toml | $(VENV)/made.stamp
	@echo "Installing the packages of requirements-dev.lock (once) ..."
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --require-hashes -r requirements-demo.lock
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/made.stamp:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Kehu needs Python 3.11 or later, and there is none here: install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@
