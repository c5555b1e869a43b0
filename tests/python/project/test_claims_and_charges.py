"""A charge line has none or several claims: joined to them one by one, its charge is counted as often."""

import re
from pathlib import Path

import pytest

MODELS = Path(__file__).resolve().parents[3] / "models"
CLAIMS = {
    "cdm_claims",
    "claims_history",
    "fct_claims",
    "fct_claim_status_events",
    "int_claim_payers",
    "int_claim_status_changes",
    "stg_claims",
}
CHARGES = {"cdm_transactions", "fct_ar_events", "fct_transactions", "stg_transactions", "transactions_history"}
READS_BOTH = {
    # From the claim to its one charge line: claims stay the grain.
    "fct_claims",
    "int_claim_payers",
    # From the adjustment to the one claim and the one charge line it names.
    "fct_adjustments",
    # Both are summed to hospital, payer group and month before they meet.
    "kpi_net_days_in_ar",
    # Each is summed by hospital and payer group before they meet; of claims, charge lines see distinct keys only.
    "rpt_billing_gaps",
    # From the claim to its one charge line: whether its account is settled.
    "rpt_open_claims",
    "rpt_timely_filing",
    "rpt_volumes",
    # From the claim to its one charge line: repeated claims of one line are what it counts.
    "rpt_duplicate_billing",
    # Which hospitals send which feed: a union, nothing is joined.
    "kpi_feeds",
    # Unions of keys and dates; nothing is joined.
    "dim_date",
    "dim_payer",
}


def refs(model: Path) -> set[str]:
    """Names of the models it reads."""
    return set(re.findall(r"\bref\('(\w+)'\)", model.read_text()))


@pytest.mark.parametrize("model", sorted(MODELS.rglob("*.sql")), ids=lambda model: model.stem)
def test_model_reaches_the_claims_of_charge_lines_by_their_aggregate_only(model: Path) -> None:
    reads_both = bool(refs(model) & CLAIMS) and bool(refs(model) & CHARGES)
    assert not reads_both or model.stem in READS_BOTH, "join int_transaction_claims: one row per charge line"


def test_the_exceptions_are_still_ones() -> None:
    known = {model.stem: refs(model) for model in MODELS.rglob("*.sql")}
    assert {name for name in READS_BOTH if known[name] & CLAIMS and known[name] & CHARGES} == READS_BOTH


def test_the_aggregate_has_one_row_per_charge_line() -> None:
    described = (MODELS / "silver/intermediate/_intermediate__models.yml").read_text()
    aggregate = described.split("- name: int_transaction_claims")[1].split("\n  - name:")[0]
    assert re.search(r"- name: transaction_key\n.*\n\s+data_tests: \[unique, not_null\]", aggregate)
