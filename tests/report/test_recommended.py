from marginface.outcome import Histogram, Outcome, Threshold
from marginface.report.recommended import Advice, by_rate, num_impostor, of_all, of_benchmark


def outcome(num_impostor: int, *fars: float) -> Outcome:
    return Outcome(figures={}, thresholds=[Threshold(far, 0.5, 0.9, num_impostor) for far in fars])


def test_a_rate_without_threshold_says_what_it_needs_and_what_there_is() -> None:
    advice = of_benchmark("lfw", outcome(3000, 1e-3))
    assert [each.far for each in advice] == [1e-3, 1e-4, 1e-5, 1e-6]
    assert advice[0].threshold is not None
    assert (advice[0].threshold.score, advice[0].benchmark) == (0.5, "lfw")
    assert [each.threshold for each in advice[1:]] == [None] * 3
    assert advice[3].why == "needs 1,000,000 impostor pairs, there are 3,000"


def test_rates_of_the_benchmark_s_own_stand_among_the_others() -> None:
    assert [each.far for each in of_benchmark("x", outcome(10**9, 1e-8, 1e-4))] == [1e-3, 1e-4, 1e-5, 1e-6, 1e-8]


def test_a_rate_that_could_be_had_is_only_not_reported() -> None:
    assert of_benchmark("x", outcome(10**9, 1e-4))[0].why == "not reported"


def test_a_benchmark_that_chooses_no_thresholds_gives_no_advice() -> None:
    assert of_benchmark("ck_plus", Outcome(figures={})) == []
    many = Outcome(figures={}, histogram={"": Histogram([0.0], [1.0], [5000.0])})
    assert of_benchmark("x", many) == []


def test_too_few_impostors_for_any_threshold_are_told() -> None:
    few = Outcome(figures={}, histogram={"": Histogram([-0.5, 0.5], [1.0, 9.0], [98.0, 2.0])})
    assert num_impostor(few) == 100
    assert {each.why.partition(",")[0] for each in of_benchmark("x", few)[:1]} == {"needs 1"}
    assert of_benchmark("x", few)[0].why == "needs 1,000 impostor pairs, there are 100"


def test_the_benchmark_with_the_most_impostor_pairs_is_asked() -> None:
    advice = of_all({"lfw": outcome(3000, 1e-3), "ijbc": outcome(15_000_000, 1e-3, 1e-4, 1e-5, 1e-6)})
    assert [each.benchmark for each in advice] == ["ijbc"] * 4
    assert [each.num_accepted for each in advice] == [15_000, 1500, 150, 15]


def test_without_support_the_largest_set_is_named_by_its_size() -> None:
    advice = of_all({"lfw": outcome(3000, 1e-3), "small": outcome(1000, 1e-3)})
    assert advice[3] == Advice(1e-6, None, "needs 1,000,000 impostor pairs, there are 3,000")


def test_no_benchmark_at_all_supports_nothing() -> None:
    assert {each.why for each in of_all({})} == {"no impostor pairs were scored"}


def test_false_accepts_are_whole_numbers_in_spite_of_rounding() -> None:
    assert Advice(1e-3, Threshold(1e-3, 0.5, 0.9, 1000)).num_accepted == 1
    assert Advice(1e-3, None, "why").num_accepted == 0


def test_the_same_advice_stands_once_for_all_models() -> None:
    shared, own = Advice(1e-4, None, "why"), Advice(1e-3, Threshold(1e-3, 0.5, 0.9, 1000))
    other = own._replace(threshold=Threshold(1e-3, 0.6, 0.9, 1000))
    table = by_rate({"a": [own, shared], "b": [other, shared]})
    assert [[each.models for each in same] for same in table] == [[("a",), ("b",)], [("a", "b")]]
