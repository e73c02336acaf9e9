"""What things are bought for. Change a figure here, and `python benchmarks/costs.py` makes the page anew."""

from __future__ import annotations

from dataclasses import dataclass, fields

from benchmarks.supercomputer.assumptions import Assumed


@dataclass(frozen=True, slots=True)
class Prices:
    """Euros without tax; a name says of what. A terabyte is 10^12 bytes."""

    euros_per_dollar: float = Assumed(0.92, "assumed: 2024 and 2025 saw 0.85 to 0.97")
    dollars_per_core_hour: float = Assumed(
        0.04, "cc2dataset's README: 70,000 core hours for 2,800 dollars (peers.md, section 3)"
    )
    dollars_per_gpu_hour: float = Assumed(2.0, "assumed: an A100 rented by the hour, 1 to 4 dollars")
    dollars_per_terabyte_in: float = Assumed(
        0.0, "Hetzner's billing FAQ and AWS: what comes in is not charged; Common Crawl gives its files away"
    )
    dollars_per_terabyte_out: float = Assumed(
        90.0, "AWS beyond 10 TB a month, 0.09 dollars a gigabyte; dedicated hosts ask for 1 euro a terabyte"
    )
    dollars_per_terabyte_month: float = Assumed(23.0, "assumed: S3 Standard, 0.023 dollars a gigabyte and month")

    @property
    def core_second(self) -> float:
        """Euros for a second of a core."""
        return self.dollars_per_core_hour * self.euros_per_dollar / 3600

    @property
    def gpu_hour(self) -> float:
        """Euros for an hour of a GPU."""
        return self.dollars_per_gpu_hour * self.euros_per_dollar

    @property
    def terabyte_in(self) -> float:
        """Euros for a terabyte that comes in."""
        return self.dollars_per_terabyte_in * self.euros_per_dollar

    @property
    def terabyte_out(self) -> float:
        """Euros for a terabyte that leaves."""
        return self.dollars_per_terabyte_out * self.euros_per_dollar

    @property
    def terabyte_month(self) -> float:
        """Euros for keeping a terabyte for a month."""
        return self.dollars_per_terabyte_month * self.euros_per_dollar

    def rows(self) -> list[tuple[str, float, str]]:
        """(name, value, source) of each."""
        values = [(one.name, getattr(self, one.name)) for one in fields(self)]
        return [(name, float(value), getattr(value, "source", "set by hand")) for name, value in values]
