"""Made-up records."""

from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.transaction import Transaction
from condafs.names import BuildName, EnvironmentName, SpecDigest


def build_name(number: int, name: str = "foo") -> BuildName:
    return BuildName(SpecDigest(f"{number:064x}"), EnvironmentName(name))


def put_ready(transaction: Transaction, number: int, name: str = "foo") -> BuildRecord:
    """A published build without an environment."""
    record = BuildRecord(
        build_name(number, name), BuildState.READY, transaction.next_sequence(), generation=number, failure_message="."
    )
    transaction.put_build(record)
    transaction.put_specification(record.digest, b"{}")
    return record
