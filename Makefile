# The two commands a newcomer needs are `make run` and `make test`; the rest serve those who work on the code.

PYTHON ?= python3
# Python compiles a module once and keeps it; without that every command would compile all it needs, five seconds' work.
unexport PYTHONDONTWRITEBYTECODE
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)

.PHONY: run test check types tests bench wheel clean

run: .venv/ready
	@.venv/bin/python -m fixtures iops .fullcount/example
	@.venv/bin/fullcount run --supply .fullcount/example/supply --country .fullcount/example/country

test: .venv/ready system check tests

# --- the environment ------------------------------------------------------------------------------

.uv/bin/uv:
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/ready: pyproject.toml uv.lock $(if $(findstring .uv,$(UV)),.uv/bin/uv)
	@$(UV) sync --quiet --locked --python $(PYTHON)
	@touch $@

# A browser and an office suite, for the tests that look at pages and open workbooks.
.PHONY: system
system:
	@.ci/system-packages

# --- checks ---------------------------------------------------------------------------------------

check: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/dg check defs

tests: .venv/ready
	# What failed is run once more by itself: the journeys that kill and race can miss their moment on a busy machine.
	.venv/bin/python -m pytest -n 2 --dist loadgroup || .venv/bin/python -m pytest --last-failed --last-failed-no-failures none

bench: .venv/ready
	.venv/bin/python -m tests.bench

wheel: .venv/ready
	$(UV) build --wheel --out-dir dist

clean:
	rm -rf .venv .uv .fullcount dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
