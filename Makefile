# `make` shows the targets. Every target sets up what it needs first.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
SETUP := .venv/.setup node_modules/.setup
COMPILE := $(BIN)/pip-compile --quiet --strip-extras --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help setup run up status reset test lint format bench anomalies soak lock clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SETUP) ## make .venv and node_modules

.venv/.setup: requirements-local.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or say 'make PYTHON=/path/to/python3.11'."; exit 1; }
	@echo "Setting up .venv (about half a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-local.txt
	@touch $@

node_modules/.setup: package-lock.json
	@command -v npm >/dev/null || { echo "Node 20 is needed (it brings npm): install it."; exit 1; }
	@echo "Setting up node_modules (about half a minute) …"
	@npm ci --silent --no-audit --no-fund
	@touch $@

run: $(SETUP) ## start the stack, replay recorded telemetry, prove that nothing was lost (ONCE=1: then end)
	@$(BIN)/python -m local run

up: $(SETUP) ## start the stack and watch over it
	@$(BIN)/python -m local up

status: $(SETUP) ## show how the running stack is
	@$(BIN)/python -m local status

reset: $(SETUP) ## forget what the stack has kept
	@$(BIN)/python -m local reset

test: $(SETUP) ## run every test
	@$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder --reruns 1 -r aR

lint: $(SETUP) ## check style and types
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: $(SETUP) ## put the code into the project's format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(SETUP) ## measure, and print one table for each benchmark
	@$(BIN)/python -m benchmarks

anomalies: $(SETUP) .venv/benchmarks/.setup ## compare the anomaly functions with other detectors on labelled recordings
	@PYTHONPATH=.venv/benchmarks $(BIN)/python -m benchmarks.anomalies

.venv/benchmarks/.setup: requirements-benchmarks.txt .venv/.setup
	@echo "Setting up .venv/benchmarks (about a minute) …"
	@rm -rf .venv/benchmarks
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --target .venv/benchmarks -r requirements-benchmarks.txt
	@touch $@

soak: $(SETUP) ## kill and throttle the stack while events flow: MINUTES=5 KILLS=6 (a minute)
	@$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),5) --kills $(or $(KILLS),6)

lock: $(SETUP) ## compile the requirement files anew after a change of a .in file
	@$(COMPILE) -o requirements.txt requirements.in
	@$(COMPILE) -o requirements-local.txt requirements-local.in
	@$(COMPILE) -o requirements-benchmarks.txt requirements-benchmarks.in

clean: ## remove what setup and the stack made
	@rm -rf .venv node_modules .local .mypy_cache .pytest_cache .ruff_cache .hypothesis
