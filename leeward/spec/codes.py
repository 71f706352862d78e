"""The codes of everything that can be wrong with a spec: a paragraph each, from which `docs/errors.md` is generated."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "LW100": "The file is larger than a spec may be. Split it: DAGs may be spread over any number of files.",
        "LW101": "The file is not YAML. The place is where the reader gave up; the mistake is often just before it.",
        "LW102": "A spec is one YAML document. Several DAGs stand beside each other as keys of one mapping.",
        "LW103": "The file is empty or holds something else than a mapping from DAG ids to DAGs.",
        "LW104": "The file nests too deep, or its aliases expand to too many nodes. Such files are refused unread.",
        "LW105": "An alias refers to a node that contains it.",
        "LW106": "Only plain YAML is read. A tag such as `!!python/name` would run code and is refused.",
        "LW107": "A key stands twice in one mapping. YAML readers keep the last one silently; here it is an error.",
        "LW108": "`<<` merges a mapping, or a list of mappings, into the one where it stands.",
        "LW109": "Keys of mappings are text.",
        "LW110": "`__type__` builds one of the listed types. Any other class would mean to import code while compiling.",
        "LW111": "The arguments of a `__type__` do not fit that type.",
        "LW112": "`__join__` joins a list of plain values into one text.",
        "LW113": "The value is not a length of time. Write a number of seconds or a `datetime.timedelta` by `__type__`.",
        "LW114": "The value is not a date. Write ISO 8601 (2026-01-31 or 2026-01-31T06:00:00+01:00), or a time ago such as `2 days`.",
        "LW115": "The time zone is not in the IANA database.",
        "LW116": "The schedule is none of the forms that Airflow knows, or a part of it is out of range.",
        "LW117": "The schedule waits for assets, which is not supported yet.",
    }
)
