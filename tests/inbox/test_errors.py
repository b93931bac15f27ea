"""The tree in the docstring is the tree in the code."""

import re

from inbox import errors
from inbox.errors import BellwireError


def _all(kind: type[BellwireError]) -> list[type[BellwireError]]:
    return [kind, *(k for child in kind.__subclasses__() for k in _all(child))]


def test_the_docstring_lists_every_error_with_its_code_and_whether_it_is_temporary() -> None:
    drawn = re.findall(r"[├└]── (\w+) +(\w+) +(yes|no)", errors.__doc__ or "")
    real = [
        (kind.__name__, kind.code, "yes" if kind.temporary else "no")
        for kind in _all(BellwireError)
        if kind.__module__ == errors.__name__ and kind is not BellwireError
    ]
    assert sorted(drawn) == sorted(real)
