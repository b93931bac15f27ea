.PHONY: run test check lint bench setup clean

run: setup ## set up, start everything in one process, say how to try it
	@scripts/run

test: ## set up, lint, types, every test
	@scripts/setup test
	@$(MAKE) --no-print-directory lint
	.venv/bin/pytest

check: setup lint ## lint and types only

lint:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: ## the figures of README.md on this machine (BENCH="--store mongo --runs 3")
	@scripts/setup test
	.venv/bin/python -m bench $(BENCH)

setup:
	@scripts/setup

clean: ## what set-up made; never your data
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
