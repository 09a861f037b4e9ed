# `make` lists the targets. Everything runs from .venv, which is made from requirements.lock.
PYTHON ?= python3
UV_VERSION = 0.13.9
VENV = .venv
BIN = $(VENV)/bin
ON_PATH = PATH="$(CURDIR)/$(BIN):$$PATH"
SNAKEMAKE = $(ON_PATH) snakemake --cores 4 --resources gpu=1
PYTEST = $(ON_PATH) python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
STAMP = $(VENV)/.installed
SMK = Snakefile workflow/Snakefile workflow/rules cnnlab/cli/starter/Snakefile

.DEFAULT_GOAL = help
.PHONY: help install report demo test test-long lint format bench picture findings tiers docs lock clean distclean

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## .venv, from the lock

report: $(STAMP)  ## run every study and write reports/summary.html
	$(SNAKEMAKE)

demo: $(STAMP)  ## every rule once: reports/smoke/summary.html
	$(SNAKEMAKE) --configfile workflow/config/smoke.yaml

test: $(STAMP)  ## the everyday tests
	$(PYTEST) -m "not long"

test-long: $(STAMP)  ## the others: whole projects, and every block of README and docs
	$(PYTEST) -m long

lint: $(STAMP)  ## formats, types, layers, and the workflow
	$(ON_PATH) ruff check .
	$(ON_PATH) ruff format --check .
	$(ON_PATH) mypy
	$(ON_PATH) lint-imports
	$(ON_PATH) snakefmt --check $(SMK)
	$(ON_PATH) snakemake --lint

format: $(STAMP)  ## put every file into its format
	$(ON_PATH) ruff check --fix .
	$(ON_PATH) ruff format .
	$(ON_PATH) snakefmt $(SMK)

bench: $(STAMP)  ## this machine's section of docs/performance.md, in about a quarter of an hour; leave the machine alone
	$(ON_PATH) python benchmarks/bench.py

picture: $(STAMP)  ## docs/report.png, the picture in the README, from reports/summary.html
	$(ON_PATH) python docs/picture.py

findings: $(STAMP)  ## one finding of each kind in README.md, from the tables of the quick tier
	$(ON_PATH) python docs/findings.py

docs: $(STAMP)  ## site/, the documentation; no page of it needs a network
	$(ON_PATH) NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet
	@echo "wrote site/index.html"

tiers: $(STAMP)  ## docs/full-tier.md, the verdicts of the full tier beside those of the quick one
	$(ON_PATH) python docs/full_tier.py

lock: $(STAMP)  ## requirements.lock and the schemas, from pyproject.toml and the code
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra dev --extra docs pyproject.toml --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --quiet -o requirements.lock
	$(ON_PATH) python -m cnnlab schema

clean:  ## caches and build products; results and reports stay
	rm -rf build dist site *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## .venv too; results and reports stay
	rm -rf $(VENV)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "error: $(PYTHON) is missing or older than Python 3.11; set PYTHON=/path/to/a/newer/python3"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@
