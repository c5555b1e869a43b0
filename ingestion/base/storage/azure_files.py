"""adlfs with this project's sign-in and bounds: few retries, small blocks, errors without secrets."""

import asyncio
from typing import Any

from adlfs import AzureBlobFile, AzureBlobFileSystem
from azure.core.credentials import AccessToken
from azure.storage.blob.aio import BlobServiceClient
from fsspec.asyn import sync

from ingestion.base.storage.access import CONNECT_SECONDS, RETRIES, Access, storage_errors, token

# A file is held in memory one block at a time; storage takes 50,000 of them, 195 GiB a file.
BLOCK_BYTES = 4 << 20
_OPTIONS: dict[str, Any] = {
    "retry_total": RETRIES,
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
    "connection_timeout": CONNECT_SECONDS,
    "read_timeout": 60,
    "max_single_put_size": BLOCK_BYTES,
    "max_block_size": BLOCK_BYTES,
    "max_single_get_size": BLOCK_BYTES,
    "max_chunk_get_size": BLOCK_BYTES,
}


class AzureFile(AzureBlobFile):  # type: ignore[misc]  # adlfs has no types
    """A blob as a stream."""

    def discard(self) -> None:
        """Close without a commit: the data written so far never becomes visible."""
        self.closed = True

    @property
    def _url(self) -> str:
        return f"abfss://{self.container_name}@{self.fs.account_name}.dfs.core.windows.net/{self.blob}"

    def _fetch_range(self, start: int, end: int) -> bytes:
        with storage_errors(self._url):
            return bytes(super()._fetch_range(start, end))

    def _upload_chunk(self, final: bool = False) -> object:
        with storage_errors(self._url):
            return super()._upload_chunk(final=final)


class AzureFiles(AzureBlobFileSystem):  # type: ignore[misc]  # adlfs has no types
    """The containers of one account. fsspec keeps one instance for each way in."""

    @classmethod
    def of(cls, access: Access) -> "AzureFiles":
        """The file system of an account."""
        way_in: dict[str, object] = {"connection_string": access.connection}
        if access.uses_identity:
            way_in = {"credential": _SIGN_IN}
        return cls(
            account_name=access.account,
            endpoint=access.endpoint,
            blocksize=BLOCK_BYTES,
            use_listings_cache=False,
            **way_in,
        )

    def do_connect(self) -> None:
        """Called by adlfs, whose own client has no option for the number of retries."""
        self._known_containers: set[str] = set()
        # adlfs takes a connection string of the environment for its own where none is given.
        if self.credential is not None:
            self.service_client = BlobServiceClient(self.kwargs["endpoint"], self.credential, **_OPTIONS)
        else:
            self.service_client = BlobServiceClient.from_connection_string(self.connection_string, **_OPTIONS)

    def require_container(self, container: str) -> None:
        """Ask whether a container is there, once: to adlfs a folder in a missing one is merely empty.

        Raises:
            ResourceNotFoundError: There is none.
        """
        if container not in self._known_containers:
            sync(self.loop, self._list_one, container)
            self._known_containers.add(container)

    async def _list_one(self, container: str) -> None:
        async with self.service_client.get_container_client(container) as client:
            async for _ in client.list_blob_names(results_per_page=1):
                return

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **options: object) -> AzureFile:
        return AzureFile(fs=self, path=path, mode=mode, block_size=block_size or self.blocksize, **options)


class _SignIn:
    """The process's credential for clients that wait for it without blocking."""

    async def get_token(self, *_: str, **__: object) -> AccessToken:
        return await asyncio.to_thread(token)

    async def close(self) -> None:
        """Nothing: the credential lives as long as the process."""

    async def __aenter__(self) -> "_SignIn":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing, as above."""


_SIGN_IN = _SignIn()
