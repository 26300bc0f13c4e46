"""What is read of a compiled pipeline, and what is refused."""

import pytest
from compiled_pipelines import CompiledPipeline
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import read_spec
from ulmfit_tfx.schemas.errors import ConfigError


@pytest.fixture
def pipeline() -> CompiledPipeline:
    """A writes x, B reads it."""
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "", outputs=("x",))
    pipeline.step("B", "", inputs={"x": "A.x"})
    return pipeline


@pytest.fixture
def refusal(tmp_path):
    """What is said of a pipeline that is refused."""

    def read(pipeline: CompiledPipeline, *further) -> str:
        with pytest.raises(ConfigError) as error:
            read_spec(pipeline.write(tmp_path / "pipeline.yaml", *further))
        assert str(error.value).startswith(f"{tmp_path / 'pipeline.yaml'}: ")
        return str(error.value)

    return read


def tasks(pipeline):
    return pipeline.document["root"]["dag"]["tasks"]


@settings(deadline=None, max_examples=30)
@given(edges=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda edge: edge[0] < edge[1])))
def test_each_step_comes_after_those_that_it_depends_on(tmp_path_factory, edges):
    names = list("GCHAEBFD")  # so that the order of names is not that of dependencies
    pipeline = CompiledPipeline.named()
    for index, name in enumerate(names):
        before = tuple(names[start] for start, end in edges if end == index)
        by_artifact, by_order = before[::2], before[1::2]
        inputs = {f"from-{producer}": f"{producer}.x" for producer in by_artifact}
        pipeline.step(name, "", inputs=inputs, outputs=("x",), after=by_order)
    path = pipeline.write(tmp_path_factory.mktemp("ordered") / "pipeline.yaml")
    order = [step.name for step in read_spec(path).steps]
    assert sorted(order) == sorted(names)
    assert all(order.index(names[start]) < order.index(names[end]) for start, end in edges)
    assert [step.name for step in read_spec(path).steps] == order


def test_second_document_says_where_steps_run_and_is_left_aside(pipeline, tmp_path):
    platforms = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {}}}}}
    assert len(read_spec(pipeline.write(tmp_path / "p.yaml", platforms)).steps) == 2


def test_two_pipelines_in_a_file_are_refused(pipeline, refusal):
    assert "Were two pipelines put together?" in refusal(pipeline, pipeline.document)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no pipeline. `ulmfit-tfx compile"),
        (b"- a\n- b\n", "holds no pipeline"),
        (
            b"name: reviews\ntask: classification\n",
            'does not fit the schema .* no field named "name" .* `ulmfit-tfx compile',
        ),
        (b"a: [\n", "is no YAML: "),
        (b"\xff\xfe\x00", "is not a text file in UTF-8"),
        (b"!!python/object/apply:os.system ['true']\n", "is no YAML: "),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_spec(path)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        read_spec(tmp_path / "nowhere.yaml")


def test_schema_of_another_version_is_refused(pipeline, refusal):
    pipeline.document["schemaVersion"] = "2.0.0"
    assert "schemaVersion is 2.0.0, expected 2.1.0" in refusal(pipeline)


