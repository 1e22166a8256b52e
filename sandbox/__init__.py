"""Simulated vendors over real HTTP. Imports nothing of the product: one misreading must not sit on both sides of the wire."""
