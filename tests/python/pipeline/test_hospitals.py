"""One hospital's mistake is its own: it is left out by name, and the others are loaded and built."""

import pytest

from tests.python.pipeline.charge_lines import MAP, Group, line, table

CLAIM_COLUMNS = dict.fromkeys(("claim", "line", "mrn", "status", "billed_day", "amount"), "string")
CLAIM_MAP = {
    "source_system": "regexp_extract(_source_file, '([a-z_]+)_claims', 1)",
    "claim_id": "claim",
    "transaction_id": "line",
    "patient_id": "mrn",
    "claim_status": "status",
    "claim_date": "billed_day",
    "service_date": "billed_day",
    "claim_amount": "amount",
}
PEOPLE = {"mrn": "string", "given": "string", "family": "string"}
PEOPLE_MAP = {"patient_id": "mrn", "first_name": "given", "last_name": "family"}
ANN, BEN = {"mrn": "P-1", "given": "Ann", "family": "Lee"}, {"mrn": "P-2", "given": "Ben", "family": "Moe"}
VISITS = {"visit": "string", "mrn": "string", "site": "string", "day": "date"}
VISIT_MAP = {"source_system": "site", "encounter_id": "visit", "patient_id": "mrn", "encounter_date": "day"}
ZONE = "America/New_York"
HOSPITALS = ("north", "south", "east")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    """Three hospitals that feed charge lines and nothing else, built."""
    group = Group.make(tmp_path_factory.mktemp("hospitals"))
    for name in HOSPITALS:
        group.declare(name, dialect={"time_zone": ZONE} if name == "south" else {})
        group.rows(name, [line("1", "100.00"), line("2", "50.00", paid="20.00", paid_day="2025-10-20")])
    group.list({name: ["transactions"] for name in HOSPITALS})
    group.warehouse.run("rcm", "run")
    return group


def test_charge_lines_alone_are_a_hospital(group: Group) -> None:
    assert group.receivables() == {"north": "130.00", "south": "130.00", "east": "130.00"}
    assert group.warehouse.query("select count(*) from silver.dq_references") == [(0,)]
    assert group.warehouse.query("select source_system, is_left_out from silver.dq_systems order by 1") == [
        ("east", False),
        ("north", False),
        ("south", False),
    ]


@pytest.fixture(scope="module")
def mistakes(group: Group) -> tuple[Group, str]:
    """The day on which eight systems were declared wrong or could not be read; and what the run said."""
    for name in HOSPITALS:
        rows = [line("1", "100.00"), line("2", "50.00", paid="20.00", paid_day="2025-10-20"), line("3", "10.00")]
        group.rows(name, rows)
    wrong = table(mapped={**MAP, "charge_amount": "amuont"})
    group.declare("south", wrong, label="Elsewhere", dialect={"time_zone": "Asia/Tokyo"})
    # A copy whose label was not changed; one that reads what another reads; one that was never listed.
    for name in ("west", "twin", "forgotten", "rubble", "gone"):
        group.rows(name, [line("9", "9.00")])
    group.declare("west", label=" NORTH")
    group.declare("twin", connection={"env": "RCM_TWIN_URL", "default": "sqlite:///{lakehouse}/sources/./north.db"})
    group.declare("forgotten")
    group.write("broken.yml", "sources:\n  - name: broken\n   tables: [")
    # Sources that answer rubbish, or lack their table.
    group.declare("rubble")
    (group.warehouse.lakehouse / "sources" / "rubble.db").write_bytes(b"SQLite format 3\0" + b"rubbish" * 900)
    group.declare("gone", table(load={"object": "nowhere", "mode": "full"}))
    # Patients alone, and files of several hospitals.
    group.declare("people", table("patients", columns=PEOPLE, mapped=PEOPLE_MAP))
    group.rows("people", [ANN, BEN], "patients", list(PEOPLE))
    # A table of several hospitals, whose rows say whose they are.
    group.declare("shared", table("encounters", columns=VISITS, mapped=VISIT_MAP))
    visits = [
        {"visit": f"V-{site}", "mrn": "P-1", "site": site, "day": "2025-10-05"} for site in ("north", "ghost", "")
    ]
    group.rows("shared", visits, "encounters", list(VISITS))
    central = table(
        "claims", columns=CLAIM_COLUMNS, mapped=CLAIM_MAP, load={"files": "claims/*.csv", "mode": "incremental"}
    )
    group.declare("claims", central, kind="files", connection={"env": "RCM_LANDING", "default": "{lakehouse}/landing"})
    for name in ("north", "south", "partner", "hospital_z"):
        group.drop(
            f"claims/{name}_claims_2025.csv",
            f"claim,line,mrn,status,billed_day,amount\nC-{name},1,P-1,Paid,2025-10-07,100.00\n",
        )
    systems = {name: ["transactions"] for name in (*HOSPITALS, "west", "twin", "broken", "rubble", "gone")}
    shared = {"people": ["patients"], "shared": ["encounters"], "claims": ["claims"], "partner": []}
    group.list({**systems, **shared})
    return group, group.fails("rcm", "run")