def test_field_that_the_schema_does_not_have_is_refused(pipeline, refusal):
    tasks(pipeline)["A"]["colour"] = "red"
    assert "does not fit the schema" in refusal(pipeline)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"triggerPolicy": {"condition": "1 == 2"}}, "task 'A' runs on a condition"),
        ({"triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}, "task 'A' is an exit handler"),
        ({"parameterIterator": {"items": {"raw": "[1]"}, "itemInput": "i"}}, "task 'A' is a loop"),
        ({"artifactIterator": {"itemInput": "i"}}, "task 'A' is a loop"),
        ({"dependentTasks": ["C"]}, "task 'A' depends on task 'C', which is not in root.dag.tasks"),
        ({"dependentTasks": ["B"]}, "the tasks wait for each other: "),
        ({"componentRef": {"name": "AA"}}, "component 'AA', which is not in components. Is 'A' meant?"),
    ],
)
def test_task_that_is_not_replayed_is_refused(pipeline, refusal, fields, said):
    tasks(pipeline)["A"] |= fields
    assert said in refusal(pipeline)


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        ({"resolver": {}}, "task 'A' is run by a resolver"),
        ({}, "task 'A' has an executor that is neither a container nor an importer"),
        ({"container": {"lifecycle": {"preCacheCheck": {"command": ["a"]}}}}, "task 'A' has a hook"),
        ({"container": {"image": "a:1"}}, "task 'A' has a container without a command"),
    ],
)
def test_executor_that_is_not_replayed_is_refused(pipeline, refusal, executor, said):
    pipeline.document["deploymentSpec"]["executors"]["A_executor"] = executor
    assert said in refusal(pipeline)


def test_pipeline_within_the_pipeline_is_refused(pipeline, refusal):
    component = pipeline.document["components"]["A"]
    del component["executorLabel"]
    component["dag"] = {"tasks": {}}
    assert "task 'A' is a pipeline within the pipeline" in refusal(pipeline)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"taskOutputArtifact": {"producerTask": "AA", "outputArtifactKey": "x"}}, "comes from task 'AA'"),
        (
            {"taskOutputArtifact": {"producerTask": "A", "outputArtifactKey": "y"}},
            "is output 'y', which is not in task",
        ),
        ({"componentInputArtifact": "x"}, "input 'x' of task 'B' is an artifact from outside the pipeline"),
    ],
)
def test_input_that_comes_from_nowhere_is_refused(pipeline, refusal, source, said):
    tasks(pipeline)["B"]["inputs"]["artifacts"]["x"] = source
    assert said in refusal(pipeline)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"componentInputParameter": "epochz"}, "which is not in root.inputDefinitions.parameters. Is 'epochs' meant?"),
        ({"taskOutputParameter": {"producerTask": "A", "outputParameterKey": "y"}}, "is output 'y'"),
        ({"taskFinalStatus": {"producerTask": "A"}}, "is a task_final_status"),
        ({"runtimeValue": {"runtimeParameter": "epochs"}}, "is a runtime_value"),
    ],
)
def test_parameter_that_comes_from_nowhere_is_refused(pipeline, refusal, source, said):
    pipeline.parameter("epochs", "NUMBER_INTEGER")
    pipeline.step("C", "", parameters={"epochs": 1}, types={"epochs": "NUMBER_INTEGER"})
    tasks(pipeline)["C"]["inputs"]["parameters"]["epochs"] = source
    assert said in refusal(pipeline)


def test_input_that_is_not_optional_has_to_be_given(pipeline, refusal):
    del tasks(pipeline)["B"]["inputs"]["artifacts"]["x"]
    assert "input 'x' of task 'B' is not optional" in refusal(pipeline)


def test_parameter_that_is_not_optional_has_to_be_given(pipeline, refusal):
    pipeline.step("C", "", parameters={"p": "a"})
    del tasks(pipeline)["C"]["inputs"]["parameters"]["p"]
    assert "parameter 'p' of task 'C' is not optional" in refusal(pipeline)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", ".", "", "-rf", "a b", "a\nb", "~", "\x00"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    of_a_task, of_the_pipeline = CompiledPipeline.named(), CompiledPipeline.named(name)
    of_the_pipeline.step("A", "")
    of_a_task.step(name, "")
    for pipeline in (of_a_task, of_the_pipeline):
        with pytest.raises(ConfigError, match="it becomes the name of a folder"):
            read_spec(pipeline.write(tmp_path / "pipeline.yaml"))


def test_output_that_leads_out_of_the_folder_is_refused(pipeline, refusal):
    pipeline.step("C", "", outputs=("../x",))
    assert "the name of an output of task 'C' is '../x'" in refusal(pipeline)
