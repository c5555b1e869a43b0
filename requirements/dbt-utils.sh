#!/bin/sh
# Writes packages.yml here: dbt-utils from dbt's hub, or from a folder that contains the package. dbt itself cannot leave
# an entry of packages.yml out by a variable, and an entry that is not installed stops every command.
set -eu
case "${1:-}" in
    "") echo "make dbt-utils FROM=hub, or FROM=<folder of the package>" >&2; exit 2 ;;
    hub) printf 'packages:\n  - package: dbt-labs/dbt_utils\n    version: [">=1.1.0", "<2.0.0"]\n' > packages.yml ;;
    *)
        test -f "$1/dbt_project.yml" || { echo "$1: no dbt_project.yml here, so this is no dbt package" >&2; exit 2; }
        printf 'packages:\n  - local: "%s"\n' "$1" > packages.yml
        ;;
esac
