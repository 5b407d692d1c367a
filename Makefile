# Two commands a newcomer needs: `make up` (see it) and `make test` (check it).
SHELL := /bin/bash
# The interpreter that Debian builds is optimised by its profile and runs most tests a third faster than one built in place.
PYTHON ?= $(shell for one in /usr/bin/python3 python3; do $$one -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' && echo $$one && break; done 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
DATA ?= data
TEST_WORKERS ?= 2
BESIDE := nice -n 15
POSTGRESQL ?= $(wildcard /usr/lib/postgresql/*/bin/postgres)
# What the parts of `make test` could not run, one line a part.
NOT_RUN := $(abspath $(VENV))/not-run
NO_POSTGRESQL := all tests of the apps on PostgreSQL, PostgreSQL is not installed

# The tests start many programs; where the environment forbids to keep what Python compiled, each would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up test test-parts test-browser test-postgresql test-setup lint fmt bench bench-screening fuzz assets messages docs wheel lock clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

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
$(ASSETS): frontend/package.json frontend/package-lock.json frontend/build.py $(wildcard frontend/licences/*) | $(BIN)/python
	$(BIN)/python frontend/build.py
	touch $@

assets: $(ASSETS) ## fetch the pinned front-end packages and copy what the pages use

CATALOGUE := src/qingjian/locale/zh_Hans/LC_MESSAGES/django
$(CATALOGUE).mo: $(CATALOGUE).po tools/messages.py $(VENV)/run.stamp
	$(BIN)/python -m tools.messages compile
	touch $@

messages: $(VENV)/run.stamp ## collect the texts of the pages into the Chinese catalogue and say which lack Chinese
	$(BIN)/python -m tools.messages update
	$(BIN)/python -m tools.messages check

up: $(VENV)/run.stamp $(ASSETS) $(CATALOGUE).mo ## run the demo county on this machine (Ctrl-C stops it)
	$(BIN)/qingjian up --demo --data $(DATA)

test-setup: ## install the Debian packages that the browser and PostgreSQL tests need (root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium postgresql fonts-noto-cjk golang-go golang-golang-x-mod-dev
	@# The same browser without the windows of a desktop; where a release has none, the tests take the other.
	-DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell

test: $(VENV)/dev.stamp $(ASSETS) $(CATALOGUE).mo ## run every check: lint, types, floors, unit, faults, browser, both databases
	@# One failing part must not hide what the next would say. The browser waits more than it works, so the other parts run
	@# beside it; they take what it leaves, because pages that wait for a busy machine look like pages that fail.
	@rm -f $(NOT_RUN); export QINGJIAN_TEST_NOT_RUN=$(NOT_RUN); failed=0; \
	$(MAKE) --no-print-directory test-browser >$(VENV)/browser.log 2>&1 & browser=$$!; \
	$(BESIDE) $(MAKE) --no-print-directory lint >$(VENV)/lint.log 2>&1 & lint=$$!; \
	$(BESIDE) $(MAKE) --no-print-directory test-parts || failed=1; \
	wait $$lint || failed=1; \
	cat $(VENV)/lint.log; \
	$(BESIDE) $(MAKE) --no-print-directory test-postgresql || failed=1; \
	wait $$browser || failed=1; \
	cat $(VENV)/browser.log; \
	if [ -s $(NOT_RUN) ]; then \
		echo "NOT RUN (make test-setup installs what they need): $$(paste -sd '|' $(NOT_RUN) | sed 's/|/; /g')"; \
		[ "$$CI" != true ] || failed=1; \
	fi; \
	exit $$failed

# The workers fill the processors; arithmetic on several threads would only wait for itself.
test-parts test-postgresql: export OMP_NUM_THREADS = 1
test-parts test-postgresql: export OPENBLAS_NUM_THREADS = 1

test-parts: $(VENV)/dev.stamp $(ASSETS) $(CATALOGUE).mo ## run the tests of every room and of faults, without browser
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup --ignore tests/e2e

test-browser: $(VENV)/dev.stamp $(ASSETS) $(CATALOGUE).mo ## play one demo node in the browser
	$(BIN)/python -m pytest tests/e2e

test-postgresql: $(VENV)/dev.stamp $(CATALOGUE).mo ## run the tests of the apps on a throw-away PostgreSQL
ifneq ($(POSTGRESQL),)
	QINGJIAN_TEST_DATABASE=postgresql $(BIN)/python -m pytest tests/apps tests/api -n $(TEST_WORKERS)
else
	@echo "NOT RUN (make test-setup installs what they need): $(NO_POSTGRESQL)"
	@[ -z "$$QINGJIAN_TEST_NOT_RUN" ] || echo "$(NO_POSTGRESQL)" >>"$$QINGJIAN_TEST_NOT_RUN"
	@test "$$CI" != true
endif

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

KIT_VENV := $(abspath build/kit)
KIT_PYTHON ?= $(KIT_VENV)/bin/python
$(KIT_VENV)/bin/python: requirements/bench.lock
	$(PYTHON) -m venv $(KIT_VENV)
	$@ -m pip install --quiet --require-hashes -r requirements/bench.lock || { rm -rf $(KIT_VENV); exit 1; }

bench-screening: $(VENV)/dev.stamp $(filter $(KIT_VENV)/%,$(KIT_PYTHON)) ## screening on a kit: make bench-screening KIT=folder [OPTIONS="--medium stack"] [BASELINES="subpca subknn …"] [KIT_PYTHON=python]
	@test -n "$(KIT)" || { echo "make bench-screening KIT=<folder with build_dev_panel.py, score.py and baselines.py>"; exit 2; }
	$(BIN)/python -m bench.screening --kit $(KIT) --python $(KIT_PYTHON) --untouched $(OPTIONS) --baselines $(BASELINES)

fuzz: $(VENV)/dev.stamp ## 10^7 random streams against the protocol library
	$(BIN)/python -m tests.hj212.fuzz --streams 10000000

docs: $(VENV)/dev.stamp ## check the documents and build them into build/docs, to browse without a network
	$(BIN)/python -m pytest -q tests/test_docs.py tests/test_deploy.py
	$(BIN)/python -m tools.docs build/docs

wheel: $(VENV)/dev.stamp $(ASSETS) $(CATALOGUE).mo ## build the wheel with front end and texts into dist, and check that they are in it
	$(BIN)/python -m tools.wheel dist

lock: $(BIN)/python ## refresh the lock files (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q pyproject.toml --extra dev -o requirements/dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q pyproject.toml requirements/build.in -c requirements/dev.lock -o requirements/run.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q requirements/node.in -o requirements/node.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q requirements/bench.in -o requirements/bench.lock

clean: ## remove what was built (not your data)
	rm -rf $(VENV) frontend/node_modules src/qingjian/ui/static/ui/vendor $(CATALOGUE).mo build dist .mypy_cache .ruff_cache .hypothesis
