# Each target does its own set-up: Python 3.11 or newer and git are all that a machine needs besides make.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && exit; done; echo python3)
INSTALL := $(PYTHON) requirements/install.py
BIN := .venv/bin
ARGS ?=
N ?= 100
SEED ?= 1
LOCKS := dev local front worker console tracing simulator uv mutants converters conformance browser

.DEFAULT_GOAL := help
.PHONY: help demo tour paper paper-check doctor approve test test-fast test-long check format test-docker faults catalogue metrics-check traces-check mutants converters conformance test-hosts test-browser pictures pictures-console bench bench-peers coverage lock tokens api api-examples schemas clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the whole stack on this machine with a simulated account, a tour, then it serves (ARGS="--once --port 8001")
	@$(INSTALL) local
	@exec $(BIN)/python -m cli up $(ARGS)

tour: ## the tour through a front that runs already (ARGS="--url http://127.0.0.1:8000/api/v1")
	@$(INSTALL) local
	@exec $(BIN)/python -m cli tour $(ARGS)

paper: ## trade on paper: asks for the login, starts the gateway in a container, explains the second factor
	@$(PYTHON) -m cli.local_stack.docker_engine
	@$(INSTALL) local
	@exec $(BIN)/python -m cli paper $(ARGS)

paper-check: ## what a real paper gateway says, as a scrubbed transcript, and where the simulator differs
	@$(INSTALL) local
	@exec $(BIN)/python -m cli paper-check $(ARGS)

doctor: ## looks at a running stack, names what is wrong and what to do (ARGS="--url … --gateway …")
	@$(INSTALL) local
	@exec $(BIN)/python -m cli doctor $(ARGS)

approve: ## live orders that wait for a person (ARGS="KEY" approves one, ARGS='KEY --refuse "why"' refuses it)
	@$(INSTALL) local
	@exec $(BIN)/python -m cli approve $(ARGS)

# Tests of the source and the pages: make check has them, and make test does not repeat them.
CHECKED := tests/test_architecture.py tests/test_forked.py tests/test_layout.py tests/test_naming.py tests/test_rerun.py \
	tests/test_testing_rules.py tests/test_trial.py tests/catalogue/test_page.py \
	tests/docs/test_sentences.py tests/docs/test_adding_a_tool.py tests/docs/test_links.py tests/docs/test_log_events.py \
	tests/docs/test_quoted_texts.py tests/docs/test_rooms.py tests/requirements
# Other systems do not fork a process of many libraries safely.
SPLIT = $(if $(wildcard /proc/self),-p tests.forked --processes $(1),-n $(1) --dist loadfile --no-loadscope-reorder)

test: ## every test that needs no container engine; what fails runs once more, alone (ARGS="tests/bridge -k lease")
	@$(INSTALL) dev
	$(BIN)/python -m tests.rerun -m "not docker and not long" $(call SPLIT,7) $(if $(ARGS),$(ARGS),$(CHECKED:%=--ignore=%))

test-fast: ## an answer within a minute: what needs no server, and a few calls through the whole stack
	@$(INSTALL) dev
	$(BIN)/python -m pytest -p tests.fast -m "not docker and not long" $(call SPLIT,4) $(CHECKED:%=--ignore=%) $(ARGS)

test-long: ## tests that take minutes each (ARGS="tests/ib_worker -k soak")
	@$(INSTALL) dev
	$(BIN)/python -m pytest -m long --timeout 3600 $(ARGS)

check: ## format, lint, types, import rules, a test file for each product file, and what the pages state
	@$(INSTALL) dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(CHECKED)

format: ## sorts imports and formats the code
	@$(INSTALL) dev
	$(BIN)/ruff check --quiet --select I --fix .
	$(BIN)/ruff format --quiet .

test-docker: ## builds the images, brings the stack up in containers, runs the tour against it; checks every deployment
	@$(INSTALL) dev
	-@$(BIN)/python deploy/checks/install.py
	-$(DRIVER)
	PYTHONPATH=$(BROWSER) $(BIN)/python -m pytest -rs --timeout 900 -n 2 --dist loadfile --no-loadscope-reorder tests/docker tests/deploy $(ARGS)

coverage: ## the tests again, with branch coverage of our own code
	@$(INSTALL) dev
	$(BIN)/python -m pytest -m "not docker and not long" --cov --cov-report term:skip-covered $(ARGS)

faults: ## random runs with faults (N=100 SEED=1); ARGS="matrix --jobs 4" for the kill points, ARGS=standby for take-overs
	@$(INSTALL) dev
	$(BIN)/python -m tests.faults $(or $(ARGS),random -n $(N) --seed $(SEED))

