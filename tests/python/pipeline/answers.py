"""What a built lakehouse holds beside what the simulator's answer key says it must hold, ready to be compared."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.python.lakehouses import Warehouse

OUTCOMES = ("exact_duplicates", "rejected", "quarantined", "superseded", "current_valid")
Answer = dict[str, Any]
# Found, then expected.
Pair = tuple[dict[Any, Any], dict[Any, Any]]


def by_system(tree: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Flatten {entity: {system: value}}."""
    for entity, systems in tree.items():
        for system, value in systems.items():
            yield entity, system, value


def defects(warehouse: Warehouse, answer: Answer) -> Pair:
    """Failed rows by entity, hospital and rule."""
    found = warehouse.query(
        """
        select entity, source_system, rule_name, sum(rows_failed)::bigint
        from silver.dq_rule_results group by all having sum(rows_failed) > 0
        """
    )
    planted = {
        (entity, system, rule): count
        for entity, system, rules in by_system(answer["defects"])
        for rule, count in rules.items()
        if count
    }
    return {(entity, system, rule): count for entity, system, rule, count in found}, planted


def rows(warehouse: Warehouse, answer: Answer) -> Pair:
    """What became of the rows of each entity and hospital."""
    # Claims of both hospitals land in one bronze table: counted by the hospital of the record.
    staged: dict[tuple[str, str], dict[str, int]] = {}
    for entity in answer["rows"]:
        key = {"diagnoses": "diagnosis", "npi": "npi"}.get(entity, entity.removesuffix("s")) + "_key"
        counted = warehouse.query(
            f"""
            select
                staged.source_system,
                count(*),
                count(*) filter (where row_status = 'duplicate'),
                count(*) filter (where row_status = 'rejected'),
                count(*) filter (where row_status = 'quarantined'),
                count(*) filter (where row_status = 'valid' and current_records.{key} is null),
                count(*) filter (where row_status = 'valid' and current_records.{key} is not null)
            from silver.stg_{entity} as staged
            left join silver.cdm_{entity} as current_records
                on staged.{key} = current_records.{key}
                and staged._batch_id = current_records._batch_id
                and staged._row_number = current_records._row_number
            where row_status <> 'deleted'
            group by all
            """
        )
        for system, *counts in counted:
            staged[entity, str(system)] = dict(zip(("bronze", *OUTCOMES), (int(str(c)) for c in counts), strict=True))
    expected = {
        (entity, system): {name: counts[name] for name in ("bronze", *OUTCOMES)}
        for entity, system, counts in by_system(answer["rows"])
    }
    return staged, expected


def orphans(warehouse: Warehouse, answer: Answer) -> Pair:
    """Rows whose reference leads nowhere, by entity, hospital and rule."""
    found = warehouse.query(
        "select entity, source_system, rule_name, rows_failed from silver.dq_references where rows_failed > 0"
    )
    planted = {
        (entity, system, rule): counts["count"]
        for entity, system, rules in by_system(answer["orphans"])
        for rule, counts in rules.items()
        if counts["count"]
    }
    return {(entity, system, rule): count for entity, system, rule, count in found}, planted


def ledger(warehouse: Warehouse, answer: Answer) -> Pair:
    """Dollars by hospital and bucket of the ledger, and their sum; a bucket of the feed only where it is on."""
    found = warehouse.query(
        """
        select hospital_code, money_type, sum(ar_delta_amount)
        from gold.fct_ar_events inner join gold.dim_hospital using (hospital_key)
        group by hospital_code, grouping sets ((money_type), ())
        """
    )
    expected: dict[tuple[str, str | None], Decimal] = {}
    for system, totals in answer["ledger"].items():
        signed = {
            "CHARGE": Decimal(totals["charges"]),
            "PAYMENT_INSURANCE": -Decimal(totals["payments_insurance"]),
            "PAYMENT_PATIENT": -Decimal(totals["payments_patient"]),
            None: Decimal(totals["ar"]),
            **{name: -Decimal(amount) for name, amount in totals.get("adjustments", {}).items()},
        }
        if "refunds" in totals:
            signed |= {"REFUND": Decimal(totals["refunds"]), "TRANSFER": Decimal(0)}
        expected |= {(system, bucket): amount for bucket, amount in signed.items()}
    return {(system, bucket): amount for system, bucket, amount in found}, expected


def month_ends(warehouse: Warehouse, answer: Answer) -> Pair:
    """Balances at the ends of months that had ended before the first load."""
    found = warehouse.query(
        """
        select hospital_code, month_end_date::varchar, ar_amount
        from gold.kpi_days_in_ar inner join gold.dim_hospital using (hospital_key)
        where month_end_date < date '2024-12-01'
        """
    )
    expected = {
        (system, month_end): Decimal(amount)
        for system, totals in answer["ledger_day_0"].items()
        for month_end, amount in totals["ar_month_end"].items()
        if month_end < "2024-12-01"
    }
    return {(hospital, month_end): amount for hospital, month_end, amount in found}, expected


def denial_rates(warehouse: Warehouse, answer: Answer) -> Pair:
    """Denied and adjudicated claims by hospital and payer."""
    found = warehouse.query(
        """
        select hospital_code, payer_name, sum(denied_claims)::bigint, sum(adjudicated_claims)::bigint
        from gold.kpi_denial_rate
        inner join gold.dim_hospital using (hospital_key)
        inner join gold.dim_payer using (payer_key)
        group by all
        """
    )
    expected = {
        (system, payer): (counts["denied"], counts["adjudicated"])
        for system, payer, counts in by_system(answer["payers"])
    }
    by_payer = {(hospital, payer): (denied, decided) for hospital, payer, denied, decided in found}
    return {key: by_payer[key] for key in expected}, expected


def median_lags(warehouse: Warehouse, answer: Answer) -> Pair:
    """Median days from service to claim and from claim to decision, by hospital and payer."""
    found = warehouse.query(
        """
        select
            hospital_code,
            payer_name,
            median(date_diff('day', service_date, claim_date)),
            median(bill_to_decision_days) filter (where is_adjudicated)
        from gold.fct_claims
        inner join gold.dim_hospital using (hospital_key)
        inner join gold.dim_payer using (payer_key)
        group by all
        """
    )
    expected = {
        (system, payer): (habits["median_claim_lag_days"], habits["median_decision_lag_days"])
        for system, payer, habits in by_system(answer["payers"])
    }
    return {(system, payer): (claim, decision) for system, payer, claim, decision in found}, expected
