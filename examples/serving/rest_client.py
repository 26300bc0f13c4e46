"""Asks TensorFlow Serving's REST API for what a model says of texts. Needs nothing but Python 3.10.

    python examples/serving/rest_client.py --model reviews "A quiet film that stays with you."

https://www.tensorflow.org/tfx/serving/api_rest
"""

import http.client
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from answers import batches, parse_arguments, shown


def predict(server: str, model: str, texts: list[str], timeout: float) -> list[dict[str, Any]]:
    """Outputs of the model's signature `serving_default`, by name, of each text.

    Raises:
        urllib.error.HTTPError: TensorFlow Serving refuses the request; the body is JSON and says why.
        OSError: It cannot be reached, or does not answer in time.
        ValueError: What answers is something else.
        http.client.HTTPException: The same.
    """
    url = f"{server.rstrip('/')}/v1/models/{urllib.parse.quote(model)}:predict"
    body = json.dumps({"instances": texts}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return json.loads(response.read())["predictions"]


def reason(error: urllib.error.HTTPError) -> str:
    """Why a request is refused, in the server's words."""
    try:
        return json.loads(error.read())["error"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {error.code}, and no JSON. Is it TensorFlow Serving that answers?"


def main() -> None:
    """Asks and prints."""
    arguments = parse_arguments(__doc__.splitlines()[0], "http://localhost:8501")
    server, model = arguments.server, arguments.model
    try:
        for texts in batches(arguments.texts):
            for text, outputs in zip(texts, predict(server, model, texts, arguments.timeout), strict=True):
                print(shown(text, outputs))
    except urllib.error.HTTPError as error:
        sys.exit(f"{server}: the model '{model}' gives no answer: {reason(error)}")
    except TimeoutError:
        sys.exit(f"{server}: no answer within {arguments.timeout:g} seconds. --timeout sets another time.")
    except urllib.error.URLError as error:
        sys.exit(f"{server}: cannot be reached: {error.reason}. Is it the server's --rest_api_port?")
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"{server}: what answers is not the REST API: {error!r}. Is it the port for gRPC?")


if __name__ == "__main__":
    main()
