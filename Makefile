# Two commands on a bare machine: `make demo` and `make test`. Each sets up what it needs first; doing it again is quick.
SHELL := /bin/bash
PORT ?= 8000
export PORT
PYTHON := .venv/bin/python
# Bytecode caches save seconds at every start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo serve stop test lint bench prove coverage mutants

help:
	@echo 'make demo    the whole story in two minutes, on real rows; leaves the server running'
	@echo 'make test    every check: lint, types, import contracts, migrations, tests on a real PostgreSQL'
	@echo 'make serve   the service on http://127.0.0.1:$(PORT) (set PORT for another), on data that stay'
	@echo 'make stop    end the servers and the embedded PostgreSQL'
	@echo 'make setup, make lint, make bench (bench/results.json), make prove (the long proofs), make mutants (do the tests notice?)'
	@echo 'make coverage (that tests take every branch of the pure packages; part of make prove)'

setup:
	@.ci/setup.sh

demo: setup
	@$(PYTHON) -m demo.run

serve: setup
	@.ci/server.sh start

stop:
	@.ci/server.sh stop

test: setup
	@.ci/test.sh

lint: setup
	@.ci/test.sh lint

bench: setup
	@$(PYTHON) -m bench.run

prove: coverage
	@HYPOTHESIS_PROFILE=prove $(PYTHON) -m pytest -m prove -n 2

# By tests that draw nothing: what is covered does not hang on luck.
PURE := tests/policy tests/graph tests/ledger tests/consent/test_scope.py tests/consent/test_vocabulary.py
coverage: setup
	@env -u HYPOTHESIS_PROFILE $(PYTHON) -m pytest $(PURE) -m "not hypothesis and not thrown and not prove" -n 2 --cov --cov-report=term-missing

# ONLY=governance/policy/people.py for one module, ONLY=report for what is known, ONLY=fresh to begin anew
mutants: setup
	@.ci/mutants.sh $(ONLY)
