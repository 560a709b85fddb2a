# Billing Hub: `make demo` is all a new user needs. Every target makes the environment it needs first.
SHELL := /bin/sh
.DEFAULT_GOAL := help
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
# a Python that keeps what it compiled begins in a third of the time, and so does every process that a test starts
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
PY := $(VENV)/bin/python
OURS := . $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# one more than processors: a part of a test is waiting for a process, a disk or a database
WORKERS ?= $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN))
KILLS ?= 1000
NODES_CLAIMS ?= 100000
FEED ?= 100000
FEED_MEMORY ?= 1000000
FHIR_CHANGES ?= 20000
RUNS ?= 1000000
TARGET ?= x12

.PHONY: help setup demo test campaigns check bench soak fuzz lock format clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.lock requirements-uv.lock pyproject.toml $(wildcard plugins/*/pyproject.toml) tools/setup
	@tools/setup $(VENV)

setup: $(VENV)/.ready ## make .venv from the lock, nothing else

demo: $(VENV)/.ready ## the whole path with a synthetic practice (ARGS="--keep", ARGS="--input PATH")
	@$(VENV)/bin/hub demo $(ARGS)

test: $(VENV)/.ready ## the quick suite, against real SSH, SQLite and PostgreSQL; the slowest ten are told
	@$(PY) -m pytest -q -n $(WORKERS) --dist worksteal --durations 10 -m "not slow and not campaign" $(ARGS)

campaigns: $(VENV)/.ready ## kills, cuts, whole weeks, installed wheels, stores with many claims: minutes, after `make test`
	@$(PY) -m pytest -q -n $(WORKERS) --durations 10 -m "campaign and not slow" $(ARGS)

soak: $(VENV)/.ready ## long fault campaigns (KILLS=1000, NODES_CLAIMS=100000, FEED=100000, FHIR_CHANGES=20000; bounded parts run in `make campaigns`)
	@$(PY) -m pytest -q -n $(WORKERS) -m slow $(ARGS)
	@$(PY) tests/faults/soak.py --kills $(KILLS)
	@$(PY) tests/faults/soak_nodes.py --claims $(NODES_CLAIMS)
	@$(PY) tests/faults/soak_feed.py --messages $(FEED)
	@$(PY) tests/faults/soak_feed_memory.py --messages $(FEED_MEMORY)
	@$(PY) tests/faults/soak_fhir.py --changes $(FHIR_CHANGES)

fuzz: $(VENV)/.ready ## damaged files without end (TARGET=x12, hl7_reader or fhir_reader, RUNS=1000000; a bounded part runs in `make test`)
	@$(PY) tests/fuzz/$(TARGET).py --runs $(RUNS) $(ARGS)

check: $(VENV)/.ready ## ruff, mypy strict, import-linter
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

bench: $(VENV)/.ready ## measure (ONLY=name, QUICK=1); writes bench/results.json
	@$(PY) bench/run.py $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

format: $(VENV)/.ready ## rewrite the code as `make check` wants it
	@$(VENV)/bin/ruff check --fix-only -q . ; $(VENV)/bin/ruff format .

lock: ## renew requirements.lock (needs uv)
	uv pip compile --universal --generate-hashes --no-header --no-annotate --upgrade -q \
	  --no-emit-package billing-hub --no-emit-package billing-hub-sftp-transfer --extra sandbox --extra parquet --group dev \
	  pyproject.toml plugins/*/pyproject.toml -o requirements.lock
	echo uv | uv pip compile --universal --generate-hashes --no-header --no-annotate --upgrade -q - -o requirements-uv.lock

clean: ## remove what the targets made
	rm -rf $(VENV) .bench demo-out bench/results.json .mypy_cache .ruff_cache .pytest_cache
