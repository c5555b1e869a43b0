#!/bin/sh
# Init script of the ingestion cluster: the driver manager and PostgreSQL's driver. SQL Server's comes with mssql-python.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends unixodbc odbc-postgresql
