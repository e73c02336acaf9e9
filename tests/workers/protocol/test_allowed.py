"""What a campaign may ask of volunteers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from crawler.settings import FilterChoice, Recipe, parse_recipe
from filters import catalogue
from workers.protocol.allowed import HARMLESS_SETTINGS, objections
from workers.protocol.attached import FILE_SETTINGS
from workers.protocol.campaign import Attachment, Campaign


def a_campaign(recipe: Recipe | None = None, **changes: Any) -> Campaign:
    recipe = recipe or Recipe()
    campaign = Campaign(
        name="a-test", recipe=recipe, recipe_digest=recipe.digest, kinds=("extract", "crawl"),
        archives=("https://data.commoncrawl.org/",), min_version="0.1",
    )  # fmt: skip
    return msgspec.structs.replace(campaign, **changes)


def a_recipe(text: str) -> Recipe:
    return parse_recipe(text)


def test_an_ordinary_campaign_meets_no_objection() -> None:
    assert objections(a_campaign()) == []


def test_models_of_a_hub_and_word_lists_that_come_along_are_allowed() -> None:
    recipe = a_recipe(
        '[[filters]]\nuse = "candidates.keywords"\npath = "lists/words.txt"\n'
        '[[filters]]\nuse = "pictures.clip_similarity"\nmodel = "ViT-B-32"\npretrained = "laion2b_s34b_b79k"\n'
        'routes = [{languages = ["de"], threshold = 0.2, model = "hf-hub:laion/CLIP-x"}]\n'
        '[[filters]]\nuse = "pictures.unsafe_prompts"\nclasses = {bad = ["a"], good = ["b"]}\n'
    )
    attached = Attachment(name="lists/words.txt", bytes=3, sha256="0" * 64)
    assert objections(a_campaign(recipe, attachments=(attached,))) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://data.commoncrawl.org/", "s3://commoncrawl/", "file:///etc/", "/etc/", "", "https://",
        "https://10.0.0.1/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://localhost/",
        "https://router/", "https://printer.local/", "https://127.1/", "https://0x7f000001/", "https://2130706433/",
        "https://user@data.commoncrawl.org/", "https://data.commoncrawl.org", "https://data.commoncrawl.org/a/../",
        "https://data.commoncrawl.org/?a=", "https://data.commoncrawl.org/#", "https://data.commoncrawl.org\\@evil/",
        "https://data.commoncrawl.org:99999/", "https://evil\n.org/", "https://[::ffff:10.0.0.1]/",
    ],
)  # fmt: skip
def test_archives_stand_on_public_hosts_and_are_had_by_https(address: str) -> None:
    assert objections(a_campaign(archives=(address,)))


def test_loopback_is_allowed_where_a_test_says_so_and_other_private_networks_never() -> None:
    def of(address: str) -> list[str]:
        return objections(a_campaign(archives=(address,)), allow_private=True)

    assert of("http://127.0.0.1:8000/") == []
    assert of("http://10.0.0.1/")
    assert of("http://192.168.1.1/")


@pytest.mark.parametrize(
    "setting",
    [
        'fetch.allow_networks = ["10.0.0.0/8"]', 'fetch.allow_networks = ["127.0.0.0/8"]',
        'fetch.name_servers = ["203.0.113.1"]', 'fetch.hosts = {"example.org" = "10.0.0.1"}',
        'fetch.hosts = {"example.org" = "203.0.113.9:80"}', 'fetch.ca_file = "ca.pem"', "fetch.ports = [80, 443, 22]",
        "fetch.tries = 1000", "fetch.body_bytes = 10_000_000_000", "decode.memory_bytes = 100_000_000_000",
        "opt_outs.robots_txt = false", "manners.seconds_between_requests = 0", "manners.requests_at_once = 1000",
        'duplicates.earlier = ["/home"]', 'duplicates.files = "first"', 'inputs = ["/archives"]',
        "fetch.verify_tls = false", 'removals = "register"', 'rebuild.policy = "strict"', 'output.container = "dummy"',
        'output.columns = "img2dataset"', 'output.drawing = "fast"', "output.skip_reencode = true",
        "output.thumbnails = 1",
        'decode.exif = "all"', 'decode.hashes = ["md5"]',
    ],
)  # fmt: skip
def test_a_recipe_cannot_make_volunteers_do_what_harms_them_or_others(setting: str) -> None:
    assert objections(a_campaign(a_recipe(setting)))


@pytest.mark.parametrize("setting", ['fetch.allow_networks = ["10.0.0.0/8"]', 'fetch.hosts = {"a.org" = "10.0.0.1"}'])
def test_tests_reach_no_other_private_network_than_loopback(setting: str) -> None:
    assert objections(a_campaign(a_recipe(setting)), allow_private=True)
    loopback = setting.replace("10.0.0.0/8", "127.0.0.0/8").replace("10.0.0.1", "127.0.0.1:8080")
    assert objections(a_campaign(a_recipe(loopback)), allow_private=True) == []


@pytest.mark.parametrize(
    ("use", "settings"),
    [
        ("candidates.keywords", {"path": "/etc/passwd"}),
        ("candidates.keywords", {"path": "../words.txt"}),
        ("candidates.keywords", {"path": ["words.txt", "other.txt"]}),
        ("candidates.url_removal", {"path": "words.txt", "key": "key"}),
        ("pictures.unsafe_head", {"head": {"path": "/home/me/.ssh/id_rsa"}}),
        ("pictures.unsafe_head", {"head": "words.txt", "confidential": True}),
        ("pictures.clip_similarity", {"model": "local-dir:/models"}),
        ("pictures.clip_similarity", {"model": "ViT-B-32", "pretrained": "/tmp/weights.pt"}),
        ("pictures.clip_similarity", {"routes": [{"languages": ["de"], "threshold": 0, "model": "local-dir:x"}]}),
        ("pictures.clip_similarity", {"model": "hf-hub:../x"}),
        ("pictures.min_side", {"exec": "rm"}),
    ],
)
def test_filters_name_no_file_of_the_machine_and_no_model_in_a_folder(use: str, settings: dict[str, Any]) -> None:
    recipe = Recipe(filters=(FilterChoice(use=use, settings=settings),))
    attached = Attachment(name="words.txt", bytes=3, sha256="0" * 64)
    assert objections(a_campaign(recipe, attachments=(attached,)))


def test_every_setting_of_every_filter_is_known_to_be_harmless_or_to_name_a_file() -> None:
    known = HARMLESS_SETTINGS | FILE_SETTINGS | {"key"}
    unknown = {(entry.name, one.name) for entry in catalogue() for one in entry.settings if one.name not in known}
    assert unknown == set(), "look whether it can name a file, then add it to workers/protocol/allowed.py"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../x"}, {"name": ""}, {"kinds": ("exec",)}, {"recipe_digest": "0"}, {"min_version": "newest"},
        {"lease_seconds": 1.0}, {"hard_seconds": 1.0}, {"heartbeat_seconds": 0.0}, {"upload_bytes": 0},
        {"uploads": ("http://storage.example.org",)}, {"uploads": ("https://storage.example.org/a/b",)},
        {"attachments": (Attachment(name="a", bytes=2**40, sha256="0" * 64),)}, {"title": "a" * 1000},
    ],
)  # fmt: skip
def test_a_document_that_is_odd_is_refused(changes: dict[str, Any]) -> None:
    assert objections(a_campaign(**changes))
