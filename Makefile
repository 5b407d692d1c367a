# Two commands a newcomer needs: `make up` (see it) and `make test` (check it).
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= data
TEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help up test test-setup lint fmt bench fuzz docs assets lock clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	touch $@

ASSETS := src/qingjian/ui/static/ui/vendor/.stamp
$(ASSETS): frontend/package.json frontend/package-lock.json frontend/build.py | $(BIN)/python
	$(BIN)/python frontend/build.py
	touch $@

assets: $(ASSETS) ## fetch the pinned front-end packages and copy what the pages use

up: $(VENV)/run.stamp $(ASSETS) ## run the demo county on this machine (Ctrl-C stops it)
	$(BIN)/qingjian up --demo --data $(DATA)

test-setup: ## install the Debian packages that the browser and PostgreSQL tests need (root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium postgresql fonts-noto-cjk golang-go golang-golang-x-mod-dev

test: $(VENV)/dev.stamp $(ASSETS) lint ## run every check: lint, types, floors, unit, faults, browser
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup

lint: $(VENV)/dev.stamp ## ruff, strict types on floors 1-2, import contracts, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src

fmt: $(VENV)/dev.stamp ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## measure side by side; prints host and commands
	$(BIN)/python -m bench

fuzz: $(VENV)/dev.stamp ## 10^7 random streams against the protocol library
	$(BIN)/python -m tests.hj212.fuzz --streams 10000000

lock: $(BIN)/python ## refresh the lock files (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q pyproject.toml --extra dev -o requirements/dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q pyproject.toml requirements/build.in -c requirements/dev.lock -o requirements/run.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q requirements/node.in -o requirements/node.lock

clean: ## remove what was built (not your data)
	rm -rf $(VENV) frontend/node_modules src/qingjian/ui/static/ui/vendor build dist .mypy_cache .ruff_cache .hypothesis
