"""A server asked as a backend would, for one command."""

from collections.abc import Iterator
from contextlib import contextmanager

import bellwire
from bellwire import Client, Retries
from inbox.errors import BellwireError, NotFound


@contextmanager
def asked(url: str, token: str) -> Iterator[Client]:
    """A client of the backend's side at ``url``.

    :raises OSError: nobody answers there.
    :raises BellwireError: the server refused.
    """
    try:
        with Client(url, token=token, retries=Retries(attempts=3)) as client:
            yield client
    except bellwire.Unreachable as error:
        raise ConnectionError(f"{url} does not answer: {error.detail}") from None
    except bellwire.NotFound:
        raise NotFound(f"{url} is not the backend's side: name that with --api-url") from None
    except bellwire.BellwireError as error:
        raise BellwireError(error.detail) from None
    except ValueError as error:
        raise BellwireError(str(error)) from None
