"""What a publisher signs: manifests and redactions, as texts. Pure: nothing is read or written here.

A document is its canonical text, to the last byte, and a digest or signature has one spelling: whatever bit is changed,
it is no longer what was signed.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from crawler.dataset.canonical import canonical
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import FORMAT, Commit, Redaction, SignedCommit
from crawler.errors import DatasetError
from crawler.signing import is_signed

_COMMIT = b"pairtrawl commit\n"
_REDACTION = b"pairtrawl redaction\n"

_Document = TypeVar("_Document", bound=msgspec.Struct)


def signed_commit(commit: Commit, keys: Keys) -> tuple[str, bytes]:
    """The id of a manifest, and its document.

    Raises:
        ValueError: `commit.author` is not the keys' own.
    """
    if commit.author != keys.author:
        raise ValueError("a commit is signed by its author")
    digest = hashlib.sha256(canonical(commit))
    return digest.hexdigest(), canonical(SignedCommit(commit, keys.sign(_COMMIT + digest.digest())))


def commit_in(document: bytes, commit_id: str, where: str) -> Commit:
    """The manifest in a document. `where` names it in messages.

    Raises:
        DatasetError: it is not the one of this id, or not signed by its author.
    """
    signed = _read(document, SignedCommit, where)
    commit = signed.commit
    if commit.format != FORMAT:
        raise DatasetError(f"{where} is of format {commit.format!r}; use a newer pairtrawl")
    digest = hashlib.sha256(canonical(commit))
    if digest.hexdigest() != commit_id:
        raise DatasetError(f"{where} is not the manifest of its name: it was changed")
    if not is_signed(commit.author, signed.signature, _COMMIT + digest.digest()):
        raise DatasetError(f"{where} is not signed by its author")
    return commit


def signed_redaction(redaction: Redaction, keys: Keys) -> bytes:
    """The document of a redaction, with author and signature filled in."""
    named = msgspec.structs.replace(redaction, author=keys.author, signature="")
    return canonical(msgspec.structs.replace(named, signature=keys.sign(_message(named))))


def redaction_in(document: bytes, sha256: str, where: str) -> Redaction:
    """The redaction in a document.

    Raises:
        DatasetError: it is not the one of this object, or not signed by its author.
    """
    found = _read(document, Redaction, where)
    if found.object != sha256 or not is_signed(found.author, found.signature, _message(found)):
        raise DatasetError(f"{where} is not as its author signed it; restore it from a backup")
    return found


def _message(redaction: Redaction) -> bytes:
    fields = msgspec.to_builtins(redaction)
    del fields["signature"]
    return _REDACTION + canonical(fields)


def _read(document: bytes, kind: type[_Document], where: str) -> _Document:
    try:
        read = msgspec.json.decode(document, type=kind)
        text = canonical(read)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise DatasetError(f"{where} cannot be read: {error}; restore it from a backup") from error
    if text != document:
        raise DatasetError(f"{where} was changed; restore it from a backup")
    return read
