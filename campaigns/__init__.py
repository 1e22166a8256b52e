"""Repeatable campaigns against the simulators, each with an oracle of its own that is not the product's code."""
