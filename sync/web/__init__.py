"""The HTTP face of ``tieline serve``: health, metrics and the state of the last cycle."""
