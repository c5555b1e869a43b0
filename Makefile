# Two commands do everything: `make demo` and `make test`. Each sets up what it needs; neither needs root, Docker or a JVM.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
SQL_FOLDERS := $(wildcard models tests/invariants tests/macros analyses)
# What `make lint-sql` reads.
SQL := $(SQL_FOLDERS)
# tests/python/conftest.py starts the longest modules first.
PYTEST := pytest --numprocesses auto --dist loadscope --no-loadscope-reorder --junit-xml target/pytest.xml
LOCAL_FILES := target logs site .pytest_cache .mypy_cache .ruff_cache

export DBT_PROFILES_DIR := $(CURDIR)/profiles
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Installs the pins of one requirements file into one environment, and nothing else: the pins are complete, and tool.uv
# in pyproject.toml names the package that they leave out. A file whose hash is not pinned is refused. uv is fast; pip is
# the fallback if only pip is configured for a private registry. Bytecode is compiled here, so that the first command does
# not have to.
install = uv pip install --quiet --no-deps --require-hashes --compile-bytecode --python $(1)/bin/python -r $(2) \
	|| $(1)/bin/python -m pip install --quiet --no-deps --require-hashes -r $(2)
# The project itself, built with the pinned tools.
install_project = uv pip install --quiet --no-deps --no-build-isolation --compile-bytecode --python $(1)/bin/python --editable . \
	|| $(1)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .

.PHONY: help
help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------------- set-up

$(BIN)/uv: requirements/uv.txt
	@python=$$(sh .ci/find-python) && echo "Setting up $(VENV) with $$python" && "$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt

# What another version of dbt compiled stops this one: a folder has the name that was a file's.
$(VENV)/runtime.stamp: $(BIN)/uv requirements/runtime.txt pyproject.toml
	@rm -rf target/compiled target/run
	@$(call install,$(VENV),requirements/runtime.txt)
	@$(call install_project,$(VENV))
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp requirements/dev.txt
	@$(call install,$(VENV),requirements/dev.txt)
	@touch $@

.PHONY: setup
setup: $(VENV)/dev.stamp  ## Set up .venv with everything a developer needs.

.PHONY: setup-deploy
setup-deploy: $(BIN)/uv requirements/deploy.txt  ## Set up .venv with what a deployment runs, and nothing else.
	@$(call install,$(VENV),requirements/deploy.txt)

.PHONY: lock
lock: $(BIN)/uv  ## Resolve pyproject.toml into requirements/*.txt.
	@sh requirements/lock.sh

# ------------------------------------------------------------------------------------------------------------ run

.PHONY: demo
demo: $(VENV)/runtime.stamp  ## Simulate two hospitals, load, build, print the KPIs.
	@rcm demo

.PHONY: tutorial
tutorial: export RCM_BRONZE := examples/tutorial
tutorial: export RCM_LAKEHOUSE := lakehouse-tutorial
tutorial: export DBT_TARGET_PATH := target/tutorial
tutorial: $(VENV)/runtime.stamp  ## Run the tutorial data set: make tutorial DATA=<its folder>.
	@test -n "$(DATA)" -a -d "$(DATA)/emr" -a -d "$(DATA)/claims" \
		|| { echo "make tutorial DATA=<folder>: the folder must hold emr/ and claims/, see docs/tutorials.md" >&2; exit 2; }
	@# A copy, because ingestion moves what it has loaded out of the landing folder.
	@mkdir -p $(RCM_LAKEHOUSE)/landing
	@cp -R "$(DATA)/emr" "$(DATA)/claims" $(RCM_LAKEHOUSE)/landing/
	@chmod -R u+w $(RCM_LAKEHOUSE)/landing
	@rcm run

$(VENV)/dashboard.stamp: $(VENV)/runtime.stamp requirements/dashboard.txt
	@$(call install,$(VENV),requirements/dashboard.txt)
	@touch $@

PORT := 8501
.PHONY: dashboard
dashboard: $(VENV)/dashboard.stamp  ## Show gold in a browser on this machine: make dashboard PORT=8501.
	@echo "http://127.0.0.1:$(PORT)"
	@streamlit run dashboard/app.py --server.address 127.0.0.1 --server.port $(PORT)

