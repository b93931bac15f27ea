"""The gateway's table: one node on one core, everything else on the others."""
