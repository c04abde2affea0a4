#!/bin/sh
# Run once by the postgres image of compose.yaml: the owner migrates, the application may not change what is in the ledger.
set -eu
psql -v ON_ERROR_STOP=1 -v owner="$OWNER_PASSWORD" -v app="$APP_PASSWORD" -U postgres -d postgres <<'SQL'
CREATE ROLE governance_owner LOGIN CREATEDB PASSWORD :'owner';
CREATE ROLE governance_app LOGIN PASSWORD :'app';
CREATE DATABASE governance OWNER governance_owner;
SQL
