import csv
import json
import math
from pathlib import Path

import pytest

from marginface.sweep.comparison import draw, interval, markdown, terminal, write_comparison
from marginface.sweep.jobs import Job, differing, label, measured, ranked, read_jobs, write_job


def figures(auc, eer=0.1, benchmark="lfw"):
    """One benchmark with two figures; the interval of the AUC is +- 0.05."""
    low = {"value": auc, "low": auc - 0.05, "high": auc + 0.05}
    return {benchmark: {"auc": low, "eer": {"value": eer, "low": eer, "high": eer}}}


def done(number, head, auc, *more, loss=2.0, **kwargs):
    values = {"objective": auc - 0.1, "training": {"train/loss": loss}, "figures": figures(auc)} | kwargs
    return Job(
        number, ["experiment=quickstart", f"head={head}", *more], "completed", objective_name="val/auc", **values
    )


JOBS = [
    done(0, "softmax", 0.8),
    done(1, "arcface", 0.9, loss=7.123456),
    Job(2, ["experiment=quickstart", "head=broken"], "failed", "ValueError: a | b", objective_name="val/auc"),
    Job(3, ["experiment=quickstart", "head=killed"], objective_name="val/auc"),
]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep's folder with the records of four jobs."""
    for job in JOBS:
        write_job(job, tmp_path / f"{job.number}_{job.options()['head']}")
    return tmp_path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_records_are_read_as_they_were_written(sweep: Path) -> None:
    read = read_jobs(sweep)
    assert [job._replace(folder="") for job in read] == JOBS
    assert [job.folder for job in read] == ["0_softmax", "1_arcface", "2_broken", "3_killed"]


def test_jobs_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 100):
        write_job(done(number, "x", 0.5), tmp_path / "deeper" / f"{number}_x")
    assert [job.number for job in read_jobs(tmp_path)] == [9, 10, 100]


def test_only_what_differs_is_a_column() -> None:
    assert differing(JOBS) == ["head"]
    assert differing(JOBS[:1]) == []
    assert differing([done(0, "a", 0.5, "seed=1"), done(1, "a", 0.5)]) == ["seed"]


def test_the_csv_has_every_job_and_every_number(sweep: Path) -> None:
    write_comparison(sweep)
    rows = table(sweep / "comparison.csv")
    assert [row["head"] for row in rows] == ["softmax", "arcface", "broken", "killed"]
    assert [row["status"] for row in rows] == ["completed", "completed", "failed", "unfinished"]
    assert rows[2]["reason"] == "ValueError: a | b"
    assert (rows[1]["train/loss"], rows[1]["objective"], rows[1]["lfw/auc"]) == ("7.123456", "0.8", "0.9")
    assert float(rows[1]["lfw/auc/low"]) == pytest.approx(0.85)
    assert float(rows[1]["lfw/auc/high"]) == pytest.approx(0.95)
    assert all(rows[i][key] == "" for i in (2, 3) for key in ("train/loss", "objective", "lfw/auc", "lfw/eer/low"))
    assert "experiment" not in rows[0]


def test_the_markdown_has_every_job_with_intervals(sweep: Path) -> None:
    write_comparison(sweep)
    text = (sweep / "comparison.md").read_text()
    title, _, header, line, *rows = text.splitlines()
    assert title.startswith("4 jobs with `experiment=quickstart`")
    cells = [cell.strip() for cell in header.strip("|").split("|")]
    assert cells == ["job", "head", "status", "train loss", "val/auc", "lfw/auc", "lfw/eer"]
    assert set(line) <= set("|:-")
    assert len(rows) == 4
    assert "0.9000 [0.8500, 0.9500]" in rows[1]
    assert r"failed: ValueError: a \| b" in rows[2]
    assert len({row.replace(r"\|", "").count("|") for row in (header, *rows)}) == 1


