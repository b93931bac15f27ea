"""Faces the network: HTTP, WebSocket, command line. Imports ``inbox``, never the other way round."""

from importlib.metadata import version

__version__ = version("bellwire")
