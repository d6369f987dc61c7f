# Everything runs from .venv, which `make setup` fills; a fresh machine needs Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup test demo lint types check clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --editable ".[fast]" --group dev
	touch $@

setup: .venv/ready ## install everything into .venv

test: .venv/ready ## run the tests
	$(BIN)/python -m pytest -q

demo: .venv/ready ## simulator, daemon, alerts, archive: the story of 22 May 2023
	$(BIN)/channelwatch demo

lint: .venv/ready ## ruff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/ready ## strict mypy
	$(BIN)/mypy

check: test lint types ## what CI runs

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
