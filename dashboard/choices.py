"""Choices that live in the address."""

from collections.abc import Mapping

import streamlit as st


def choose(label: str, options: Mapping[str, str], key: str, *, help: str | None = None, width: int = 165) -> str:  # noqa: A002
    """A list to choose from; the choice stands in the address under its key, the first option in none.

    Args:
        label: What is chosen.
        options: Values with the words they are shown by.
        key: Name in the address.
        help: Shown beside the label.
        width: In pixels.
    """
    # A list whose options went leaves a choice behind that it no longer has.
    if st.session_state.get(key) not in (None, *options):
        del st.session_state[key]
    chosen: str = st.selectbox(
        label,
        list(options),
        key=key,
        bind="query-params",
        format_func=lambda value: options.get(value, value),
        help=help,
        width=width,
    )
    return chosen
