"""Lines of output, without a terminal: what is kept of them, in which order, and what of them is acknowledged."""
