"""Where a campaign's uploads go: the part `[uploads]` of the server's settings."""

from __future__ import annotations

from typing import Annotated

import msgspec

#: names a target in the database; never part of a path
Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,29}$")]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Bytes = Annotated[int, msgspec.Meta(ge=0)]


class Disk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="how", tag="disk"):
    """A folder of the tracker's own machine; workers send to the tracker by tus 1.0."""

    name: Name = "disk"
    #: where the objects lie; "" for CAMPAIGN/tracker/objects. Relative to CAMPAIGN/tracker
    folder: str = ""
    #: kept free on that disk, for the database and the data set
    reserve_bytes: Bytes = 2 * 2**30


class S3(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="how", tag="s3"):
    """A bucket of S3-compatible storage; workers send to it by one presigned PUT.

    The store must know If-None-Match on PUT and x-amz-checksum-sha256. Its origin must stand in the campaign's
    `uploads`. Credentials are found as every S3 tool finds them (environment, ~/.aws, the machine's role).
    """

    name: Name = "s3"
    bucket: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")]
    #: what keys begin with
    prefix: Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Za-z_-]+/){0,8}\Z")] = "uploads/"
    endpoint: Annotated[str, msgspec.Meta(pattern="^(https?://[^/?#]+)?$")] = ""  # "" for Amazon's own
    region: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")] = "us-east-1"
    profile: str = ""  # of ~/.aws/credentials
    #: how much of the bucket open uploads may fill
    room_bytes: Bytes = 2**40
    #: how long a presigned PUT is good for
    permit_seconds: Annotated[int, msgspec.Meta(ge=60, le=7 * 86400)] = 3600
    #: read every object back and hash it before it counts; else the store's own SHA-256 is believed, where it tells one
    read_back: bool = False


class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[uploads]`. New uploads go to the first target that has room and does not fail."""

    targets: Annotated[tuple[Disk | S3, ...], msgspec.Meta(min_length=1, max_length=16)] = (Disk(),)
    #: a target that failed is asked again after this
    rest_seconds: Positive = 60.0
    #: uploads that are received at the same time; more are told to come later
    at_once: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    #: in which a quarter of a mebibyte must arrive: slower clients are let go (4.3 KB/s), and may resume
    block_seconds: Positive = 60.0
    #: an upload that did not move for so long is removed
    idle_seconds: Positive = 24 * 3600.0

    def __post_init__(self) -> None:
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise ValueError(f"two upload targets have one name: {', '.join(names)}")
