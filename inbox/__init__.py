"""The domain: numbered streams, the store, the bus. Imports nothing of ``gateway``."""
