"""Seeded synthetic faces in place of a data set."""

from pathlib import Path

import cv2
import numpy as np

from marginface.data.synthesis.canvas import Canvas, View
from marginface.data.synthesis.face import beard_colour, draw_face, landmarks
from marginface.data.synthesis.identity import identity_from, sample_identity
from marginface.data.synthesis.nuisance import develop, draw_background, sample_expression, sample_pose
from marginface.data.synthesis.occlusion import occlude


class SyntheticFaces:
    def __init__(self, seed=0, difficulty=1.0, drift=0.0):
        self.seed = seed
        self.difficulty = difficulty
        self.drift = drift

    def render(self, identity, sample):
        rng = np.random.default_rng((self.seed, identity))
        scores = sample_identity(rng)
        rng = np.random.default_rng((self.seed, identity, sample + 1))
        d = self.difficulty
        person = identity_from(scores + d * self.drift * rng.standard_normal(len(scores)))
        view = View(sample_pose(rng, d), *landmarks(person))
        canvas = Canvas(draw_background(rng, d), view)
        draw_face(canvas, person, sample_expression(rng, d))
        occlude(canvas, person, rng, d)
        return develop(*canvas.finish(beard_colour(person)), rng, d)
