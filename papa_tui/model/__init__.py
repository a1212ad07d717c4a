"""What the dashboard knows, without a terminal: pure, and the clock is an argument."""
