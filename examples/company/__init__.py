"""The example company: a translation company, simulated (see `simulation`)."""