# The pages of docs/, dbt's documentation as one file, and column lineage, with links between them.
.PHONY: docs
docs: $(VENV)/dev.stamp  ## Write the documentation, with models and lineage, to site/index.html.
	@test -f "$${RCM_WAREHOUSE:-$${RCM_LAKEHOUSE:-lakehouse}/warehouse.duckdb}" \
		|| { echo "make docs describes a built warehouse: run make demo first" >&2; exit 2; }
	@$(MAKE) --no-print-directory docs-pages
	@dbt docs generate --static --quiet
	@target="$${DBT_TARGET_PATH:-target}"; cp "$$target/static_index.html" site/dbt/index.html \
		&& python docs/column_lineage.py "$$target" site/lineage/index.html
	@echo "site/index.html, site/dbt/index.html, site/lineage/index.html"

.PHONY: docs-pages
docs-pages: $(VENV)/dev.stamp  ## Write the pages only, which needs no warehouse, and check their links.
	@# Not --quiet: with it, MkDocs counts no warnings, and none would fail the build.
	@NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict

# The newest batches of bronze, validated by Great Expectations; loads check their batches without it.
.PHONY: data-docs
data-docs: $(VENV)/dev.stamp  ## Write the Data Docs of the newest batches, to audit/data_docs/ of the lakehouse.
	@python -m ingestion.bronze.data_docs

.PHONY: dbt-utils
dbt-utils: $(VENV)/runtime.stamp  ## Use dbt-utils' macros: make dbt-utils FROM=hub, or FROM=<folder of the package>.
	@sh requirements/dbt-utils.sh "$(FROM)"
	@dbt deps

.PHONY: docs-tables
docs-tables: $(VENV)/runtime.stamp  ## Renew README's KPI table and the list of KPI models from the contracts.
	@python docs/generate_tables.py

# A diagram is drawn when it changed, and committed: building the site needs neither npm nor a browser.
MERMAID := mermaid@11.17.2
.PHONY: docs-pictures
docs-pictures: $(VENV)/dev.stamp  ## Draw the diagrams of docs/ that changed.
	@npm install --prefix target/mermaid --no-save --ignore-scripts --no-audit --no-fund --loglevel=error $(MERMAID)
	@python docs/pictures.py target/mermaid/node_modules/mermaid/dist/mermaid.min.js

# ---------------------------------------------------------------------------------------------------------- check

.PHONY: format
format: $(VENV)/dev.stamp  ## Format the Python and SQL code.
	@ruff check --fix .
	@ruff format .
	@RCM_LAKEHOUSE=target/lint sqlfluff fix $(SQL_FOLDERS)

.PHONY: lint
lint: lint-python lint-project lint-sql  ## Lint Python, SQL and YAML, check types and conventions.

.PHONY: lint-python
lint-python: $(VENV)/dev.stamp
	ruff check .
	ruff format --check .
	mypy

.PHONY: lint-project
lint-project: export RCM_LAKEHOUSE := target/lint
lint-project: $(VENV)/dev.stamp
	git ls-files -z '*.yml' '*.yaml' | xargs -0 check-yaml
	git ls-files -z | xargs -0 detect-secrets-hook --no-verify --baseline .secrets.baseline
	git ls-files -z '*.sql' | xargs -0 awk 'length > 120 {print FILENAME ":" FNR ": longer than 120 characters"; n++} END {exit n > 0}'
	@mkdir -p $(RCM_LAKEHOUSE)
	dbt parse --quiet --show-all-deprecations --warn-error
	COLUMNS=200 dbt-bouncer run
	pytest -q -p no:cacheprovider tests/python/project/test_rules_in_gold.py

# Each process of sqlfluff connects to a warehouse: one in memory, for DuckDB gives a file to one process only.
.PHONY: lint-sql
lint-sql: export RCM_LAKEHOUSE := target/lint
lint-sql: export RCM_WAREHOUSE := :memory:
# Else a key would be kept beside the warehouse.
lint-sql: export RCM_PHI_KEY := of a warehouse without rows, so it protects nothing
lint-sql: $(VENV)/dev.stamp
	@mkdir -p $(RCM_LAKEHOUSE)
	sqlfluff lint --processes 0 $(SQL)

# dbt is loaded once: a saved model is built within seconds. It builds the lakehouse of RCM_LAKEHOUSE, by default lakehouse/.
.PHONY: watch
watch: $(VENV)/dev.stamp  ## Build and test a model whenever its file is saved.
	@python -m tests.python.watch

# The SQL files that differ from this branch's start.
BASE := main
changed-sql = $(shell git diff --name-only --diff-filter=d $$(git merge-base HEAD $(BASE)) -- $(SQL_FOLDERS) | grep '\.sql$$')

