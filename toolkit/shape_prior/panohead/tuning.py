"""Pivotal tuning: the generator itself learns to show the portrait at the rows that were found (Roich et al. 2022, section 3.2).

One view is looked at, so the sides may drift: it stops early, and how far the surface has moved is told.
"""

from copy import deepcopy

from facecraft4d.toolkit.config import PanoHeadConfig
from facecraft4d.toolkit.shape_prior.panohead.descent import Course, Descent
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.shape_prior.panohead.inversion import Inverted, chance, near_sampling
from facecraft4d.toolkit.shape_prior.panohead.likeness import Likeness

FILE_NAME = "tuning.npz"
RATE = 3e-4
"""Adam's, for every parameter."""
KEPT_EVERY = 100
"""Steps between two files for a killed run, each of the generator's size three times."""


def tune(
    generator: Generator,
    likeness: Likeness,
    pivot: Inverted,
    config: PanoHeadConfig,
    course: Course,
) -> tuple[Generator, dict[str, list[float]]]:
    """A copy of the generator that shows the portrait at the pivot's rows and camera, and its losses. The generator itself stays.

    It ends where the perceptual term is at most `config.tuning_stop`. A killed run goes on from what it kept. FloatingPointError where the
    loss is no finite number.
    """
    tuned, device = deepcopy(generator).requires_grad_(True), pivot.rows.device
    descent, file = Descent(dict(tuned.named_parameters())), course.folder / FILE_NAME
    descent.go_on(file, course.say)
    kept, rates = descent.step, dict.fromkeys(descent.tensors, RATE)
    for step in range(descent.step, config.tuning_steps):
        picture = tuned.synthesis(
            pivot.rows, pivot.labels, random=chance(course.seed, 1, step, device), sampling=near_sampling(tuned)
        )
        terms = likeness.terms(picture.image)
        if float(terms["perceptual"].detach()) <= config.tuning_stop:
            break
        course.tell(step + 1, "tuning", descent.descend(terms, rates))
        if (step + 1) % KEPT_EVERY == 0:
            descent.save(file)
            kept = descent.step
    if descent.step > kept:
        descent.save(file)
    return tuned.requires_grad_(False), descent.losses
