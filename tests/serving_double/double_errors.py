"""How a request is refused."""

import grpc


class ServingError(Exception):
    """A refused request.

    Attributes:
        code: gRPC's.
        message: For the client.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        """Holds both."""
        super().__init__(message)
        self.code, self.message = code, message


def invalid(message: str) -> ServingError:
    """The client's fault."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)
