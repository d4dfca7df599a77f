# What people type and what CI calls. `make` alone tells what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The targets share one environment and one machine; only the tests themselves run side by side.
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# How many tests run at once: `auto` is one for each core, 0 is none beside each other.
TEST_WORKERS ?= auto
# Coverage by branch, in percent: the heart (recovery and core), and the whole.
COVER_HEART ?= 100
COVER_WHOLE ?= 90

BIN := .venv/bin
LOCKS := requirements/base.txt requirements/postgres.txt requirements/dev.txt
CATALOGUES := $(wildcard service/locale/*/LC_MESSAGES/storno.po)
# Everything that pip needs is in the lock: nothing is fetched that has no hash.
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help
help: ## This list
	@echo "Storno: make TARGET"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r target text; do \
		printf '  %-14s %s\n' "$$target" "$$text"; done

# ----------------------------------------------------------------------------------------- set-up

.PHONY: setup
setup: .venv/.storno-installed ## Make .venv with everything in it (a no-op when nothing changed)

# Debian splits the part of Python that makes environments into a package of its own; where it is
# missing, it comes first.
.venv/.storno-created:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Storno needs Python 3.11 or newer; try: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || requirements/install-debian python3-venv
	@echo "Making .venv with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear .venv
	@touch $@

.venv/.storno-requirements: .venv/.storno-created $(LOCKS)
	@echo "Installing what Storno needs (about half a minute)"
	@$(PIP) install --quiet --require-hashes $(addprefix -r ,$(LOCKS))
	@touch $@

# No build isolation: hatchling and Babel come from the lock like everything else.
.venv/.storno-installed: .venv/.storno-requirements pyproject.toml hatch_build.py $(CATALOGUES)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: system
system: ## Install the Debian packages of requirements/debian.txt, or say which
	@requirements/install-debian

.PHONY: lock
lock: setup ## Compile requirements/*.in anew: newest versions, exact, with hashes, for every platform
	@cd requirements && for name in base postgres dev; do \
		../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
			--no-header --no-annotate --output-file $$name.txt $$name.in; done
	@! grep -nE '://|file:' requirements/*.txt || { echo "An address stands in a lock file."; exit 1; }

.PHONY: wheelhouse
wheelhouse: setup ## Collect Storno and all it needs in ./wheelhouse, to install where there is no network
	@mkdir -p wheelhouse
	@$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir wheelhouse .
	@$(PIP) download --quiet --require-hashes --only-binary :all: --dest wheelhouse \
		$(WHEELHOUSE_FLAGS) -r requirements/base.txt -r requirements/postgres.txt
	@cp requirements/base.txt requirements/postgres.txt wheelhouse/
	@echo "There: python -m pip install --no-index --find-links wheelhouse storno[postgres]"

# For another platform, e.g. for Windows:
#   make wheelhouse WHEELHOUSE_FLAGS='--platform win_amd64 --python-version 3.11'
WHEELHOUSE_FLAGS ?=

# ----------------------------------------------------------------------------------------- checks

.PHONY: lint
lint: setup ## Every check that needs no test: ruff, mypy, import-linter, codespell
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell

.PHONY: format
format: setup ## Let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: test
test: system setup lint ## Everything that CI runs: set-up, checks, all tests
	$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadgroup

.PHONY: test-fast
test-fast: setup ## The tests that need nothing but Python
	$(BIN)/python -m pytest -m "not odbc and not postgres and not tryton and not odoo_live and not chaos and not benchmark"

# Every run is one of a seed: what failed is repeated with `make chaos SEED=... ONLY=...`, which is printed.
SEED ?= 1
RUNS ?= 2000
.PHONY: chaos
chaos: system setup ## 2,000 random fault runs (SEED=, RUNS=, ONLY=): nothing lost, nothing twice
	@$(BIN)/python -m tests.chaos --seed $(SEED) --runs $(RUNS) $(if $(ONLY),--only $(ONLY))

.PHONY: coverage
coverage: system setup ## All tests, measured by branch (COVER_HEART and COVER_WHOLE are the limits)
	$(BIN)/coverage erase
	$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadgroup --cov --cov-report=
	$(BIN)/coverage report --include='recovery/*,core/*' --fail-under=$(COVER_HEART)
	$(BIN)/coverage report --fail-under=$(COVER_WHOLE)

# ------------------------------------------------------------------------------------------- runs

.PHONY: demo
demo: setup ## Close real documents in a practice ERP, and take them back
	@$(BIN)/storno demo

.PHONY: bench
bench: setup ## Measure everything that Storno promises in figures; ends with one table
	@$(BIN)/python -m tests.benchmarks

.PHONY: bench-journal
bench-journal: setup ## Durable operations a second, and memory, without any ERP
	@$(BIN)/python -m tests.benchmarks.journal

.PHONY: bench-previews
bench-previews: setup ## Showing a change set and previewing its rollback, in a journal of 100,000 operations
	@$(BIN)/python -m tests.benchmarks.previews

.PHONY: bench-tryton
bench-tryton: setup ## A closing through Storno against the same calls in a bare script
	@$(BIN)/python -m tests.benchmarks.tryton

.PHONY: bench-odbc
bench-odbc: system setup ## Closing and reading over ODBC, against bare pyodbc and arrow-odbc
	@$(BIN)/python -m tests.benchmarks.odbc

.PHONY: bench-sap
bench-sap: setup ## Closing in a practice SAP against bare zeep, and loading a description
	@$(BIN)/python -m tests.benchmarks.sap

# The server is yours: STORNO_ODOO_URL, _DB, _USER, _PASSWORD name it, and its database is filled.
.PHONY: bench-odoo
bench-odoo: setup ## The same in a real Odoo, there and back (STORNO_ODOO_... name it)
	@$(BIN)/python -m tests.benchmarks.odoo

.PHONY: clean
clean: ## Remove everything that was made here
	@rm -rf .venv build dist wheelhouse .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* htmlcov service/locale/*/LC_MESSAGES/storno.mo
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
