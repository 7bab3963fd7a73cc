"""Which nodes of dbt a build has to build: those whose inputs are not what they were made of.

Belongs here: one digest per node of all that it is made of, as a function of dbt's graph and the log, and
what follows from two of them. Not here: where the digests are kept (`warehouse.outcomes`), whether they may
be gone by at all (`publishing.unchanged`), and keys within a fact (dbt's macros).

The digest of a node holds the code, all of it (every file, variable, package and contract); what it reads, by
their digests; and of events every commit that brought, corrected or replaced one of their type. A correction
names an event of its own type, so it lies in such a commit. The digest of a view holds only what its columns
come from: it has no rows of its own, and what is below it is digested through it. A node without a digest is
built each time, with all that is below it: one that builds on what it was, as a snapshot does.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from event_archive.registry.contract import Contracts, view_of
from event_archive.store.commit import Commit
from event_archive.views.correction_tables import CORRECTIONS
from orchestration.dbt.graph import Manifest, Node, event_sources, is_of_project
from orchestration.dbt.kinds import built_nodes, is_view, relations
from orchestration.warehouse.outcomes import NOTHING_BUILT, BuiltFrom

MADE_ANEW = {"table", "view", "fact", "seed", "ephemeral", "test"}
"""What is the same however often it is built; an incremental model, say, depends on what it was before."""
LOOKS_AT_ROWS = re.compile(
    r"\b(?:run_query|statement|load_\w+|adapter|execute|pivot|pivot_wider)\b", re.IGNORECASE
)
"""In a model: what may give it other columns, or other SQL, where rows are others."""
OF_DBT, OF_PRODUCT = "adapter", "factlog"
MOST_NAMED = 2000
"""How many nodes are named on dbt's command line; where more are to be built, all are."""


@dataclass(frozen=True)
class Basis:
    """What a build may go by: dbt's graph, a digest of all code, and of what the warehouse is made."""

    manifest: Manifest
    code: str
    last: BuiltFrom


@dataclass(frozen=True)
class Selection:
    """The nodes that a build is of, as dbt's options; none for all.

    `inputs`: of what each node is to be made; empty where that is not known. `kept`: what it leaves out.
    """

    inputs: Mapping[str, str]
    arguments: Sequence[str] = ()
    kept: frozenset[str] = frozenset()


WHOLE = Selection({})


def select_nodes(basis: Basis | None, contracts: Contracts, commits: Sequence[Commit]) -> Selection:
    """The nodes that are not made of what they would be made of now; all, where nothing is known of them."""
    if basis is None:
        return WHOLE
    inputs = input_digests(basis.manifest, contracts, commits, basis.code, basis.last)
    chosen = nodes_to_build(basis.manifest, inputs, basis.last)
    arguments = selection_arguments(basis.manifest, chosen)
    kept = built_nodes(basis.manifest) - chosen if arguments else ()
    return Selection(inputs, arguments, frozenset(kept))


def input_digests(
    manifest: Manifest,
    contracts: Contracts,
    commits: Sequence[Commit],
    code: str,
    last: BuiltFrom = NOTHING_BUILT,
) -> dict[str, str]:
    """The digest of what each node of a build is made of; `last`: it knows of which nodes no digest is.

    `code`: a digest of everything but the log. What is below a node without a digest has none either.
    """
    events = _Events(contracts, commits, corrections_wait=last.corrections_wait)
    digests = _Digests(manifest, events, code, last.without)
    found = {name: digests.of_build(name) for name in built_nodes(manifest)}
    return {name: digest for name, digest in found.items() if digest is not None}


def nodes_to_build(manifest: Manifest, inputs: Mapping[str, str], built: BuiltFrom) -> frozenset[str]:
    """The nodes that are not made of these inputs.

    There is always one: dbt has to run, because the views of events are made anew as it connects.
    """
    nodes = built_nodes(manifest)
    chosen = frozenset(name for name in nodes if name not in inputs or inputs[name] != built.inputs.get(name))
    views = (name for name, node in relations(manifest).items() if is_view(node))
    return chosen or frozenset((sorted(views) or sorted(nodes))[:1])


def selection_arguments(manifest: Manifest, chosen: Collection[str]) -> list[str]:
    """dbt's options for building these nodes and no others; none where these are all, or very many."""
    if built_nodes(manifest) <= {*chosen} or len(chosen) > MOST_NAMED:
        return []
    nodes = manifest["nodes"] | manifest["unit_tests"]
    # A character that dbt may take for more than a part of a name may be any: that never chooses less.
    names = sorted({"fqn:" + re.sub(r"[^\w.-]", "?", ".".join(nodes[name]["fqn"])) for name in chosen})
    return ["--indirect-selection", "empty", "--select", *names]