def test_a_mistake_is_named_with_file_key_and_the_nearest_name(mistakes: tuple[Group, str]) -> None:
    _, said = mistakes
    assert "error: south.yml: south.transactions: map.charge_amount: amuont is no declared column\n" in said
    assert "next: did you mean amount?" in said
    assert "west.yml: west: label NORTH belongs to north (north.yml) already" in said
    assert "twin.yml: twin.transactions: reads the same as north.transactions (north.yml)" in said
    assert "broken.yml, line 3: is not valid YAML" in said
    assert "rubble.transactions: the database at " in said
    assert "gone.transactions: the database has no table nowhere" in said
    assert "forgotten is missing, which forgotten.yml declares\nnext: add the line 'forgotten: [transactions]'" in said
    # The broken file may be the one that declares it.
    assert "broken is listed" not in said


def test_the_others_are_loaded_and_built(mistakes: tuple[Group, str]) -> None:
    group, said = mistakes
    assert group.receivables() == {"north": "140.00", "south": "130.00", "east": "140.00"}
    assert "south is left out of this build, because its declaration is broken; its numbers are those of 20" in said
    assert "west is left out of this build" in said
    assert group.warehouse.query("select source_system from silver.dq_systems where is_left_out order by 1") == [
        ("broken",),
        ("south",),
        ("twin",),
        ("west",),
    ]
    # Nothing else of a declaration that cannot be trusted changes what was built.
    south = group.warehouse.query(
        "select hospital_name, time_zone from gold.dim_hospital where hospital_code = 'south'"
    )
    assert south == [("South", ZONE)]
    accounts = group.warehouse.query("select sum(bronze_rows)::bigint from silver.dq_batch_reconciliation")
    assert accounts == [(2 + 2 + 3 + 2 + 3 + 2 + 3 + 3,)]


def test_a_file_of_a_hospital_that_is_not_listed_is_refused_and_stays(mistakes: tuple[Group, str]) -> None:
    group, said = mistakes
    assert "claims/hospital_z_claims_2025.csv: is of hospital_z, which is no listed hospital" in said
    assert (group.warehouse.lakehouse / "landing" / "claims" / "hospital_z_claims_2025.csv").exists()
    # A hospital that is left out is listed, and one without tables was added on purpose.
    found = group.warehouse.query("select source_system from silver.cdm_claims order by 1")
    assert found == [("north",), ("partner",), ("south",)]


def test_a_row_of_a_hospital_that_is_not_listed_is_held_back_with_a_reason(mistakes: tuple[Group, str]) -> None:
    group, _ = mistakes
    assert group.warehouse.query("select source_system, encounter_id from silver.cdm_encounters") == [
        ("north", "V-north")
    ]
    held_back = group.warehouse.query(
        "select source_system, failed_rules from silver.quarantine where entity = 'encounters' order by 1 nulls last"
    )
    assert held_back == [("ghost", "hospital_not_listed"), (None, "key_missing,hospital_not_listed")]
    # What is no hospital is in no dimension.
    named = group.warehouse.query(
        "select hospital_code from gold.dim_hospital where hospital_key not like '-%' order by 1"
    )
    assert named == [(name,) for name in ("east", "north", "partner", "people", "south")]


def test_it_keeps_no_other_hospital_from_closing_a_month(mistakes: tuple[Group, str]) -> None:
    group, _ = mistakes
    printed = group.warehouse.run("rcm", "close", "2025-10", "--hospital", "north", "--by", "ann")
    assert "north: closed 2025-10 to 2025-10, A/R $140.00" in printed or "north: closed 2025-10, A/R $140.00" in printed
    assert "no such hospital" not in group.warehouse.run("rcm", "close", "2025-10", "--hospital", "south", expect=2)


