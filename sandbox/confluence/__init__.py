"""A simulated Confluence: Cloud (v2, what is left of v1, the gateway) and Data Center (v1)."""

from sandbox.confluence.simulator import Confluence

__all__ = ["Confluence"]
