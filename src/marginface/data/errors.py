"""Errors of data on disk: each message names the file, what is wrong with it, its value, the remedy."""


class DataError(ValueError):
    """Data that cannot be used as it is."""


class DataNotFoundError(DataError, FileNotFoundError):
    """A file or folder that was expected is missing."""


class RecordError(DataError):
    """A RecordIO file, its index or one of its records is damaged."""


class PairsError(DataError):
    """A list of verification pairs is damaged, hostile or too small."""


class ImageDecodeError(DataError):
    """Bytes that are no image, or only a part of one."""


class LabelError(DataError):
    """A label that is no class index of its data set."""
