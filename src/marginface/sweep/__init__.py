"""Comparison of the jobs of a sweep; needs no torch, as Hydra imports it before any job."""
