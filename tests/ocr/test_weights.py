"""The weights are laid out once, whole, and without waking PaddleOCR."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ocr.weights import DETECTION, RECOGNITION, WeightsMissing, is_laid_out, lay_out


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


def test_a_missing_package_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(WeightsMissing, match="not installed"):
        lay_out(tmp_path)
    assert list(tmp_path.iterdir()) == []
