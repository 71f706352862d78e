"""The Python side of demo.yml: an ordinary module beside the spec."""


def enrich(rows: str) -> int:
    """Pretend to add a row for every row extracted."""
    print(f"enriching {rows} rows")
    return 2 * int(rows)


def choose_report(rows: str) -> str:
    """Name the task that is to run next."""
    return "full_report" if int(rows) else "empty_report"
