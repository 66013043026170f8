import laws
import torch
import torch.nn.functional as F

from marginface.head import Softmax


def test_laws():
    laws.assert_common_laws(Softmax)
    laws.assert_true_gradient(Softmax)


def test_equals_linear_layer_with_cross_entropy():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(Softmax(), w)
    classifier.bias.data = torch.linspace(-1, 1, 5, dtype=torch.float64)
    logits = F.linear(x, w, classifier.bias)
    result = classifier(x, y)
    torch.testing.assert_close(result.loss, F.cross_entropy(logits, y))
    assert torch.equal(result.correct, logits.argmax(1) == y)


def test_without_bias_a_common_shift_of_all_centres_changes_nothing():
    x, w, y = laws.batch()
    shift = torch.ones(1, 8, dtype=torch.float64)
    a, b = (laws.gradients(Softmax(bias=False), x, v, y)[0] for v in (w, w + shift))
    torch.testing.assert_close(a, b)
