"""Chains and devices, from `chains`."""

import pytest
from chains import Chains, Device


@pytest.fixture
def chains() -> Chains:
    """Nothing told yet but that the operator is there."""
    made = Chains()
    made.welcome("operator", "操作员", "operator")
    return made


@pytest.fixture
def opened(chains: Chains, device: Device) -> Chains:
    """A draft that stands at its first gate: 甲 for the centre with a device, 乙 for the bureau with a code, 填表人 prepared it."""
    chains.welcome("p1", "填表人", "clerk")
    chains.welcome("p2", "甲", "center", device)
    chains.welcome("p3", "乙", "bureau")
    chains.open()
    chains.draft()
    return chains


@pytest.fixture(scope="session")
def device() -> Device:
    return Device()


@pytest.fixture(scope="session")
def other_device() -> Device:
    return Device(credential="b3RoZXI")


@pytest.fixture(scope="session")
def ed25519_device() -> Device:
    return Device("EdDSA")


@pytest.fixture(scope="session")
def rsa_device() -> Device:
    return Device("RS256")
