"""The weights are laid out once, whole, and without waking PaddleOCR."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ocr.weights import (
    DETECTION,
    RECOGNITION,
    Models,
    WeightsBroken,
    WeightsMissing,
    fetched,
    is_laid_out,
    lay_out,
    paddle_name,
    whole,
)


def test_both_models_are_laid_out_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    lay_out(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    lay_out(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert {path.name for path in tmp_path.iterdir()} == {DETECTION, RECOGNITION}
    described = yaml.load((tmp_path / RECOGNITION / "inference.yml").read_text("utf-8"), Loader=yaml.CSafeLoader)
    assert len(described["PostProcess"]["character_dict"]) == 18_708


def test_half_a_model_is_laid_out_again(tmp_path: Path) -> None:
    (tmp_path / DETECTION).mkdir()
    (tmp_path / DETECTION / "inference.onnx").write_bytes(b"half")
    lay_out(tmp_path)
    assert is_laid_out(tmp_path, DETECTION)
    assert (tmp_path / DETECTION / "inference.onnx").stat().st_size > 1_000_000


def test_laying_out_imports_neither_paddle_nor_opencv(tmp_path: Path) -> None:
    asked = (
        "import sys, pathlib, ocr.weights; ocr.weights.lay_out(pathlib.Path(sys.argv[1])); "
        "sys.exit(any(name in sys.modules for name in ('paddleocr', 'paddlex', 'cv2', 'rapidocr')))"
    )
    assert subprocess.run([sys.executable, "-c", asked, str(tmp_path)], check=False).returncode == 0


def test_weights_of_another_size_are_fetched_where_no_package_has_them(tmp_path: Path) -> None:
    tiny, asked = Models("tiny"), []

    def fetch(model: str, into: Path) -> Path:
        asked.append(model)
        folder = into / f"{model}_onnx"
        folder.mkdir(parents=True)
        (folder / "inference.onnx").write_bytes(model.encode())
        (folder / "inference.yml").write_text("Global: {}\n")
        return folder

    assert lay_out(tmp_path, tiny, fetch=fetch) == tmp_path
    assert asked == list(tiny.both)
    assert (tmp_path / tiny.recognition / "inference.onnx").read_bytes() == b"PP-OCRv6_tiny_rec"
    lay_out(tmp_path, tiny, fetch=fetch)
    assert len(asked) == 2


def test_a_folder_that_is_named_goes_before_the_package_and_keeps_a_place_of_its_own(tmp_path: Path) -> None:
    laid_out = lay_out(tmp_path / "cache")
    given = tmp_path / "given"
    for model in (DETECTION, RECOGNITION):
        (given / model).mkdir(parents=True)
        (given / model / "inference.onnx").write_bytes(model.encode())
        (given / model / "inference.yml").write_text("Global: {}\n")
    folder = lay_out(tmp_path / "cache", given=given)
    assert folder.parent == laid_out
    assert (folder / DETECTION / "inference.onnx").read_bytes() == DETECTION.encode()
    assert paddle_name(Models("small"), folder) != paddle_name(Models("small"), laid_out)


def test_a_named_folder_without_the_weights_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"PP-OCRv6_det_tiny\.onnx"):
        lay_out(tmp_path / "cache", Models("tiny"), tmp_path)


def test_a_package_without_weights_and_no_hub_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(sys, "executable", "false")  # As a fetch ends that reaches nobody.
    with pytest.raises(WeightsMissing, match=r"CARDLOOP_READER_WEIGHTS.*CARDLOOP_READER_ENGINE=pp-ocrv6-small"):
        lay_out(tmp_path, fetch=fetched)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"junk", None], ids=["empty", "junk", "half"])
def test_weights_that_are_not_whole_are_named_with_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    lay_out(tmp_path)
    weights = tmp_path / RECOGNITION / "inference.onnx"
    given = tmp_path / "given"
    (given / RECOGNITION).mkdir(parents=True)
    (given / DETECTION).mkdir()
    (given / DETECTION / "inference.onnx").write_bytes((tmp_path / DETECTION / "inference.onnx").read_bytes())
    (given / RECOGNITION / "inference.onnx").write_bytes(weights.read_bytes()[:100_000] if content is None else content)
    with pytest.raises(WeightsBroken, match=f"{RECOGNITION}/inference.onnx cannot be loaded .*make setup"):
        lay_out(tmp_path / "models", given=given)


def test_models_that_were_laid_out_and_broke_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsBroken, match=f"{tmp_path} cannot be loaded"), whole(tmp_path):
        yaml.safe_load("a: [")
