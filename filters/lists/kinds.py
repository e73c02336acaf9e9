"""What a removal list can name, and the many ways in which its makers write that."""

from __future__ import annotations

import re
from enum import StrEnum


class Kind(StrEnum):
    """What an entry of a list is compared with."""

    MD5 = "md5"  # of the body as received, like the next two
    SHA1 = "sha1"
    SHA256 = "sha256"
    PDQ = "pdq"  # of the picture, like the next one
    PHASH = "phash"
    URL = "url"  # an address as it is, like the next three, which are hashes of addresses
    URL_MD5 = "url_md5"
    URL_SHA1 = "url_sha1"
    URL_SHA256 = "url_sha256"
    DOMAIN = "domain"  # a host and all below it


#: compared within a distance, and so cannot be kept keyed
PERCEPTUAL = frozenset({Kind.PDQ, Kind.PHASH})
#: texts: kept as the first 16 bytes of a digest
TEXTS = frozenset({Kind.URL, Kind.DOMAIN})
#: hash functions, by their name in hashlib
DIGESTS = {
    Kind.MD5: "md5",
    Kind.SHA1: "sha1",
    Kind.SHA256: "sha256",
    Kind.URL_MD5: "md5",
    Kind.URL_SHA1: "sha1",
    Kind.URL_SHA256: "sha256",
}
#: bytes of one value as it is kept
WIDTHS = {
    Kind.MD5: 16,
    Kind.SHA1: 20,
    Kind.SHA256: 32,
    Kind.PDQ: 32,
    Kind.PHASH: 8,
    Kind.URL: 16,
    Kind.URL_MD5: 16,
    Kind.URL_SHA1: 20,
    Kind.URL_SHA256: 32,
    Kind.DOMAIN: 16,
}

_WRITTEN = {
    Kind.MD5: "md5 md5hash hashmd5 md5hex imagemd5 filemd5",
    Kind.SHA1: "sha1 sha1hash hashsha1 sha1hex sha1base32 imagesha1 filesha1",
    Kind.SHA256: "sha256 sha256hash hashsha256 sha256hex imagesha256 filesha256",
    Kind.PDQ: "pdq pdqhash hashpdq imagepdq",
    Kind.PHASH: "phash phash64 imagephash",
    Kind.URL: "url uri address imageurl",
    Kind.URL_MD5: "urlmd5 md5url urlhashmd5",
    Kind.URL_SHA1: "urlsha1 sha1url urlhashsha1",
    Kind.URL_SHA256: "urlsha256 sha256url urlhashsha256",
    Kind.DOMAIN: "domain domainname host hostname",
}
#: Kinds of real lists that nothing here can compare: PhotoDNA and its kin need a licence, the others are of videos,
#: texts, or hash functions that records do not have.
_UNUSABLE = {
    "photodna": "photodna pdna imagephotodna hashphotodna",
    "netclean": "netclean",
    "videntifier": "videntifier",
    "video": "tmk tmkpdqf videotmk vpdq ssvhpdna ssvhsaferhash videomd5 videosha1 videosha256 videopdna videovpdq",
    "text": "text rawtext trendquery pdqocr imageocr",
    "other": "sha512 sha384 sha224 sha3256 crc32 dhash ahash whash phash256 blake3 ssdeep tlsh",
}
_KINDS: dict[str, Kind] = {word: kind for kind, words in _WRITTEN.items() for word in words.split()}
_UNUSABLES: dict[str, str] = {word: name for name, words in _UNUSABLE.items() for word in words.split()}
_SEPARATORS = re.compile(r"[\s_\-.:/\"']+")


def squeezed(word: str) -> str:
    """A heading or name in lower case without spaces, signs and quotes: "MD5 Hash" and `"md5_hash"` are one."""
    return _SEPARATORS.sub("", word).lower()


def kind_called(word: str) -> Kind | None:
    """The kind that lists call by this word, or None."""
    return _KINDS.get(squeezed(word))


def unusable_called(word: str) -> str:
    """Our name for the family of kinds that cannot be compared here, or "" where `word` names none of them."""
    return _UNUSABLES.get(squeezed(word), "")