def test_a_plain_dbt_build_names_it_too_and_fails(mistakes: tuple[Group, str]) -> None:
    group, _ = mistakes
    printed = group.fails("dbt", "build", "--select", "+dq_systems")
    assert "south.yml: south.transactions: map.charge_amount: amuont is no declared column; did you mean" in printed
    assert "south is left out of this build: its numbers stay as they were last built" in printed
    assert "FAIL 4 assert_every_listed_system_is_built" in printed
    assert "ERROR=1 " in printed


def test_a_full_refresh_that_would_forget_it_is_refused(mistakes: tuple[Group, str]) -> None:
    group, _ = mistakes
    said = group.fails("rcm", "replay")
    assert "south is left out of this build because its declaration is broken, and a full refresh would lose" in said
    assert group.receivables()["south"] == "130.00"
    assert "the last build failed" in group.warehouse.run("rcm", "status", expect=1)


@pytest.fixture(scope="module")
def corrected(mistakes: tuple[Group, str]) -> Group:
    """The day after: what was wrong is corrected or taken away, and a patient has left."""
    group, _ = mistakes
    group.declare("south", dialect={"time_zone": ZONE})
    for name in ("west", "twin", "broken", "forgotten", "rubble", "gone"):
        (group.warehouse.project / "models" / "bronze" / f"{name}.yml").unlink()
    (group.warehouse.lakehouse / "landing" / "claims" / "hospital_z_claims_2025.csv").unlink()
    group.rows("people", [BEN], "patients", list(PEOPLE))
    systems = {name: ["transactions"] for name in HOSPITALS}
    shared = {"people": ["patients"], "shared": ["encounters"], "claims": ["claims"], "partner": []}
    group.list({**systems, **shared})
    group.warehouse.run("rcm", "run")
    return group


def test_a_corrected_hospital_catches_up(corrected: Group) -> None:
    assert corrected.receivables() == {"north": "140.00", "south": "140.00", "east": "140.00"}
    assert corrected.warehouse.query("select count(*) from silver.dq_systems where is_left_out") == [(0,)]


def test_a_member_that_was_deleted_is_marked_in_its_dimension(corrected: Group) -> None:
    marked = corrected.warehouse.query(
        """
        select patient_id, dim_patient.is_deleted, count(*) from gold.dim_patient
        inner join history.patients_history using (patient_key)
        where patient_id is not null group by all order by 1
        """
    )
    assert marked == [("P-1", True, 1), ("P-2", False, 1)]


def test_a_hospital_is_started_again_and_another_is_removed(corrected: Group) -> None:
    ledger = """
        select transaction_key, event_type, post_date, ar_delta_amount from gold.fct_ar_events
        inner join gold.dim_hospital using (hospital_key) where hospital_code = 'north' order by all
        """
    versions = "select count(*) from history.transactions_history where source_system = 'north'"
    before = [corrected.warehouse.query(query) for query in (ledger, versions)]
    group = corrected
    group.list({**{name: ["transactions"] for name in ("north", "south")}, "people": ["patients"], "partner": []})
    for name in ("east", "claims", "shared"):
        (group.warehouse.project / "models" / "bronze" / f"{name}.yml").unlink()

    printed = group.warehouse.run("rcm", "restart", "north", "--reason", "declared wrong", "--by", "ann")

    assert "north.transactions: 2 batches with 5 rows set aside in set_aside/" in printed
    assert [group.warehouse.query(query) for query in (ledger, versions)] == before
    north = "select sum(bronze_rows)::bigint from silver.dq_batch_reconciliation where _source_table like 'north.%'"
    assert group.warehouse.query(north) == [(3,)]
    # East has left the list only: until it is removed its numbers stay, and that is no secret.
    assert group.receivables()["east"] == "140.00"
    assert group.warehouse.query("select source_system from silver.dq_systems where not is_listed order by 1") == [
        ("claims",),
        ("east",),
        ("shared",),
    ]

    group.warehouse.run("rcm", "remove", "east", "--reason", "sold", "--by", "ann", tests=True)

    assert group.receivables() == {"north": "140.00", "south": "140.00"}
    assert group.warehouse.query("select count(*) from gold.dim_hospital where hospital_code = 'east'") == [(0,)]
