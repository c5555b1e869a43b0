"""Words nobody declared, keys in another spelling, columns that are not there: many small hospitals in one build."""

from decimal import Decimal

import pytest

from tests.python.lakehouses import Warehouse
from tests.python.pipeline.charge_files import Source, Table, charges, lakehouse_of, send

# What editors, spreadsheets and exports put around a key.
WHITE_SPACE = ("\t", "\u00a0", "\u2009", "\u200b", "\ufeff", "\u3000", " \u2060 ", "\u202f", "\x85")


def key(line: str, amount: str, **more: str) -> dict[str, str]:
    return {"line": line, "amount": amount, **more}


LINES = "gold.fct_transactions inner join gold.dim_hospital using (hospital_key)"
SPACED = [f"S-{number}" for number in range(len(WHITE_SPACE))]
KEPT_WORDS = {
    "payment_source": {"patient": ["Copayment", "Patient cash"]},
    "payer_group": {"Medicare": ["Medicare Advantage"]},
}
OTHER_WORDS = (
    key("L-1", "100.00", paid="40.00", paid_day="2026-10-06", payer_kind="Copayment"),
    key("L-2", "100.00", paid="30.00", paid_day="2026-10-06", payer_kind="copayment"),
    key("L-3", "200.00", paid="20.00", paid_day="2026-10-06", payer_kind="Patient cash", plan="Medicare Advantage"),
    key("L-4", "300.00", paid="10.00", paid_day="2026-10-06", plan="Medicare Advantage"),
)
# A remark, a person's number, a name where there should be a word.
FREE_TEXT = (
    key("L-1", "10.00", payer_kind="called Zelda Quibble, she will pay on Friday"),
    key("L-2", "20.00", payer_kind="Quibble 555-0199", plan="123-45-6789"),
)
UNCODED = [key(f"L-{number}", "50.00", code="", icd="", visit=f"V-{number}") for number in range(10)]
DIAGNOSES = [
    {"code": code, "title": title, "billable": "true"}
    for code, title in (
        ("E11.9", "Diabetes"),
        ("W19.XXXA", "Fall"),
        ("I10", "Hypertension"),
        ("J45.20", "Asthma"),
    )
]
CLAIMS = {
    "source_system": "hospital",
    "claim_id": "claim",
    "transaction_id": "line",
    "claim_status": "status",
    "service_date": "day",
    "claim_date": "day",
    "claim_amount": "amount",
}
CLAIM_ROWS = [
    {"claim": claim, "hospital": hospital, "line": "l-2", "status": "paid", "day": "2026-10-05", "amount": "10.00"}
    for claim, hospital in (("K-1", "visits_folded"), ("K-2", "other_case"))
]
VISITS = [{"visit": number, "mrn": "M-1", "day": "2026-10-05"} for number in ("V-1", "V-2", "V-3", "V-4")]

