PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
TESTABLE := .venv/.testable
# --no-compile: a module is compiled when it is first imported; of torch's, most never are.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: $(INSTALLED) ## the whole story in a few minutes, in the folder demo/
	rm -rf demo
	PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh demo

check: lint ## lint, types and the quick tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --dist worksteal -m "not slow"

test: lint ## lint, types and every test
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --dist worksteal --durations=10

lint: $(TESTABLE) ## style and types
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy

format: $(TESTABLE) ## rewrite the sources in the project's style
	$(BIN)/ruff check --quiet --fix
	$(BIN)/ruff format

golden: $(TESTABLE) ## keep today's results as those that the tests compare with
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.golden

crash-test: $(TESTABLE) ## kill runs 200 times, resume, and compare with uninterrupted ones
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.crash --kills 200

signals: $(TESTABLE) ## send 300 signals at random moments; each must end it in one line
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.crash.signals --count 300

lowest: $(TESTABLE) ## run every command with the lowest versions that are allowed (2 GB, network)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.lowest

release: $(TESTABLE) ## build wheel and sdist, install and use each in a fresh environment
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.release

docs: $(TESTABLE) ## the documentation as a site, in build/site
	$(PIP) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

fuzz: $(TESTABLE) ## feed 10,000 damaged files to the program
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --count 10000

audit: ## look the pinned dependencies up among known vulnerabilities (asks the network)
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	.venv/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

performance: $(TESTABLE) ## how fast this machine is, beside its peers, in about ten minutes
	$(BIN)/python -m benchmarks.performance --write docs/results/performance.md

clean: ## remove what the other targets made, .venv too
	rm -rf .venv demo build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find captcha_ssl tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# An editable install: it is stale only when the dependencies change, not when the code does.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -e .
	touch $@

$(TESTABLE): $(INSTALLED)
	$(PIP) -e '.[test]'
	touch $@

.PHONY: help demo check test golden crash-test signals lowest release docs fuzz audit lint format performance clean
