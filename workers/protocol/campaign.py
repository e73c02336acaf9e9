"""What a campaign is, signed: which data set is made, and where its workers may point. The same for every volunteer.

A volunteer keeps the campaign's public key from its first visit (or was given it on the command line) and refuses
another. Nothing else that a tracker says can make it run code, open a file or ask an address that this does not allow.
"""

from __future__ import annotations

import msgspec

from crawler.errors import PairtrawlError
from crawler.settings import Recipe
from crawler.signing import is_signed, new_key, public_key_of, sign
from workers.protocol.messages import Count, Digest, FileName, canonical

__all__ = [
    "Attachment",
    "Campaign",
    "CampaignError",
    "SignedCampaign",
    "is_signed",
    "new_key",
    "opened",
    "public_key_of",
    "sign",
    "signed",
]


class CampaignError(PairtrawlError):
    """A campaign is not what it should be, or asks for what a volunteer must not do; the message says what."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that the recipe names, such as a public removal list: GET /v1/attachments/{sha256}, by anybody.

    A volunteer keeps it below a folder of its own, which becomes the recipe's `folder`. Confidential lists are never
    attached: they are for the screening host alone.
    """

    name: FileName  # as the recipe's filters write it, relative to the recipe
    bytes: Count
    sha256: Digest


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The document. Durations in seconds."""

    name: str
    title: str = ""
    about: str = ""
    recipe: Recipe
    recipe_digest: str
    #: files that the recipe names; a filter's setting that names any other file is refused
    attachments: tuple[Attachment, ...] = ()
    #: what archives' addresses begin with: ("https://data.commoncrawl.org/",)
    archives: tuple[str, ...] = ()
    #: origins that take uploads beside the tracker itself
    uploads: tuple[str, ...] = ()
    #: kinds of job that there are
    kinds: tuple[str, ...] = ()
    #: oldest version of pairtrawl that gets jobs; compared number by number
    min_version: str = "0"
    #: what the answers of the self-test are: name to value (numbers as text; see workers/home/selftest.py)
    selftest: dict[str, str] = {}
    lease_seconds: float = 1800.0
    hard_seconds: float = 6 * 3600.0
    heartbeat_seconds: float = 60.0
    #: of one file that is uploaded, and of all files of a job
    upload_bytes: int = 8 * 2**30


class SignedCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v1/campaign. The signature is over the bytes of `document` as they stand: the JSON of a Campaign."""

    document: str
    signature: str  # Ed25519, hex
    public_key: str  # hex


def signed(campaign: Campaign, private: bytes) -> SignedCampaign:
    """The campaign as it is handed out."""
    document = canonical(campaign)
    return SignedCampaign(
        document=document.decode(), signature=sign(private, document), public_key=public_key_of(private)
    )


def opened(told: SignedCampaign, public_key: str | None = None) -> Campaign:
    """The campaign in a signed document.

    Args:
        told: what a tracker handed out.
        public_key: the one it must be signed with; None to believe the document's own, on the first visit.

    Raises:
        CampaignError: signed by another key, or by none; or the recipe in it is not the one of its digest.
    """
    if public_key is not None and told.public_key != public_key:
        raise CampaignError(
            "the campaign is signed by another key than on the first visit: this is another tracker, or somebody "
            "stands between; ask its operators, and do not go on"
        )
    if not is_signed(told.public_key, told.signature, told.document.encode()):
        raise CampaignError("the campaign's signature is not its own: somebody changed it on the way")
    try:
        campaign = msgspec.json.decode(told.document, type=Campaign)
    except msgspec.DecodeError as error:
        raise CampaignError(f"the campaign cannot be read: {error}; your pairtrawl may be too old for it") from error
    if campaign.recipe.digest != campaign.recipe_digest:
        raise CampaignError("the campaign's recipe has another digest than it says: your pairtrawl reads it otherwise")
    return campaign