def test_the_terminal_sees_the_best_first_and_all_jobs(sweep: Path) -> None:
    text = write_comparison(sweep)
    assert [word for word in text.split() if word in ("softmax", "arcface", "broken", "killed")] == [
        *("arcface", "softmax"),
        *("broken", "killed"),
    ]
    assert "0.9000 [0.8500, 0.9500]" in text
    assert "lfw/eer" not in text  # one figure, or the lines would be too long


def test_a_sweep_of_evaluations_has_no_columns_of_training() -> None:
    jobs = [
        Job(i, [f"ckpt={name}"], "completed", objective_name="None", figures=figures(auc))
        for i, (name, auc) in enumerate((("a", 0.8), ("b", 0.9)))
    ]
    assert markdown(jobs).splitlines()[2].split("|")[1:4] == [" job   ", " ckpt   ", " status    "]
    assert "train loss" not in markdown(jobs)
    assert terminal(jobs, "lfw/auc").splitlines()[0].split() == ["job", "ckpt", "status", "lfw/auc"]


def test_a_long_reason_does_not_flood_the_terminal_but_is_kept() -> None:
    job = JOBS[2]._replace(reason="word " * 500 + "end")
    assert len(terminal([job], "lfw/auc").splitlines()) < 8
    assert "end" in markdown([job])


