"""Connections as Airflow writes them down: JSON, or a URI `type://login:password@host:port/schema?key=value`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from leeward.core.dag import Json

_FIELDS = ("conn_type", "host", "login", "password", "schema", "port", "extra")


def connection_of(text: str) -> Mapping[str, Json]:
    """The fields of a connection."""
    return _from_json(text) if text.lstrip().startswith("{") else _from_uri(text)


def _from_json(text: str) -> Mapping[str, Json]:
    found = json.loads(text)
    fields = {name: found.get(name) for name in _FIELDS}
    if fields["extra"] is not None and not isinstance(fields["extra"], str):
        fields["extra"] = json.dumps(fields["extra"])
    return fields


def _from_uri(text: str) -> Mapping[str, Json]:
    """A URI `type://login:password@host:port/schema?key=value`; every part is percent-encoded."""
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = query.pop("__extra__", None)
    if extra is None and query:
        extra = json.dumps(query)
    return {
        "conn_type": parts.scheme.replace("-", "_"),
        "host": unquote(parts.hostname) if parts.hostname else None,
        "login": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "schema": unquote(parts.path.removeprefix("/")) or None,
        "port": parts.port,
        "extra": extra,
    }
