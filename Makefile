# The commands a newcomer needs: make run, make test, make bench.
# Each does the set-up it needs; once installed, all of them work without a network.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SCALE  ?= 100000
export SCALE
# Where a shell or a container says that bytecode is not kept, each of the eight processes of a start would compile Django anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast faults bench lint types lock vendor messages clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# Stamps hold the lock they installed: an unchanged lock asks nothing of any index, a changed one is installed on top.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Carteira needs Python 3.11 or newer; this is %d.%d. Name another: make PYTHON=python3.12 …" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (Debian: apt-get install python3-venv)." >&2; rm -rf $(VENV); exit 1; }

$(VENV)/runtime.lock: requirements.lock | $(BIN)/python
	@cmp -s $< $@ || { echo "Installing what Carteira needs…"; $(BIN)/python .ci/install $<; }
	@cp $< $@

$(VENV)/dev.lock: requirements-dev.lock | $(BIN)/python
	@cmp -s $< $@ || { echo "Installing what the tests need…"; $(BIN)/python .ci/install $<; }
	@cp $< $@

setup: $(VENV)/runtime.lock ## install into .venv; .venv/bin/python manage.py … works from then on

run: setup ## start everything on http://localhost:8000 (PORT=… for another), with a demonstration company
	@exec $(BIN)/python -m carteira.supervise

messages: setup ## compile the translations
	@$(BIN)/python -m carteira.messages

# Types are checked on one core: beside the tests that costs no time of its own, and what it finds is said at once.
test: setup $(VENV)/dev.lock messages lint ## everything: linters, types, all tests, a real browser
	@.ci/install-browser
	@{ said=$$($(MAKE) --no-print-directory types 2>&1) || { echo "$$said" >&2; exit 1; }; } & types=$$!; \
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not faults" || { test $$? -eq 1 && echo "Once more, one at a time: what failed while others ran beside it." && $(BIN)/python -m pytest --last-failed -m "not faults"; }; \
	tests=$$?; wait $$types && exit $$tests

test-fast: setup $(VENV)/dev.lock messages ## the tests without a browser or long waits
	@$(BIN)/python -m pytest -n 2 -m "not slow and not e2e and not faults"

faults: setup $(VENV)/dev.lock messages ## the long forms: processes killed by hundreds, whole order books (half an hour and more)
	@FAULTS=long $(BIN)/python -m pytest -m "faults or deep" -rP

bench: setup messages ## how fast, as ratios (SCALE= clients, 100000 by default)
	@$(BIN)/python -m bench

lint: $(VENV)/dev.lock ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ." >&2; exit 1; }

types: $(VENV)/dev.lock ## mypy on services, selectors, the engine and the project
	@DATABASE_URL=postgresql://types/types DATABASE_OWNER_URL=postgresql://types/types REDIS_URL=redis://types SECRET_KEY=types \
		$(BIN)/mypy carteira $(wildcard */services */services.py */selectors */selectors.py rotation/engine)

lock: $(VENV)/dev.lock ## pin requirements*.in anew, with hashes, for every platform
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --upgrade requirements.in -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --upgrade -c requirements.lock requirements-dev.in -o requirements-dev.lock

vendor: setup ## fetch the front end's libraries again (needs npm); they are committed
	@$(BIN)/python static/vendor/fetch.py

clean: ## remove what can be made again; the data in .carteira stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .carteira/test .carteira/static
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
