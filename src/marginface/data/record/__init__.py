"""Packs of records, as MXNet and insightface write them."""