def test_the_plot_is_a_picture_whatever_is_missing(sweep: Path) -> None:
    write_comparison(sweep)
    assert (sweep / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_without_any_figure_there_are_tables_but_no_plot(tmp_path: Path) -> None:
    write_job(JOBS[2], tmp_path / "2_broken")
    text = write_comparison(tmp_path)
    assert "ValueError" in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2_broken", "comparison.csv", "comparison.md"]


def test_no_job_at_all(tmp_path: Path) -> None:
    write_comparison(tmp_path)
    assert (tmp_path / "comparison.md").read_text().startswith("0 jobs")


def test_without_benchmarks_the_objective_is_drawn(tmp_path: Path) -> None:
    for number, auc in enumerate((0.7, 0.9)):
        write_job(done(number, f"h{number}", auc, figures={}), tmp_path / str(number))
    text = write_comparison(tmp_path)
    assert text.index("h1") < text.index("h0")
    assert (tmp_path / "comparison.png").exists()


def test_a_metric_that_no_job_has_costs_no_comparison(sweep: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "arcface" in write_comparison(sweep, "lfw/acu")
    assert "metric=lfw/acu is unknown, so lfw/auc is drawn; the jobs have lfw/auc, lfw/eer, objective" in caplog.text


def test_error_rates_are_ranked_the_other_way_round() -> None:
    jobs = [done(0, "a", 0.9, figures=figures(0.9, 0.3)), done(1, "b", 0.8, figures=figures(0.8, 0.2)), JOBS[3]]
    assert [job.number for job in ranked(jobs, "lfw/auc")] == [0, 1, 3]
    assert [job.number for job in ranked(jobs, "lfw/eer")] == [1, 0, 3]
    lossy = [job._replace(objective_name="train/loss") for job in jobs]
    assert [job.number for job in ranked(lossy, "objective")] == [1, 0, 3]


def test_a_figure_that_is_not_finite_counts_as_missing() -> None:
    bad = done(0, "a", math.nan)
    assert measured(bad, "objective") is None
    assert interval(bad, "lfw/auc") == ""
    assert [job.number for job in ranked([bad, JOBS[1]], "lfw/auc")] == [1, 0]


def test_labels_say_what_differs() -> None:
    assert label(JOBS[0], ["head"]) == "softmax"
    two = done(0, "a", 0.5, "seed=1")
    assert label(two, ["head", "seed"]) == "head=a seed=1"
    assert label(JOBS[0], ["seed"]) == "(default)"
    assert label(JOBS[0]._replace(folder="0_softmax"), []) == "0_softmax"


def test_each_job_has_its_place_on_the_axis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: drawn.append(self))
    draw(ranked(JOBS, "lfw/auc"), "lfw/auc", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        *("arcface", "softmax"),
        *("broken (failed)", "killed (unfinished)"),
    ]
    assert axes.yaxis_inverted()  # the first on top
    dots = [(float(x.get_xdata()[0]), float(x.get_ydata()[0])) for x in axes.lines if x.get_marker() == "o"]
    assert dots == [(0.9, 0.0), (0.8, 1.0)]
    assert axes.get_xlabel() == "lfw/auc, 95 % interval"


def test_a_record_is_plain_json(tmp_path: Path) -> None:
    write_job(JOBS[1], tmp_path / "1_arcface")
    assert json.loads((tmp_path / "1_arcface" / "job.json").read_text())["figures"] == figures(0.9)


def fold(number, head, accuracy):
    """A job of one fold; the lower its accuracy, the more samples of the second class are taken for the first."""
    confusion = {"ck_plus": {"names": ["anger", "fear"], "counts": [[2, 0], [3 - round(3 * accuracy), 1]]}}
    words = ["experiment=ck_plus", f"data.source.fold={number % 2}", f"head={head}"]
    values = {"figures": figures(accuracy, benchmark="ck_plus"), "confusion": confusion}
    return Job(number, words, "completed", objective_name="val/auc", **values)


def test_a_sweep_over_folds_has_means_and_the_sum_of_confusions(tmp_path: Path) -> None:
    jobs = [fold(0, "softmax", 0.6), fold(1, "softmax", 0.8), fold(2, "arcface", 1.0), fold(3, "arcface", 0.9)]
    for job in jobs:
        write_job(job, tmp_path / str(job.number))
    terminal_text = write_comparison(tmp_path)
    text = (tmp_path / "comparison.md").read_text()
    assert text.startswith("4 jobs with `experiment=ck_plus`")
    assert text.index("| job") < text.index("## Mean over folds") < text.index("## Confusion of ck_plus")
    mean = text[text.index("## Mean over folds") : text.index("## Confusion")].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in mean if line.startswith("|")]
    assert cells[0] == ["head", "folds", "ck_plus/auc", "ck_plus/eer", "ck_plus pooled accuracy"]
    assert cells[2] == ["softmax", "2 of 2", "0.7000 ± 0.1414", "0.1000 ± 0.0000", "0.7500"]
    assert cells[3] == ["arcface", "2 of 2", "0.9500 ± 0.0707", "0.1000 ± 0.0000", "1.0000"]
    assert text.count("## Confusion of ck_plus with `head=") == 2
    assert "2 folds summed" in text
    assert "0.9500 ± 0.0707" in terminal_text
    assert "ck_plus/eer" not in terminal_text
    counts = {(row["head"], row["true"], row["predicted"]): row["count"] for row in table(tmp_path / "confusion.csv")}
    assert len(counts) == 8
    assert (counts["softmax", "anger", "anger"], counts["softmax", "fear", "anger"]) == ("4", "2")


def test_other_sweeps_have_neither(sweep: Path) -> None:
    text = write_comparison(sweep)
    assert "folds" not in text + (sweep / "comparison.md").read_text()
    assert not (sweep / "confusion.csv").exists()


def test_the_csv_says_what_an_interval_is_over(tmp_path: Path) -> None:
    part = {"auc": {"value": 0.9, "low": 0.8, "high": 1.0, "over": "identities"}}
    write_job(done(0, "a", 0.9, figures={"lfw": part}), tmp_path / "0")
    write_job(done(1, "b", 0.9, figures={}), tmp_path / "1")
    write_comparison(tmp_path)
    first, second = table(tmp_path / "comparison.csv")
    assert [first[f"lfw/auc{part}"] for part in ("", "/low", "/high", "/over")] == ["0.9", "0.8", "1.0", "identities"]
    assert [second[f"lfw/auc{part}"] for part in ("", "/low", "/high", "/over")] == [""] * 4
