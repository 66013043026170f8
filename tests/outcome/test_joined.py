from marginface.metric import Interval
from marginface.outcome import Confusion, Outcome, Threshold
from marginface.outcome.joined import joined


def test_everything_that_the_parts_say_is_kept() -> None:
    confusion = Confusion(["a"], [[1]])
    one = Outcome(
        figures={"auc": Interval(0.5, 0.4, 0.6)}, thresholds=[Threshold(1e-3, 0.1, 0.2, 9)], excluded={"pairs": 1}
    )
    other = Outcome(figures={"eer": Interval(0.1, 0.0, 0.2)}, confusion=confusion, unsupported={"rank-9": "why"})
    both = joined([one, other])
    assert list(both.figures) == ["auc", "eer"]
    assert (both.confusion, both.unsupported, both.excluded) == (confusion, {"rank-9": "why"}, {"pairs": 1})
    assert both.thresholds == [Threshold(1e-3, 0.1, 0.2, 9)]
