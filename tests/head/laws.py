"""Laws that heads obey, by name; each test file of a head picks the ones that hold for it.

Shapes: N batch, D embedding, C classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from marginface.classifier import DenseClassifier
from marginface.head import Head, Row

Make = Callable[[], Head]
GOLDEN_COSINES = (0.5, 0.2, 0.6, -0.3)


def classifier_of(head: Head, weight: Tensor, training: bool = False) -> DenseClassifier:
    """A dense classifier with the given centres."""
    classifier = DenseClassifier(head, len(weight) // head.num_centres, weight.shape[1]).to(weight.dtype)
    classifier.weight.data.copy_(weight)
    return classifier.train(training)


def batch_at(
    cosines: tuple[float, ...] = GOLDEN_COSINES, norm: float = 10.0, label: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """One float64 embedding (along the first axis) of a given length, unit centres at given cosines, its label."""
    cosine = torch.tensor(cosines, dtype=torch.float64)
    w = torch.cat([cosine.unsqueeze(1), torch.diag((1 - cosine**2).sqrt())], dim=1)
    return norm * torch.eye(1, len(cosines) + 1, dtype=torch.float64), w, torch.tensor([label])


def loss_at(head: Head, cosines: tuple[float, ...] = GOLDEN_COSINES, norm: float = 10.0, label: int = 0) -> float:
    """Loss in float64 of one embedding of a given length at given cosines to unit centres."""
    x, w, y = batch_at(cosines, norm, label)
    return float(classifier_of(head, w)(x, y).loss.detach())


def batch(n: int = 6, d: int = 8, c: int = 5, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Random float64 embeddings, centres and labels."""
    g = torch.Generator().manual_seed(seed)
    x, w = (torch.randn(rows, d, generator=g, dtype=torch.float64) for rows in (n, c))
    return 3 * x, w, torch.randint(0, c, (n,), generator=g)


def gradients(head: Head, x: Tensor, w: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, dX and dW."""
    x = x.clone().requires_grad_()
    classifier = classifier_of(head, w)
    loss = classifier(x, y).loss
    loss.backward()
    assert x.grad is not None
    assert classifier.weight.grad is not None
    return loss.detach(), x.grad, classifier.weight.grad


def assert_permutation_of_classes(make: Make) -> None:
    """Renaming the classes changes nothing."""
    x, w, y = batch()
    order = torch.tensor([3, 0, 4, 1, 2])
    renamed = torch.argsort(order)[y]
    torch.testing.assert_close(gradients(make(), x, w, y)[0], gradients(make(), x, w[order], renamed)[0])


def assert_rotation_invariance(make: Make) -> None:
    """Rotating embeddings and centres together changes nothing."""
    x, w, y = batch()
    q = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    torch.testing.assert_close(gradients(make(), x, w, y)[0], gradients(make(), x @ q, w @ q, y)[0])


def assert_finite_at_the_poles(make: Make) -> None:
    """Embeddings parallel and anti-parallel to centres give finite loss and gradients, in fp32 and under autocast."""
    w = torch.eye(4, 6)
    x = torch.cat([10 * w, -10 * w])
    y = torch.arange(4).repeat(2)
    for dtype in (None, torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
            values = gradients(make(), x if dtype is None else x.to(dtype), w, y)
        for value in values:
            assert torch.isfinite(value).all(), f"{dtype}: {value}"


def assert_gradient_at_the_far_pole(make: Make) -> None:
    """An embedding close to the opposite of its centre is still pulled towards it."""
    w = torch.eye(4, 6)
    x = -10 * w[:1] + 1e-3 * w[1:2]
    _, dx, _ = gradients(make(), x, w, torch.tensor([0]))
    assert float(dx[0, 1]) > 0, "moving away from another centre must lower the loss"
    assert float(dx.norm()) > 1e-6


def assert_true_gradient(make: Make) -> None:
    """Autograd equals finite differences, for embeddings and centres."""
    x, w, y = batch(seed=3)
    head = make().double()

    def loss(x: Tensor, w: Tensor) -> Tensor:
        classifier = classifier_of(head, w)
        return torch.func.functional_call(classifier, {"weight": w}, (x, y)).loss

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), w.requires_grad_()), atol=1e-6)


def assert_gradient_orthogonal_to_embedding(make: Make) -> None:
    """A head that normalises embeddings does not see their length: <x, dL/dx> = 0."""
    x, w, y = batch()
    loss, dx, _ = gradients(make(), x, w, y)
    torch.testing.assert_close((x * dx).sum(dim=1), torch.zeros(len(x), dtype=x.dtype), atol=1e-10, rtol=0)
    torch.testing.assert_close(gradients(make(), 7 * x, w, y)[0], loss)


def assert_gradient_orthogonal_to_centres(make: Make) -> None:
    """A head that normalises centres does not see their length: <w_j, dL/dw_j> = 0."""
    x, w, y = batch()
    loss, _, dw = gradients(make(), x, w, y)
    torch.testing.assert_close((w * dw).sum(dim=1), torch.zeros(len(w), dtype=w.dtype), atol=1e-10, rtol=0)
    torch.testing.assert_close(gradients(make(), x, 7 * w, y)[0], loss)


def assert_margin_raises_the_loss(make: Make, plain: Make) -> None:
    """Sample by sample, the loss with a margin is at least the loss without."""
    x, w, y = batch(n=64)
    for i in range(len(x)):
        one = slice(i, i + 1)
        assert gradients(make(), x[one], w, y[one])[0] >= gradients(plain(), x[one], w, y[one])[0] - 1e-12


def assert_batch_additivity(make: Make) -> None:
    """The loss of a batch is the mean of its samples' losses."""
    x, w, y = batch()
    alone = [gradients(make(), x[i : i + 1], w, y[i : i + 1])[0] for i in range(len(x))]
    torch.testing.assert_close(gradients(make(), x, w, y)[0], torch.stack(alone).mean())


def assert_state_survives(make: Make) -> None:
    """A head restored from its state_dict gives the next loss of the original."""
    x, w, y = batch()
    first = classifier_of(make(), w, training=True)
    for _ in range(3):
        first(x, y)
    second = classifier_of(make(), w, training=True)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(first(x, y).loss, second(x, y).loss, rtol=0, atol=0)


def assert_waits_for_no_device(make: Make) -> None:
    """A training forward reads no value back, which would stall a GPU's queue: tensors without values suffice."""
    head = make().to("meta")
    head.bind(7)
    row = Row(*torch.rand(3, 6, device="meta"))
    head.advance(row, torch.rand(6, device="meta"))
    head.scale(row.norm)
    head.negative(torch.rand(6, 7, device="meta"), row)
    assert head.target(row).shape == (6,)


def assert_common_laws(make: Make) -> None:
    """What holds for every head."""
    assert_permutation_of_classes(make)
    assert_rotation_invariance(make)
    assert_finite_at_the_poles(make)
    assert_batch_additivity(make)
    assert_state_survives(make)