# All models and unit tests, on a lakehouse without a row.
.PHONY: unit-tests
unit-tests: export RCM_LAKEHOUSE := target/unit-tests
unit-tests: $(VENV)/dev.stamp
	@mkdir -p $(RCM_LAKEHOUSE)
	dbt build --quiet --exclude-resource-type test

# Two things at once, each with its output in one piece: $(call beside,<target>,<command>).
define beside
@mkdir -p target; status=0; \
$(MAKE) --no-print-directory --keep-going $(1) > target/lint.log 2>&1 & lint=$$!; \
$(2) || status=1; \
wait $$lint || status=1; cat target/lint.log; exit $$status
endef

.PHONY: check
check: $(VENV)/dev.stamp  ## The inner loop: lint, types, parse, unit tests and the quick Python tests.
	$(call beside,lint-python lint-project $(if $(changed-sql),lint-sql SQL="$(changed-sql)") unit-tests,$(PYTEST) -m quick)

.PHONY: system-packages
system-packages:
	@sh requirements/system-packages.sh

# Azurite, Microsoft's emulator of Azure storage. npm writes the target at its end; without npm its tests are skipped.
AZURITE := requirements/azurite
$(AZURITE)/node_modules/.package-lock.json: $(AZURITE)/package-lock.json
	@echo "Installing Azurite"
	@npm ci --prefix $(AZURITE) --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error \
		|| echo "Azurite is not installed, so the tests of Azure storage are skipped" >&2

# Lint runs beside the tests: one run reports everything that is wrong.
.PHONY: test
test: system-packages $(AZURITE)/node_modules/.package-lock.json $(VENV)/dev.stamp  ## Set up what the tests need and run all of them, lint included.
	$(call beside,lint,$(PYTEST))

.PHONY: test-pr
test-pr: system-packages $(AZURITE)/node_modules/.package-lock.json $(VENV)/dev.stamp  ## What a pull request runs: `make test` without the long tests.
	$(call beside,lint,$(PYTEST) -m "not long")

# Apache Spark, in a separate environment: PySpark and the client that the other tests use have the same import name.
SPARK := .venv-spark
DELTA_JARS := requirements/spark/jars
# The version that a requirements file pins.
pinned = $(shell sed -n 's/^$(2)==\([^ ]*\).*/\1/p' requirements/$(1).txt)

$(SPARK)/spark.stamp: $(BIN)/uv requirements/spark.txt
	@python=$$(sh .ci/find-python) && echo "Setting up $(SPARK) with $$python" && "$$python" -m venv --clear $(SPARK)
	@$(call install,$(SPARK),requirements/spark.txt)
	@$(call install_project,$(SPARK))
	@touch $@

# Without Maven, Spark fetches the jars itself when its first session starts.
$(DELTA_JARS)/jars.stamp: requirements/spark.txt requirements/spark/pom.xml
	@mkdir -p $(DELTA_JARS)
	@if command -v mvn >/dev/null; then \
		echo "Fetching the jars of Delta Lake"; \
		mvn --quiet --batch-mode --file requirements/spark/pom.xml dependency:copy-dependencies \
			-Dspark.version=$(basename $(call pinned,spark,pyspark)) -Ddelta.version=$(call pinned,spark,delta-spark) \
			-DincludeGroupIds=io.delta -DoutputDirectory=jars; \
	fi
	@touch $@

.PHONY: setup-spark
setup-spark: $(SPARK)/spark.stamp $(DELTA_JARS)/jars.stamp

.PHONY: test-spark
test-spark: export RCM_TEST_ENGINE := spark
test-spark: setup-spark  ## Build everything on Apache Spark with Delta Lake and compare it with DuckDB.
	@command -v java >/dev/null || { echo "make test-spark needs Java 17 or later" >&2; exit 2; }
	$(SPARK)/bin/pytest tests/python/engines/test_parity.py --junit-xml target/pytest-spark.xml

PATIENTS := 2000
DAYS := 3
.PHONY: bench
bench: $(VENV)/runtime.stamp  ## Measure loads and builds beside hand-written SQL: make bench PATIENTS=20000 DAYS=5.
	@python -m benchmarks.daily_cost --patients $(PATIENTS) --days $(DAYS)

# ---------------------------------------------------------------------------------------------------------- clean

.PHONY: clean
clean:  ## Remove build products and caches; the lakehouses and .venv stay.
	@rm -rf $(LOCAL_FILES)
	@find dashboard ingestion rcm simulator tests -name __pycache__ -type d -prune -exec rm -rf {} +
