"""Keys of ``load`` for the provider registry."""

from datetime import timedelta

from ingestion.declared.specs import Duration
from ingestion.sources.landing import Pattern
from ingestion.sources.options import Options


class RegistryOptions(Options):
    """What is read beside the lookups of the providers' own numbers.

    Attributes:
        search: Searches whose answers are landed too, each as the API's own parameters.
        bulk: Pattern of dissemination files below the landing folder, which are read in place of the API.
        ask_again_after: Age at which what the registry said of a number is asked again.
    """

    search: tuple[dict[str, str], ...] = ()
    bulk: Pattern | None = None
    ask_again_after: Duration = timedelta(days=30)
