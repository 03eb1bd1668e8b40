# Every target that is meant to be called has its line for `make help` behind two number signs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install demo test check style container lab-failover prove soak bench pictures dist lock clean packages

BIN := .venv/bin
SECONDS := 3600
# Memory: S16 asks what the program does in an hour, and the disk of a small machine stands still now and then.
FOLDER := /dev/shm
QUICK := tests/core tests/rating tests/charging tests/identity tests/languages tests/test_architecture.py
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
LOCK := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.runtime ## make .venv with the command .venv/bin/talktime

demo: install ## try it: a server with example data
	$(BIN)/talktime demo

test: packages .venv/.test style ## everything that must hold before a change is taken
	rm -f .coverage .coverage.*
	scripts/run_tests.sh
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage json --quiet
	$(BIN)/python scripts/coverage_bounds.py coverage.json

check: .venv/.test style ## what a change breaks most often, in a minute or so, for while you work
	$(BIN)/python -m pytest -m "not slow and not prove" $(QUICK)

style: .venv/.test
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy

container: .venv/.test ## packages, service and container, built and run on fresh machines as the guide says
	@scripts/system_packages.sh containers
	$(BIN)/python -m pytest -m prove tests/packages

prove: .venv/.test ## the long proofs: crashes, failovers, simulations; takes hours
	@scripts/system_packages.sh containers failover
	$(BIN)/python -m tests.prove

lab-failover: .venv/.test ## kill the primary of three machines with Patroni and etcd while people call and pay
	@scripts/system_packages.sh failover
	$(BIN)/python -m tests.failover.lab

soak: packages .venv/.test ## an hour of everything at half of what the machine can do, on each database; SECONDS=600 is shorter, FOLDER=/tmp is on the disk
	$(BIN)/python -m tests.soak --seconds $(SECONDS) --folder $(FOLDER)

bench: packages .venv/.test ## how fast it is, beside what the databases can do at best
	$(BIN)/python -m bench

pictures: packages .venv/.test ## the portal's main pages in all languages, light and dark, wide and on a phone
	$(BIN)/python -m tests.portal.pictures

dist: .venv/.runtime ## wheel, source, bill of materials and all hashes in dist/, the same bytes from the same source
	rm -rf dist
	scripts/make_dist.sh dist

lock: .venv-lock/.made ## remake requirements/*.txt; UPGRADE=1 takes newer versions
	$(LOCK) pyproject.toml --group build -o requirements/runtime.txt
	$(LOCK) pyproject.toml --group build --extra test -c requirements/runtime.txt -o requirements/test.txt
	$(LOCK) pyproject.toml --group build --extra tracing -c requirements/test.txt -o requirements/tracing.txt
	$(LOCK) --group lock -o requirements/lock.txt

clean: ## remove what make and the tools have made
	rm -rf .venv .venv-lock build dist .coverage .coverage.* coverage.json htmlcov
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@scripts/system_packages.sh

# A stamp is written last, so whatever was interrupted is done again.
.venv/.made:
	"$$(scripts/find_python.sh)" -m venv --clear .venv
	touch $@

.venv/.runtime: .venv/.made requirements/runtime.txt pyproject.toml
	$(PIP) install --require-hashes -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

.venv/.test: .venv/.runtime requirements/test.txt
	$(PIP) install --require-hashes -r requirements/test.txt
	touch $@

.venv-lock/.made: requirements/lock.txt
	"$$(scripts/find_python.sh)" -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip --quiet install --require-hashes -r requirements/lock.txt
	touch $@
