"""What a `$ref` in a JSON Schema stands for, within one file: by pointer, anchor or `$id`.

Belongs here: finding the target. Nothing is ever fetched.
Not here: what a schema says (`readers.json_schema`).
"""

from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from event_archive.registry.schema_keywords import children

HERE = "https://schema.invalid/"  # the name of a file that has none


class Names:
    """Everything in one file that a reference can name."""

    def __init__(self, root: Any) -> None:
        self._resources: dict[str, Any] = {HERE: root}
        self._anchors: dict[tuple[str, str], Any] = {}
        self._bases: dict[int, str] = {}
        unread: list[tuple[Any, str]] = [(root, HERE)]
        while unread:
            schema, base = unread.pop()
            if not isinstance(schema, dict) or id(schema) in self._bases:
                continue
            base = self._named(schema, base)
            self._bases[id(schema)] = base
            unread += [(child, base) for child in children(schema)]

    def _named(self, schema: dict[str, Any], base: str) -> str:
        for keyword in ("$id", "id"):
            name = schema.get(keyword)
            if isinstance(name, str):
                uri, fragment = _joined(base, name)
                if fragment:
                    self._anchors[uri, fragment] = schema
                else:
                    base = uri
                    self._resources.setdefault(uri, schema)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                self._anchors[base, schema[keyword]] = schema
        return base

    def find(self, reference: str, schema: dict[str, Any]) -> Any | None:
        """Return what `reference`, which stands in `schema`, names; None where it is not in the file."""
        uri, fragment = _joined(self._bases.get(id(schema), HERE), reference)
        if (uri, fragment) in self._anchors:
            return self._anchors[uri, fragment]
        target = self._resources.get(uri)
        if fragment and not fragment.startswith("/"):
            return None
        for part in fragment.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict):
                target = target.get(name)
            elif isinstance(target, list) and name.isdecimal() and int(name) < len(target):
                target = target[int(name)]
            else:
                return None
        return target


def _joined(base: str, name: str) -> tuple[str, str]:
    try:
        uri, fragment = urldefrag(urljoin(base, name))
    except ValueError:  # such as a broken IPv6 address
        return name, ""
    return uri, unquote(fragment)
