# `make demo` and `make test` are the two commands to know. Each sets up what it needs by itself:
# a virtual environment in .venv, with the tap (editable), the tools and Meltano in it.
#
# Without PYTHON=/path/to/python the newest suitable one on PATH is taken. It counts when .venv is
# made, so after another one `make clean` comes first.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
QUICK_TESTS := --ignore=tests/e2e -m "not soak"

# Two processes share the tests, file by file, and begin with the longest, those of tests/e2e. Not
# more of them, because some tests look at the time that something takes.
TOGETHER := --numprocesses 2 --dist loadfile --no-loadscope-reorder

PRERELEASE := .venvs/prerelease
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate \
    --no-emit-index-url --custom-compile-command 'make requirements'

ISSUE_CONFIG := .github/ISSUE_TEMPLATE/config.yml
ISSUE_FORMS := $(filter-out $(ISSUE_CONFIG),$(wildcard .github/ISSUE_TEMPLATE/*.yml))

# uv reads neither pip's index setting nor, by itself, the certificates that this machine trusts
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifneq ($(wildcard /etc/ssl/certs/*.crt /etc/pki/tls/certs/*.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
export UV_NATIVE_TLS ?= true
endif
export UV_PYTHON_DOWNLOADS ?= never

# Meltano starts four times as slowly where Python may not keep what it has compiled
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint format soak coverage bench live targets test-pythons test-prerelease \
    release-check github-release hub requirements clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## load a simulated Zendesk's ticket events into a real PostgreSQL, twice
	@$(BIN)/python -m tests.demo

test: $(READY) ## run every test but the soak
	$(BIN)/python -m pytest $(TOGETHER) -m "not soak"

soak: $(READY) ## run the long tests, and hypothesis with many more examples
	$(BIN)/python -m pytest -m soak
	TIMES=20 $(BIN)/python -m pytest $(patsubst %,tests/behaviour/test_%.py,exactly_once sync \
	    against_reader fast_path metric_histories segment_histories quota_of_many)
	MONTHS=12 $(BIN)/python -m pytest tests/e2e/test_dagster_example.py

coverage: $(READY) ## measure what the quick tests reach of the package; less than 98 % is a failure
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest $(TOGETHER) $(QUICK_TESTS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

bench: $(READY) ## measure the tap beside other tools (minutes; best on a quiet machine)
	@$(BIN)/python -m tests.bench

live: $(READY) ## ask your own Zendesk account what only it can tell, and write a report (few requests)
	@$(BIN)/python -m tests.live $(LIVE)

targets: $(READY) ## try the targets that docs/targets.md lists
	@$(BIN)/python -m tests.targets

lint: $(READY) ## check style, format and types, and the files for GitHub and Meltano Hub
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/check-jsonschema --builtin-schema vendor.meltano meltano.yml
	$(BIN)/yamllint --strict hub
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config $(ISSUE_CONFIG)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(ISSUE_FORMS)
	$(BIN)/zizmor --quiet --offline --persona=pedantic .github
	$(BIN)/pre-commit validate-config

format: $(READY) ## correct style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test-pythons: $(READY) ## run the quick tests on each Python 3.11 to 3.14 of this machine
	@set -e; passed=''; failed=''; missing=''; \
	for version in 3.11 3.12 3.13 3.14; do \
	    python=$$($(BIN)/python -m tests.support.environments "$$version") || true; \
	    if [ -z "$$python" ]; then missing="$$missing $$version"; continue; fi; \
	    environment=.venvs/$$version; \
	    echo "== Python $$version ($$($$python --version))"; \
	    if [ ! -x "$$environment/bin/python" ]; then \
	        $(BIN)/uv venv --quiet --python "$$python" "$$environment"; \
	    fi; \
	    $(BIN)/uv pip install --quiet --python "$$environment/bin/python" \
	        --constraint requirements/dev.txt --group test --editable .; \
	    if "$$environment/bin/python" -m pytest $(QUICK_TESTS); \
	        then passed="$$passed $$version"; else failed="$$failed $$version"; fi; \
	done; \
	echo "passed on:$${passed:- none}$${failed:+; FAILED on:$$failed}$${missing:+; not here:$$missing}"; \
	[ -z "$$failed" ]

# An environment of its own: first what the tests usually run with, then the SDK in place of the pin.
test-prerelease: $(READY) ## run the quick tests with the newest pre-release of singer-sdk
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PRERELEASE)
	$(BIN)/uv pip install --quiet --python $(PRERELEASE)/bin/python \
	    --constraint requirements/dev.txt --group test --editable .
	$(BIN)/uv pip install --quiet --python $(PRERELEASE)/bin/python --prerelease allow \
	    --override requirements/prerelease.txt --upgrade-package singer-sdk --editable .
	@$(BIN)/uv pip show --quiet --python $(PRERELEASE)/bin/python singer-sdk
	$(PRERELEASE)/bin/python -m pytest $(QUICK_TESTS)

package: $(READY) ## build sdist and wheel into dist/, and try them on each Python of this machine
	rm -rf dist
	$(BIN)/uv build --quiet --out-dir dist
	$(BIN)/twine check --strict dist/*
	BUILT_PACKAGE=dist $(BIN)/python -m pytest tests/e2e/test_package.py

release-check: $(READY) ## check that TAG=v1.2.3 is the version that can be released
	@$(BIN)/python -m tests.support.release "$$TAG"

github-release: ## make the release of TAG=v1.2.3 on GitHub, with what dist/ holds (needs gh)
	@mkdir -p build
	@python3 -m tests.support.release --notes "$$TAG" > build/release-notes.md
	gh release create "$$TAG" --verify-tag --title "$$TAG" --notes-file build/release-notes.md dist/*

hub: $(READY) ## write the listing for Meltano Hub anew
	@$(BIN)/python hub/listing.py

requirements: $(READY) ## compile requirements/dev.txt and dbt.txt anew, with the newest versions
	$(COMPILE) --output-file requirements/dev.txt --group dev pyproject.toml
	$(COMPILE) --output-file requirements/dbt.txt requirements/dbt.in

clean: ## remove what the other commands made (not .meltano/meltano.db, which holds bookmarks)
	rm -rf $(VENV) .venvs .demo build dist .coverage .coverage.* .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache dbt/target dbt/logs dbt/dbt_packages dbt/package-lock.yml
	rm -rf .meltano/extractors .meltano/loaders .meltano/utilities .meltano/logs .meltano/run

$(READY): pyproject.toml requirements/dev.txt
	@set -e; \
	python=''; \
	for candidate in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	        python=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "No Python 3.11 or newer runs here$(if $(PYTHON), as $(PYTHON),): install one," \
	        "or name it: make PYTHON=/path/to/python3.11 ..." >&2; \
	    exit 1; \
	fi; \
	echo "Setting up $(VENV) ($$("$$python" --version)); the next time this takes no time."; \
	rm -rf $(VENV); \
	if uv --version >/dev/null 2>&1; then \
	    uv=uv; \
	    uv venv --quiet --python "$$python" $(VENV); \
	else \
	    uv=$(BIN)/uv; \
	    "$$python" -m venv $(VENV); \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements/dev.txt)"; \
	fi; \
	"$$uv" pip install --quiet --python $(BIN)/python --requirement requirements/dev.txt --editable .; \
	touch $@
