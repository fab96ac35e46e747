"""Checks a JSON value against a JSON Schema, with the part of the language our schemas use.

A full validator is a dependency; this is eighty lines. What it does not know it refuses, so that a schema can never
contain a rule that silently is not checked.
"""
from __future__ import annotations

import re
from typing import Any, Callable

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "null": lambda v: v is None,
}
IGNORED = {"$schema", "$id", "$defs", "title", "description", "examples"}


class SchemaError(Exception):
    """The schema itself uses something this validator does not know."""


def errors(value: Any, schema: Any, root: Any = None, where: str = "$") -> list[str]:
    """Every way in which the value breaks the schema, each as one line that begins with the place."""
    if schema is True:
        return []
    if schema is False:
        return [f"{where}: nothing is allowed here"]
    found: list[str] = []
    for keyword, rule in schema.items():
        if keyword in IGNORED:
            continue
        if keyword not in RULES:
            raise SchemaError(f"unknown keyword {keyword!r} at {where}")
        found += RULES[keyword](value, rule, schema, schema if root is None else root, where)
    return found


def _ref(value: Any, rule: str, _schema: Any, root: Any, where: str) -> list[str]:
    target = root
    if not rule.startswith("#/"):
        raise SchemaError(f"only references within the file are known, not {rule!r}")
    for part in rule[2:].split("/"):
        target = target[part]
    return errors(value, target, root, where)


def _type(value: Any, rule: Any, _schema: Any, _root: Any, where: str) -> list[str]:
    names = [rule] if isinstance(rule, str) else rule
    if any(TYPES[name](value) for name in names):
        return []
    return [f"{where}: must be {' or '.join(names)}, is {type(value).__name__}"]


def _properties(value: Any, rule: dict, _schema: Any, root: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [e for name, sub in rule.items() if name in value for e in errors(value[name], sub, root, f"{where}.{name}")]


def _additional(value: Any, rule: Any, schema: Any, root: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    extra = [name for name in value if name not in schema.get("properties", {})]
    if rule is False:
        return [f"{where}: unknown property {name!r}" for name in extra]
    return [e for name in extra for e in errors(value[name], rule, root, f"{where}.{name}")]


def _items(value: Any, rule: Any, _schema: Any, root: Any, where: str) -> list[str]:
    if not isinstance(value, list):
        return []
    return [e for i, item in enumerate(value) for e in errors(item, rule, root, f"{where}[{i}]")]


def _any_of(value: Any, rule: list, _schema: Any, root: Any, where: str) -> list[str]:
    return [] if any(not errors(value, sub, root, where) for sub in rule) else [f"{where}: fits none of the choices"]


def _number(value: Any) -> bool:
    return TYPES["number"](value)


def _simple(applies: Callable[[Any], bool], holds: Callable[[Any, Any], bool], words: str) -> Callable[..., list[str]]:
    def rule_of(value: Any, rule: Any, _schema: Any, _root: Any, where: str) -> list[str]:
        return [] if not applies(value) or holds(value, rule) else [f"{where}: {words.format(rule=rule)}"]
    return rule_of


RULES: dict[str, Callable[..., list[str]]] = {
    "$ref": _ref,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "anyOf": _any_of,
    "required": lambda v, rule, _s, _r, w: [f"{w}: {name!r} is missing" for name in rule if name not in v]
    if isinstance(v, dict) else [],
    "enum": _simple(lambda v: True, lambda v, r: v in r, "must be one of {rule}"),
    "const": _simple(lambda v: True, lambda v, r: v == r, "must be {rule!r}"),
    "minimum": _simple(_number, lambda v, r: v >= r, "must be at least {rule}"),
    "exclusiveMinimum": _simple(_number, lambda v, r: v > r, "must be more than {rule}"),
    "maximum": _simple(_number, lambda v, r: v <= r, "must be at most {rule}"),
    "minLength": _simple(TYPES["string"], lambda v, r: len(v) >= r, "must have at least {rule} characters"),
    "pattern": _simple(TYPES["string"], lambda v, r: re.search(r, v) is not None, "must match {rule}"),
    "minItems": _simple(TYPES["array"], lambda v, r: len(v) >= r, "must have at least {rule} items"),
    "maxItems": _simple(TYPES["array"], lambda v, r: len(v) <= r, "must have at most {rule} items"),
    "uniqueItems": _simple(TYPES["array"], lambda v, r: not r or len({repr(i) for i in v}) == len(v), "must not repeat"),
}
