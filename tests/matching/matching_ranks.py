"""One process of several that share comparisons, for test_shares.py."""

from pathlib import Path

import torch
from torch import Tensor, distributed

from marginface import matching

Results = dict[str, tuple[object, ...]]


def everything(query: Tensor, query_identity: Tensor, gallery: Tensor, gallery_identity: Tensor) -> Results:
    """What each function returns."""
    sides = query, query_identity, gallery, gallery_identity
    identities = {"query_identity": query_identity, "gallery_identity": gallery_identity}
    return {
        "top": tuple(matching.top_impostors(*sides, num_kept=40, block=16)),
        "screened": tuple(matching.top_impostors(*sides, num_kept=40, screen=True)),
        "triangle": tuple(matching.top_impostors(gallery, gallery_identity, num_kept=40, block=16)),
        "genuine": tuple(matching.genuine_scores(*sides)),
        "genuine triangle": tuple(matching.genuine_scores(gallery, gallery_identity)),
        "row tops": tuple(matching.row_tops(query, gallery, num_kept=3, stops=[5, 100], **identities)),
        "ranks": matching.mate_ranks(*sides),
    }


def run(rank: int, world: int, folder: str, cases: dict[str, tuple[Tensor, ...]]) -> None:
    """Compare each case together with the other processes; save the results to ``folder/<rank>.pt``."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world)
    torch.save({name: everything(*sides) for name, sides in cases.items()}, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()
