"""What of Beam's arguments is found wrong before a pipeline runs."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas import beam_arguments
from ulmfit_tfx.schemas.beam_arguments import as_options, check
from ulmfit_tfx.schemas.config.beam import BeamConfig

DATAFLOW = ["--runner=DataflowRunner", "--project=p", "--region=r", "--temp_location=gs://b/t"]
IMAGE = "--sdk_container_image=registry/ulmfit-tfx:1"
NAMES = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9:/={}\"][A-Za-z0-9 :/={}\"-]{0,10}", fullmatch=True).filter(lambda v: " --" not in v)


@given(st.dictionaries(NAMES, VALUES), st.booleans())
def test_both_ways_of_writing_an_option_are_read(options, in_one):
    pairs = options.items()
    written = [f"--{n}={v}" for n, v in pairs] if in_one else [part for n, v in pairs for part in (f"--{n}", v)]
    assert as_options(written) == options


def test_options_are_those_that_beam_reads():
    from apache_beam.options.pipeline_options import PipelineOptions

    arguments = [*DATAFLOW, "--num_workers", "3", IMAGE, "--save_main_session"]
    beam = PipelineOptions(arguments).get_all_options(drop_default=True)
    assert {name: "" if value is True else str(value) for name, value in beam.items()} == as_options(arguments)


def test_names_that_are_looked_for_are_beams():
    from apache_beam.options.pipeline_options import PipelineOptions

    known = PipelineOptions().get_all_options()
    looked_for = {*beam_arguments._PACKAGE, *beam_arguments._NEEDED_BY_DATAFLOW} - {"extra_package"}  # of _packages
    assert looked_for <= set(known)
    assert PipelineOptions(["--extra_package=a.whl"]).get_all_options()["extra_packages"] == ["a.whl"]


@pytest.mark.parametrize(
    "arguments",
    [
        list(BeamConfig().pipeline_args),
        [],
        ["--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"],
        ["--runner=apache_beam.runners.direct.DirectRunner"],
        ["--runner=FlinkRunner", "--environment_type=LOOPBACK"],
        ["--runner=FlinkRunner", "--environment_type=DOCKER", IMAGE, "--environment_config=registry/ulmfit-tfx:1"],
        ["--runner=SparkRunner", "--environment_type=EXTERNAL", IMAGE, "--environment_config=localhost:50000"],
        [*DATAFLOW, IMAGE],
        ["--runner=SparkRunner", "--extra_package=gs://bucket/ulmfit_tfx.whl"],
        ["--runner=PortableRunner", IMAGE, "--environment_type=PROCESS", '--environment_config={"command": "/b -v"}'],
    ],
)
def test_what_can_run_is_accepted(arguments):
    check(arguments)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--runner=DirectRunner --direct_num_workers=2"], "is more than one argument"),
        (["runner=DirectRunner"], "'runner=DirectRunner' is no argument, expected --NAME=VALUE"),
        (["--direct_num_workers=2"], "has no effect with --direct_running_mode=in_memory"),
        (["--runner=FlinkRunner", "--setup_file=./setup.py.missing"], "name a wheel in --extra_package"),
        ([*DATAFLOW, "--extra_package=dist/missing.whl"], "dist/missing.whl: there is no such file in"),
        (["--runner=FlinkRunner", "--flink_master=flink:8081"], "would not have this package"),
        (["--runner=PortableRunner", "--environment_type=DOCKER"], "would not have this package"),
        (
            ["--runner=FlinkRunner", "--environment_type=DOCKER", IMAGE],
            "Add --environment_config=registry/ulmfit-tfx:1",
        ),
        (["--runner=FlinkRunner", "--flink_master=flink:8081", IMAGE], "would run in Beam's own image"),
        ([*DATAFLOW[:2], IMAGE], "needs --region, --temp_location too"),
        ([*DATAFLOW[:3], "--temp_location=/tmp", IMAGE], "expected gs://BUCKET/FOLDER"),
    ],
)
def test_what_cannot_run_is_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        check(arguments)


def test_image_of_docker_workers_is_where_beam_takes_it_from():
    from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
    from apache_beam.transforms.environments import DockerEnvironment

    def image(*arguments):
        return DockerEnvironment.from_options(PipelineOptions(list(arguments)).view_as(PortableOptions)).container_image

    assert image(IMAGE).startswith("apache/beam")
    assert image(IMAGE, "--environment_config=own:1") == "own:1"


def test_files_that_are_there_are_accepted(tmp_path):
    wheel = tmp_path / "ulmfit_tfx-1-py3-none-any.whl"
    wheel.touch()
    check([*DATAFLOW, f"--extra_package={wheel}"])


def test_doctests():
    assert doctest.testmod(beam_arguments).failed == 0
