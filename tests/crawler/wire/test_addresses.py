"""Which addresses may be dialled."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from crawler.wire.addresses import AddressPolicy

NEVER = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.0.0.2",
    "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1",
    "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.168.178.1",
    "192.175.48.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:3", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1", "100::1", "2001::1",
    "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1",
    "2620:4f:8000::1", "3ffe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "fe80::1",
    "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip
ALWAYS = [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "198.20.0.1", "223.255.255.255",
    "2606:4700:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808",
]  # fmt: skip
NO_ADDRESSES = ["", " 8.8.8.8", "8.8.8", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "8.8.8.8.", "①②⑦.⓪.⓪.①",
                "[::1]", "localhost", "8.8.8.8/32", "\ud800", "8.8.8.8\0", "1" * 10_000]  # fmt: skip


@pytest.mark.parametrize("address", NEVER)
def test_an_address_that_is_not_the_public_internet_is_refused(address: str) -> None:
    assert not AddressPolicy().permits(address)


@pytest.mark.parametrize("address", ALWAYS)
def test_a_public_address_may_be_dialled(address: str) -> None:
    assert AddressPolicy().permits(address)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_not_an_address_in_its_plain_spelling_is_refused(text: str) -> None:
    assert not AddressPolicy().permits(text)
    assert not AddressPolicy.of(("0.0.0.0/0", "::/0")).permits(text)


def test_an_allowed_network_is_a_hole_of_exactly_its_size() -> None:
    policy = AddressPolicy.of(("127.0.0.2/32",))
    assert policy.permits("127.0.0.2")
    assert policy.allows("127.0.0.2")
    assert policy.permits("::ffff:127.0.0.2")
    assert not policy.permits("127.0.0.3")
    assert not policy.permits("::ffff:127.0.0.3")
    assert not policy.permits("64:ff9b::7f00:3")
    assert policy.permits("8.8.8.8")
    assert not policy.allows("8.8.8.8")


def test_a_refused_network_is_refused_although_public_and_although_allowed() -> None:
    policy = AddressPolicy.of(("127.0.0.0/8",), ("93.184.216.0/24", "2606:4700::/32", "127.0.0.3/32"))
    for address in (
        "93.184.216.34",
        "::ffff:93.184.216.34",
        "64:ff9b::93.184.216.34",
        "2606:4700:4700::1111",
        "127.0.0.3",
    ):
        assert not policy.permits(address)
        assert not policy.allows(address)
    assert policy.permits("93.184.217.34")
    assert policy.permits("127.0.0.2")


def test_our_own_networks_are_refused_unless_they_are_allowed() -> None:
    own = (ip_network("93.184.216.0/24"), ip_network("2606:4700:4700::/64"))
    policy = AddressPolicy.of((), (), own)
    assert not policy.permits("93.184.216.34")
    assert not policy.permits("::ffff:93.184.216.34")
    assert not policy.permits("2606:4700:4700::1111")
    assert policy.permits("93.184.217.34")
    assert AddressPolicy.of(("93.184.216.34/32",), (), own).permits("93.184.216.34")


def test_a_network_that_is_none_is_a_settings_error_that_names_its_key() -> None:
    with pytest.raises(SettingsError, match=r"fetch\.allow_networks"):
        AddressPolicy.of(("127.0.0.0/33",))
    with pytest.raises(SettingsError, match=r"fetch\.refuse_networks"):
        AddressPolicy.of((), ("the tracker",))


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_permitted_that_python_calls_private(address: IPv4Address) -> None:
    if AddressPolicy().permits(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_every_dress(address: IPv4Address) -> None:
    plain = AddressPolicy().permits(str(address))
    assert AddressPolicy().permits(str(IPv6Address(0xFFFF_0000_0000 | int(address)))) == plain
    assert AddressPolicy().permits(str(IPv6Address((0x64_FF9B << 96) | int(address)))) == plain


@given(st.ip_addresses(v=6, network=ip_network("2000::/3")))
def test_no_ipv6_address_is_permitted_that_python_calls_private(address: IPv6Address) -> None:
    if AddressPolicy().permits(str(address)):
        assert address.is_global


@given(st.text())
def test_judging_any_text_never_raises(text: str) -> None:
    AddressPolicy().permits(text)
