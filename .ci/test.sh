#!/usr/bin/env bash
# test.sh [lint]: every check, the fast ones first; the tests' own closing line comes last.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=.venv/bin

step() { printf -- '- %s\n' "$1"; shift; "$@"; }
quietly() { local log; log=$(mktemp); "$@" >"$log" 2>&1 || { cat "$log"; rm -f "$log"; return 1; }; rm -f "$log"; }
check_deploy() { # as it runs behind TLS, where every warning counts
  BEHIND_TLS=yes DEBUG=no quietly $bin/python manage.py check --deploy --fail-level WARNING
}

step "ruff check" quietly $bin/ruff check .
step "ruff format --check" quietly $bin/ruff format --check .
step "import contracts" quietly $bin/lint-imports
step "mypy --strict" quietly $bin/mypy
step "no model change without a migration" quietly $bin/python manage.py makemigrations --check --dry-run
step "check --deploy" check_deploy
if [ "${1:-}" = lint ]; then exit 0; fi
step "tests" $bin/python -m pytest -n 2 -m "not prove"
