"""Where files are: a local folder or a container of Azure storage (ADLS Gen2), named by one path or abfss:// URL."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import fsspec
from deltalake import DeltaTable
from filelock import FileLock, Timeout
from fsspec.utils import glob_translate

from ingestion.base.errors import LoadConflictError, SourceUnavailableError, SpecError
from ingestion.base.storage.access import Access, storage_errors
from ingestion.base.storage.durable import sync_commits, sync_file, sync_folder

if TYPE_CHECKING:
    from ingestion.base.storage.azure_files import AzureFiles

_ABFSS = re.compile(r"abfss://(?P<container>[^@/]+)@(?P<account>[^./]+)\.dfs\.core\.windows\.net(?P<path>/.*)?")
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Location:
    """A file or folder.

    Args:
        url: A path, or ``abfss://container@account.dfs.core.windows.net/folder``.
        connection: Azure storage connection string (account key or SAS); None signs in by azure-identity.
    """

    url: str
    connection: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, base: Path, connection: str | None = None) -> "Location":
        """A URL as it is, a relative path below ``base``.

        Raises:
            SpecError: A URL of another kind.
        """
        if "://" not in text:
            place = str(base / text)
            if any(sign in place for sign in "[]*?"):
                raise SpecError([f"{place}: a folder whose name holds one of []*? cannot be searched; choose another"])
            return cls(place)
        if _ABFSS.fullmatch(text) is None:
            scheme = text.split("://", maxsplit=1)[0]
            raise SpecError(
                [f"{scheme}: cannot hold files; give a folder or abfss://container@account.dfs.core.windows.net/..."]
            )
        return cls(text.rstrip("/"), connection)

    def __truediv__(self, name: str) -> "Location":
        return Location(f"{self.url}/{name}", self.connection)

    def __str__(self) -> str:
        return self.url

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return "://" not in self.url

    @property
    def local(self) -> Path:
        """Its path on this machine."""
        if not self.is_local:
            raise AssertionError(f"{self.url} is not on this machine")
        return Path(self.url)

    @property
    def name(self) -> str:
        """Last part of its path."""
        return self.url.rpartition("/")[2]

    @property
    def access(self) -> Access:
        """The access to its storage account."""
        return Access(self._azure["account"], self.connection)

    @property
    def delta_options(self) -> dict[str, str]:
        """What deltalake needs to open a table here; ask again for each operation, for a token expires.

        Raises:
            SourceUnavailableError: No sign-in.
        """
        with self.storage_errors():
            return {} if self.is_local else self.access.delta_options()

    def delta(self) -> DeltaTable | None:
        """The Delta table here, None where there is none.

        Raises:
            SourceUnavailableError: Its storage cannot be reached or refuses the sign-in.
        """
        options = self.delta_options
        with self.storage_errors():
            if DeltaTable.is_deltatable(self.url, storage_options=options or None):
                return DeltaTable(self.url, storage_options=options or None)
            self._require_container()
        return None

    def renewed(self, delta: DeltaTable) -> DeltaTable:
        """The same version of the table here, opened with a token that did not age during a long load.

        Raises:
            SourceUnavailableError: Its storage cannot be reached or refuses the sign-in.
        """
        if self.is_local or not self.access.uses_identity:
            return delta
        options = self.delta_options
        with self.storage_errors():
            return DeltaTable(self.url, version=delta.version(), storage_options=options)

    @property
    def is_missing_folder(self) -> bool:
        """Whether it is known not to be a folder; in Azure an empty folder does not exist."""
        return self.is_local and not self.local.is_dir()

    def make_folder(self) -> None:
        """Create the folder on this machine, if it does not exist.

        Raises:
            SourceUnavailableError: It cannot be made, or nothing can be written to it.
        """
        if not self.is_local:
            return
        try:
            self.local.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.local):
                pass
        except OSError as error:
            raise SourceUnavailableError(
                f"{self}: cannot be written to ({type(error).__name__}); check the path, its permissions and the disk"
            ) from None

    def check(self) -> None:
        """Ask whether its storage answers, takes the sign-in and has the container; nothing on this machine.

        Raises:
            SourceUnavailableError: One of them is not so.
        """
        with self.storage_errors():
            self._require_container()

    def exists(self) -> bool:
        """Whether there is a file or folder."""
        with self.storage_errors():
            return cast("bool", self._files.exists(self._path))

    def find(self, pattern: str) -> dict[str, "Location"]:
        """Files below this folder that match a glob pattern, by their path from here, in the order of their names.

        Raises:
            OSError: A folder on this machine cannot be read.
            SourceUnavailableError: The storage cannot be reached or refuses the sign-in.
        """
        root = self._path.rstrip("/")
        # By itself a folder that may not be read would look empty.
        options = {"on_error": _unless_missing} if self.is_local else {}
        with self.storage_errors():
            found = self._files.glob(f"{root}/{pattern}", detail=True, **options)
            if not found:
                self._require_container()
        paths = sorted(path for path, entry in found.items() if entry["type"] == "file")
        return {path.removeprefix(f"{root}/"): self / path.removeprefix(f"{root}/") for path in paths}

    def contents(self, without: Collection[str] = ()) -> dict[str, bool]:
        """All that is below this folder and no folder itself: its path from here, and whether it is a file.

        A pipe or a link that leads nowhere is none. Sorted; nothing where there is no such folder.

        Args:
            without: URLs of folders that are not looked into.
        """
        root = self._path.rstrip("/")
        found: dict[str, bool] = {}
        folders = [self]
        while folders:
            folder = folders.pop()
            with self.storage_errors(), suppress(FileNotFoundError):
                for entry in self._files.ls(folder._path.rstrip("/"), detail=True):
                    name = str(entry["name"]).rstrip("/").removeprefix(f"{root}/")
                    # A file has one entry: itself.
                    if str(entry["name"]) == root:
                        continue
                    if entry["type"] != "directory":
                        found[name] = entry["type"] == "file"
                    elif (self / name).url not in without:
                        folders.append(self / name)
        return dict(sorted(found.items()))

    def size(self) -> int | None:
        """Its bytes, None if there is no such file."""
        try:
            return self.stamp()[0]
        except FileNotFoundError:
            return None

    def sizes(self) -> dict[str, int]:
        """Every file below this folder: its path from here, and its bytes; nothing where there is no such folder."""
        root = self._path.rstrip("/")
        with self.storage_errors(), suppress(FileNotFoundError):
            found = self._files.find(root, detail=True)
            return {
                str(path).removeprefix(f"{root}/"): int(entry["size"] or 0)
                for path, entry in sorted(found.items())
                if entry["type"] == "file" and path != root
            }
        return {}

    def sha256(self) -> str:
        """Hash of its bytes.

        Raises:
            OSError: It cannot be read.
            SourceUnavailableError: Its storage cannot be reached.
        """
        digest = hashlib.sha256()
        with self.open_input() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def sync(self) -> None:
        """Wait until the file and its name are on the disk; Azure storage is durable when it answers."""
        if self.is_local:
            sync_file(self.local)

    def sync_commits(self, since: int) -> None:
        """Wait until the commits of the Delta table here after a version are on the disk, and what they add."""
        if self.is_local:
            sync_commits(self.local, since)

    def holds(self, place: "Location", pattern: str) -> bool:
        """Whether ``find`` would find this file here by this glob pattern."""
        name = place.url.removeprefix(f"{self.url}/")
        return name != place.url and re.match(glob_translate(pattern), name) is not None

    def stamp(self) -> tuple[int, str]:
        """Size in bytes and moment of the last change; they differ where the file was written to in between."""
        with self.storage_errors():
            entry = self._files.info(self._path)
        return int(entry["size"]), str(entry.get("etag") or entry.get("mtime") or entry.get("last_modified"))

    def modified(self) -> float:
        """Last change in seconds since 1970."""
        with self.storage_errors():
            return float(self._files.modified(self._path).timestamp())

    def open_input(self) -> IO[bytes]:
        """A stream of its bytes."""
        with self.storage_errors():
            return cast("IO[bytes]", self._files.open(self._path, "rb"))

    @contextmanager
    def open_output(self) -> Iterator[IO[bytes]]:
        """A stream into a new file; in Azure the file appears when the stream closes, and not after an exception."""
        if self.is_local:
            self.local.parent.mkdir(parents=True, exist_ok=True)
            with self.local.open("wb") as file:
                yield file
            return
        with self.storage_errors():
            stream = self._azure_files.open(self._path, "wb")
        try:
            yield stream
        except BaseException:
            stream.discard()
            raise
        with self.storage_errors():
            stream.close()

    def write(self, content: bytes | Iterable[bytes]) -> None:
        """Write the content atomically, piece by piece; readers see the old content or the new, never a part."""
        pieces = [content] if isinstance(content, bytes) else content
        if not self.is_local:
            if isinstance(content, bytes):
                with self.storage_errors():
                    self._files.pipe_file(self._path, content)
                return
            with self.open_output() as stream:
                stream.writelines(pieces)
            return
        self.local.parent.mkdir(parents=True, exist_ok=True)
        draft = self.local.with_name(f".{self.name}.draft")
        with draft.open("wb") as file:
            file.writelines(pieces)
        # A power cut must not leave a name with nothing behind it.
        sync_file(draft)
        draft.replace(self.local)
        sync_folder(self.local.parent)

    def copy_from(self, path: Path) -> None:
        """Make it a copy of a local file."""
        with path.open("rb") as source, self.open_output() as sink:
            shutil.copyfileobj(source, sink, CHUNK_BYTES)

    def move(self, target: "Location") -> None:
        """Move a file; in Azure as copy and delete, so that a kill in between leaves both and loses none."""
        if self.is_local and target.is_local:
            target.local.parent.mkdir(parents=True, exist_ok=True)
            self.local.replace(target.local)
            # In this order a power cut leaves the file in one of the folders, or in both, and not in none.
            sync_folder(target.local.parent)
            sync_folder(self.local.parent)
            return
        with self.open_input() as source, target.open_output() as sink:
            shutil.copyfileobj(source, sink, CHUNK_BYTES)
        self.delete()

    def move_folder(self, target: "Location") -> None:
        """Move a folder: on this machine at once, in Azure file by file, so that a kill leaves files in both places."""
        if self.is_local and target.is_local:
            target.local.parent.mkdir(parents=True, exist_ok=True)
            self.local.replace(target.local)
            return
        for name in self.contents():
            (self / name).move(target / name)

    def delete(self) -> None:
        """Remove the file, if it is there."""
        with self.storage_errors(), suppress(FileNotFoundError):
            self._files.rm_file(self._path)

    @contextmanager
    def storage_errors(self) -> Iterator[None]:
        """What storage libraries raise within, as one line without a secret; nothing changes on this machine.

        Raises:
            SourceUnavailableError: Azure storage cannot be reached, refuses the sign-in, or lacks the container.
        """
        if self.is_local:
            yield
            return
        with storage_errors(self.url):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Hold this lock file exclusively among the processes of this machine; yields whether locking is possible.

        The operating system releases it when the holder dies. In Azure there is no lock: Delta's commit decides.

        Raises:
            LoadConflictError: Another run holds it.
        """
        if not self.is_local:
            yield False
            return
        self.local.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.local, timeout=0, thread_local=False):
                yield True
        except Timeout:
            raise LoadConflictError("another run is loading this table; this one skipped it") from None

    @property
    def _azure(self) -> dict[str, str]:
        match = _ABFSS.fullmatch(self.url)
        if match is None:
            raise AssertionError(f"{self.url} is not in Azure")
        return match.groupdict(default="")

    @property
    def _path(self) -> str:
        parts = self._azure if not self.is_local else {}
        return f"{parts['container']}{parts['path']}" if parts else self.url

    @property
    def _files(self) -> fsspec.AbstractFileSystem:
        return fsspec.filesystem("file") if self.is_local else self._azure_files

    @property
    def _azure_files(self) -> "AzureFiles":
        try:
            from ingestion.base.storage.azure_files import AzureFiles
        except ImportError:
            raise SourceUnavailableError(
                "abfss:// needs the azure packages; install them with pip install 'rcm-lakehouse[azure]'"
            ) from None
        return AzureFiles.of(self.access)

    def _require_container(self) -> None:
        """Distinguish an empty folder from one in a missing container."""
        if not self.is_local:
            self._azure_files.require_container(self._azure["container"])


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
