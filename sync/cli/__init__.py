"""The command line. Imports are lazy, so that ``tieline --help`` answers at once."""
