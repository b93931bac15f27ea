"""Who is asking: user tokens, backend clients and their access tokens."""