class _Events:
    """What the views of the archive show, as digests: of their rows, and of what their columns come from."""

    def __init__(self, contracts: Contracts, commits: Sequence[Commit], *, corrections_wait: bool) -> None:
        self._contracts = contracts
        self._corrections: list[str] = []
        self._corrections_wait = corrections_wait
        self._log = commits[-1].digest if commits else ""
        self._rows: dict[str, list[str]] = {}
        self._columns: dict[str, set[str]] = {}
        following = [*(commit.previous for commit in commits[1:]), self._log]
        for commit, digest in zip(commits, following, strict=False):
            segments = (*commit.segments, *commit.replaces)
            if commit.replaces or any(segment.corrections for segment in segments):
                self._corrections.append(digest)
            for event_type in {segment.type for segment in segments}:
                self._rows.setdefault(event_type, []).append(digest)
            for segment in segments:
                kind = f"{segment.revision} {bool(segment.corrections)} {segment.has_places}"
                self._columns.setdefault(segment.type, set()).add(kind)

    def rows(self, view: str) -> list[object]:
        """Every commit that what a view shows depends on; the log, where it is not of one event type.

        What is said of a correction that names what is there changes with another one, or a remap, alone.
        """
        if view == CORRECTIONS and not self._corrections_wait:
            return [self._corrections]
        types = self._types(view)
        return [[name, self._rows.get(name)] for name in types] if types else [self._log]

    def columns(self, view: str) -> list[object]:
        """What the files of a view differ in besides their rows."""
        types = self._types(view) or sorted(self._columns)
        return [[name, sorted(self._columns.get(name, ()))] for name in types]

    def _types(self, view: str) -> list[str]:
        return sorted(contract.type for contract in self._contracts.majors(view_of(view)))


class _Digests:
    """The digests of all nodes over one graph and log; each is looked for once."""

    def __init__(self, manifest: Manifest, events: _Events, code: str, without: Collection[str]) -> None:
        self._nodes: dict[str, Node] = manifest["nodes"] | manifest["unit_tests"]
        self._macros: dict[str, Node] = manifest["macros"]
        self._sources = event_sources(manifest)
        self._events = events
        self._code = code
        self._contents: dict[str, str | None] = dict.fromkeys(without)
        self._columns: dict[str, str | None] = {}

    def of_build(self, name: str) -> str | None:
        """Of what a build of a node looks at; a view has no rows, a unit test none but its own."""
        content, node = self.of_content(name), self._nodes[name]
        is_without_rows = name.startswith("unit_test.") or is_view(node)
        return (self.of_columns(name) or content) if content and is_without_rows else content

    def of_content(self, name: str) -> str | None:
        """Of all that a node's rows, or what a test finds, are made of; None where nobody can know."""
        if name not in self._contents:
            self._contents[name] = self._content(name)
        return self._contents[name]

    def _content(self, name: str) -> str | None:
        if name in self._sources:
            return self._digest(name, self._events.rows(self._sources[name]))
        node = self._nodes.get(name)
        is_known = node is not None and node["config"].get("materialized", "test") in MADE_ANEW
        return self._with_above(name, node, self.of_content) if node and is_known else None

    def of_columns(self, name: str) -> str | None:
        """Of all that a node's SQL and columns come from; None where they come from rows."""
        if name not in self._columns:
            self._columns[name] = self._of_columns(name)
        return self._columns[name]

    def _of_columns(self, name: str) -> str | None:
        if name in self._sources:
            return self._digest(name, self._events.columns(self._sources[name]))
        node = self._nodes.get(name)
        if node is None or any(LOOKS_AT_ROWS.search(code) for code in self._code_of(node)):
            return None
        return self._with_above(name, node, self.of_columns)

    def _with_above(self, name: str, node: Node, of: Callable[[str], str | None]) -> str | None:
        """The digest of a node that is made of its code and those of what it reads."""
        above = [of(other) for other in sorted(node["depends_on"].get("nodes", ()))]
        return None if None in above else self._digest(name, above)

    def _code_of(self, node: Node) -> Iterator[str]:
        """The code of a node, and of the project's macros that it calls; of dbt's own that there is one."""
        yield node.get("raw_code") or ""
        read: set[str] = set()
        unread = [*node["depends_on"].get("macros", ())]
        while unread:
            name = unread.pop()
            macro = self._macros.get(name)
            if macro is None or name in read or macro["package_name"] == OF_PRODUCT:
                continue
            read.add(name)
            if not is_of_project(macro):
                yield OF_DBT
                continue
            yield macro["macro_sql"]
            unread += macro["depends_on"]["macros"]

    def _digest(self, name: str, of: Iterable[object]) -> str:
        return hashlib.sha256(json.dumps([self._code, name, [*of]]).encode()).hexdigest()
