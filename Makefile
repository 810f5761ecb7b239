# The two commands: `make up` runs Cardloop, `make test` shows that it is sound. `make` alone lists the rest.
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests up demo sample test thorough proof proof-money proof-kills proof-pages proof-upgrade bench lint types contracts check lock screenshots histories format clean
PYTHON := .venv/bin/python
# Compiled modules are kept: otherwise each of seven programs, and each test process, compiles the project again.
unexport PYTHONDONTWRITEBYTECODE
# One more than the processors that CI has: tests wait for databases, browsers and workflows.
WORKERS ?= 3
BRAND ?= jd
FACE ?= 500
OUT ?= card.jpg
KILLS ?= 200
CARDS ?= 100
SEED ?= 1
RUNS ?= 5000
LINES ?= 1000000
OUTAGE ?= 2000
PROOFS ?= tests/faults tests/end_to_end tests/services tests/api tests/reviewer_ui tests/ocr tests/photo_set

help: ## List these targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Find or make what this machine lacks (每步只做一次)
	@sh bootstrap/setup/start.sh
	@$(PYTHON) -m cli setup

setup-tests:
	@sh bootstrap/setup/start.sh
	@$(PYTHON) -m cli setup --for-tests

up: setup ## Start everything; Ctrl-C stops it, the next start resumes the cards (启动)
	@$(PYTHON) -m cli up

demo: setup ## Send sample cards of all five types through (演示)
	@$(PYTHON) -m cli demo

sample: setup ## Draw a photo of a fresh card, e.g. make sample BRAND=jd FACE=500 OUT=card.jpg (新卡照片)
	@$(PYTHON) -m cli sample --brand $(BRAND) --face $(FACE) --out $(OUT)

test: setup-tests ## Run the tests (测试)
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadgroup -q

thorough: setup-tests ## Run more cases of the same tests, as the checks on a commit do (全部情形)
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadgroup -q -m thorough

proof: proof-money proof-kills proof-pages ## Break payments at every place, kill programs at random under cards, restore backups, and count the money (RUNS=5000 KILLS=200 CARDS=100 SEED=1 OUTAGE=2000 LINES=1000000)

proof-money: setup-tests
	@$(PYTHON) -m tests.faults.money --runs $(RUNS) --first $(SEED)

proof-kills: setup-tests
	@$(PYTHON) -m tests.faults.campaign --kills $(KILLS) --cards $(CARDS) --seed $(SEED)
	@CARDLOOP_PROOF_OUTAGE=$(OUTAGE) CARDLOOP_LINES=$(LINES) $(PYTHON) -m pytest -q -n 2 --dist loadgroup -m proof $(PROOFS)

proof-pages: setup-tests
	@CARDLOOP_EVERY_RULE=1 $(PYTHON) -m pytest -q -n 2 --dist loadgroup -m 'not proof' tests/browser/test_every_page.py

proof-upgrade: setup-tests ## Move Temporal from 1.29.1 to Compose's version under cards on their way (builds four servers with Go)
	@$(PYTHON) -m tests.faults.temporal_upgrade

bench: setup-tests ## Measure against the bar; make bench NAME=flow measures one
	@$(PYTHON) -m benchmarks $(NAME)

lint: setup-tests ## Ruff, its formatter, and the templates
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/djlint --lint reviewer_ui/templates seller_ui/templates

types: setup-tests ## mypy, strict
	@.venv/bin/mypy .

contracts: setup-tests ## Who may import whom
	@PYTHONPATH=. .venv/bin/lint-imports

check: lint types contracts test thorough ## All of these but the benchmarks

format: ## Let ruff order and lay out the code
	@.venv/bin/ruff check --fix -q . || true
	@.venv/bin/ruff format -q .

lock: ## Resolve pyproject.toml again into requirements.lock: hashes, and no address of any index
	@.venv/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--overrides requirements.overrides --generate-hashes --no-emit-index-url --no-header -q -o .cardloop/lock.new
	@# Packages that an override forbids everywhere would only be downloaded for nothing.
	@awk '/^[^ #]/ { drop = /sys_platform == .never./ } !drop' .cardloop/lock.new > requirements.lock
	@rm .cardloop/lock.new
	@# The images hold only what their process needs, in the very same versions.
	@.venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --constraints requirements.lock \
		--generate-hashes --no-emit-index-url --no-header --no-annotate -q -o docker/web.lock
	@.venv/bin/uv pip compile pyproject.toml --extra ocr --universal --python-version 3.11 --constraints requirements.lock \
		--overrides requirements.overrides --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o .cardloop/lock.new
	@awk '/^[^ #]/ { drop = /sys_platform == .never./ } !drop' .cardloop/lock.new > docker/reader.lock
	@rm .cardloop/lock.new

screenshots: setup-tests ## Take the README's pictures from the running pages
	@$(PYTHON) -m docs.screenshots

histories: setup-tests ## Record the workflow histories again, after a versioned change
	@CARDLOOP_RECORD_HISTORIES=1 $(PYTHON) -m pytest -q -m 'not proof' tests/workflows

clean: ## Remove what set-up made; state (cards, keys, photos) stays in .cardloop/state
	rm -rf .venv node_modules reviewer_ui/static/vendor seller_ui/static/vendor .cardloop/cache \
		.mypy_cache .ruff_cache .hypothesis .import_linter_cache
