"""Our SGD against PyTorch's."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from cnnlab.training.optimizers import SGD


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.9, 5e-4)])
def test_the_update_is_that_of_pytorch_to_the_bit(momentum: float, decay: float) -> None:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4))
    theirs = copy.deepcopy(ours)
    mine = SGD(ours.parameters(), momentum, decay)
    peer = torch.optim.SGD(theirs.parameters(), 0.1, momentum, weight_decay=decay, foreach=False)
    for step in range(20):
        rate = 0.1 / (1 + step)
        images, labels = torch.randn(8, 1, 8, 8), torch.randint(4, (8,))
        for network, optimizer in ((ours, mine), (theirs, peer)):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
        mine.step(rate)
        peer.param_groups[0]["lr"] = rate
        peer.step()
        for left, right in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(left, right)


def test_a_step_imports_no_compiler() -> None:
    program = (
        "import sys, torch; from cnnlab.training.optimizers import SGD; import cnnlab.training.loop;"
        "w = torch.nn.Parameter(torch.ones(3)); o = SGD([w], 0.9, 0.1); w.sum().backward(); o.step(0.1);"
        "print(*sorted({'torch._dynamo', 'torch._inductor', 'sympy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
