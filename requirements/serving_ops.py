"""Writes schemas/serving_ops.tsv: the ops that each version of TensorFlow Serving can run, and their attributes.

`make serving-ops`. They are read from wheels: TensorFlow's of the same version, and tensorflow-text's of the version
that TensorFlow Serving is built with. An op counts where there is a kernel for the CPU, or for any device, as control
flow has. Ops that TensorFlow replaces before it runs a graph and that have no kernel of their own (AccumulateNV2) do
not count, nor do those of decision forests, which TensorFlow Serving has too.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from tensorflow.core.framework import kernel_def_pb2, op_def_pb2

EMBEDDED_TEXT = {
    "2.12": "2.12.1",
    "2.13": "2.12.1",
    "2.14": "2.12.1",
    "2.15": "2.12.1",
    "2.16": "2.12.1",
    "2.17": "2.12.1",
    "2.18": "2.12.1",
    "2.19": "2.12.1",
    "2.20": "2.20.0",
}
"""tensorflow-text by version of TensorFlow Serving: `org_tensorflow_text` in its tensorflow_serving/workspace.bzl, at
the tags 2.12.0 to 2.20.0. The server links `@org_tensorflow_text//tensorflow_text:ops_lib`, which holds the library of
each op that the wheel holds, in 2.12.1 and in 2.20.0.

The first version that embeds one is the version of TensorFlow that its wheel is for.
"""

DATA = Path(__file__).parents[1] / "schemas" / "serving_ops.tsv"

Ops = dict[str, tuple[str, ...]]
"""Names of attributes, sorted, by name of the op."""


def main() -> None:
    """Reads all versions and writes the file."""
    header, ops_of_versions, ops_of_texts = [], {}, {}
    for version, text in EMBEDDED_TEXT.items():
        with TemporaryDirectory() as temporary:
            site = Path(temporary)
            install(site, f"tensorflow-cpu=={version}.*")
            ops = registered_ops(site)
            if text not in ops_of_texts:
                install(site, f"tensorflow-text=={text}")
                ops_of_texts[text] = {
                    op: attributes for op, attributes in registered_ops(site).items() if op not in ops
                }
            [wheel] = site.glob("tensorflow_cpu-*.dist-info")
            release = wheel.name.removesuffix(".dist-info").split("-")[1]
            header.append(f"#\t{version}\t{release}\t{text}\t{graph_version(site)}\n")
        ops_of_versions[version] = ops | ops_of_texts[text]
        print(f"{version}: {len(ops):,} ops of TensorFlow, {len(ops_of_texts[text])} of tensorflow-text", flush=True)
    title = "#\tTensorFlow Serving\ttensorflow-cpu\ttensorflow-text\tversion of graphs\n"
    DATA.write_text("".join([title, *header, *lines(ops_of_versions)]), encoding="utf-8")


def install(site: Path, requirement: str) -> None:
    """Unpacks a wheel, without what it requires."""
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, requirement], check=True)


def registered_ops(site: Path) -> Ops:
    """The ops of TensorFlow's libraries, and of tensorflow-text's where it is there, that run on a CPU."""
    script = Path(__file__).with_name("op_registry.py")
    libraries = sorted((site / "tensorflow_text" / "python").rglob("*.so"))
    with TemporaryDirectory() as temporary:
        output = Path(temporary)
        subprocess.run([sys.executable, "-I", script, output, site / "tensorflow", *libraries], check=True)
        defined = op_def_pb2.OpList.FromString((output / "ops").read_bytes()).op
        kernels = kernel_def_pb2.KernelList.FromString((output / "kernels").read_bytes()).kernel
    runnable = {kernel.op for kernel in kernels if kernel.device_type in ("CPU", "DEFAULT")}
    return {op.name: tuple(sorted(attr.name for attr in op.attr)) for op in defined if op.name in runnable}


def graph_version(site: Path) -> str:
    """The version of graphs that this TensorFlow writes: it reads those that demand no later one."""
    headers = (site / "tensorflow" / "include" / "tensorflow" / "core" / "public").glob("*version.h")
    [found] = [match[1] for path in headers if (match := re.search(r"TF_GRAPH_DEF_VERSION (\d+)", path.read_text()))]
    return found


def lines(ops_of_versions: Mapping[str, Ops]) -> Iterable[str]:
    """Lines of first version, last version, op and attributes: one an op, more where it or these changed."""
    versions = list(ops_of_versions)
    for op in sorted(set().union(*ops_of_versions.values())):
        for attributes, run in groupby(versions, lambda version, op=op: ops_of_versions[version].get(op)):
            first, *others = run
            if attributes is not None:
                yield f"{first}\t{[first, *others][-1]}\t{op}\t{' '.join(attributes)}\n"


if __name__ == "__main__":
    main()
