"""What differs between the libraries of the two lanes: names that later versions gave to the same things.

The code is the same in both lanes, and what differs stands here. docs/lanes.md has the versions, and the differences
that need no such name.
"""

from typing import Any

KFP_HEALTH = ("healthz_service_get_healthz_with_http_info", "get_healthz_with_http_info")
"""Of `kfp_server_api.HealthzServiceApi`, 2.16 and 2.0."""
KFP_RUN = ("run_service_get_run", "get_run")
"""Of `kfp_server_api.RunServiceApi`, 2.16 and 2.0."""


def either(owner: Any, names: tuple[str, ...]) -> Any:
    """The attribute that has one of the names, the later ones first.

    Raises:
        AttributeError: It has none of them.
    """
    for name in names:
        if hasattr(owner, name):
            return getattr(owner, name)
    raise AttributeError(f"{owner!r} has none of {', '.join(names)}: its version is of neither lane.")
