"""Is a request in its vendor's contract? The vendors' OpenAPI documents, read in place; answers are not checked against them.

``assert_request_in_contract`` is what the live tests of all connectors use on everything that reached a simulator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from jsonschema import Draft4Validator
from ruamel.yaml import YAML

from tests.shared import SHARED

SPECS = SHARED / "specs"


def feishu_contracts(copies: Path, *names: str) -> Path:
    """Feishu's contracts of these names in the folder, as JSON: their YAML is large, and read once so. Skips where they are absent."""
    folder = SPECS / "feishu/openapi"
    if not folder.exists():
        pytest.skip(f"{folder} is not on this machine")
    for name in names:
        spec = yaml.load((folder / f"{name}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
        (copies / f"{name}.json").write_text(json.dumps(_with_maps(spec)), encoding="utf-8")
    return copies


def _with_maps(node: Any) -> Any:
    """Feishu's documents call an object of free names a string, and say beside it what it was."""
    if isinstance(node, list):
        return [_with_maps(one) for one in node]
    if not isinstance(node, dict):
        return node
    is_map = node.get("x-lark-original-type") == "map"
    return {key: "object" if is_map and key == "type" else _with_maps(value) for key, value in node.items()}


def assert_request_in_contract(
    spec_path: Path,
    method: str,
    path: str,
    query: Mapping[str, Sequence[str]],
    body: bytes,
    *,
    base_path: str = "",
    undeclared: Collection[str] = (),
    unchecked: Collection[str] = (),
    is_body_as_query: bool = False,
) -> None:
    """Fail unless the contract has this method and path, and accepts its path values, query parameters and JSON body.

    ``path`` is as sent (percent-encoded); ``base_path`` is taken off it first. ``undeclared`` names query parameters that the vendor
    documents elsewhere, ``unchecked`` declared ones whose schema in the document is known to be wrong. ``is_body_as_query`` is for vendors (Trello) that read a JSON body as query parameters.
    Skips the test when the document is not on this machine.
    """
    if not spec_path.exists():
        pytest.skip(f"{spec_path} is not on this machine")
    spec = _spec(spec_path)
    operation, parameters, values = _operation(spec, method, path.removeprefix(base_path))
    here = f"{method} {path}"
    declared = {(item["in"], item["name"]): item for item in parameters}
    for name, text in values.items():
        if item := declared.get(("path", name)):
            _check(spec, _schema_of(item), unquote(text), f"{here}: path value {name}")
    for name, texts in query.items():
        if name in undeclared and ("query", name) not in declared:
            continue
        assert ("query", name) in declared, f"{here}: query parameter {name!r} is not in the contract"
        if name not in unchecked:
            _check(spec, _schema_of(declared["query", name]), ",".join(texts), f"{here}: {name}")
    for (place, name), item in declared.items():
        if place == "query" and item.get("required") and not is_body_as_query:
            assert name in query, f"{here}: the contract requires the query parameter {name!r}"
    _check_body(spec, operation, declared, body, here, is_body_as_query)


@cache
def _spec(spec_path: Path) -> dict[str, Any]:
    text = spec_path.read_text(encoding="utf-8")
    spec = YAML(typ="safe").load(text) if spec_path.suffix == ".yaml" else json.loads(text)
    assert isinstance(spec, dict)
    _allow_null(spec)
    return spec


def _allow_null(node: object) -> None:
    """OpenAPI 3.0 says ``nullable``; JSON Schema says it with the type. Vendors also say ``oneOf`` of schemas without any required
    key (Confluence v2's page bodies): every object fits all of them, so it is read as ``anyOf``.
    """
    if isinstance(node, dict):
        if isinstance(node.get("oneOf"), list):
            node["anyOf"] = node.pop("oneOf")
        if node.get("nullable") is True and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
            if isinstance(node.get("enum"), list):
                node["enum"] = [*node["enum"], None]
        for value in node.values():
            _allow_null(value)
    elif isinstance(node, list):
        for value in node:
            _allow_null(value)


def _operation(spec: dict[str, Any], method: str, path: str) -> tuple[Any, list[Any], dict[str, str]]:
    """The operation, its parameters (the path's own among them) and the path's values; literal templates win."""
    for template in sorted(spec["paths"], key=lambda item: (item.count("{"), item)):
        pattern = re.sub(r"\\\{([^}]+)\\\}", r"([^/]+)", re.escape(template))
        match = re.fullmatch(pattern, path)
        operation = spec["paths"][template].get(method.lower())
        if match and operation:
            names = re.findall(r"\{([^}]+)\}", template)
            shared = spec["paths"][template].get("parameters", [])
            parameters = [_resolved(spec, item) for item in (*shared, *operation.get("parameters", []))]
            return operation, parameters, dict(zip(names, match.groups(), strict=True))
    raise AssertionError(f"{method} {path} is not in the contract")


def _schema_of(parameter: Mapping[str, Any]) -> Any:
    """A parameter's schema; in Swagger 2 the parameter is its own."""
    return parameter.get("schema") or {name: parameter[name] for name in ("type", "enum", "items") if name in parameter}


def _resolved(spec: dict[str, Any], node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _check(spec: dict[str, Any], schema: Any, value: object, what: str) -> None:
    """A text is right when one of its readings (text, number, truth, list) is what the schema wants."""
    readings: list[object] = [value]
    if isinstance(value, str):
        readings += [value.split(","), [value]]
        if value in ("true", "false"):
            readings.append(value == "true")
        if re.fullmatch(r"-?\d+(\.\d+)?", value):
            readings.append(float(value) if "." in value else int(value))
        if re.fullmatch(r"\d+(,\d+)*", value):
            readings.append([int(part) for part in value.split(",")])
    problems = [_problem(spec, schema, reading) for reading in readings]
    assert None in problems, f"{what} = {value!r}: {problems[0]}"


def _problem(spec: dict[str, Any], schema: Any, value: object) -> str | None:
    document = {**schema, "components": spec.get("components", {}), "definitions": spec.get("definitions", {})}
    if "$ref" in schema:  # beside a $ref nothing counts in JSON Schema draft 4, so the document wraps it
        document = {"allOf": [schema], **{key: spec.get(key, {}) for key in ("components", "definitions")}}
    error = next(iter(Draft4Validator(document).iter_errors(value)), None)
    return error.message if error else None


def _check_body(
    spec: dict[str, Any],
    operation: Any,
    declared: Mapping[tuple[str, str], Any],
    body: bytes,
    here: str,
    is_as_query: bool,
) -> None:
    if not body:
        assert not _resolved(spec, operation.get("requestBody", {})).get("required"), (
            f"{here}: the contract requires a body"
        )
        return
    if "swagger" in spec:
        declared_body = next((item for (place, _), item in declared.items() if place == "body"), None)
        assert declared_body, f"{here}: the contract has no body"
        problem = _problem(spec, declared_body.get("schema", {}), json.loads(body))
        assert problem is None, f"{here}: body: {problem}"
        return
    content = _resolved(spec, operation.get("requestBody", {})).get("content", {})
    media = next((value for key, value in content.items() if key.startswith(("application/json", "*/*"))), None)
    if media is not None:
        problem = _problem(spec, media.get("schema", {}), json.loads(body))
        assert problem is None, f"{here}: body: {problem}"
        return
    if content:
        return  # a multipart or form body: its parts are not JSON
    assert is_as_query, f"{here}: the contract has no body"
    for name, value in json.loads(body).items():
        assert ("query", name) in declared, f"{here}: {name!r} is not in the contract"
        problem = _problem(spec, declared["query", name].get("schema", {}), value)
        assert problem is None, f"{here}: {name} = {value!r}: {problem}"
