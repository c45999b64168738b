# On a fresh machine, two commands are enough: make sweep, make test.

SPACE   ?= digits_mlp
TRIALS  ?= 12
WORKERS ?= 1
ROOT    ?=
OPTIONS ?=
KILLS   ?= 200
TURN    ?=

# Use the Python environment that is there (Colab's own, or an activated one), else make .venv.
ifneq ($(COLAB_RELEASE_TAG)$(VIRTUAL_ENV),)
PYTHON    ?= python3
RUN       := $(PYTHON) -m
INSTALLED := $(if $(VIRTUAL_ENV),$(VIRTUAL_ENV)/).sweep-installed
MAKE_ENV  := true
else
PYTHON    ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
RUN       := .venv/bin/python -m
INSTALLED := .venv/.sweep-installed
MAKE_ENV  := $(PYTHON) -m venv .venv
endif

ROOT_OPTION = $(if $(ROOT),--root '$(ROOT)')

.PHONY: help sweep results report dashboard test test-all test-rest pictures chaos bench bench-search lint clean
.DEFAULT_GOAL := help

help:  ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18
	@echo '  variables: SPACE=$(SPACE) TRIALS=$(TRIALS) WORKERS=$(WORKERS) ROOT=$(or $(ROOT),experiences/$(SPACE)) OPTIONS="$(OPTIONS)"'

sweep: $(INSTALLED)  ## Run the sweep, or resume it
	@$(RUN) sweep run $(SPACE) --trials $(TRIALS) --workers $(WORKERS) $(ROOT_OPTION) $(OPTIONS)

results: $(INSTALLED)  ## Show one row a trial, the best first
	@$(RUN) sweep results $(SPACE) $(ROOT_OPTION)

report: $(INSTALLED)  ## Write a page with tables, curves and pictures
	@$(RUN) sweep report $(SPACE) $(ROOT_OPTION) $(OPTIONS)

dashboard: $(INSTALLED)  ## Serve the Optuna dashboard on this machine, read-only
	@$(RUN) sweep dashboard $(SPACE) $(ROOT_OPTION) $(OPTIONS)

test: $(INSTALLED)-test  ## Run the quick tests, and a sample of the others, in some minutes
	@$(RUN) pytest -m 'not long'

test-all: $(INSTALLED)-test  ## Run all tests
	@$(RUN) pytest --durations=20

test-rest: $(INSTALLED)-test
	@$(RUN) pytest -m long --durations=20 \
		$(if $(TURN),--splits 3 --group $(TURN) --splitting-algorithm least_duration)

pictures: $(INSTALLED)-test  ## Make the pictures of docs/ from a real sweep, which is killed three times
	@$(RUN:-m=) tests/pictures.py

chaos: $(INSTALLED)-test  ## Kill, starve and damage real sweeps for some minutes
	@$(RUN) tests.chaos --kills $(KILLS) $(OPTIONS)

bench: $(INSTALLED)  ## Time whole sweeps beside a bare Keras loop and other tools
	@$(RUN) benchmarks.speed $(OPTIONS)

bench-search: $(INSTALLED)  ## Let searches, ours and those of other tools, replay real curves
	@$(RUN) benchmarks.search $(OPTIONS)

lint: $(INSTALLED)-test  ## Check style, types, the layers of imports, and the documents
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) pytest -q -m 'not long' tests/test_layers.py tests/test_documents.py

clean:  ## Remove what make made; experiences stay
	rm -rf .venv .sweep-installed* .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(INSTALLED): pyproject.toml
	@test -n '$(PYTHON)' || { echo 'sweep needs Python 3.11, 3.12 or 3.13: install one, or name it by make PYTHON=…'; exit 1; }
	@echo 'installing sweep with TensorFlow, Keras and Optuna: once, some minutes, 2.6 GB on the disk'
	@$(MAKE_ENV)
	@$(RUN) pip install --disable-pip-version-check --editable .
	@touch $@

$(INSTALLED)-test: pyproject.toml
	@test -n '$(PYTHON)' || { echo 'sweep needs Python 3.11, 3.12 or 3.13: install one, or name it by make PYTHON=…'; exit 1; }
	@echo 'installing sweep and its tests (once, some minutes)'
	@$(MAKE_ENV)
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(INSTALLED)
