#!/usr/bin/env bash
# server.sh start|stop|stop-server. The service with its own state folder (STATE_DIR, default .local) on 127.0.0.1:PORT, in three
# processes: gunicorn answers, `manage.py sequence` gives what was recorded its place in the ledger, `manage.py react` works through it.
# All run with the application's database role, which cannot change what is in the ledger. Migrations run before, as the owner.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
state=${STATE_DIR:-.local}
port=${PORT:-8000}
python=.venv/bin/python

say() { printf '%s\n' "$*" >&2; }
running() { # prints the process id in the file $1, if it is a process of this folder
  local pid; pid=$(cat "$1" 2>/dev/null) || return 1
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qE 'gunicorn|manage.py (react|sequence)' && [ "$(readlink "/proc/$pid/cwd")" = "$PWD" ] && echo "$pid"
}
stop_one() {
  local pid; pid=$(running "$1") || { rm -f "$1"; return 0; }
  kill -TERM "$pid"
  for _ in $(seq 100); do running "$1" >/dev/null || break; sleep 0.1; done
  if running "$1" >/dev/null; then kill -KILL "$pid"; fi
  rm -f "$1"
}
stop_server() { stop_one "$1/gunicorn.pid"; stop_one "$1/react.pid"; stop_one "$1/sequence.pid"; }
answers() { $python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:$port/health/ready', timeout=5)" 2>/dev/null; }

start() {
  stop_server "$state"
  if answers; then say "port $port is taken by another server: stop it, or set PORT"; exit 1; fi
  if [ -z "${MIGRATED:-}" ]; then
    $python manage.py migrate -v 0
    $python manage.py grant_app_role >/dev/null
  fi
  local app=(env DATABASE_ROLE=app SEQUENCER=background) # with a database server of your own, APP_DATABASE_URL names the application's role there
  if [ -n "${APP_DATABASE_URL:-}" ]; then app+=("DATABASE_URL=$APP_DATABASE_URL"); fi
  "${app[@]}" $python -m gunicorn governance.wsgi:application --bind "127.0.0.1:$port" --workers 2 --threads 4 --timeout 120 \
    --no-control-socket --daemon --pid "$state/gunicorn.pid" --error-logfile "$state/server.log" --capture-output </dev/null
  "${app[@]}" setsid nohup $python manage.py sequence --loop </dev/null >>"$state/sequence.log" 2>&1 &
  echo $! >"$state/sequence.pid"
  "${app[@]}" setsid nohup $python manage.py react --loop </dev/null >>"$state/react.log" 2>&1 &
  echo $! >"$state/react.pid"
  for _ in $(seq 60); do
    if answers; then say "the service answers on http://127.0.0.1:$port"; return; fi
    sleep 0.5
  done
  say "the service did not come up; the end of $state/server.log:"
  tail -20 "$state/server.log" >&2 || true
  exit 1
}

stop() {
  stop_server .local
  stop_server .local/demo
  if [ -d .local/postgres ] && [ -x $python ]; then $python -m governance.localdb stop .local/postgres; fi
}

case "${1:-}" in
  start) start ;;
  stop) stop ;;
  stop-server) stop_server "$state" ;;
  *) say "server.sh start|stop|stop-server"; exit 2 ;;
esac
