#!/usr/bin/env bash
# Installs the locked packages that the image needs into a virtual environment, compiled, and checks them.
#
#   LANE=default|newest requirements/install_image.sh VENV cpu|gpu EXTRAS [PACKAGE...]
#
# EXTRAS are those of pyproject.toml, with commas. Of a PACKAGE that the lock does not have, the newest release of the
# lock's date is taken.
#
# Two requirements are left out on purpose. `notebook`, for which TFMA asks through ipywidgets, would bring JupyterLab and a
# web server; what TFMA imports of it is ipykernel. And where there is no GPU, `tensorflow-cpu` is the same modules without
# CUDA's kernels, 700 MB less.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 accelerator=$2 extras=$3
shift 3
. requirements/lanes.sh
pythons_of "${LANE:=default}" > /dev/null
export UV_LINK_MODE=copy
UV_EXCLUDE_NEWER=$(date_of "$LANE")
export UV_EXCLUDE_NEWER
export PYC_INVALIDATION_MODE=UNCHECKED_HASH # times of files need not survive the copying between stages

lock=requirements/$LANE.txt
version=$(sed -n 's/^tensorflow==//p' "$lock")
case $accelerator in
  cpu) left_out=(notebook tensorflow) tensorflow="tensorflow-cpu==$version" ;;
  gpu) left_out=(notebook) tensorflow="tensorflow[and-cuda]==$version" ;;
  *) echo "ACCELERATOR is '$accelerator'. Allowed: cpu, gpu." >&2; exit 2 ;;
esac
overrides=$(mktemp)
trap 'rm "$overrides"' EXIT
printf '%s ; python_version < "3"\n' "${left_out[@]}" > "$overrides" # never
mapfile -t extra_flags < <(tr ',' '\n' <<< "$extras" | sed -n 's/^ *\(.\+\)$/--extra=\1/p')

uv pip install --quiet --python "$venv" --compile-bytecode --constraint "$lock" --override "$overrides" \
  --requirement pyproject.toml "${extra_flags[@]}" ipykernel "$tensorflow" pip "$@" # TFX and Beam call `python -m pip`

meant="requires \`($(IFS='|'; echo "${left_out[*]}"))[ <>=!~]"
unmet=$(uv pip check --python "$venv" 2>&1 | grep '^The package' | grep -vE "$meant" || true) # it fails for those left out too
if [ -n "$unmet" ]; then
  printf 'These requirements are not met:\n%s\n' "$unmet" >&2
  exit 1
fi
# TFMA hides a failed import and is then without its functions.
TF_CPP_MIN_LOG_LEVEL=3 "$venv/bin/python" - << 'CHECK'
import tensorflow as tf, tensorflow_text as text, tensorflow_model_analysis as tfma
assert tf.__version__.split(".")[:2] == text.__version__.split(".")[:2], (tf.__version__, text.__version__)
assert hasattr(tfma, "default_eval_shared_model"), "tensorflow_model_analysis lacks a package that it imports"
CHECK
