"""The parametric shape prior: the face model as the generator that is inverted, in two phases as the paper's section 3.1."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.config import Bust, FaceModelConfig, Lighting, ShapePriorConfig
from facecraft4d.toolkit.core.datatypes import Coarse, Head, Mesh, Portrait
from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig, surface_positions
from facecraft4d.toolkit.face_model.lids import with_meeting_lids
from facecraft4d.toolkit.face_model.model import body_vertices
from facecraft4d.toolkit.fitting.latent import Latent
from facecraft4d.toolkit.fitting.moment import fit_moment
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.fitting.offsets import fit_offsets
from facecraft4d.toolkit.landmarks.points import CHIN
from facecraft4d.toolkit.losses import Trunk, perceptual_ingredient
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly, assemble, tuck
from facecraft4d.toolkit.shape_prior.parametric.neck import within_mesh
from facecraft4d.toolkit.shape_prior.parametric.observed import observed
from facecraft4d.toolkit.shape_prior.parametric.paint.even import evenly_lit
from facecraft4d.toolkit.shape_prior.parametric.paint.light import EVEN
from facecraft4d.toolkit.shape_prior.parametric.paint.spread import light_of
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import reference_view
from facecraft4d.toolkit.shape_prior.parametric.paint.texture import paint
from facecraft4d.toolkit.shape_prior.parametric.paint.tuning import tune_texture
from facecraft4d.toolkit.shape_prior.parametric.segment import segment
from facecraft4d.toolkit.shape_prior.parametric.shells.beard import beard_offsets, bearded, carried
from facecraft4d.toolkit.shape_prior.parametric.shells.eyewear import find_glasses, in_picture, with_glasses, without
from facecraft4d.toolkit.shape_prior.parametric.shells.hair import hair_shell
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead
from facecraft4d.toolkit.shape_prior.parametric.shells.torso import Shoulders, torso_shell
from facecraft4d.toolkit.shape_prior.parametric.views import draw_views, orbit

STAGE = "shape_prior"
_SHELLED = ("skin", "lips", "eyelids", "scalp", "neck")


def run(portrait: Portrait, config: ShapePriorConfig, chosen: FaceModelConfig, context: StageContext) -> Coarse:
    """Invert the chosen head model."""
    return invert(portrait, face_model.load(chosen, context.report), config, context)


def invert(portrait: Portrait, model: FaceModel, config: ShapePriorConfig, context: StageContext) -> Coarse:
    """Fit, wrap and paint a face model to a portrait, and draw its views."""
    report = context.report
    report(Progress(STAGE, 0, 4, "latent"))
    segments = segment(portrait)
    observations = (observed(model, portrait, segments),)
    latent, losses = fit_moment(model, observations, config.parametric.latent_iterations)
    report(Progress(STAGE, 1, 4, "shape", losses))
    rng = np.random.default_rng(context.seed)
    assembly = wrap(model, latent, fit_offsets(model, latent, observations), segments, config.bust)
    blank = Mesh(assembly.posed, assembly.rig.triangles, assembly.corner_uvs, np.ones((2, 2, 3), np.float32))
    portrait, segments = within_mesh(portrait, segments, blank, latent.camera, config.bust)
    report(Progress(STAGE, 2, 4, "texture"))
    worn = find_glasses(portrait, latent.camera, assembly.rig, assembly.posed)
    bare = (
        portrait
        if worn is None
        else without(portrait, in_picture(worn, latent.camera, assembly.posed, assembly.rig.triangles))
    )
    photo = reference_view(bare, segments, latent.camera, assembly)
    light = light_of(assembly, photo)
    if config.light is Lighting.EVEN:
        portrait, bare = (evenly_lit(each, latent.camera, assembly, light) for each in (portrait, bare))
        photo, light = reference_view(bare, segments, latent.camera, assembly), EVEN
    texture = paint(assembly, photo, light, config.parametric.texture_size, rng)
    mesh = Mesh(assembly.rig.vertices, assembly.rig.triangles, assembly.corner_uvs, texture)
    texture, losses = tune_texture(replace(mesh, vertices=assembly.posed), photo, config.parametric.pivotal_iterations)
    rig, mesh, pose = assembly.rig, replace(mesh, texture=texture), latent.pose(model)
    if worn is not None:
        rig, mesh = with_glasses(rig, mesh, pose, worn)
    report(Progress(STAGE, 3, 4, "views", losses))
    cameras = orbit(latent.camera, np.zeros(3), config.views)
    coarse = draw_views(replace(mesh, vertices=pose_vertices(rig, pose)), portrait, cameras)
    report(Progress(STAGE, 4, 4, "done"))
    return Coarse(coarse, Head(rig, mesh, pose), (*model.ingredients, perceptual_ingredient(Trunk.ALEXNET)))


def wrap(
    model: FaceModel,
    latent: Latent,
    offsets: Float32[np.ndarray, "v 3"],
    segments: Segments,
    bust: Bust,
) -> Assembly:
    """The personalised head with its shells of hair and, on shoulders, clothes; skin that a shell covers is tucked below it."""
    identity, pose = latent.identity.astype(np.float32), latent.pose(model)
    posed = pose_vertices(personalized_rig(model, identity, offsets), pose)
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    chin = surface_positions(model.landmarks_478, model.triangles, posed)[CHIN]
    grown = bearded(model, posed, latent.camera, segments, model.mirror_vertices)
    beard = beard_offsets(model, posed, latent.camera, segments.beard, grown, chin)
    offsets, posed, grown = offsets + beard, posed + beard, carried(grown, beard)

    def part(*names: str) -> np.ndarray:
        return np.asarray(model.triangles[in_regions(model, *names)])

    scalp, ears = (posed[np.unique(part(name))].astype(np.float64) for name in ("scalp", "ears"))
    fitted = FittedHead(latent.camera, segments, posed, part(*_SHELLED), scalp, part("scalp"), ears)
    if model.body is None or model.neck_ring is None:
        raise ValueError("model must know the body below the head, got body=None or neck_ring=None")
    body = body_vertices(model.body, identity)
    shoulders = Shoulders(body, model.body.triangles, part("neck"), posed[model.neck_ring])
    torso, sunk = torso_shell(fitted, shoulders)
    hair = hair_shell(fitted, torso)
    tucked = offsets + tuck(posed, hair, part("scalp", "ears", "skin"))
    if bust is Bust.SHOULDERS:
        tucked = (tucked + sunk + tuck((posed + sunk).astype(np.float32), torso, part("neck"))).astype(np.float32)
    rig = with_meeting_lids(personalized_rig(model, identity, tucked), pose)
    return assemble(model, rig, pose, hair, torso if bust is Bust.SHOULDERS else None, grown)
