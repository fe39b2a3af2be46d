"""Gerum et al. 2022 on the page: figures, tables, findings, and a verdict on each claim."""

from striate.report.gerum2022.claim_tables import gerum2022_claims
from striate.report.gerum2022.findings import gerum2022_findings
from striate.report.gerum2022.section import STUDY
from striate.report.gerum2022.tables import gerum2022_table, rich_table

__all__ = ["STUDY", "gerum2022_claims", "gerum2022_findings", "gerum2022_table", "rich_table"]
