"""Features of templates from embeddings of their images.

Shapes: N images, E memberships (an image in a template), T templates, D embedding.
"""

import torch
from torch import Tensor
from torch.nn import functional

from marginface.benchmark.usable import require_usable
from marginface.data.benchmark_files.ijb_templates import Templates
from marginface.embedding import Embeddings

_CHUNK = 4096  # memberships that are looked at together


def template_embeddings(
    embeddings: Embeddings, templates: Templates, flip: str = "sum", use_detector_score: bool = True
) -> Embeddings:
    """One unit row a template: the mean over the images of each medium, summed over media, normalised.

    Images are weighted by the norm of their own embedding, as nothing is normalised before the end.

    Args:
        embeddings: Of the N images.
        templates: Which images make up which template.
        flip: How the two views of an image are merged: ``sum``, ``concat`` or ``none``.
        use_detector_score: Whether an image is weighted by the detector's score too.

    Returns:
        T embeddings of a single view.

    Raises:
        ValueError: Another number of embeddings than of images, embeddings that are not finite, or a template whose
            feature is zero; names the image or template.

    Source: insightface, ``recognition/arcface_torch/eval_ijbc.py``, whose defaults are the defaults here.
    """
    require_usable(embeddings, templates.images.names)
    weight = torch.from_numpy(templates.share)
    if use_detector_score:
        weight = weight * torch.from_numpy(templates.score)[templates.image]
    total = _weighted_sums(embeddings, templates, weight, flip)
    empty = ~total.any(1)
    if bool(empty.any()):
        raise ValueError(
            f"{int(empty.sum())} templates have a zero feature, the first is template "
            f"{templates.ids[int(empty.int().argmax())]}: their embeddings or detector scores are zero; "
            "look at the weights, or set use_detector_score=false"
        )
    return Embeddings(functional.normalize(total, dim=1).float()[:, None].numpy(), device=embeddings.device)


def _weighted_sums(embeddings: Embeddings, templates: Templates, weight: Tensor, flip: str) -> Tensor:
    """Sum of each template's images times their weights, (T, D) float64."""
    image, row = torch.from_numpy(templates.image), torch.from_numpy(templates.row)
    dim = embeddings.merged(image[:1], flip).shape[1]
    total = torch.zeros(len(templates.ids), dim, dtype=torch.float64)
    for part in torch.split(torch.arange(len(image)), _CHUNK):
        total.index_add_(0, row[part], embeddings.merged(image[part], flip).double() * weight[part, None])
    return total
