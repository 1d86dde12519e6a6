# Start here: make demo. What runs in CI are the same words: make check, make test.
PYTHON := .venv/bin/python
ARGS ?=
FOLDER ?= backups
BACKUP ?= no-backup-named
FUZZ := .fuzz/venv/bin/python
TARGETS ?= reader diff
SECONDS ?= 600

.PHONY: help setup demo screenshots run backup restore check test test-sqlite test-all test-rest format docs lock bench bench-reads bench-matching bench-reader bench-reports bench-forge fuzz fuzz-api clients gate.pyz

help:  ## list the targets
	@sed -n 's/^\([a-z.-]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv/.dev  ## virtual environment with everything for developing

demo: .venv/.runtime  ## show the product at work; ARGS="--exit --keep --port 8000"
	@$(PYTHON) scripts/demo $(ARGS)

screenshots: .venv/.dev  ## pictures of the pages after the demo, into docs/screenshots; ARGS=--every
	@$(PYTHON) scripts/demo --exit --pictures docs/screenshots $(ARGS)

run: .venv/.runtime  ## web, worker and beat on the data in .data/; ARGS="--port 8000"
	@$(PYTHON) scripts/run $(ARGS)

backup: .venv/.runtime  ## database, files and keys in one file; FOLDER=/srv/backups
	@$(PYTHON) manage.py backup "$(FOLDER)"

restore: .venv/.runtime  ## fill an empty server from a backup and prove it; BACKUP=FILE
	@$(PYTHON) manage.py restore "$(BACKUP)"

check: .venv/.dev  ## format, lint, types, imports, migrations, generated documents
	@$(PYTHON) scripts/check

test: .venv/.dev  ## all tests but the slow ones on SQLite, what the database decides on PostgreSQL too; ARGS go to pytest
	@$(PYTHON) scripts/test $(ARGS)

test-sqlite: .venv/.dev  ## the same on SQLite alone
	@$(PYTHON) scripts/test --engine sqlite $(ARGS)

test-all: .venv/.dev  ## every test, on both engines
	@$(PYTHON) scripts/test --all $(ARGS)

test-rest: .venv/.dev  ## what make test leaves out
	@$(PYTHON) scripts/test --rest $(ARGS)

format: .venv/.dev  ## format the code and mend what ruff can mend
	@.venv/bin/ruff format && .venv/bin/ruff check --fix

docs: .venv/.dev  ## write the documents that are generated from the code
	@$(PYTHON) scripts/check --write

bench-matching: .venv/.dev  ## how right and how fast the matcher is beside others; ARGS="--write"
	@$(PYTHON) -m bench.matching $(ARGS)

bench-reader: .venv/.dev  ## how fast reports are read, and in how much memory; ARGS="--large"
	@$(PYTHON) -m bench.reader $(ARGS)

bench: .venv/.dev  ## how long imports take beside their floor; ARGS="--million --load"
	@$(PYTHON) -m bench.ingest $(ARGS)

bench-reads: .venv/.dev  ## how long lists take at ten thousand and at a million findings
	@$(PYTHON) -m bench.reads $(ARGS)

bench-reports: .venv/.dev  ## how long a monthly report takes, in how much memory; ARGS="--findings 1000000"
	@$(PYTHON) -m bench.reports $(ARGS)

bench-forge: .venv/.dev  ## what looks at a large organisation ask and take; ARGS="--requests"
	@$(PYTHON) -m bench.forge $(ARGS)

fuzz: .fuzz/venv/.installed  ## look for what breaks the readers; TARGETS="reader diff" SECONDS=600
	@$(FUZZ) -m tests.fuzz $(TARGETS) --seconds $(SECONDS)

fuzz-api: .venv/.dev  ## ask every operation of the API whatever comes to mind; ARGS="--roles admin --examples 100"
	@$(PYTHON) -m tests.contract.fuzz $(ARGS)

clients: .venv/.dev  ## generate clients in Python and TypeScript into .clients/, and compile them
	@$(PYTHON) scripts/clients $(ARGS)

gate.pyz:  ## the gate as one file that any Python from 3.11 on runs
	@$(PYTHON) scripts/zipapp $@

lock:  ## lock requirements*.in with hashes; ARGS="--upgrade-package django"
	@scripts/lock $(ARGS)

.venv/.runtime: requirements.txt
	@scripts/install $< $@

.venv/.dev: requirements-dev.txt
	@scripts/install $< $@

.fuzz/venv/.installed: requirements-fuzz.txt
	@scripts/install $< $@
