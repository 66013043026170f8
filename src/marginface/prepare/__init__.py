"""From photos or any public set to files that training and benchmarks read."""

from marginface.prepare.align import align_photos
from marginface.prepare.card import Card, read_card, write_card
from marginface.prepare.choosing import CHOICES
from marginface.prepare.clean import clean_faces
from marginface.prepare.convert import convert_faces
from marginface.prepare.detect import detect_landmarks
from marginface.prepare.detectors import MTCNN, Faces, YuNet
from marginface.prepare.landmarks import MarkedPhoto, read_landmarks
from marginface.prepare.pack import pack_faces
from marginface.prepare.templates import CONVENTIONS, TEMPLATES, similarity_cp2tform
from marginface.prepare.unpack import unpack_faces
from marginface.prepare.verification import pack_pairs
from marginface.prepare.verify import verify_set

__all__ = [
    "CHOICES",
    "CONVENTIONS",
    "MTCNN",
    "TEMPLATES",
    "Card",
    "Faces",
    "MarkedPhoto",
    "YuNet",
    "align_photos",
    "clean_faces",
    "convert_faces",
    "detect_landmarks",
    "pack_faces",
    "pack_pairs",
    "read_card",
    "read_landmarks",
    "similarity_cp2tform",
    "unpack_faces",
    "verify_set",
    "write_card",
]