SOURCES = (
    Source("other_words", [charges(OTHER_WORDS)]),
    Source("listed_words", [charges(OTHER_WORDS)], {"words": KEPT_WORDS}),
    Source(
        "canonical",
        [
            charges(
                [
                    key("L-1", "10.00", paid="1.00", paid_day="2026-10-06", payer_kind="patient", plan="medicare"),
                    key("L-2", "10.00", paid="2.00", paid_day="2026-10-06", payer_kind=" INSURANCE ", plan="SELF PAY"),
                    key(
                        "L-3", "10.00", paid="4.00", paid_day="2026-10-06", payer_kind="Self_Pay", plan="Self\u00a0Pay"
                    ),
                    key("L-4", "10.00", paid="8.00", paid_day="2026-10-06", payer_kind="co pay", plan="selfpay"),
                ]
            )
        ],
    ),
    Source(
        "silent", [charges([key("L-1", "70.00", paid="30.00", paid_day="2026-10-06")], leave_out=["payment_source"])]
    ),
    Source("free_text", [charges(FREE_TEXT)]),
    Source(
        "names",
        [
            Table(
                "patients",
                {"patient_id": "mrn", "first_name": "name", "last_name": "family"},
                [[{"mrn": "M-1", "name": "Zelda", "family": "Quibble"}]],
            ),
            charges(
                [key("L-1", "10.00", payer_kind="Zelda Quibble"), key("L-2", "10.00", payer_kind="QUIBBLE  ZELDA")]
            ),
        ],
    ),
    Source(
        "mistaken_map",
        [
            Table(
                "transactions",
                {**charges().column_map, "payment_source": "name"},
                [[key("L-1", "10.00", name="Quibble")]],
            )
        ],
    ),
    Source("corrected_word", [charges([key("L-1", "10.00", plan="Gold")], [key("L-1", "10.00", plan="Commercial")])]),
    # Keys
    Source("other_case", [charges([key("L-1", "400.00"), key("L-2", "80.00")], [key("l-1 ", "450.00")])]),
    Source(
        "case_folded",
        [charges([key("L-1", "400.00"), key("L-2", "80.00")], [key("l-1 ", "450.00")])],
        {"keys": {"case": "fold"}},
    ),
    Source(
        "case_exact",
        [charges([key("L-1", "400.00"), key("L-2", "80.00")], [key("l-1 ", "450.00")])],
        {"keys": {"case": "exact"}},
    ),
    Source(
        "zeros_lost",
        [charges([key("000123", "500.00"), key("000124", "60.00")], [key("123", "480.00"), key("124", "60.00")])],
    ),
    Source(
        "zeros_folded",
        [charges([key("000123", "500.00"), key("000124", "60.00")], [key("123", "480.00"), key("124.0", "60.00")])],
        {"keys": {"leading_zeros": "fold"}},
    ),
    Source("zeros_back", [charges([key("123", "500.00")], [key("0123", "480.00"), key("124", "60.00")])]),
    Source(
        "formula",
        [
            charges(
                [key('="00123"', "500.00"), key("'00124", "7.00")], [key("00123", "510.00"), key('="00124"', "8.00")]
            )
        ],
    ),
    Source(
        "spaced",
        [
            charges(
                [key(line, "80.00") for line in SPACED],
                [key(line + space, "81.00") for line, space in zip(SPACED, WHITE_SPACE, strict=True)],
                [key(space + line, "82.00") for line, space in zip(SPACED, WHITE_SPACE, strict=True)],
            )
        ],
    ),
    Source("space_within", [charges([key("A 1", "10.00")], [key("A1", "20.00"), key("A\u00a01", "11.00")])]),
    Source(
        "scientific",
        [charges([key("1.23E+05", "10.00"), key("9,87e+11", "20.00"), key("1E5", "30.00"), key("12-E+3", "40.00")])],
    ),
    Source(
        "scientific_visits",
        [charges([key("L-1", "10.00", visit="1.23E+05"), key("L-2", "20.00", visit="1.23E+05", mrn="M-2")])],
    ),
    Source(
        "both_at_once", [charges([key("a1", "10.00"), key("A1", "20.00"), key("A2", "40.00")], [key("A1", "21.00")])]
    ),
    Source(
        "renamed_in_full",
        [
            charges(
                [key("L-1", "400.00"), key("L-2", "80.00")],
                [key("l-1", "450.00"), key("L-2", "80.00")],
                [key("l-1", "450.00"), key("L-2", "90.00")],
                mode="full",
            )
        ],
    ),
    Source(
        "visits_folded",
        [
            Table("encounters", {"encounter_id": "visit", "patient_id": "mrn", "encounter_date": "day"}, [VISITS]),
            charges(
                [
                    key("L-1", "10.00", visit="v-1 "),
                    key("L-2", "20.00", visit="V-1\u00a0"),
                    key("L-3", "5.00", visit="v-9"),
                ]
            ),
        ],
        {"keys": {"case": "fold"}},
    ),
    # One file of claims for all hospitals: each one's lines are named as that one compares them.
    Source("clearing_house", [Table("claims", CLAIMS, [CLAIM_ROWS])]),
    # Columns that are not there
    Source("uncoded", [charges(UNCODED)]),
    Source("no_codes", [charges([key("L-1", "50.00")], leave_out=["diagnosis_code", "procedure_code", "paid_date"])]),
    Source(
        "dotless",
        [
            charges(
                [
                    key(f"L-{number}", "10.00", icd=icd)
                    for number, icd in enumerate(
                        ("E119", "W19XXXA", "e119", "e11.9 ", "E11.9", "j4520", "i10", "Z99.99")
                    )
                ]
            )
        ],
    ),
    Source(
        "icd_codes",
        [
            Table(
                "diagnoses",
                {
                    "diagnosis_code": "code",
                    "release": "'2026'",
                    "diagnosis_description": "title",
                    "is_billable": "billable",
                },
                [DIAGNOSES],
                "full",
            )
        ],
    ),
)
ROUNDS = 3
STATEFUL = ("--select", "+path:snapshots", "fct_ar_events", "+dq_rule_results", "+dq_unknown_words")


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """What each round said."""
    return []


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, printed: list[str]) -> Warehouse:
    """Every hospital after three rounds, each loaded and built on its own."""
    warehouse = lakehouse_of(SOURCES, tmp_path_factory.mktemp("cases"))
    for number in range(ROUNDS):
        send(warehouse, SOURCES, number)
        warehouse.run("rcm", "ingest")
        # Of the rounds before the last one only what they leave to it.
        selected = STATEFUL if number + 1 < ROUNDS else ()
        printed.append(warehouse.run("dbt", "build", *selected, tests=True))
    return warehouse


