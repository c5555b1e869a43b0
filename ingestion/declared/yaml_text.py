"""Reads YAML fast: every dbt command that builds, and every command of ``rcm``, reads the control table first."""

import yaml

# In C where PyYAML was built with it, an eighth of the time.
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parsed(text: str) -> object:
    """What a YAML document holds.

    Raises:
        yaml.YAMLError: It is none; the error says in which line.
    """
    try:
        return yaml.load(text, Loader=_FAST)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        # Its words say more.
        return yaml.safe_load(text)
