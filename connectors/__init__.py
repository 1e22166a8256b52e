"""One folder per vendor; none knows another."""
