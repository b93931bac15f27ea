"""What the methods of both clients share: their text and signature are those of the function that makes the call."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def like(build: Callable[..., Any], method: Method) -> Method:
    """``method``, described as ``build`` is: for ``help()`` and editors."""
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [itself, *inspect.signature(build).parameters.values()]
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    vars(method)["__signature__"] = inspect.Signature(parameters)
    return method
