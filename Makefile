# A thin front: `make demo`, `make up`, `make test`. Needs Python 3.11 to 3.13 with pip, and make.

PYTHON ?= python3
NOX := .venv/bin/nox
PLATFORM := platform/.venv/bin/isthmus-platform
# uv copies where its cache lies on another disk; saying so is noise.
export UV_LINK_MODE ?= hardlink

.PHONY: help demo up quick test environments clean

help:
	@echo "make demo   run three dataflows over the flights of 2013 in Airflow, and report"
	@echo "make up     bring Airflow up at http://localhost:8080 until Ctrl-C"
	@echo "make quick  check style, types and imports and run the fast tests, in a minute: before a commit"
	@echo "make test   run every check, one session for each processor at a time"
	@echo "make clean  remove environments and state: releases too"

demo: environments
	@$(PLATFORM) demo

up: environments
	@$(PLATFORM) up

quick: $(NOX)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(NOX) -s quick

test: $(NOX)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(NOX) -s parallel

environments: $(NOX)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(NOX) -s environments

$(NOX): bootstrap.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python {v[0]}.{v[1]} is not supported; use 3.11, 3.12 or 3.13: make PYTHON=python3.12 …")'
	@echo "installing nox and uv into .venv"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r bootstrap.lock
	@touch $(NOX)

clean:
	rm -rf var out .nox .venv platform/.venv transforms/.venv
