.PHONY: run test check lint bench soak contract setup clean

# A test starts many processes: where containers forbid it, Python would compile everything anew for each of them.
export PYTHONDONTWRITEBYTECODE =

run: setup ## set up, start everything in one process, say how to try it
	@scripts/run

test: ## set up, lint, types, every test
	@scripts/setup test
	@$(MAKE) --no-print-directory lint
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup lint ## lint and types only

lint:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: ## the figures of README.md on this machine (BENCH="--store mongo --runs 3", BENCH=gateway)
	@scripts/setup bench
	.venv/bin/python -m bench $(BENCH)

soak: ## writers killed and stopped before every command, and for 90 s five times over; campaigns to 100,000 killed (an hour)
	@scripts/setup test
	BELLWIRE_TEST_EVERY=1 .venv/bin/pytest tests/inbox/store
	BELLWIRE_TEST_STOP_S=90 BELLWIRE_TEST_STOPS=5 .venv/bin/pytest tests/faults/test_stopped.py
	BELLWIRE_TEST_MEMBERS=100000 .venv/bin/pytest tests/faults/test_campaign_killed.py

contract: ## the server against its own OpenAPI document, for longer, on both stores
	@scripts/setup test
	BELLWIRE_TEST_EXAMPLES=30 .venv/bin/pytest tests/e2e/test_contract.py

setup:
	@scripts/setup

clean: ## what set-up made; never your data
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
