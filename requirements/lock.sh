#!/bin/sh
# Pins what pyproject.toml asks for, for every supported Python and platform. The development set is resolved first and
# constrains the runtime set, so that tests run on the versions that users get. The files carry no addresses.
set -eu
cd "$(dirname "$0")/.."

compile() {
    uv pip compile --quiet --upgrade --universal --python-version 3.11 \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml "$@"
}

compile --extra duckdb --extra postgresql --extra odbc --extra azure --extra sail --extra databricks \
    --extra dashboard --extra docs --extra quality --extra alerts --extra test --extra dev --output-file requirements/dev.txt
compile --extra duckdb --constraints requirements/dev.txt --output-file requirements/runtime.txt
compile --extra duckdb --extra dashboard --constraints requirements/dev.txt --output-file requirements/dashboard.txt
compile --extra duckdb --extra spark --extra test --output-file requirements/spark.txt
compile --extra databricks --output-file requirements/databricks.txt

# What holds everywhere this project runs needs no marker.
sed -i.bak "s/ ; python_full_version < '3.14' and (sys_platform == 'darwin' or sys_platform == 'linux' or sys_platform == 'win32')$//" requirements/*.txt
rm requirements/*.bak
