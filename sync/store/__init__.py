"""The store: the only SQL. ``Store`` offers named operations that take and return values; raw, derived and ledger tables."""

from sync.store.store import Store

__all__ = ["Store"]
