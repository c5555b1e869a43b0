"""Keys of ``load`` for diagnosis codes."""

from ingestion.sources.options import Options

# The last release of ICD-10 itself; later ones are ICD-11.
DEFAULT_RELEASE = "2019"


class IcdOptions(Options):
    """Which release is read from the WHO's API.

    Attributes:
        release: A year such as 2019.
    """

    release: str = DEFAULT_RELEASE
