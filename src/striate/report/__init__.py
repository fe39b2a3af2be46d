"""Reports: tables, figures and one page, from results only; nothing is measured here.

`write` makes a page from a results folder, with a section for each study found there.
`gerum2022_table` and `gerum2022_findings` give the same numbers and sentences to a terminal or a
notebook, `gerum2022_claims` a verdict on each claim.
"""

from striate.report.gerum2022 import (
    gerum2022_claims,
    gerum2022_findings,
    gerum2022_table,
    rich_table,
)
from striate.report.page import write

__all__ = ["gerum2022_claims", "gerum2022_findings", "gerum2022_table", "rich_table", "write"]
