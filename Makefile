# How to set the project up, and the few jobs that everybody runs. `make` lists them.
# Belongs here: set-up and one-line jobs. Not here: what the jobs do (see `factlog --help`).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Telemetry is off for everything that is started from here; the tools themselves call out to nothing.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The stamps carry a digest of what they stand for, not a time: a `git checkout` that touches the lock file without
# changing it costs nothing. The folder is part of it, because a moved virtual environment is a broken one.
PACKAGES := $(VENV)/.packages-$(shell (pwd; cat requirements.lock) | cksum | cut -d' ' -f1)
PROJECT := $(VENV)/.project-$(shell (pwd; cat requirements.lock pyproject.toml) | cksum | cut -d' ' -f1)
TOOLS := $(VENV)/.tools-$(shell (pwd; cat requirements.lock requirements-dev.lock tests/oldest-client.lock) | cksum | cut -d' ' -f1)

TOOL_COUNT = $$(($$(grep -c '^[a-z].*==' requirements-dev.lock) - $$(grep -c '^[a-z].*==' requirements.lock)))
LOCK := uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-emit-index-url --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help setup demo test pictures hunt check format dev bench lock proto clean

help:  ## List the targets
	@echo "factlog: make targets (start with: make demo)"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'
	@echo "PYTHON=python3.12 make …  uses another Python (3.11 or newer); FACTLOG_HOME=DIR moves all state out of var/"

setup: $(PROJECT) $(TOOLS)  ## Make .venv with the product and its tools (the other targets make what they need)

$(PACKAGES):
	@command -v $(PYTHON) >/dev/null || { echo "factlog needs Python 3.11 or newer, and there is no '$(PYTHON)' here. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "factlog needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' can't make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@echo "Setting up $(VENV): the $$(grep -c '^[a-z].*==' requirements.lock) packages of requirements.lock, that run factlog, without the $(TOOL_COUNT) that only test it (once; a minute or two) …" >&2
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
	@touch $@

$(PROJECT): $(PACKAGES)
	@rm -f $(VENV)/.project-*
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(TOOLS): $(PACKAGES)
	@echo "Adding the tools of requirements-dev.lock (once; half a minute) …" >&2
	@rm -f $(VENV)/.tools-*
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
	@rm -rf $(VENV)/oldest-client
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: --no-warn-conflicts -r tests/oldest-client.lock --target $(VENV)/oldest-client
	@touch $@

demo: $(PROJECT)  ## Walk the whole way once: simulate a company, land, derive, check, publish, report
	@$(BIN)/factlog demo

test: $(PROJECT) $(TOOLS)  ## Run all tests, two files at a time
	@$(BIN)/python -m pytest -n 2 --dist loadfile

pictures: $(PROJECT) $(TOOLS)  ## Take the pictures of README from the demo, in a headless Chromium
	@PYTHONPATH=tests $(BIN)/python tests/browser/pictures.py

hunt: $(PROJECT) $(TOOLS)  ## Look for new cases of every property, until you stop it: hours (TESTS=PATH: of these alone)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --maxfail=1 --hypothesis-profile=hunt -m "not browser" $(TESTS)

check: $(PROJECT) $(TOOLS)  ## Lint, format, the house and its directions, types, SQL format, dbt parse
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest tests/unit/test_house.py
	$(BIN)/mypy
	$(BIN)/sqlfmt --check --quiet dbt_project examples orchestration/dbt/package orchestration/project_template
	$(BIN)/dbt --quiet --no-use-colors deps --project-dir dbt_project --profiles-dir dbt_project
	$(BIN)/dbt --quiet --no-use-colors parse --project-dir dbt_project --profiles-dir dbt_project

format: $(PROJECT) $(TOOLS)  ## Format Python and SQL the way `make check` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfmt dbt_project examples orchestration/dbt/package orchestration/project_template

dev: $(PROJECT)  ## Run the Dagster UI on http://127.0.0.1:3000, with its daemon
	@$(BIN)/factlog dev

bench: $(PROJECT)  ## Run the benchmarks and print a table
	@$(BIN)/python -m benchmarks

lock:  ## Renew both lock files from pyproject.toml (for maintainers; needs uv)
	$(LOCK) pyproject.toml --group build -o requirements.lock
	$(LOCK) -c requirements.lock pyproject.toml --group build --group dev -o requirements-dev.lock

proto: $(PROJECT)  ## Compile cloudevents.proto anew (for maintainers: after a change of it, or of the locked protoc)
	$(BIN)/python -m grpc_tools.protoc -I event_archive/decoding --descriptor_set_out=event_archive/decoding/cloudevents.binpb cloudevents.proto

clean:  ## Remove what can be made again: .venv, caches, build files (never var/, which holds your events)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis dbt_project/target dbt_project/logs logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
