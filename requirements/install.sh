#!/usr/bin/env bash
# Creates a lane's virtual environment, .venvs/LANE, from its lock file, requirements/LANE.txt. docs/lanes.md says more.
#
#   requirements/install.sh                the newest lane that this machine can install; .venv becomes a link to it
#   LANE=default requirements/install.sh   a lane by name
#   requirements/install.sh newest         a lane beside the one that .venv is a link to
#
# Says which lane it takes and why, and what to install where no fitting Python is found. Does nothing where the environment
# is up to date. Exits with 75 where the lane cannot be had on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE # without byte code every TFX import costs a minute

. requirements/lanes.sh

fail() { printf '\n%s\n' "$*" >&2; exit 1; }
cannot() { printf '%s\n' "$*" >&2; exit 75; }

glibc() { getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2; }
has_needed_glibc() { [ -n "$(glibc)" ] && printf '%s\n' "$NEEDED_GLIBC" "$(glibc)" | sort --version-sort --check=quiet; }

# Sets lane and why.
choose_lane() {
  if [ -n "${LANE:-}" ]; then lane=$LANE why="LANE=$LANE"
  elif [ -z "$(glibc)" ]; then lane=default why="the C library is not glibc, which the newest lane needs"
  elif ! has_needed_glibc; then lane=default why="glibc is $(glibc) here, the newest lane needs $NEEDED_GLIBC"
  elif ! find_python $(pythons_of newest) >/dev/null; then lane=default why="glibc is $(glibc) here, but no Python 3.11 to 3.13 was found"
  else lane=newest why="glibc is $(glibc) here"
  fi
}

# Prints the path of a Python of one of the versions $@ found through PATH, pyenv or uv; fails quietly where there is none.
find_python() {
  local version candidate
  for version in "$@"; do
    for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python \
      "$(uv python find --no-project "$version" 2>/dev/null || true)"; do
      [ -n "$candidate" ] || continue
      "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != tuple(map(int, '$version'.split('.'))))" 2>/dev/null || continue
      "$candidate" -c 'import sys; print(sys._base_executable)' # not that of an active environment, which may be about to be removed
      return 0
    done
  done
  return 1
}

make_venv() { # make_venv PYTHON FOLDER
  rm -rf "$2"
  if "$1" -c 'import ensurepip' 2>/dev/null; then "$1" -m venv "$2"
  elif command -v uv >/dev/null; then uv venv --quiet --seed --python "$1" "$2"
  else fail "$1 cannot create virtual environments. On Debian or Ubuntu: apt-get install python3-venv, or that of its version"
  fi
}

if [ $# -gt 0 ]; then lane=$1 why="beside the one in use"; else choose_lane; fi
pythons=$(pythons_of "$lane")
venv=.venvs/$lane
lock=requirements/$lane.txt
wanted="$lane $(cat "$lock" pyproject.toml setup.py requirements/{install,lanes}.sh | sha256sum | cut -d' ' -f1)"
take_into_use() { # not a lane beside the one in use
  [ $# -eq 0 ] || return 0
  [ -L .venv ] || rm -rf .venv # of before there were lanes
  ln -sfn "$venv" .venv
  echo "Lane '$lane' ($("$venv/bin/python" --version)): $why."
}

if [ -e "$venv/installed" ] && [ "$(cat "$venv/installed")" = "$wanted" ]; then
  take_into_use "$@"
  exit 0
fi

python=$(find_python $pythons) || {
  message="Lane '$lane' needs Python ${pythons// / or }, which was not found on PATH, in pyenv or in uv.
Install it in one of these ways and run the command again:
  pyenv install ${pythons%% *}
  uv python install ${pythons%% *}
  apt-get install python${pythons%% *} python${pythons%% *}-venv   (where the distribution has it)"
  if [ $# -gt 0 ]; then cannot "$message"; fi
  if has_needed_glibc; then message+="
Any of Python 3.11 to 3.13 does too: the newest lane is for them."; fi
  fail "$message"
}
if [ "$lane" = newest ] && ! has_needed_glibc; then
  [ -x .venvs/newer-glibc/python/bin/python3 ] || {
    echo "Lane 'newest' needs glibc $NEEDED_GLIBC, this machine's is $(glibc): fetching a newer one beside it"
    requirements/python_on_newer_glibc.sh .venvs/newer-glibc "$python" \
      || { [ $# -gt 0 ] || printf 'LANE=default installs on any Linux.\n' >&2; exit 75; }
  }
  python=$PWD/.venvs/newer-glibc/python/bin/python3
fi

echo "Setting up $venv ($("$python" --version), $why; about 3 GB; two to eight minutes the first time)"
uv=.venvs/uv/bin/uv
[ -x "$uv" ] && "$uv" --version >/dev/null 2>&1 || {
  make_venv "$python" .venvs/uv
  .venvs/uv/bin/pip install --quiet --disable-pip-version-check uv
}
make_venv "$python" "$venv"
VIRTUAL_ENV=$venv "$uv" pip sync --quiet "$lock" --link-mode copy --compile-bytecode
"$uv" pip install --quiet --python "$venv/bin/python" pip # TFX calls `python -m pip`
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
echo "$wanted" > "$venv/installed"
take_into_use "$@"