def ledger(warehouse: Warehouse, hospital: str) -> dict[object, Decimal]:
    """Dollars by type of event, corrections in what they correct."""
    found = warehouse.query(
        "select money_type, sum(ar_delta_amount) from gold.fct_ar_events"
        " inner join gold.dim_hospital using (hospital_key)"
        f" where hospital_code = '{hospital}' group by all having sum(ar_delta_amount) <> 0"
    )
    return {name: Decimal(str(amount)) for name, amount in found}


def balance(warehouse: Warehouse, hospital: str) -> str:
    return str(sum(ledger(warehouse, hospital).values()))


def held_back(warehouse: Warehouse, hospital: str) -> list[tuple[object, ...]]:
    return warehouse.query(
        "select failed_rules, count(*), sum(row_amount)::varchar from silver.dq_staged_rows"
        f" where source_system = '{hospital}' and row_status in ('quarantined', 'rejected') group by all order by all"
    )


def test_money_of_an_unknown_word_is_of_unknown_class(built: Warehouse, printed: list[str]) -> None:
    assert ledger(built, "other_words") == {
        "CHARGE": Decimal("700.00"),
        "PAYMENT_UNKNOWN": Decimal("-90.00"),
        "PAYMENT_INSURANCE": Decimal("-10.00"),
    }
    assert built.query(
        f"select payer_group, sum(charge_amount) from {LINES} where hospital_code = 'other_words' group by 1 order by 1"
    ) == [("Commercial", Decimal("200.00")), ("Unknown", Decimal("500.00"))]
    line = next(line for line in printed[0].splitlines() if "other_words.transactions: payment_source" in line)
    assert "unknown words: 'Copayment' in 1 row, 40.00 USD; 'copayment' in 1 row, 30.00 USD;" in line
    assert "'Patient cash' in 1 row, 20.00 USD; add them to dialect.words" in line
    assert (
        "other_words.transactions: payer_group: unknown words: 'Medicare Advantage' in 2 rows, 500.00 USD" in printed[0]
    )
    assert built.query(
        "select column_name, rows_with_word, rows_unknown, amount_unknown, unknown_rate, is_over_limit"
        " from silver.dq_vocabularies where _source_table = 'other_words.transactions' order by 1"
    ) == [
        ("payer_group", 4, 2, Decimal("500.00"), Decimal("0.5000"), False),
        ("payment_source", 4, 3, Decimal("90.00"), Decimal("0.7500"), False),
    ]


def test_words_that_the_source_lists_are_its_words(built: Warehouse, printed: list[str]) -> None:
    assert ledger(built, "listed_words") == {
        "CHARGE": Decimal("700.00"),
        "PAYMENT_PATIENT": Decimal("-90.00"),
        "PAYMENT_INSURANCE": Decimal("-10.00"),
    }
    assert not any("listed_words.transactions: " in text for text in printed)


def test_a_canonical_word_is_a_word_in_any_spelling(built: Warehouse) -> None:
    assert ledger(built, "canonical") == {
        "CHARGE": Decimal("40.00"),
        "PAYMENT_PATIENT": Decimal("-13.00"),
        "PAYMENT_INSURANCE": Decimal("-2.00"),
    }
    assert built.query(
        "select payer_group, count(*) from silver.cdm_transactions where source_system = 'canonical' group by all"
        " order by 1"
    ) == [("Medicare", 1), ("Self-pay", 3)]


