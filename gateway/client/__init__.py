"""A client of a running Bellwire: what the command line, the bench and the tests talk through."""

from gateway.client.listen import listen
from gateway.client.messages import Message

__all__ = ["Message", "listen"]
