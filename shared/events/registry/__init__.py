"""What the registry tells the others: who takes part, with what, and in which standing."""

from shared.events.registry import claimants, experts, facilities, providers, representation, standing

__all__ = ["claimants", "experts", "facilities", "providers", "representation", "standing"]
