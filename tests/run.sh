#!/usr/bin/env bash
# Runs the tests in several processes, two at a time: TensorFlow keeps graphs for good, and one process of all would take 20 GB.
#
#   tests/run.sh PYTHON whole     every test but the long ones, which have targets of their own in the Makefile
#   tests/run.sh PYTHON lane      what tells whether a lane works: a pipeline's run, export and reload, imports, Kubeflow, exchange
#
# COVERAGE=1 measures what of ulmfit_tfx runs, see `make coverage`.
#
# A line for each process as it ends, and all that it wrote where it failed; the rest is in build/tests/. JOBS=1 runs one at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 selection=$2

# NAME and what pytest is told, the longest first. What needs exported models of every kind is together: they are made once.
whole="
pipeline     tests/pipeline --ignore tests/pipeline/test_drift.py
training     tests/trainer_modules --ignore tests/trainer_modules/test_method_names.py --ignore tests/trainer_modules/test_warmup_requests.py
components   tests/components --ignore tests/components/test_infra_check.py
tasks        tests/tasks
serving      tests/serving tests/test_examples.py tests/benchmarks tests/pipeline/test_drift.py tests/trainer_modules/test_method_names.py tests/trainer_modules/test_warmup_requests.py tests/components/test_infra_check.py
package      tests/package tests/release
docs         tests/docs
transforms   tests/transforms tests/schemas tests/evaluation
sources      tests/lanes tests/test_sources.py tests/test_image.py
"
lane="
exchange     tests/lanes tests/trainer_modules/test_saved_model.py
imports      tests/components/encoder_importer/test_torch_file.py tests/components/encoder_importer/test_fastai_checkpoint.py
pipeline     tests/pipeline/test_pipeline_run.py tests/pipeline/kubeflow/test_compilation.py -k 'compilation or blessed_and_says or predicts or noise or all_cache'
keras        tests/trainer_modules/test_keras_contract.py
tagging      tests/tasks/test_tagger_training.py::test_words_that_were_not_trained_on_get_their_tags
"

case $selection in whole | lane) groups=${!selection} ;; *) echo "There is no selection '$selection'. Allowed: whole, lane." >&2; exit 2 ;; esac
export python logs=build/tests/$selection measured=${COVERAGE:+-m coverage run}
rm -rf "$logs" && mkdir -p "$logs"

run_group() {
  local name=$1 status=0
  shift
  "$python" $measured -m pytest "$@" > "$logs/$name.log" 2>&1 || status=$?
  printf '%-12s %s\n' "$name" "$(grep -E '^=+ .* in [0-9.]+s' "$logs/$name.log" | tail -1 | tr -d =)" # TensorFlow may write after it
  [ "$status" -eq 0 ] || cat "$logs/$name.log"
  return "$status"
}
export -f run_group
echo "Running the tests, ${JOBS:-2} processes at a time; what each writes is in $logs/"
grep . <<< "$groups" | xargs -P "${JOBS:-2}" -L 1 bash -c 'run_group "$@" || exit 1' group
