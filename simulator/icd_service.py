"""The ICD-10 part of the WHO's ICD API over the simulated subset: a tree of chapters, blocks, categories and codes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

RELEASES = ("2008", "2010", "2014", "2015", "2016", "2019")
_PATH = re.compile(r"/icd/release/10/(?P<release>[^/]+)(/(?P<code>[^/]+))?/?")


class IcdService:
    """Answers entity requests over nodes as ``registry_data.icd_nodes`` makes them."""

    def __init__(self, nodes: Sequence[Mapping[str, str]]) -> None:
        self._nodes = {node["code"]: node for node in nodes}
        self._children: dict[str, list[str]] = defaultdict(list)
        for node in nodes:
            self._children[node["parent_code"]].append(node["code"])

    def entity(self, path: str) -> dict[str, Any] | None:
        """The body for ``/icd/release/10/{release}`` or ``.../{release}/{code}``; None if it does not exist."""
        match = _PATH.fullmatch(path)
        if match is None or match["release"] not in RELEASES:
            return None
        release, code = match["release"], match["code"]
        if code is None:
            return self._release(release)
        return self._node(release, code) if code in self._nodes else None

    def _release(self, release: str) -> dict[str, Any]:
        return {
            "@context": "http://id.who.int/icd/contexts/contextForTopLevel.json",
            "@id": _uri(release, ""),
            "title": _text("International Statistical Classification of Diseases and Related Health Problems"),
            "releaseDate": f"{release}-01-01",
            "child": [_uri(release, child) for child in self._children[""]],
        }

    def _node(self, release: str, code: str) -> dict[str, Any]:
        node = self._nodes[code]
        body: dict[str, Any] = {
            "@context": "http://id.who.int/icd/contexts/contextForLinearizationEntity.json",
            "@id": _uri(release, code),
            "parent": [_uri(release, node["parent_code"])],
        }
        if code in self._children:
            body["child"] = [_uri(release, child) for child in self._children[code]]
        return body | {"code": code, "title": _text(node["title"]), "classKind": node["class_kind"]}


def _uri(release: str, code: str) -> str:
    return f"http://id.who.int/icd/release/10/{release}" + (f"/{code}" if code else "")


def _text(value: str) -> dict[str, str]:
    return {"@language": "en", "@value": value}
