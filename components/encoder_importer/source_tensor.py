"""A weight tensor of a file that is being imported, under its name there."""

from dataclasses import dataclass

import numpy as np

from ulmfit_tfx.schemas.errors import DataError


@dataclass(frozen=True, eq=False)
class SourceTensor:
    """A float tensor without NaN or infinity, also as float32.

    Raises:
        DataError: It is not.
    """

    file: str
    name: str
    array: np.ndarray

    def __post_init__(self):
        if not np.issubdtype(self.array.dtype, np.floating):
            raise self.error(f"holds {self.array.dtype}, expected floating-point numbers")
        with np.errstate(over="ignore"):
            as_float32 = self.float32
        nan, infinite = int(np.isnan(as_float32).sum()), int(np.isinf(as_float32).sum())
        if nan or infinite:
            raise self.error(
                f"has {nan:,} NaN and {infinite:,} infinite values among {self.array.size:,} as float32. "
                "Did its training diverge?"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.array.shape

    @property
    def float32(self) -> np.ndarray:
        """The values, float32."""
        return self.array.astype(np.float32)

    @property
    def float64(self) -> np.ndarray:
        """The values, float64."""
        return self.array.astype(np.float64)

    def error(self, complaint: str) -> DataError:
        """The error that names the file and the tensor."""
        return DataError(f"{self.file}: {self.name} {complaint}.")

    def check_shape(self, expected: tuple[int, ...], reason: str) -> None:
        """Holds the shape against what other tensors demand.

        Raises:
            DataError: It differs.
        """
        if self.shape != expected:
            raise self.error(f"is {list(self.shape)}, expected {list(expected)}: {reason}")

    def check_rank(self, rank: int) -> None:
        """Holds the number of dimensions against what the layer has.

        Raises:
            DataError: It differs, or a dimension is empty.
        """
        if len(self.shape) != rank or 0 in self.shape:
            raise self.error(f"is {list(self.shape)}, expected {rank} dimension{'s' * (rank > 1)}, none of them empty")
