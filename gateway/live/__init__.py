"""The live side: one WebSocket connection a session, entries as they are written."""
