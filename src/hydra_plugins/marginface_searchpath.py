"""Makes marginface's configs visible to every Hydra application on this Python path."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class MarginfaceSearchPath(SearchPathPlugin):
    """Appends ``pkg://marginface.conf``, after the application's own configs."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the packaged configs to Hydra's search path."""
        search_path.append("marginface", "pkg://marginface.conf")
