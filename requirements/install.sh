#!/usr/bin/env bash
# Creates .venv from a lane's lock file. A lane is a Python version and a lock: requirements/<lane>.txt.
#
#   requirements/install.sh                  the lane `default`, which installs on any Linux
#   LANE=default requirements/install.sh     a lane by name
#
# Says plainly what to install where no fitting Python is found. Does nothing where .venv is already up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE # without byte code every TFX import costs a minute

# One line a lane: the Python that its lock needs. choose_lane is where a lane will be chosen by what the machine can install.
python_of_lane() {
  case "$1" in
    default) echo 3.10 ;;
    *) fail "There is no lane '$1'. Allowed: default." ;;
  esac
}

choose_lane() { echo "${LANE:-default}"; }

fail() { printf '\n%s\n' "$*" >&2; exit 1; }

# Prints the path of a Python of version $1 found through PATH, pyenv or uv; fails quietly where there is none.
find_python() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"*/bin/python \
    "$(uv python find --no-project "$1" 2>/dev/null || true)"; do
    [ -n "$candidate" ] || continue
    "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != tuple(map(int, '$1'.split('.'))))" 2>/dev/null || continue
    "$candidate" -c 'import sys; print(sys._base_executable)' # not that of an active .venv, which is about to be removed
    return 0
  done
  return 1
}

make_venv() { # make_venv PYTHON FOLDER
  rm -rf "$2"
  if "$1" -c 'import ensurepip' 2>/dev/null; then "$1" -m venv "$2"
  elif command -v uv >/dev/null; then uv venv --quiet --seed --python "$1" "$2"
  else fail "$1 cannot create virtual environments. On Debian or Ubuntu: apt-get install python$version-venv"
  fi
}

lane=$(choose_lane)
version=$(python_of_lane "$lane")
lock="requirements/$lane.txt"
stamp=.venv/installed
wanted="$lane $(cat "$lock" pyproject.toml setup.py requirements/install.sh | sha256sum | cut -d' ' -f1)"
[ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

python=$(find_python "$version") || fail "Python $version is needed and was not found on PATH, in pyenv or in uv.
Install it in one of these ways and run the command again:
  pyenv install $version
  uv python install $version
  apt-get install python$version python$version-venv   (where the distribution has it)"

echo "Setting up .venv (lane '$lane', $("$python" --version), about 3 GB; two to eight minutes the first time)"
make_venv "$python" .uv
.uv/bin/pip install --quiet --disable-pip-version-check uv
make_venv "$python" .venv
VIRTUAL_ENV=.venv .uv/bin/uv pip sync --quiet "$lock" --link-mode copy
.uv/bin/uv pip install --quiet --python .venv/bin/python pip # TFX calls `python -m pip`
.uv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
echo "Compiling byte code"
.venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true # some packages ship templates that are not Python
echo "$wanted" > "$stamp"
