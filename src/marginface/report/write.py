"""All files of an evaluation in one call, and one page of several evaluations."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from marginface.data.image_set import ImageSet
from marginface.outcome import Outcome
from marginface.report.files import write_figures
from marginface.report.saved import load_report, save_report

PAGE = "report.html"


def write_report(
    folder: Path, outcomes: Mapping[str, Outcome], images: Mapping[str, ImageSet], about: Mapping[str, str]
) -> Path:
    """Write figures and curves for programs, the page for people, and what later comparisons need.

    Args:
        folder: Where to; made if need be. Files of an earlier evaluation are replaced.
        outcomes: By benchmark.
        images: Of each benchmark; one that is not here shows its hardest pairs without images.
        about: What was measured and how, in words; ``model`` names it.

    Returns:
        The page.

    Raises:
        ImageDecodeError: An image to show is damaged.
    """
    from marginface.report.page import render  # here: only who draws waits for its imports

    write_figures(outcomes, folder)
    report = save_report(folder, outcomes, images, about)
    (folder / PAGE).write_text(render({about.get("model", "the model"): report}), encoding="utf-8")
    return folder / PAGE


def compare_reports(folders: Sequence[Path], names: Sequence[str] | None, out: Path) -> Path:
    """Write one page of several evaluations side by side.

    Args:
        folders: Of results; the others are compared with the first.
        names: Of the models, one a folder; None for the folders' own.
        out: Folder of the page; made if need be.

    Returns:
        The page.

    Raises:
        ValueError: No folder, or names that do not fit.
        DataNotFoundError: A folder has no saved report.
        DataError: A saved report is damaged.
    """
    from marginface.report.page import render  # here: only who draws waits for its imports

    if not folders:
        raise ValueError("results is empty; give results folders of python src/eval.py, e.g. results=[runs/a,runs/b]")
    called = list(names) if names else _own_names(folders)
    if len(called) != len(folders):
        raise ValueError(f"names={called} has {len(called)} entries for {len(folders)} results: give one for each")
    if twice := [name for name, count in Counter(called).items() if count > 1]:
        raise ValueError(f"two of the results are called {twice[0]}: give each its own, names=[...]")
    page = render({name: load_report(path) for name, path in zip(called, folders, strict=True)})
    out.mkdir(parents=True, exist_ok=True)
    (out / PAGE).write_text(page, encoding="utf-8")
    return out / PAGE


def _own_names(folders: Sequence[Path]) -> list[str]:
    """The last part of each path; the whole paths where two of those are alike."""
    last = [folder.absolute().name for folder in folders]
    return last if len(set(last)) == len(last) else [str(folder) for folder in folders]
