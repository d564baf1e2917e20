# Everything a developer or a trial needs. `make help` lists it.
PYTHON := .venv/bin/python
PORT ?= 8000
ARGS ?=
export PORT

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test lint bench chaos demo messages lock

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: ## make .venv with what production needs
	@./scripts/setup.sh requirements.txt

setup-dev:
	@./scripts/setup.sh requirements-dev.txt

run: setup ## start everything in one process with demo data, on http://127.0.0.1:8000 (PORT= for another port)
	@exec env DEMO=1 SIMULATOR=1 LOCAL_DESTINATIONS=127.0.0.1:$(PORT) $(PYTHON) manage.py serve

test: setup-dev ## run the tests: the marked ones on SQLite, then all on PostgreSQL (ARGS= goes to pytest)
	@$(PYTHON) scripts/test.py $(ARGS)

lint: setup-dev ## ruff, mypy, djlint and the size limits
	@$(PYTHON) scripts/lint.py

bench: setup-dev ## measure; ARGS= is passed on
	@$(PYTHON) -m bench $(ARGS)

chaos: setup-dev ## the long trial: 10,000 orders while everything is killed; ARGS="--seed 7 --orders 500"
	@$(PYTHON) -m chaos $(ARGS)

demo: setup ## load the demo data into the local database and leave
	@env DEMO=1 SIMULATOR=1 LOCAL_DESTINATIONS=127.0.0.1:$(PORT) $(PYTHON) manage.py demo

messages: setup-dev ## read the texts of the product into the catalogues of locale/, and compile them
	@$(PYTHON) scripts/messages.py

lock: setup-dev ## pin requirements*.in with hashes
	$(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements.in -o requirements.txt
	$(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements-dev.in -c requirements.txt -o requirements-dev.txt
