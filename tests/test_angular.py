import math

import pytest
import torch

from marginface.angular import angle, chebyshev, normalize, saturated_cosine, sphere_psi, sphere_psi_slope

THETA = torch.linspace(0, math.pi, 1001, dtype=torch.float64)


@pytest.mark.parametrize("order", range(6))
def test_chebyshev_is_the_cosine_of_the_multiple_angle(order):
    torch.testing.assert_close(chebyshev(order, THETA.cos()), torch.cos(order * THETA))


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_psi_is_the_paper_s_definition(margin):
    branch = torch.floor(margin * THETA / math.pi).clamp_max(margin - 1)
    expected = (1 - 2 * (branch % 2)) * torch.cos(margin * THETA) - 2 * branch
    torch.testing.assert_close(sphere_psi(THETA.cos(), margin), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("margin", [2, 3, 4])
def test_psi_facts(margin):
    psi = sphere_psi(THETA.cos(), margin)
    assert psi[0] == 1
    assert psi[-1] == pytest.approx(1 - 2 * margin)
    assert (psi.diff() < 0).all()
    assert (psi[1:] < THETA.cos()[1:]).all()


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_psi_slope_is_the_derivative(margin):
    cosine = torch.linspace(-0.99, 0.99, 57, dtype=torch.float64).requires_grad_()
    sphere_psi(cosine, margin).sum().backward()
    torch.testing.assert_close(cosine.grad, sphere_psi_slope(cosine.detach(), margin))
    ends = sphere_psi_slope(torch.tensor([1.0, -1.0]), margin)
    assert ends.tolist() == [margin**2, margin**2]


PSI_TABLE = {  # cosine: psi for m = 1, 2, 3, 4
    0.9: (0.9, 0.62, 0.216, -0.2312),
    0.2: (0.2, -0.92, -1.432, -2.6928),
    0.0: (0.0, -1.0, -2.0, -3.0),
    -0.5: (-0.5, -1.5, -3.0, -4.5),
    -0.9: (-0.9, -2.62, -4.216, -5.7688),
}


@pytest.mark.parametrize("cosine", PSI_TABLE)
def test_psi_golden(cosine):
    values = [float(sphere_psi(torch.tensor(cosine, dtype=torch.float64), m)) for m in (1, 2, 3, 4)]
    assert values == pytest.approx(PSI_TABLE[cosine])


REAL_PSI_TABLE = {  # cosine: psi for m = 1.5, 1.7
    1.0: (1.0, 1.0),
    0.9: (0.779744, 0.720172),
    0.5: (0.0, -0.207912),
    0.2: (-0.464758, -0.686925),
    0.0: (-0.707107, -0.891007),
    -0.2: (-0.885438, -0.991700),
    -0.5: (-1.0, -1.086455),
    -0.9: (-1.373901, -1.862015),
    -1.0: (-2.0, -2.587785),
}


@pytest.mark.parametrize("cosine", REAL_PSI_TABLE)
def test_psi_golden_for_a_real_margin(cosine):
    values = [float(sphere_psi(torch.tensor(cosine, dtype=torch.float64), m)) for m in (1.5, 1.7)]
    assert values == pytest.approx(REAL_PSI_TABLE[cosine], abs=1e-6)


@pytest.mark.parametrize("margin", [1.0, 2.0, 4.0])
def test_psi_of_the_angle_is_the_polynomial_where_the_margin_is_whole(margin):
    by_angle = sphere_psi(THETA.cos(), torch.tensor(margin, dtype=torch.float64))
    torch.testing.assert_close(by_angle, sphere_psi(THETA.cos(), margin), atol=1e-9, rtol=0)


@pytest.mark.parametrize("margin", [1.2, 1.7, 2.5])
def test_psi_for_a_real_margin_is_strictly_decreasing_with_the_formula_s_slope(margin):
    cosine = THETA[1:-1].cos().requires_grad_()
    psi = sphere_psi(cosine, margin)
    assert (psi.diff() < 0).all()
    psi.sum().backward()
    expected = margin * torch.sin(margin * THETA[1:-1]).abs() / torch.sin(THETA[1:-1])
    torch.testing.assert_close(cosine.grad, expected)


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 0.0), (1.7, 0.0), (1.0, 0.5), (0.7, 0.4), (1 / 1.4, 0.0)])
def test_saturated_cosine_stops_at_pi(factor, shift):
    cosine = THETA.cos().requires_grad_()
    value = saturated_cosine(cosine, factor, shift)
    larger = factor * THETA + shift
    torch.testing.assert_close(value, torch.where(larger < math.pi, larger.cos(), -1.0))
    value.sum().backward()
    assert torch.isfinite(cosine.grad).all()
    assert (cosine.grad[larger > math.pi] == 0).all()


def test_angle_is_arccos_with_a_finite_slope_everywhere():
    cosine = torch.tensor([-1.0000001, -1.0, -0.3, 0.0, 0.7, 1.0, 1.0000001], requires_grad=True)
    theta = angle(cosine)
    torch.testing.assert_close(theta, torch.acos(cosine.detach().clamp(-1, 1)))
    theta.sum().backward()
    assert torch.isfinite(cosine.grad).all()
    assert (cosine.grad < 0).all()
    inner = cosine.detach()[2:5]
    torch.testing.assert_close(cosine.grad[2:5], -torch.rsqrt(1 - inner**2))


def test_normalize_gives_a_zero_row_no_direction_and_no_gradient():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    unit, length = normalize(x)
    assert unit.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]
    assert length.tolist() == [5, 0]
    (unit[:, 0].sum() + length.sum()).backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad[1].tolist() == [0, 0]
