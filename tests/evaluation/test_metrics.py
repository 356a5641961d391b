"""Metrics as JSON name their targets."""

import json

from facecraft4d.toolkit.evaluation import Evaluation, as_json
from facecraft4d.toolkit.evaluation.metrics import METRICS


def test_metrics_json_names_targets_and_how(tmp_path: object) -> None:
    evaluation = Evaluation({"front_psnr_db": 26.0, "front_lpips_vgg": 0.3}, {}, {}, ("a note",))
    tree = json.loads(json.dumps(as_json(evaluation, "draft")))
    assert set(tree["metrics"]) == set(METRICS)
    assert tree["metrics"]["front_psnr_db"]["met"] is True and tree["metrics"]["front_lpips_vgg"]["met"] is False
    assert tree["metrics"]["identity_front"]["value"] is None and "SFace" in tree["metrics"]["identity_front"]["how"]
    assert as_json(evaluation, "standard")["metrics"]["front_psnr_db"]["met"] is False
