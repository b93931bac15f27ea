"""Faces the network: HTTP, WebSocket, command line. Imports ``inbox``, never the other way round."""
