import subprocess
import sys
from pathlib import Path

import pytest

from ulmfit_tfx.schemas.serving_ops import ops, serving_version, unsupported_ops, versions

ROOT = Path(__file__).parents[2]


def test_versions_can_be_named_without_tensorflow():
    code = (
        "import sys; from ulmfit_tfx.schemas.serving_ops import versions; print(*versions()); "
        "assert not {'tensorflow', 'tfx'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"2.{minor}" for minor in range(12, 21)]


def test_ops_of_the_installed_version_are_those_that_its_libraries_register(tmp_path):
    import tensorflow as tf
    from tensorflow.core.framework import kernel_def_pb2, op_def_pb2

    version = tf.__version__.rpartition(".")[0]
    if version not in versions():
        pytest.skip(f"no ops are known of a TensorFlow Serving {version}")
    script, package = ROOT / "requirements" / "op_registry.py", Path(tf.__file__).parent
    subprocess.run([sys.executable, "-I", script, tmp_path, package], check=True, capture_output=True)
    kernels = kernel_def_pb2.KernelList.FromString((tmp_path / "kernels").read_bytes()).kernel
    on_cpu = {kernel.op for kernel in kernels if kernel.device_type in {"CPU", "DEFAULT"}}
    definitions = op_def_pb2.OpList.FromString((tmp_path / "ops").read_bytes()).op
    registered = {op.name: {attr.name for attr in op.attr} for op in definitions if op.name in on_cpu}

    known = ops(version)
    assert {op: set(known[op]) for op in registered} == registered
    assert {"SentencepieceOp", "RegexSplitWithOffsets"} <= known.keys() - registered.keys()
    assert serving_version(version).graph_version == tf.version.GRAPH_DEF_VERSION


def test_ops_of_tensorflow_text_are_those_that_it_registers_here():
    import tensorflow_text  # noqa: F401
    from tensorflow.python.framework import op_def_registry

    for version in versions():
        known = ops(version)
        for op in ("SentencepieceOp", "SentencepieceTokenizeOp", "RegexSplitWithOffsets"):
            assert known[op] == {attr.name for attr in op_def_registry.get(op).attr}


@pytest.mark.parametrize("version", versions())
def test_what_the_runtime_treats_specially_is_known_and_what_only_python_has_is_not(version):
    known = ops(version)
    assert {"Placeholder", "NoOp", "PartitionedCall", "StatefulPartitionedCall", "StatelessWhile"} <= known.keys()
    assert {"VarHandleOp", "RestoreV2", "ParseExampleV2", "IdentityN", "Enter", "Exit"} <= known.keys()
    assert not {"PyFunc", "PyFuncStateless", "EagerPyFunc", "TPUExecute", "CudnnRNN"} & known.keys()


def test_an_op_is_known_from_the_version_on_that_brought_it():
    having = [version for version in versions() if "RaggedFillEmptyRows" in ops(version)]
    assert having == list(versions()[versions().index("2.13") :])


def test_unsupported_are_ops_that_are_missing_and_attributes_of_others():
    used = {"MatMul": ["transpose_a", "grad_a"], "PyFunc": ["token"], "Abs": ["T"]}
    assert unsupported_ops(used, "2.15") == {"MatMul": ("grad_a",), "PyFunc": ()}
    assert unsupported_ops(used, "2.16") == {"PyFunc": ()}


def test_attributes_that_change_no_answer_are_supported():
    assert unsupported_ops({"VarHandleOp": ["dtype", "_class", "debug_name"]}, "2.12") == {}
    assert unsupported_ops({"VarHandleOp": ["sharding"]}, "2.12") == {"VarHandleOp": ("sharding",)}
