"""Whether a model's signatures, and what they answer, are what `tasks.signature_contracts` says."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from ulmfit_tfx.components.infra_check.isolated_process import Arrays, Request
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, TensorContract

Contracts = Mapping[str, SignatureContract]

_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
"""By how much two ways of running a model may differ: sums of float32 depend on their order."""


def declared_failures(contracts: Contracts, signatures: Mapping[str, meta_graph_pb2.SignatureDef]) -> Iterator[str]:
    """Yields a sentence for each breach in what the model says of its signatures."""
    for name, contract in contracts.items():
        if name not in signatures:
            yield f"there is no signature '{name}'"
            continue
        signature = signatures[name]
        if signature.method_name != contract.method_name:
            yield f"'{name}' has the method {signature.method_name}, expected {contract.method_name}"
        yield from _declared(f"'{name}', input", contract.inputs, signature.inputs)
        yield from _declared(f"'{name}', output", contract.outputs, signature.outputs)


def _declared(
    where: str, contracts: Mapping[str, TensorContract], tensors: Mapping[str, meta_graph_pb2.TensorInfo]
) -> Iterator[str]:
    if contracts.keys() != set(tensors):
        yield f"{where}s are {sorted(tensors)}, expected {sorted(contracts)}"
        return
    for name, contract in contracts.items():
        dtype, shape = tf.as_dtype(tensors[name].dtype).name, tf.TensorShape(tensors[name].tensor_shape)
        known = [size if isinstance(size, int) else None for size in contract.shape]
        if dtype != contract.dtype or not shape.is_compatible_with(known):
            yield f"{where} '{name}' is {dtype} {shape}, expected {contract}"


def answer_failures(
    contracts: Contracts, requests: Sequence[Request], answers: Mapping[str, Mapping[int, Arrays]]
) -> Iterator[str]:
    """Yields a sentence for each answer that is not as promised, and for each that depends on how the model was loaded.

    Args:
        contracts: By name of the signature. Of others, only numbers and differences are checked.
        requests: That were run.
        answers: See `isolated_process.Findings`.
    """
    for index, request in enumerate(requests):
        of_ways = [(way, of_way[index]) for way, of_way in answers.items() if index in of_way]
        for way, answer in of_ways:
            broken = _broken(contracts.get(request.signature), request.inputs, answer)
            yield from (f"{request.label} {way}: {what}" for what in broken)
        if len(of_ways) == 2:
            (first_way, first), (second_way, second) = of_ways
            for output in _different(first, second):
                yield f"{request.label}: '{output}' is not the same {first_way} and {second_way}"


def _broken(contract: SignatureContract | None, inputs: Arrays, outputs: Arrays) -> Iterator[str]:
    for name, value in sorted(outputs.items()):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            yield f"'{name}' has {'NaN' if np.isnan(value).any() else 'infinity'} in it"
    if contract is None or contract.inputs.keys() != inputs.keys() or contract.outputs.keys() != outputs.keys():
        return  # as is said of what is declared
    sizes: dict[str, int] = {}
    for tensors, values in ((contract.inputs, inputs), (contract.outputs, outputs)):
        for name, tensor in sorted(tensors.items()):
            dtype = "string" if values[name].dtype == object else values[name].dtype.name
            if dtype != tensor.dtype or not _fits(values[name].shape, tensor.shape, sizes):
                found = f"{dtype} {list(values[name].shape)}"
                yield f"'{name}' is {found}, expected {tensor}{_where(sizes)}"


def _fits(shape: Sequence[int], expected: Sequence[int | str], sizes: dict[str, int]) -> bool:
    """Whether a shape is as expected; sizes of names that are not in `sizes` yet are put there."""
    if len(shape) != len(expected):
        return False
    pairs = zip(expected, shape, strict=True)
    named = [sizes.setdefault(size, found) if isinstance(size, str) else size for size, found in pairs]
    return named == list(shape)


def _where(sizes: Mapping[str, int]) -> str:
    known = ", ".join(f"{name} is {size}" for name, size in sizes.items())
    return f" where {known}" if known else ""


def _different(first: Arrays, second: Arrays) -> list[str]:
    """Names of the outputs that differ."""
    if first.keys() != second.keys():
        return sorted(first.keys() ^ second.keys())
    return [name for name, value in sorted(first.items()) if not _is_same(value, second[name])]


def _is_same(first: np.ndarray, second: np.ndarray) -> bool:
    if first.shape != second.shape:
        return False
    if first.dtype.kind == "f":
        return np.allclose(first, second, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True)
    return bool((first == second).all())
