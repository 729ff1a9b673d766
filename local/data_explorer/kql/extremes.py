"""arg_max and arg_min that take all their columns from one row.

duckdb-kql 1.1.2 picks each column by an aggregate of its own: of rows that tie, their values could be mixed, and every
column costs as much as the first.
"""

from duckdb_kql import ir, translate


def install() -> None:
    """Lets duckdb-kql use the form below."""
    translate._render_arg_max = _from_one_row


def _from_one_row(agg: ir.NamedExpr, key_names: list[str], cols: list[str] | None) -> list[tuple[str, str]] | None:
    """Output column → SQL. The struct is never null, so no row is passed over for a null in it."""
    targets = translate.arg_max_targets(agg, key_names, cols)
    names = translate.arg_max_names(agg, key_names, cols)
    if targets is None or names is None:
        return None
    extreme, maximised, picked = targets
    order = translate.render_expr(maximised)
    columns = [(names[0], f"{extreme}({order})")]
    if picked:
        values = ", ".join(f"'c{place}': {translate.render_expr(value)}" for place, value in enumerate(picked))
        row = f"COALESCE(arg_{extreme}({{{values}}}, {order}), any_value({{{values}}}))"
        columns += [(name, f"{row}['c{place}']") for place, name in enumerate(names[1:])]
    return columns
