"""Which connectors and jobs there are: every folder under ``connectors/`` and ``jobs/`` that exports its manifest."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

import connectors
import jobs
from sync.core.ports import Connector, Job


def _folders(package: ModuleType) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg)


@cache
def connectors_by_name() -> dict[str, Connector]:
    """Every connector, by the name admins write as ``type`` in tieline.yaml."""
    manifests = [importlib.import_module(f"connectors.{name}").CONNECTOR for name in _folders(connectors)]
    return {manifest.name: manifest for manifest in manifests}


@cache
def jobs_by_name() -> dict[str, Job]:
    """Every job, by the name admins write under ``jobs`` in tieline.yaml."""
    manifests = [importlib.import_module(f"jobs.{name}").JOB for name in _folders(jobs)]
    return {manifest.name: manifest for manifest in manifests}
