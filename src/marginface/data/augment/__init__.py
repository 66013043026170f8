"""Augmentation of uint8 images: what albumentations lacks, and how a batch is augmented."""
