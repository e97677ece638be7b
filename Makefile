# `make` alone prints the targets.

SHELL := /bin/sh
BIN := .venv/bin
FIRST_PORT ?= 8101
LOCK := uv pip compile pyproject.toml --universal --python-version 3.12 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet
# Where the system can, a run of tests that hangs is stopped as Ctrl-C would, so that it still ends its servers.
LIMIT := $(shell timeout --foreground 1 true 2>/dev/null && echo timeout --foreground --signal=INT --kill-after=60)

.DEFAULT_GOAL := help
.PHONY: help venv run demo clean test test-unit bug-bank check check-static bench lock docs

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

venv: ## Make .venv from requirements.lock (skipped when it is fresh)
	@deploy/local/make-venv

run: venv ## Run everything: servers, five services, sample register, demonstration; until Ctrl-C
	@exec $(BIN)/cxq up --first-port $(FIRST_PORT)

demo: venv ## The same, but stop after the demonstration; fails when a step of it does
	@exec $(BIN)/cxq demo --first-port $(FIRST_PORT)

clean: ## Forget the data that runs have kept in .cxq
	@if [ -d .cxq ]; then deploy/local/make-venv && $(BIN)/python -m deploy.local.forgetting; fi

check: check-static test ## What CI runs: check-static and test

check-static: venv ## Format, lint, types, import contracts, dead dependencies, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy services shared deploy tests bench
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/cxq openapi --check
	$(BIN)/python -m shared.events.documentation --check

test: venv ## Every test, servers included
	$(if $(LIMIT),$(LIMIT) 3600) $(BIN)/python -m pytest tests

test-unit: venv ## The tests that need no servers (about a minute)
	$(if $(LIMIT),$(LIMIT) 300) $(BIN)/python -m pytest tests/unit

bug-bank: venv ## Plant known mistakes in a copy of the tree: each must turn its test red (minutes; not part of check)
	@exec $(BIN)/python -m tests.bugs

bench: venv ## Measure: make bench GOAL=A1
	@exec $(BIN)/python -m bench $(GOAL)

docs: venv ## Write the generated files: docs/api and docs/events
	$(BIN)/cxq openapi
	$(BIN)/python -m shared.events.documentation

lock: ## Write requirements.lock and requirements-runtime.lock anew (needs uv)
	$(LOCK) --extra local --extra otlp --extra test --output-file requirements.lock
	$(LOCK) --extra otlp --constraint requirements.lock --output-file requirements-runtime.lock
