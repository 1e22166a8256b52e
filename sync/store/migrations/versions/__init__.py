"""The steps, in order: ``NNNN_what.py``."""
