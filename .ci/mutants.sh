#!/usr/bin/env bash
# mutants.sh [report|fresh] [module …]: mutation testing of the policy engine. mutmut (BSD-3-Clause) is installed on demand, beside
# the project's own environment and not in it: `make test` and the lock know nothing of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
place=.local/mutation
key="mutmut==3.8.1 $(.venv/bin/python -V) $(sha256sum requirements.lock | cut -c1-16)"

if [ "$(cat $place/stamp 2>/dev/null)" != "$key" ]; then
  .uv/bin/uv venv -q --clear --python .venv/bin/python $place/venv
  .uv/bin/uv pip install -q --python $place/venv/bin/python "${key%% *}" -c requirements.lock
  # The project's packages, after its own.
  .venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$($place/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
  printf '%s' "$key" >$place/stamp
fi
unset PYTHONDONTWRITEBYTECODE # the mutants are a good deal of code
exec nice -n 10 $place/venv/bin/python -W ignore::DeprecationWarning .ci/mutants.py "$@"
