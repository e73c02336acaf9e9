"""What the door knows of this machine, and how it counts."""

from __future__ import annotations

import resource
import socket
import threading
from ipaddress import ip_network

import pytest

from crawler.wire.addresses import AddressPolicy
from crawler.wire.door import AddressRefusedError, SocketDoor, TooMuchError, network_of, own_networks, sockets_allowed

TCP = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
LOOPBACK = AddressPolicy.of(("127.0.0.1/32",))


def test_the_door_opens_for_permitted_addresses_only_and_counts_until_they_are_closed() -> None:
    door = SocketDoor(LOOPBACK)
    first, second = door((*TCP, ("127.0.0.1", 80))), door((*TCP, ("127.0.0.1", 81)))
    assert len(door) == 2
    with pytest.raises(AddressRefusedError):
        door((*TCP, ("127.0.0.3", 80)))
    first.close()
    first.close()
    assert len(door) == 1
    second.close()
    assert len(door) == 0


@pytest.mark.parametrize("into", [False, True])
def test_a_socket_takes_what_it_may_and_no_more(into: bool) -> None:
    door = SocketDoor(LOOPBACK)

    def take() -> int:
        return ours.recv_into(bytearray(1 << 20)) if into else len(ours.recv(1 << 20))

    with socket.create_server(("127.0.0.1", 0)) as server, door((*TCP, server.getsockname())) as ours:
        ours.connect(server.getsockname())
        theirs, _ = server.accept()
        with theirs:
            for content, due in [(0, 262_144), (1_000_000, 2_262_144)]:
                ours.begin()
                ours.content = content
                taken = 0
                sending = threading.Thread(target=theirs.sendall, args=(bytes(due),))
                sending.start()
                while taken < due:
                    taken += take()
                sending.join()
                theirs.sendall(b"b")
                with pytest.raises(TooMuchError):
                    take()


@pytest.mark.parametrize(
    ("address", "mask", "network"),
    [
        ("8.8.8.8", "255.255.255.0", "8.8.8.0/24"),
        ("8.8.8.8", "255.255.0.0", "8.8.0.0/16"),
        ("8.8.8.8", "255.0.0.0", "8.8.8.8/32"),  # nobody's network is as wide as that
        ("8.8.8.8", "0.0.0.0", "8.8.8.8/32"),
        ("8.8.8.8", "", "8.8.8.8/32"),
        ("8.8.8.8", "wide", "8.8.8.8/32"),
        ("8.8.8.8", "ffff:ffff:ffff:ffff::", "8.8.8.8/32"),
        ("2606:4700:4700::1111", "ffff:ffff:ffff:ffff::", "2606:4700:4700::/64"),
        ("2606:4700:4700::1111", "ffff:ffff::", "2606:4700:4700::1111/128"),
        ("2606:4700:4700::1111", "", "2606:4700:4700::1111/128"),
    ],
)
def test_a_public_address_of_ours_stands_in_a_network_of_ours(address: str, mask: str, network: str) -> None:
    assert network_of(address, mask) == {ip_network(network)}


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "fe80::1%eth0", "::1", "fd00::1", "", "eth0", "8.8.8"])
def test_an_address_that_is_refused_anyway_needs_no_network(address: str) -> None:
    assert network_of(address, "255.255.255.0") == set()


def test_our_own_networks_are_public_and_refused_unless_allowed() -> None:
    for network in own_networks():
        assert AddressPolicy().permits(str(network.network_address + 1))
        assert not AddressPolicy.of((), (), own_networks()).permits(str(network.network_address + 1))


def test_the_limit_of_sockets_is_raised_as_far_as_it_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        allowed = sockets_allowed()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == (min(hard, 65_536) if hard >= 0 else 65_536)
        assert allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
