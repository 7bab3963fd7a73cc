"""What a dataset file shows of its marts without a schema: `FROM invoices` beside `FROM billing.invoices`.

Belongs here: the names in the schema `main`, and the views under them. Not here: the marts (`tables`).
"""

from collections import Counter
from collections.abc import Iterable

import duckdb

from event_archive.sql_text import literal, quoted
from orchestration.dataset.tables import REPORTING, comments, relation

MAIN = "main"


def shown_names(tables: Iterable[str]) -> dict[str, str]:
    """Return the name in the schema `main` of each mart that has one; the marts come with their schemas.

    A mart has its own name, where no mart of another schema has that as well; otherwise one of both,
    `billing_invoices`. Where that is taken, too, it has none: a name is never one of another mart. What lies
    in `main` itself is there already.
    """
    marts = sorted(tables)
    bare = {mart: mart.split(".", 1)[1] for mart in marts}
    count = Counter(name.lower() for name in bare.values())
    own = {mart: name for mart, name in bare.items() if count[name.lower()] == 1 or is_in_main(mart)}
    taken = {name.lower() for name in own.values()}
    both = {mart: mart.replace(".", "_", 1) for mart in marts if mart not in own}
    count_both = Counter(name.lower() for name in both.values())
    free = {
        mart: name
        for mart, name in both.items()
        if name.lower() not in taken and count_both[name.lower()] == 1
    }
    return own | free


def is_in_main(mart: str) -> bool:
    """Whether a mart lies in the schema `main` itself."""
    return mart.split(".", 1)[0].lower() == MAIN


def show_marts(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Make the views in the attached file `reporting`, with the comments of their marts."""
    said = comments(connection)
    for mart, name in shown_names(tables).items():
        if is_in_main(mart):
            continue
        view = f"{REPORTING}.{MAIN}.{quoted(name)}"
        # No catalog in it: whoever attaches the file gives that a name of their own.
        connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {relation(mart)}")
        for column, comment in said.get(mart.lower(), {}).items():
            target = f"VIEW {view}" if column is None else f"COLUMN {view}.{quoted(column)}"
            connection.execute(f"COMMENT ON {target} IS {literal(comment)}")
