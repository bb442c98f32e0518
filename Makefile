# Everything a checkout needs: `make demo` and `make test` work on a machine with python3 (>= 3.11), venv and make.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: demo service-demo test check format bench clean

demo: $(READY)  ## the main job against the embedded sandbox account
	$(BIN)/openai-monitor collect --define define/openai.yml --sandbox --format table

service-demo: $(READY)  ## ten seconds of the service, over accounts on this machine that spend
	$(BIN)/python examples/service_demo.py

test: $(READY)  ## all tests
	$(BIN)/python -m pytest

check: $(READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## speed, as ratios to a floor measured in the same run
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $(READY)
