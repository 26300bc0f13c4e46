#!/usr/bin/env bash
# Type-checks the import package. Its folders lie apart in the checkout, so mypy gets a tree of links that looks as installed.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=build/typecheck/ulmfit_tfx
rm -rf build/typecheck && mkdir -p "$tree"
ln -s "$PWD"/package/*.py "$PWD/package/py.typed" "$tree"
for folder in schemas transforms trainer_modules evaluation tasks components pipeline; do ln -s "$PWD/$folder" "$tree"; done
MYPYPATH=build/typecheck .venv/bin/mypy --no-error-summary -p ulmfit_tfx