def test_a_source_that_does_not_say_who_paid_is_not_an_insurers(built: Warehouse) -> None:
    assert ledger(built, "silent") == {"CHARGE": Decimal("70.00"), "PAYMENT_UNKNOWN": Decimal("-30.00")}
    said = "select column_name from silver.dq_vocabularies where _source_table = 'silent.transactions'"
    assert built.query(said) == [("payer_group",)]


def test_unknown_payments_are_cash_and_a_line_of_their_own(built: Warehouse) -> None:
    assert built.query(
        "select sum(unknown_payment_amount), sum(insurance_payment_amount) from gold.fct_ar_rollforward_monthly"
        " inner join gold.dim_hospital using (hospital_key) where hospital_code = 'other_words'"
    ) == [(Decimal("-90.00"), Decimal("-10.00"))]
    assert built.query(
        "select distinct line_label from gold.fct_ar_rollforward_lines where report_line = 'unknown_payment_amount'"
    ) == [("Payments of unknown source",)]
    assert built.query(
        "select event_class, is_cash, ar_sign from gold.dim_event_type where event_type = 'PAYMENT_UNKNOWN'"
    ) == [("payment", True, -1)]


def test_what_could_be_a_person_is_shown_by_its_length(built: Warehouse, printed: list[str]) -> None:
    words = built.query(
        "select column_name, unknown_word from silver.dq_unknown_words"
        " where source_system in ('free_text', 'mistaken_map', 'names') order by all"
    )
    assert words == [
        ("payer_group", "(11 characters)"),
        ("payment_source", "(13 characters)"),
        ("payment_source", "(14 characters)"),
        ("payment_source", "(16 characters)"),
        ("payment_source", "(44 characters)"),
        ("payment_source", "(7 characters)"),
    ]
    assert "free_text.transactions: payment_source: unknown words: (16 characters) in 1 row; (44" in printed[0]
    assert not any("Quibble" in line or "6789" in line for line in printed)
    log = (built.lakehouse / "logs" / "dbt.log").read_text()
    assert "Quibble" not in log


def test_a_corrected_word_no_longer_warns(built: Warehouse, printed: list[str]) -> None:
    assert "corrected_word.transactions: payer_group: unknown words: 'Gold' in 1 row, 10.00 USD" in printed[0]
    assert "corrected_word" not in printed[1]
    assert built.query(
        "select rows_unknown, current_rows from silver.dq_unknown_words where source_system = 'corrected_word'"
    ) == [(1, 0)]


@pytest.mark.parametrize(
    ("hospital", "amount", "held"),
    [
        ("other_case", "480.00", [("key_resembles_another", 1, "450.00")]),
        ("case_folded", "530.00", []),
        ("case_exact", "930.00", []),
        ("zeros_lost", "560.00", [("key_resembles_another", 2, "540.00")]),
        ("zeros_folded", "540.00", []),
        ("zeros_back", "560.00", [("key_resembles_another", 1, "480.00")]),
        ("formula", "518.00", []),
        ("spaced", "738.00", []),
        ("space_within", "11.00", [("key_resembles_another", 1, "20.00")]),
        ("scientific", "70.00", [("key_in_scientific_notation", 2, "30.00")]),
        ("both_at_once", "40.00", [("key_resembles_another", 3, "51.00")]),
        # L-1 is still there, under a key that nobody has explained: it is not deleted.
        ("renamed_in_full", "490.00", [("key_resembles_another", 1, "450.00")]),
        ("visits_folded", "35.00", []),
    ],
)
def test_a_key_is_one_or_held_back(
    built: Warehouse, hospital: str, amount: str, held: list[tuple[object, ...]]
) -> None:
    assert balance(built, hospital) == amount
    assert held_back(built, hospital) == held


def test_keys_that_resemble_each_other_are_reported_with_both(built: Warehouse) -> None:
    assert built.query(
        "select keys.source_system, other.transaction_id, held.transaction_id, keys.row_amount::varchar"
        " from silver.dq_resembling_keys as keys"
        " inner join silver.stg_transactions as held on keys._arrival = held._arrival"
        " inner join silver.stg_transactions as other on keys.resembles_arrival = other._arrival"
        " where keys.source_system in ('other_case', 'zeros_lost') order by all"
    ) == [
        ("other_case", "L-1", "l-1", "450.00"),
        ("zeros_lost", "000123", "123", "480.00"),
        ("zeros_lost", "000124", "124", "60.00"),
    ]
    columns = built.query(
        "select column_name from information_schema.columns"
        " where table_name = 'dq_resembling_keys' and column_name like '%_id'"
    )
    assert columns == [("_batch_id",)]


