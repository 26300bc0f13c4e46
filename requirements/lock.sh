#!/usr/bin/env bash
# Resolves the requirements of each lane anew, into requirements/LANE.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
. requirements/lanes.sh
for lane in $LANES; do
  pythons=$(pythons_of "$lane")
  options=(--universal)
  [ "$lane" != default ] || options=("${LATER_IN_DEFAULT[@]}")
  .venvs/uv/bin/uv pip compile pyproject.toml --quiet "${options[@]}" --python-version "${pythons##* }" --exclude-newer "$(date_of "$lane")" \
    --extra aws --extra kfp --extra examples --extra dev --custom-compile-command "make lock" --output-file "requirements/$lane.txt"
done
