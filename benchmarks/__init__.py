"""Figures for docs/benchmarks.md. Not tests: machines are noisy, only ratios inside one run are compared."""