def test_a_reference_is_compared_as_the_key_it_names(built: Warehouse) -> None:
    assert built.query(
        "select rule_name, rows_checked, rows_failed from silver.dq_references"
        " where source_system = 'visits_folded' and column_name = 'encounter_id'"
    ) == [("encounter_id_not_found", 3, 1)]
    assert built.query(f"select count(distinct encounter_key) from {LINES} where hospital_code = 'visits_folded'") == [
        (2,)
    ]


def test_a_reference_of_a_common_file_is_compared_as_its_hospital_does(built: Warehouse) -> None:
    assert built.query(
        "select source_system, rows_failed from silver.dq_references where entity = 'claims'"
        " and rule_name = 'transaction_id_not_found' order by 1"
    ) == [("other_case", 1), ("visits_folded", 0)]


def test_a_shortened_reference_merges_no_accounts(built: Warehouse) -> None:
    assert built.query(
        "select count(distinct account_key), sum(ar_delta_amount)::varchar from gold.fct_ar_events"
        " inner join gold.dim_hospital using (hospital_key) where hospital_code = 'scientific_visits'"
    ) == [(2, "30.00")]
    assert built.query(
        "select distinct failed_rules from silver.cdm_transactions where source_system = 'scientific_visits'"
    ) == [("reference_in_scientific_notation",)]


def test_uncoded_charges_are_owed_and_on_the_worklist(built: Warehouse) -> None:
    assert balance(built, "uncoded") == "500.00"
    assert built.query(
        "select count(*), sum(charge_amount)::varchar, sum(balance_amount)::varchar, bool_and(is_procedure_missing),"
        " bool_and(is_diagnosis_missing) from gold.rpt_uncoded_charges where hospital_name = 'uncoded'"
    ) == [(10, "500.00", "500.00", True, True)]
    headline = (
        "select kpi_value::decimal(18, 2), unknown_reason from gold.kpi_headline where kpi_name = 'uncoded_charges'"
    )
    assert built.query(f"{headline} and hospital_name = 'uncoded'") == [(Decimal("500.00"), None)]
    assert built.query(f"{headline} and hospital_name = 'no_codes'") == [(None, "needs codes")]
    assert built.query(f"{headline} and hospital_name = 'dotless'") == [(Decimal("0.00"), None)]


def test_a_rule_about_a_column_that_is_not_there_counts_nothing(built: Warehouse) -> None:
    judged = "select rule_name from silver.dq_rule_results where _source_table = 'no_codes.transactions'"
    rules = {str(rule) for (rule,) in built.query(judged)}
    assert {"service_date_out_of_range", "charge_not_positive", "payer_group_word_unknown"} <= rules
    assert not {rule for rule in rules if "diagnosis" in rule or "procedure" in rule or rule.startswith("paid_date")}
    assert balance(built, "no_codes") == "50.00"
    assert built.query("select count(*) from gold.rpt_uncoded_charges where hospital_name = 'no_codes'") == [(0,)]
    assert built.query("select failed_rules from silver.cdm_transactions where source_system = 'no_codes'") == [(None,)]


def test_diagnoses_are_compared_as_the_standard_writes_them(built: Warehouse) -> None:
    assert built.query(
        "select rule_name, rows_checked, rows_failed from silver.dq_references"
        " where source_system = 'dotless' and column_name = 'diagnosis_code' order by 1"
    ) == [("diagnosis_code_not_found", 8, 1), ("diagnosis_not_billable", 7, 0)]
    assert built.query(
        f"select diagnosis_code, count(*) from {LINES}"
        " inner join gold.dim_diagnosis using (diagnosis_key) where hospital_code = 'dotless' group by 1 order by 1"
    ) == [("E11.9", 4), ("I10", 1), ("J45.20", 1), ("Unknown", 1), ("W19.XXXA", 1)]


def test_a_full_refresh_changes_nothing(built: Warehouse) -> None:
    before = built.content()
    built.run("dbt", "build", *STATEFUL, "--full-refresh")
    after = built.content()
    assert {name for name in before if before[name] != after[name]} == set()
