"""The figures of an audit that are worth following from one version of a training set to the next."""

from marginface.audit.report import AuditReport

_FOLLOWED = ("min", "1%", "10%", "median", "90%", "99%", "max")


def metrics(report: AuditReport) -> dict[str, float]:
    """Numbers by name, all on one level, as DVC compares them; what was not looked at has none.

    ``num_images``, ``num_identities`` (classes with an image), ``num_dropped``, ``grey_share``;
    ``dropped/<reason>`` (images); ``same_identity`` (pairs of classes); ``overlap/<benchmark>`` (classes);
    ``near_names`` (classes); ``images_per_class/<quantile>``, ``<quality>/<quantile>``, ``own_cosine/<quantile>``.
    """
    counts = report.counts()
    found: dict[str, float] = {
        "num_images": len(report.source),
        "num_identities": len(set(report.source.labels.tolist())),
        "num_dropped": report.num_dropped,
        "grey_share": report.grey_share(),
        **{f"dropped/{reason}": count for reason, count in counts.items()},
    }
    if report.found.embedded:
        found["same_identity"] = len(report.found.same.cosine)
    if report.near is not None:
        found["near_names"] = len(report.near)
    found |= {f"overlap/{name}": len(places) for name, places in report.overlaps().items()}
    topics = {"images per class": "images_per_class", "cosine with the own class": "own_cosine"}
    topics |= {name: name for name in report.quality()}
    for topic, values in report.statistics().items():
        if topic in topics:
            found |= {f"{topics[topic]}/{name}": values[name] for name in _FOLLOWED if name in values}
    return found
