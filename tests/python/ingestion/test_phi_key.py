"""The key of keyed hashes: where it comes from, and when it is refused."""

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.base.errors import SpecError
from ingestion.base.settings import Settings, read_settings
from rcm.warehouse.phi_key import phi_key_pads


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse's folder, and no variable set."""
    return replace(read_settings({}), warehouse=tmp_path / "warehouse.duckdb", values={})


@pytest.mark.parametrize("length", [32, 64, 65, 200])
def test_the_halves_make_pythons_hmac_for_short_and_long_keys(settings: Settings, length: int) -> None:
    key = "k" * length
    inner, outer = phi_key_pads(settings.with_values({"RCM_PHI_KEY": key}))
    made = hashlib.sha256(outer + hashlib.sha256(inner + b"123456789").digest()).hexdigest()
    assert made == hmac.new(key.encode(), b"123456789", hashlib.sha256).hexdigest()


def test_a_key_of_a_secret_store_is_used(settings: Settings) -> None:
    clear = settings.with_values({"RCM_PHI_KEY": "k" * 40})
    stored = settings.with_values({"RCM_PHI_KEY": "secret://phi-key", "RCM_SECRET_PHI_KEY": "k" * 40})
    assert phi_key_pads(stored) == phi_key_pads(clear)


def test_processes_that_ask_at_once_for_the_first_key_get_one(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(phi_key_pads, [settings] * 32))
    assert len(set(made)) == 1
    kept = settings.warehouse.with_name("phi.key")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["phi.key"]


def test_each_warehouse_has_its_own_key(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = replace(settings, warehouse=tmp_path / "other" / "warehouse.duckdb")
    assert phi_key_pads(settings) != phi_key_pads(other)


def test_a_key_that_can_be_guessed_is_refused_and_not_shown(settings: Settings) -> None:
    with pytest.raises(SpecError, match="RCM_PHI_KEY is shorter than 32 characters") as refused:
        phi_key_pads(settings.with_values({"RCM_PHI_KEY": "hunter2"}))
    assert "hunter2" not in str(refused.value)


def test_an_emptied_key_file_is_no_new_key(settings: Settings) -> None:
    kept = settings.warehouse.with_name("phi.key")
    kept.write_text("")
    with pytest.raises(SpecError, match="holds no key; restore it"):
        phi_key_pads(settings)
    assert kept.read_text() == ""
