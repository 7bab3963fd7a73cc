"""What a node of dbt has to do with besides what it names by `ref` and `source`: no graph shows that.

Belongs here: finding a table of the warehouse that is named in SQL, and hooks that write. Not here: what lies
outside of the warehouse (`outside_reads`), and what follows (`warehouse.build_record`): such a node is built
each time. Whatever may be meant so counts as such: that costs a build, the contrary a wrong dataset.
"""

import re
from collections.abc import Collection, Iterable, Iterator

from event_archive.views.segment_sql import SCHEMA
from orchestration.dbt.graph import Manifest, Node, event_sources, hooks_of, is_of_project, table_of, upstream
from orchestration.dbt.kinds import is_test, relations
from orchestration.dbt.outside_reads import COMMENT

PLAIN = re.compile(r"\w+\.\w+")
NAMES = re.compile(r"(\w+)\s*\.\s*(?=(\w+))")
UNQUALIFIED = re.compile(r"\b(?:from|join)\s+(\w+)", re.IGNORECASE)
DEFAULT_SCHEMA, RECORDS = "main", "audit."
WRITES = re.compile(
    r"\b(?:insert|update|delete|drop|alter|truncate|merge|create\s+(?!(?:or\s+replace\s+)?temp))\b|create\s+table",
    re.IGNORECASE,
)


def unsaid_reads(manifest: Manifest, events: Collection[str], nodes: Iterable[str]) -> set[str]:
    """Which of these nodes name a table that they do not refer to, or write one; `events`: the views of them.

    `manifest`: of a build, with the SQL that dbt has made.
    """
    tables = {name: table_of(node).lower() for name, node in relations(manifest).items()}
    sources = {name: f"{SCHEMA}.{view}".lower() for name, view in event_sources(manifest).items()}
    known = {*tables.values(), *(f"{SCHEMA}.{view}".lower() for view in events)}

    def is_unsaid(name: str) -> bool:
        node, above = manifest["nodes"][name], upstream(manifest, name)
        said = {table for other, table in (tables | sources).items() if other in above}
        for code in _texts(node, above):
            named = {*_named(COMMENT.sub(" ", code), tables.values())}
            of_records = not is_test(name) and any(table.startswith(RECORDS) for table in named)
            if of_records or (named & known) - said:
                return True
        return any(WRITES.search(sql) for sql in hooks_of(node))

    return {name for name in nodes if name in manifest["nodes"] and is_unsaid(name)}


def _texts(node: Node, above: dict[str, Node]) -> Iterator[str]:
    """The SQL of a node as dbt has made it, and what that was made by: a macro may ask for rows."""
    yield node.get("compiled_code") or ""
    yield node.get("raw_code") or ""
    yield from hooks_of(node)
    for name, macro in above.items():
        if name.startswith("macro.") and is_of_project(macro) and macro["package_name"] != "factlog":
            yield macro["macro_sql"]


def _named(code: str, tables: Collection[str]) -> Iterator[str]:
    """The names of tables in SQL, with their schemas, in lower case; words that only look like it, too."""
    plain = code.replace('"', "").lower()
    yield from (f"{schema}.{table}" for schema, table in NAMES.findall(plain))
    yield from (f"{DEFAULT_SCHEMA}.{table}" for table in UNQUALIFIED.findall(plain))
    # Names of other characters than words have: looked for as they are.
    yield from (table for table in tables if not PLAIN.fullmatch(table) and table in plain)
