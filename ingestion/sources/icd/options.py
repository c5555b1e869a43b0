"""Keys of ``load`` for diagnosis codes."""

from ingestion.sources.landing import Pattern
from ingestion.sources.options import Options

# The last release of ICD-10 itself; later ones are ICD-11.
DEFAULT_RELEASE = "2019"


class IcdOptions(Options):
    """Which releases are read.

    Attributes:
        release: Of the WHO's API, a year such as 2019.
        releases: Pattern of CMS's order files below the landing folder, one a release.
    """

    release: str = DEFAULT_RELEASE
    releases: Pattern | None = None
