#!/bin/sh
# Pins what pyproject.toml asks for, for every supported Python and platform, each with the hashes of its files: an
# installation refuses any other file. The development set is resolved first and constrains the runtime set, so that tests
# run on the versions that users get. The files carry no addresses. KEEP=1 keeps the pins that still fit.
set -eu
cd "$(dirname "$0")/.."

upgrade=--upgrade
[ -z "${KEEP:-}" ] || upgrade=

compile() {
    # shellcheck disable=SC2086 -- empty, or one option
    uv pip compile --quiet $upgrade --universal --generate-hashes --python-version 3.11 \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}

compile pyproject.toml --extra build --extra duckdb --extra postgresql --extra odbc --extra azure --extra sail \
    --extra databricks --extra dashboard --extra deploy --extra docs --extra quality --extra alerts --extra test --extra dev \
    --output-file requirements/dev.txt
compile pyproject.toml --extra build --extra duckdb --constraints requirements/dev.txt --output-file requirements/runtime.txt
compile pyproject.toml --extra build --extra duckdb --extra dashboard --constraints requirements/dev.txt \
    --output-file requirements/dashboard.txt
compile pyproject.toml --extra build --extra duckdb --extra spark --extra test --output-file requirements/spark.txt
compile pyproject.toml --extra build --extra databricks --output-file requirements/databricks.txt
# Neither the package itself nor what it depends on: what the deployment runs, and what builds the wheel.
printf 'databricks-bundles\nhatchling\npyyaml\n' | compile - --constraints requirements/dev.txt --output-file requirements/deploy.txt
printf 'uv\n' | compile - --output-file requirements/uv.txt
# Of dbt 2.x its parser only, which needs no other package.
printf 'dbt-core>=2.0.0a4,<2.1\n' | compile - --no-deps --prerelease allow --output-file requirements/dbt-2.txt

# What holds everywhere this project runs needs no marker.
sed -i.bak "s/ ; python_full_version < '3.14' and (sys_platform == 'darwin' or sys_platform == 'linux' or sys_platform == 'win32')//" requirements/*.txt
rm requirements/*.bak
