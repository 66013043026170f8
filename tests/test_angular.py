import math

import pytest
import torch

from marginface.angular import angle, chebyshev, normalize, sphere_psi, sphere_psi_slope

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
