"""From a config to objects to a run: the only part that knows Hydra and DictConfig; a file for each command."""
