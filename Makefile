# Everything a newcomer or CI runs. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE # without byte code every TFX import costs a minute
BIN := .venv/bin
comma := ,
LANE ?=
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' package/__init__.py)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## create .venv from the lock of the newest lane that this machine can install; LANE=default or newest: of that one
	@LANE="$(LANE)" requirements/install.sh

demo: setup ## pretrain on unlabelled reviews, classify with few labels, show what pretraining buys
	@$(BIN)/ulmfit-tfx run examples/pretrain_then_classify.yaml

example-data: setup ## fetch the data of two more examples: rated sentences, tagged tweets
	@$(BIN)/python examples/get_data.py

test: setup ## run the tests
	@tests/run.sh $(BIN)/python whole

test-newest: ## run what tells whether the newest lane works, beside the lane in use (skipped where it cannot be installed)
	@requirements/install.sh newest && tests/run.sh .venvs/newest/bin/python lane || { status=$$?; \
	  [ $$status -eq 75 ] && echo "SKIPPED: the newest lane cannot be installed on this machine, see above" || exit $$status; }

test-thorough: setup ## run more cases of what `make test` covers, and whole replays of compiled pipelines (an hour)
	@$(BIN)/python -m pytest -m thorough tests

test-random: setup ## train models of a hundred random configurations (20 minutes)
	@$(BIN)/python -m pytest -m random_configurations tests/trainer_modules/test_random_configurations.py

test-workers: setup ## run the Beam components in several processes, from an installed wheel (3 minutes)
	@$(BIN)/python -m pytest -m beam_workers tests/pipeline/test_beam_workers.py tests/components/test_deduplication.py

test-release: setup ## run the wheel, installed by uv in an environment of its own (3 minutes)
	@$(BIN)/python -m pytest -m release tests/release

coverage: setup ## run the tests and report what they cover, to the terminal and build/coverage/html (a third slower)
	@rm -rf build/coverage && mkdir -p build/coverage
	@COVERAGE=1 tests/run.sh $(BIN)/python whole; status=$$?; \
	  $(BIN)/coverage combine --quiet && $(BIN)/coverage report && $(BIN)/coverage html --quiet; exit $$status

bench: setup ## time the encoders against their peers (6 minutes)
	@$(BIN)/python benchmarks/encoder_speed.py

lint: setup ## check format, style and types
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && requirements/typecheck.sh

format: setup ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

build: setup ## build wheel and sdist into dist/
	@$(BIN)/python -m build

image: ## build the image ulmfit-tfx:VERSION; GPU=1: CUDA, BEAM=1: worker of Beam's runners, EXAMPLES=1: reviews, LANE=newest
	@docker build --build-arg ACCELERATOR=$(if $(GPU),gpu,cpu) --build-arg EXTRAS=kfp$(if $(EXAMPLES),$(comma)examples) \
	  $(if $(filter newest,$(LANE)),--build-arg LANE=newest --build-arg PYTHON_VERSION=3.13 --build-arg DEBIAN=trixie \
	  --build-arg BEAM_VERSION=$(shell sed -n 's/^apache-beam==//p' requirements/newest.txt)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse HEAD) $(if $(BEAM),--target beam) \
	  --tag ulmfit-tfx:$(VERSION)$(if $(GPU),-gpu)$(if $(BEAM),-beam)$(if $(EXAMPLES),-examples) .

docs: setup ## write docs/configuration.md from the configuration's definitions
	@$(BIN)/python -m ulmfit_tfx.schemas.config.config_reference docs/configuration.md

lock: setup ## resolve the requirements of both lanes anew
	@requirements/lock.sh

serving-ops: setup ## read the ops of TensorFlow Serving's versions from wheels into schemas/ (5 minutes, 2 GB of downloads)
	@$(BIN)/python requirements/serving_ops.py

clean: ## remove what builds, tests and runs leave behind; the environment stays
	@rm -rf build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help setup demo example-data test test-newest test-thorough test-random test-workers test-release coverage bench lint format build image docs lock serving-ops clean
