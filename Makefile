# Everything runs from .venv, which `make setup` fills; a fresh machine needs Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup test demo lint types check docs rehearse torture bench clean

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

docs: .venv/ready ## write docs/cli.md anew
	$(BIN)/python tools/write_cli_docs.py

KILLS ?= 200
torture: .venv/ready ## kill the real daemon at random points (KILLS=200, SEED=…) and compare with the server's list
	$(BIN)/python -m tests.torture.harness --kills $(KILLS) $(if $(SEED),--seed $(SEED))

rehearse: .venv/ready ## real posts (POSTS=file.jsonl) through simulator and daemon; PACED=1 for real-life pacing
	$(BIN)/python benchmarks/rehearse.py $(POSTS) $(if $(PACED),--paced)

bench: .venv/ready ## speed against peers and limits, CPU time
	for one in matching ingest places startup; do $(BIN)/python benchmarks/$$one.py; done

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
