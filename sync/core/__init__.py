"""Floor 0: values and rules. Pure: no input, no output, no vendor."""
