import math

import laws
import pytest
import torch

from marginface.head import ArcFace, CosFace, ElasticFace, NormFace, Row

PLAIN = {"arc": lambda: ArcFace(64, 0.5), "cos": lambda: CosFace(64, 0.5)}


def row(cosine):
    return Row(cosine, torch.ones_like(cosine), torch.ones_like(cosine))


def cosines(n=512, seed=0):
    return 2 * torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def drawn(head, cosine):
    """Margins of one training step, read off the targets of the cosine form."""
    head.advance(row(cosine))
    return cosine - head.target(row(cosine))


@pytest.mark.parametrize("form", ["arc", "cos"])
@pytest.mark.parametrize("plus", [False, True])
def test_laws(form, plus):
    def make():
        return ElasticFace(form, plus=plus)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_waits_for_no_device(make)
    laws.assert_margin_raises_the_loss(make, lambda: NormFace(64))


@pytest.mark.parametrize("form", ["arc", "cos"])
def test_without_deviation_it_is_arcface_or_cosface(form):
    x, w, y = laws.batch()
    elastic, plain = (
        laws.classifier_of(head, w, training=True)(x, y).loss.detach()
        for head in (ElasticFace(form, std=0.0), PLAIN[form]())
    )
    torch.testing.assert_close(elastic, plain)


@pytest.mark.parametrize(("form", "expected"), [("arc", 36.889819), ("cos", 64 * 0.6)])
def test_golden_outside_training_uses_the_mean_margin(form, expected):
    """cos: the target's logit is 0, the largest other 38.4."""
    assert laws.loss_at(ElasticFace(form)) == pytest.approx(expected, abs=1e-6)


def test_margins_in_training_differ_from_row_to_row_and_step_to_step():
    head, cosine = ElasticFace("cos", margin=0.35), cosines()
    first, second = drawn(head, cosine), drawn(head, cosine)
    assert len(first.unique()) == len(cosine)
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1]) < 0.15


def test_margins_have_mean_and_deviation_and_ignore_the_cosine():
    cosine = cosines(4000)
    margin = drawn(ElasticFace("cos", margin=0.35), cosine)
    assert float(margin.mean()) == pytest.approx(0.35, abs=0.003)
    assert float(margin.std()) == pytest.approx(0.05, abs=0.003)
    assert abs(torch.corrcoef(torch.stack([margin, cosine]))[0, 1]) < 0.05


def test_plus_gives_the_same_margins_by_rank_the_largest_to_the_farthest():
    cosine = cosines()
    plain, plus = (drawn(ElasticFace("cos", plus=p), cosine) for p in (False, True))
    torch.testing.assert_close(plain.sort().values, plus.sort().values)
    assert (plus[cosine.argsort()].diff() < 0).all()


def test_draws_depend_on_seed_and_step_only():
    cosine = cosines()
    state = torch.random.get_rng_state()
    once, again, other = (drawn(ElasticFace("cos", seed=s), cosine) for s in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.isclose(once, other).any()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_process_finds_its_own_rows_among_all():
    cosine = cosines(12)
    head = ElasticFace("cos")
    margin = drawn(head, cosine)
    for part in (slice(0, 5), slice(5, 12)):
        torch.testing.assert_close(cosine[part] - head.target(row(cosine[part])), margin[part])


def test_a_resumed_run_draws_what_the_uninterrupted_one_would():
    cosine, first = cosines(), ElasticFace("cos")
    for _ in range(5):
        drawn(first, cosine)
    second = ElasticFace("cos")
    second.load_state_dict(first.state_dict())
    assert second.step == 5
    assert torch.equal(drawn(first, cosine), drawn(second, cosine))


def test_arc_form_shifts_the_angle():
    cosine = torch.tensor([0.1, 0.7], dtype=torch.float64)
    margin = drawn(ElasticFace("cos", plus=True), cosine)
    head = ElasticFace("arc", plus=True)
    head.advance(row(cosine))
    torch.testing.assert_close(head.target(row(cosine)), torch.cos(cosine.acos() + margin))


@pytest.mark.parametrize("form", ["arc", "cos"])
def test_gradients_are_finite_at_the_poles_in_training(form):
    cosine = torch.tensor([1.0, -1.0, 1.0, -1.0], requires_grad=True)
    head = ElasticFace(form)
    head.advance(row(cosine.detach()))
    head.target(row(cosine)).sum().backward()
    assert torch.isfinite(cosine.grad).all()


def test_wide_draws_stay_margins():
    margin = drawn(ElasticFace("cos", margin=0.2, std=1.0), cosines())
    assert margin.min() == 0
    assert margin.max() == 1


@pytest.mark.parametrize(("grad", "expected"), [("true", math.sin(1.5) / math.sin(1.0)), ("detached", 1.0)])
def test_slope(grad, expected):
    cosine = torch.tensor([math.cos(1.0)], dtype=torch.float64, requires_grad=True)
    ElasticFace(margin_grad=grad).target(row(cosine)).sum().backward()
    assert cosine.grad.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"form": "am"}, "form='am'"),
        ({"margin": 2}, "margin=2"),
        ({"form": "cos", "margin": 1.2}, "margin=1.2"),
        ({"std": -0.1}, "std=-0.1"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        ElasticFace(**kwargs)