catalogue: ## every test that shows a row of docs/fault-catalogue.md, long ones too; then a line for each row
	@$(INSTALL) dev
	$(BIN)/python -m tests.catalogue $(ARGS)

metrics-check: ## alert rules and each query of the dashboard, by promtool and a Prometheus that scrapes the real stack
	@$(INSTALL) dev
	$(BIN)/python -m pytest -rs --timeout 300 tests/observability $(ARGS)

traces-check: ## a call's spans over front, bus, worker and TWS, as a receiver of OTLP gets them
	@$(INSTALL) dev
	@$(BIN)/uv pip install --quiet --require-hashes --no-deps --target .state/tracing -r requirements/tracing.txt
	PYTHONPATH=.state/tracing $(BIN)/python -m pytest -rs tests/bridge/tracing tests/e2e/test_traces.py $(ARGS)

mutants: ## one change of the product at a time, and whether a test notices (ARGS="bridge --digits 3 7", ARGS="files ib_worker/risk")
	@$(INSTALL) dev
	$(BIN)/python -m tests.mutation $(ARGS)

converters: ## the published schemas by the converters to OpenAI, Anthropic and Gemini functions, from PyPI and npm
	@$(INSTALL) dev
	$(BIN)/python -m tests.converters $(ARGS)

conformance: ## MCP's conformance suites, the Inspector and other makers' clients, beside FastMCP alone (ARGS="clients")
	@$(INSTALL) dev
	$(BIN)/python -m tests.conformance $(ARGS)

test-hosts: ## Claude Code and Codex on scripted models: what their models read of the demo's stack (ARGS="search")
	@$(INSTALL) dev
	$(BIN)/python -m tests.hosts $(ARGS)

# Beside .venv, and not in it: the driver is larger than all that other tests need.
BROWSER := .state/browser
DRIVER = @$(BIN)/uv pip install --quiet --require-hashes --target $(BROWSER) -r requirements/browser.txt

# The rules of accessibility, where npm is; without them their test is skipped, and says so.
AXE = @if command -v npm >/dev/null; then mkdir -p .state/axe && cp tests/browser/package*.json .state/axe && npm ci --silent --no-audit --no-fund --ignore-scripts --prefix .state/axe; fi

test-browser: ## the console in headless Chromium, on the demo's stack (CHROMIUM names it, else the PATH has it)
	@$(INSTALL) dev
	$(DRIVER)
	$(AXE)
	PYTHONPATH=$(BROWSER) $(BIN)/python -m pytest -rs -n 0 --timeout 180 tests/browser $(ARGS)

pictures: ## the pictures of the README under docs/pictures, made of a run of the demo (ARGS="charts")
	@$(INSTALL) dev
	$(BIN)/python -m tests.pictures $(ARGS)

pictures-console: ## the console's pictures under docs/pictures, by the tests of make test-browser
	@$(INSTALL) dev
	$(DRIVER)
	PYTHONPATH=$(BROWSER) PICTURES=docs/pictures $(BIN)/python -m pytest -rs -n 0 --timeout 180 tests/browser $(ARGS)

bench: ## what a call costs, layer by layer, against the stack on this machine, in under 3 minutes
	@$(INSTALL) dev
	$(BIN)/python -m benchmarks $(ARGS)

bench-peers: ## this project against other MCP servers for TWS, in about 5 minutes (ARGS="--write" into docs/benchmarks.md)
	@$(INSTALL) dev
	$(BIN)/python -m benchmarks.peers $(ARGS)

lock: ## the hashed locks anew from pyproject.toml (ARGS="--upgrade" for newer releases)
	@$(INSTALL) local
	@for each in $(LOCKS); do \
	  case $$each in dev|uv|converters|conformance) like= ;; *) like="--constraint requirements/dev.txt" ;; esac; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" --group $$each $$like $(ARGS) -o requirements/$$each.txt || exit 1; \
	done

tokens: ## what a model sees of each tool, in tokens, by npm's js-tiktoken (ARGS=--write records the totals)
	@$(INSTALL) dev
	$(BIN)/python -m benchmarks.tool_tokens $(ARGS)

api: ## generates API.md's tables and the README's list of tools from the declarations
	@$(INSTALL) dev
	$(BIN)/python -m cli reference

api-examples: ## calls each tool of the stack at the simulator, and records the examples that make api shows
	@$(INSTALL) dev
	$(BIN)/python -m tests.examples
	$(BIN)/python -m cli reference

schemas: ## generates the schema snapshots under tests/schemas: a changed snapshot is a changed promise
	@$(INSTALL) dev
	$(BIN)/python -m cli reference --schemas

clean: ## what make and the demo left here
	rm -rf .venv .state .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -prune -exec rm -rf {} +
