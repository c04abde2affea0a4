#!/usr/bin/env bash
# Everything the project needs on a bare Debian 13 or Ubuntu 24.04+ with python3, python3-venv, git and make.
# Each step leaves a stamp in .local/stamps that names what it was made from: doing it again costs a fraction of a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 022

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
digest() { cat "$@" | sha256sum | cut -c1-32; }
done_for() { [ "$(cat ".local/stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s' "$2" >".local/stamps/$1"; }

install_uv() { # Debian's own Python refuses `pip install` (PEP 668), so uv gets a virtual environment of its own.
  local key; key=$(digest .ci/uv.txt)
  if done_for uv "$key" && [ -x .uv/bin/uv ]; then return; fi
  command -v python3 >/dev/null || fail "python3 is missing: install python3 and python3-venv"
  say "downloading uv, the installer (about 20 MB)"
  python3 -m venv --clear .uv || fail "python3 cannot make a virtual environment: install python3-venv"
  .uv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r .ci/uv.txt
  stamp uv "$key"
}

make_environment() { # The wanted Python where the machine has it, else any that will do; only then a downloaded one.
  if .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then return; fi
  rm -rf .venv .local/stamps/packages
  .uv/bin/uv venv -q --no-python-downloads --python "$(cat .python-version)" .venv 2>/dev/null ||
    .uv/bin/uv venv -q --no-python-downloads --python '>=3.12' .venv 2>/dev/null ||
    { say "no Python 3.12 or newer here; downloading one (about 30 MB)"; .uv/bin/uv venv -q --python "$(cat .python-version)" .venv; } ||
    fail "install Python 3.12 or newer"
}

install_packages() {
  local key; key=$(digest requirements.lock)-$(.venv/bin/python -V | tr -d ' ')
  if done_for packages "$key"; then return; fi
  say "downloading the packages of requirements.lock (about 150 MB the first time, PostgreSQL included; 400 MB on disk)"
  .uv/bin/uv pip sync -q --require-hashes requirements.lock
  stamp packages "$key"
}

PDF_LIBRARIES=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig)
install_pdf_libraries() { # WeasyPrint loads Pango and HarfBuzz from the system.
  if done_for pdf ok; then return; fi
  if ! .venv/bin/python -c 'import weasyprint' >/dev/null 2>&1 || ! .venv/bin/python -c 'import ctypes; ctypes.CDLL("libharfbuzz-subset.so.0")' 2>/dev/null; then
    local command="apt-get install -y --no-install-recommends ${PDF_LIBRARIES[*]}"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then fail "the PDFs need Pango and HarfBuzz. Run this once: sudo $command"; fi
    say "installing Pango and HarfBuzz with apt (about 20 MB)"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive $command; } >.local/apt.log 2>&1 || fail "apt failed, see .local/apt.log; the command was: $command"
    .venv/bin/python -c 'import weasyprint' || fail "WeasyPrint still does not load"
  fi
  stamp pdf ok
}

write_secrets() { # Made on this machine, for this machine; the process environment wins over the file.
  if [ -s .local/env ]; then return; fi
  (umask 077; .venv/bin/python -c 'import secrets; print(f"SECRET_KEY={secrets.token_urlsafe(48)}\nKEYSTORE_PASSPHRASE={secrets.token_urlsafe(32)}")' >.local/env.new)
  mv .local/env.new .local/env
}

prepare_database() {
  local key; key=$(digest requirements.lock .local/env $(find governance lineage consent -path '*/migrations/*.py' | sort) <(printf '%s' "${DATABASE_URL:-}"))
  if done_for database "$key" && { [ -n "${DATABASE_URL:-}" ] || [ -e .local/postgres/location ] || [ -d .local/postgres/data ]; }; then return; fi
  say "preparing the database"
  .venv/bin/python manage.py migrate -v 0
  .venv/bin/python manage.py grant_app_role >/dev/null
  .venv/bin/python manage.py collectstatic --noinput -v 0
  stamp database "$key"
}

mkdir -p .local/stamps
exec 9>.local/stamps/lock && flock 9 # two `make` at once set up once
install_uv
make_environment
install_packages
install_pdf_libraries
write_secrets
prepare_database 9>&- # the database server that this may start must not hold the lock
