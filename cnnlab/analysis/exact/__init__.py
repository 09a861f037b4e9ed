"""What needs no training: the layers of every network, and the claims of arithmetic and structure, computed.

A claim is a function under `evidence.claim` in any file of this folder, which is found without being listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import torch

from cnnlab.analysis.exact.evidence import CLAIMS, Claim, compute_claim
from cnnlab.analysis.exact.zoo import Trace, Zoo
from cnnlab.analysis.tables.frames import Row
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning.studies.claims import ClaimRegistry

for file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    import_module(f"{__name__}.{file.stem}")


def compute_tables(registry: ClaimRegistry) -> dict[str, list[Row]]:
    """The rows of the tables ``layers``, ``exact`` and ``evidence``, on one thread: the same at every call. None of the
    claims is computed for a project that registers none.

    Raises:
        UserError: if the claims that are computed are not those that are registered as exact or structural.
    """
    if registry.claims:
        check_registered(CLAIMS, registry)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        zoo = Zoo()
        findings = [compute_claim(claim_id, part, zoo) for claim_id, part in registry.computed_parts]
        return {
            "layers": [row for trace in zoo.every() for row in layer_rows(trace)],
            "exact": [{name: getattr(finding, name) for name in EXACT} for finding in findings],
            "evidence": [
                {"id": finding.id, "part": finding.part, "index": index, **asdict(row), "holds": row.holds}
                for finding in findings
                for index, row in enumerate(finding.evidence)
            ],
        }
    finally:
        torch.set_num_threads(threads)


def check_registered(computed: Mapping[tuple[str, str], Claim], registry: ClaimRegistry) -> None:
    """Refuse a claim that is computed but not registered, and one that is registered but not computed."""
    registered, folder = registry.computed_parts, __name__.replace(".", "/")
    for claim_id, part in sorted(computed.keys() - registered):
        file = computed[claim_id, part].__module__.replace(".", "/")
        raise UserError(f"{file}.py: {claim_id} ({part}) is not exact or structural in {paths.CLAIMS}; register it")
    for claim_id, part in sorted(set(registered) - computed.keys()):
        raise UserError(f"{paths.CLAIMS}: {claim_id} ({part}) needs no training, but no file of {folder} computes it")


def layer_rows(trace: Trace) -> list[Row]:
    """Rows of the table ``layers``: one network, layer by layer."""
    return [
        {
            **{name: getattr(trace, name) for name in NETWORK},
            **{name: getattr(layer, name) for name in LAYER},
            "index": index,
            "layer": layer.name,
            "input_shape": "x".join(map(str, layer.input_shape)),
            "output_shape": "x".join(map(str, layer.output_shape)),
        }
        for index, layer in enumerate(trace.layers)
    ]


EXACT = ("id", "part", "holds", "summary")
NETWORK = ("architecture", "preset", "channels", "image_size", "classes")
LAYER = ("stage", "kind", "parameters", "macs", "parameter_bytes", "activation_bytes")
