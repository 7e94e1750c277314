"""Names of compressions are a grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import RECOMMENDED_COMPRESSIONS, Compression, parse_compression
from edgeconv.errors import UsageError

PRUNE = st.sampled_from(["", "prune50", "prune1", "prune99", "prune2of4"])
CLUSTER = st.sampled_from(["", "cluster2", "cluster16", "cluster256"])
QAT = st.sampled_from(["", "qat4", "qat8"])


@given(PRUNE, CLUSTER, QAT)
def test_parse_compression_reads_every_joined_name(prune: str, cluster: str, qat: str) -> None:
    name = "-".join(filter(None, (prune, cluster, qat)))
    if not name:
        return
    method = parse_compression(name)
    assert method.name == name
    assert bool(method.sparsity) == bool(prune)
    assert bool(method.pattern) == (prune == "prune2of4")
    assert method.clusters == int(cluster.removeprefix("cluster") or 0)
    assert method.bits == int(qat.removeprefix("qat") or 0)


def test_parse_compression_of_the_recommended_names() -> None:
    assert len(set(RECOMMENDED_COMPRESSIONS)) == 19
    assert parse_compression("prune80-cluster16-qat8") == Compression(
        "prune80-cluster16-qat8", sparsity=0.8, clusters=16, bits=8
    )
    assert parse_compression("prune2of4-cluster16") == Compression(
        "prune2of4-cluster16", 0.5, "2:4", 16
    )
    assert all(parse_compression(name).name == name for name in RECOMMENDED_COMPRESSIONS)


@pytest.mark.parametrize(
    "name",
    [
        *("", "zip", "prune", "prune0", "prune100", "prune080", "-prune80", "prune80-"),
        *("prune80cluster16", "cluster16-prune80", "prune80-prune50", "qat8-cluster16", "qat16"),
        *("cluster1", "cluster0", "cluster257", "prune80 ", "prune80\n"),
    ],
)
def test_parse_compression_refuses_other_names(name: str) -> None:
    with pytest.raises(UsageError):
        parse_compression(name)
