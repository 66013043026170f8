"""Face data: from bytes on disk to images and labels."""

from marginface.data.ck_plus import CKPlusFaces
from marginface.data.dataset import FaceDataset, ImageDataset
from marginface.data.decode import decode, encode
from marginface.data.errors import (
    DataError,
    DataNotFoundError,
    ImageDecodeError,
    LabelError,
    PairsError,
    RecordError,
)
from marginface.data.folder import ImageFolder
from marginface.data.hf_datasets import HFFaces
from marginface.data.kept import KeptFaces
from marginface.data.list_file import ListFile
from marginface.data.loader import FaceLoader
from marginface.data.mixed import MixedFaces
from marginface.data.pairs import FacePairs, read_pairs, sample_pairs, write_pairs
from marginface.data.record.face_records import FaceRecords, write_face_records
from marginface.data.record.recordio import RecordReader, RecordWriter
from marginface.data.sampler.balanced import BalancedSampler
from marginface.data.sampler.base import BatchRequest, BatchSampler
from marginface.data.sampler.pk import PKSampler
from marginface.data.sampler.sequential import SequentialSampler
from marginface.data.sampler.weighted import WeightedSampler
from marginface.data.source import FaceSource
from marginface.data.split import relabel, split_identities
from marginface.data.subset import choose_samples
from marginface.data.synthetic import SyntheticFaces, write_synthetic
from marginface.data.webdataset import TarShards

__all__ = [
    "BalancedSampler",
    "BatchRequest",
    "BatchSampler",
    "CKPlusFaces",
    "DataError",
    "DataNotFoundError",
    "FaceDataset",
    "FaceLoader",
    "FacePairs",
    "FaceRecords",
    "FaceSource",
    "HFFaces",
    "ImageDataset",
    "ImageDecodeError",
    "ImageFolder",
    "KeptFaces",
    "LabelError",
    "ListFile",
    "MixedFaces",
    "PKSampler",
    "PairsError",
    "RecordError",
    "RecordReader",
    "RecordWriter",
    "SequentialSampler",
    "SyntheticFaces",
    "TarShards",
    "WeightedSampler",
    "choose_samples",
    "decode",
    "encode",
    "read_pairs",
    "relabel",
    "sample_pairs",
    "split_identities",
    "write_face_records",
    "write_pairs",
    "write_synthetic",
]
