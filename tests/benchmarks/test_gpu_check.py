"""The CPU parts of the check for a machine with a GPU: what it writes down, when it fails, what it measures."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import gpu_check
import numpy as np
import pytest
import torch
from gpu import absent, carried, compiling, kept, raster, scenes, sections, steps
from gpu.projected import PAPER_MINUTES
from gpu.results import Found, Ledger, Missed, Section, demand
from training_subject import SIZE, TINY

ROOT = Path(__file__).parents[2]


SMALL = scenes.Case("training", 60, 40, 24)
TURNED = scenes.Case("two cameras", 50, 24, 40, channels=3, sh_degree=3, antialiased=True, cameras=2)


def passes(found: Found) -> None:
    found["value"] = 1


def fails(found: Found) -> None:
    found["value"] = 2
    demand(False, "too far off")


def written(path: Path) -> dict:
    return json.loads(path.read_text())


# what is written down


def test_the_file_is_whole_after_every_section(tmp_path: Path) -> None:
    path, seen = tmp_path / "gpu.json", []

    def looks(found: Found) -> None:
        seen.append({name: entry["state"] for name, entry in written(path)["sections"].items()})

    ledger = Ledger(path, {"ran_on": "here"}, 60)
    ledger.run((Section("one", passes, 0), Section("two", looks, 0), Section("three", passes, 0)))
    assert seen == [{"one": "passed", "two": "absent", "three": "absent"}]
    content = written(path)
    assert content["passed"] is True is ledger.passed and content["ran_on"] == "here" and content["format"] == 1
    assert [entry["state"] for entry in content["sections"].values()] == ["passed"] * 3
    assert content["sections"]["one"]["found"] == {"value": 1} and content["sections"]["one"]["seconds"] >= 0


def test_a_failure_keeps_what_was_found_and_lets_the_next_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "gpu.json", {}, 60)
    ledger.run((Section("bad", fails, 0), Section("good", passes, 0)))
    bad, good = written(tmp_path / "gpu.json")["sections"].values()
    assert bad["state"] == "failed" and bad["error"].endswith("Missed: too far off") and bad["found"] == {"value": 2}
    assert good["state"] == "passed" and not ledger.passed


def test_without_time_a_section_is_absent(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "gpu.json", {}, 5)
    ledger.run((Section("long", passes, 100), Section("short", passes, 1)))
    long, short = written(tmp_path / "gpu.json")["sections"].values()
    assert long["state"] == "absent" and "100 s" in long["error"] and short["state"] == "passed" and not ledger.passed


def test_a_section_is_broken_off_when_its_own_time_is_up(tmp_path: Path) -> None:
    """Between two measurements, with what it has found; the others have their own."""
    ledger = Ledger(tmp_path / "gpu.json", {}, 60)

    def measures(found: Found) -> None:
        for index in range(3):
            ledger.within()
            found[str(index)] = index
            time.sleep(0.06)

    ledger.run((Section("long", measures, 0, 0.05), Section("short", measures, 0, 20)))
    long, short = written(tmp_path / "gpu.json")["sections"].values()
    assert long["state"] == "failed" and "broken off" in long["error"] and long["found"] == {"0": 0}
    assert short["state"] == "passed" and len(short["found"]) == 3
    with pytest.raises(Missed, match="broken off"):
        Ledger(tmp_path / "gpu.json", {}, 0).within()


def test_nothing_run_has_not_passed(tmp_path: Path) -> None:
    assert not Ledger(tmp_path / "gpu.json", {}, 5).passed


@pytest.mark.parametrize(("run", "least", "code"), [(passes, 0, 0), (fails, 0, 1), (passes, 1e6, 1)])
def test_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run, least: float, code: int) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(
        sections.Check, "sections", lambda self: (Section("one", run, least), Section("two", passes, 0))
    )
    monkeypatch.setenv("FACECRAFT4D_CACHE", "restored when the test ends")
    (tmp_path / carried.MARK).write_text('{"prepared_on": "there"}')
    out = tmp_path / "deep" / "out"
    assert gpu_check.main(["--carried", str(tmp_path), "--out", str(out), "--rehearse"]) == code
    content = written(out / "gpu.json")
    assert content["rehearsal"] is True and content["prepared_on"] == "there" and content["passed"] is (code == 0)


def test_without_cuda_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("FACECRAFT4D_CACHE", "restored when the test ends")
    (tmp_path / carried.MARK).write_text('{"prepared_on": "there"}')
    assert gpu_check.main(["--carried", str(tmp_path), "--out", str(tmp_path)]) == gpu_check.MISTAKE
    assert "--rehearse" in capsys.readouterr().err and not (tmp_path / "gpu.json").exists()


def test_stand_ins_replace_only_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("not_there", "not_there.inner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert absent.stand_in(("json", "not_there", "not_there.inner")) == ["not_there", "not_there.inner"]
    import json as untouched

    from not_there.inner import Interpreter

    assert untouched.dumps([]) == "[]"
    with pytest.raises(ModuleNotFoundError, match="stand-in"):
        Interpreter()
    assert not hasattr(sys.modules["not_there"], "__file__")  # who looks for sources walks over all modules
    assert importlib.util.find_spec("not_there") is not None  # who looks whether it is there gets an answer
    for name in ("not_there", "not_there.inner"):
        del sys.modules[name]


# compiling, steps


@pytest.mark.parametrize(
    ("code", "seconds", "told"),
    [("print('no nvcc'); raise SystemExit(1)", 20, "no nvcc"), ("import time; time.sleep(60)", 0.2, "still compiling")],
)
def test_a_compilation_that_fails_or_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, seconds: float, told: str
) -> None:
    monkeypatch.setattr(compiling, "IMPORT", code)
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "restored when the test ends")
    begun = time.monotonic()
    compilation = compiling.Compilation("9.0", tmp_path / "log")
    with pytest.raises(Missed, match=told):
        compilation.wait(seconds)
    assert time.monotonic() - begun < 20 and os.environ["TORCH_CUDA_ARCH_LIST"] == "9.0"
    compilation.stop()


def test_what_needs_gsplat_fails_at_once_where_it_did_not_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "IMPORT", "raise SystemExit(1)")
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "restored when the test ends")
    ledger = Ledger(tmp_path / "gpu.json", {}, 300)
    check = sections.Check(
        sections.Plan(), sections.Folders(tmp_path, tmp_path, tmp_path), ledger, compiling.Compilation("9.0", tmp_path / "log")
    )  # fmt: skip
    ledger.run(tuple(each for each in check.sections() if each.name in ("compile", "raster", "step", "draft")))
    errors = {name: entry["error"] for name, entry in ledger.sections.items()}
    assert "did not compile" in errors.pop("compile")
    assert all(error.endswith("gsplat is not compiled") for error in errors.values()) and len(errors) == 3


@pytest.mark.slow
def test_a_step_is_split_into_its_parts_and_repeats(tiny: kept.Kept) -> None:
    config = replace(kept.paper_step(200, SIZE), coin_hidden=8, view_embedding=4, position_octaves=2)
    trainer, state = kept.begun(tiny, config, "cpu")
    found: Found = {}
    steps.check_step((trainer, state), "cpu", steps.Counts(1, 1, 1, 1, 2), lambda: None, found)
    assert set(found["parts_ms"]) == {"fetch", "draw", "losses", "lpips", "backward", "adam", "rest"}
    assert all(value > 0 for value in found["parts_ms"].values()) and found["splats"] == 200
    assert max(found["two_runs"].values()) < 1e-6 and {"losses", "means", "colors"} <= found["two_runs"].keys()
    assert state.step == 3 and "picture" not in vars(trainer.footage) and torch.Tensor.backward.__name__ == "backward"
    assert found["paper_hours"] > 0


@pytest.mark.slow
def test_the_paper_step_is_coin_with_lpips_at_full_size_from_the_start(tiny: kept.Kept) -> None:
    schedule = kept.begun(tiny, kept.paper_step(200, 512), "cpu")[0].schedule
    assert schedule.uses_network(0) and schedule.uses_lpips(0) and schedule.resolution(0) == 512
    assert not any(schedule.refines(step) for step in range(400))


@pytest.mark.slow
def test_the_front_is_measured_inside_the_mask(tiny: kept.Kept) -> None:
    avatar = kept.as_avatar(tiny, kept.begun(tiny, replace(TINY, splats=400), "cpu")[1])
    found = kept.front_psnr(avatar, tiny)
    spoiled = np.where(tiny.front.mask[..., None] > 0, tiny.front.image, 0.3).astype(np.float32)
    assert found == pytest.approx(kept.front_psnr(avatar, replace(tiny, front=replace(tiny.front, image=spoiled))))
    assert 8 < found < 60


# the whole


@pytest.mark.slow
def test_the_rehearsal_runs_every_section(tiny: kept.Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it on the CPU with a small subject: exit code 0, every section passed, what comes back is there."""
    pytest.importorskip("moderngl")
    from facecraft4d.runtime.opengl import NoOpenGL, offscreen_context

    try:
        offscreen_context().release()
    except NoOpenGL as error:
        pytest.skip(f"no OpenGL off screen: {error}")
    monkeypatch.setenv("FACECRAFT4D_CACHE", "restored when the test ends")
    monkeypatch.setattr(raster.check_raster, "__defaults__", ((SMALL, TURNED),))
    folder, out = tmp_path / "carried", tmp_path / "out"
    kept.pack(tiny, folder / carried.STAGES)
    scenes.write(folder / carried.SCENES, (SMALL, TURNED))
    (folder / carried.MARK).write_text('{"prepared_on": "here"}')
    assert gpu_check.main(["--carried", str(folder), "--out", str(out), "--rehearse"]) == 0
    content = written(out / "gpu.json")
    assert list(content["sections"]) == [
        "machine", "subject", "goldens", "compile", "raster", "step", "panohead", "liveportrait", "sdxl", "draft", "player", "projected",
    ]  # fmt: skip
    found = {name: section["found"] for name, section in content["sections"].items()}
    assert found["player"]["2000 splats, 64 x 64"]["likeness_db"] > 45
    assert all(row["off"] < row["limit"] for rows in found["goldens"].values() for row in rows.values())
    assert len(found["goldens"]["panohead"]) == 12 and len(found["goldens"]["liveportrait"]) == 10
    assert found["panohead"]["inversion_step_ms"] > 0 < found["panohead"]["tuning_step_ms"]
    assert found["liveportrait"]["apart"]["max"] < 1e-3
    assert {"inverting, 2 pictures", "denoising, 5 pictures", "decode_ms", "offloaded"} <= found["sdxl"].keys()
    projected = found["projected"]
    assert {name: row["paper_minutes"] for name, row in projected.items()} == PAPER_MINUTES
    assert all(row["minutes"] > 0 for name, row in projected.items() if name != "head and motion")
    assert {path.name for path in out.iterdir()} == {"gpu.json", "raster_cuda.npz", "avatar.glb"}


@pytest.mark.slow
def test_it_needs_nothing_that_does_not_travel() -> None:
    """In a process that has none of the packages which stay behind, everything can be imported, by other libraries too."""
    code = f"""
import sys
GONE = {{"av", "ai_edge_litert", "pymatting", "anny", "onnxruntime", "trimesh", "rtree", "pi_heif", "beartype"}}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in GONE:
            raise ModuleNotFoundError(name)
sys.path[:0] = [{str(ROOT / "benchmarks")!r}, {str(ROOT)!r}]
from gpu.absent import ABSENT, stand_in
import importlib.util
real = importlib.util.find_spec
gone = lambda name: name.split(".")[0] in GONE and name not in sys.modules
importlib.util.find_spec = lambda name, *rest: None if gone(name) else real(name, *rest)
assert stand_in() == list(ABSENT)
sys.meta_path.insert(0, Missing())
import torch
from gpu import diffusion, sections
plan = sections.rehearsal()
diffusion.Diffusion(plan.sdxl, plan.device, torch.float32)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_make_gpu_says_that_nvcc_is_missing() -> None:
    make = shutil.which("make")
    done = subprocess.run([str(make), "gpu"], cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "needs nvcc" in done.stderr + done.stdout
