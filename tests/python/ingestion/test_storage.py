"""One Location, here and in Azure: the same calls, the same outcome; errors in one line, without a secret."""

import socket
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from ingestion.base.errors import SourceUnavailableError, SpecError
from ingestion.base.storage import Location
from ingestion.base.storage.access import Access
from tests.python.ingestion.azurite import ACCOUNT, Azurite, running


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with running() as emulator:
        yield emulator


@pytest.fixture(params=["local", "key", "sas"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "local":
        return Location(str(tmp_path / "lake"))
    emulator: Azurite = request.getfixturevalue("azurite")
    container = f"{request.param}-{time.monotonic_ns()}"
    url = emulator.container(container)
    connection = emulator.with_key if request.param == "key" else emulator.with_sas(container)
    return Location(f"{url}/lake", connection)


def content(location: Location) -> bytes:
    with location.open_input() as stream:
        return stream.read()


def test_files_are_written_found_read_moved_and_deleted(place: Location) -> None:
    (place / "landing/a.csv").write(b"first")
    (place / "landing/a.csv").write(b"second")
    with (place / "landing/b.csv").open_output() as stream:
        stream.write(b"third")

    assert list((place / "landing").find("*.csv")) == ["a.csv", "b.csv"]
    assert (place / "nowhere").find("*.csv") == {}
    assert content(place / "landing/a.csv") == b"second"

    (place / "landing/a.csv").move(place / "archive/deep/a.csv")

    assert [content(found) for found in place.find("**/a.csv").values()] == [b"second"]
    assert not (place / "landing/a.csv").exists()
    (place / "landing/b.csv").delete()
    (place / "landing/b.csv").delete()
    assert (place / "landing").find("*") == {}


def test_the_stamp_of_a_file_differs_after_a_write(place: Location) -> None:
    file = place / "a.csv"
    file.write(b"12345")
    before = file.stamp()
    assert file.stamp() == before

    file.write(b"1234567")

    assert file.stamp() != before
    assert abs(file.modified() - time.time()) < 60


def test_a_file_larger_than_a_block_arrives_whole(place: Location, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * (9 << 12))

    (place / "large").copy_from(large)

    assert (place / "large").stamp()[0] == 9 << 20
    assert content(place / "large") == large.read_bytes()


def test_a_file_goes_through_memory_in_blocks(azurite: Azurite, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(96 << 20)
    place = Location(azurite.container("large"), azurite.with_key)
    place.check()

    tracemalloc.start()
    try:
        (place / "large").copy_from(large)
        (place / "large").move(place / "archive/large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (place / "archive/large").stamp()[0] == 96 << 20
    assert peak < 48 << 20


def test_an_upload_that_is_broken_off_leaves_no_file_in_azure(azurite: Azurite) -> None:
    file = Location(azurite.container("broken"), azurite.with_key) / "archive/a.csv"

    def fail_half_way() -> None:
        with file.open_output() as stream:
            stream.write(b"x" * (5 << 20))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()

    assert azurite.names("broken") == []


def test_a_delta_table_is_written_and_opened(place: Location) -> None:
    table = place / "bronze/x"
    assert table.delta() is None

    write_deltalake(table.url, pa.table({"a": [1, 2]}), storage_options=table.delta_options or None)

    opened = table.delta()
    assert opened is not None
    assert table.renewed(opened).version() == 0


def test_a_missing_file_is_told_as_such(place: Location) -> None:
    (place / "a").write(b"1")

    with pytest.raises(FileNotFoundError):
        content(place / "b")


@pytest.mark.parametrize("text", ["s3://bucket/x", "abfss://a.dfs.core.windows.net/x", "abfss://c@a.blob.example/x"])
def test_another_kind_of_url_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot hold files"):
        Location.parse(text, tmp_path)


def test_no_repr_shows_the_connection() -> None:
    location = Location("abfss://c@a.dfs.core.windows.net", "AccountName=a;AccountKey=hush")

    assert "hush" not in f"{location!r} {location / 'x'!r} {location.access!r}"


def failure(location: Location, secret: str) -> str:
    """The one line that every way of using a place tells; measured, and searched for the secret."""
    uses: list[Callable[[], object]] = [
        location.check,
        location.delta,
        lambda: location.find("*.csv"),
        lambda: (location / "x").write(b"1"),
        lambda: (location / "x").copy_from(Path(__file__)),
    ]
    [line] = {reported(use, secret) for use in uses}
    return line


def reported(use: Callable[[], object], secret: str) -> str:
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError) as raised:
        use()
    assert time.monotonic() - started < 45
    assert secret not in "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert "\n" not in str(raised.value)
    url, line = str(raised.value).split(": ", 1)
    assert "devstoreaccount1" in url
    return line


def test_a_wrong_key_is_told_in_one_line(azurite: Azurite) -> None:
    url = azurite.container("wrong-key")
    key = Azurite(azurite.endpoint, "aHVzaGh1c2g=")

    assert failure(Location(url, key.with_key), key.key).startswith("storage refused the sign-in; check the key or SAS")


def test_a_signature_without_the_right_is_told_in_one_line(azurite: Azurite) -> None:
    url = azurite.container("no-right")
    connection = azurite.with_sas("no-right", permission="a")

    line = failure(Location(url, connection), connection.split("sig=")[1][:12])

    assert line.startswith("storage refused the sign-in")


def test_a_signature_past_its_end_is_told_in_one_line(azurite: Azurite) -> None:
    url = azurite.container("past-its-end")
    connection = azurite.with_sas("past-its-end", hours=-1)

    line = failure(Location(url, connection), connection.split("sig=")[1][:12])

    assert line.startswith("storage refused the sign-in")
    assert "how long it is valid" in line


def test_a_missing_container_is_told_in_one_line(azurite: Azurite) -> None:
    place = Location(azurite.url("missing"), azurite.with_key)

    assert failure(place, azurite.key) == "storage has no such container; create it, or correct the URL"


def test_storage_that_refuses_connections_is_told_in_seconds() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}/{ACCOUNT}"

    nobody = Azurite(endpoint, "aHVzaGh1c2g=")
    place = Location(nobody.url("lake"), nobody.with_key)
    lines = {reported(use, nobody.key) for use in (place.check, place.delta)}

    assert lines == {"storage cannot be reached; check the account's name, the network and the account's firewall"}


def test_storage_that_does_not_answer_is_told_in_seconds() -> None:
    nobody = Azurite(f"https://192.0.2.1/{ACCOUNT}", "aHVzaGh1c2g=")

    line = reported(Location(nobody.url("lake"), nobody.with_key).check, nobody.key)

    assert line.startswith("storage cannot be reached; check the account's name")


def test_a_connection_string_without_key_and_signature_signs_in_by_identity() -> None:
    assert Access("a").uses_identity
    assert Access("a", "BlobEndpoint=https://a.privatelink.example").uses_identity
    assert not Access("a", "AccountName=a;AccountKey=hush").uses_identity
    assert not Access("a", "BlobEndpoint=https://a.example;SharedAccessSignature=sig=hush").uses_identity
    assert Access("a").endpoint == "https://a.blob.core.windows.net"
