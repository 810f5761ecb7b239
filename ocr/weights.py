"""Lays PP-OCRv6 small out for PaddleOCR: the weights come from the rapidocr wheel, so no model hub is ever asked."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

DETECTION, RECOGNITION = "PP-OCRv6_small_det", "PP-OCRv6_small_rec"
_WEIGHTS = {DETECTION: "PP-OCRv6_det_small.onnx", RECOGNITION: "PP-OCRv6_rec_small.onnx"}


class WeightsMissing(RuntimeError):
    """The rapidocr package, or the weights inside it, are not installed."""


def lay_out(model_dir: Path) -> None:
    """Makes `model_dir/<model>/inference.{onnx,yml}` for both models; does nothing for a model that is there.

    A folder appears whole or not at all. Raises WeightsMissing or OSError.
    """
    model_dir.mkdir(parents=True, exist_ok=True)
    for model in _WEIGHTS:
        if not is_laid_out(model_dir, model):
            _lay_out_model(model_dir, model)


def is_laid_out(model_dir: Path, model: str) -> bool:
    """Return whether both files of the model are there."""
    return all((model_dir / model / name).is_file() for name in ("inference.onnx", "inference.yml"))


def _lay_out_model(model_dir: Path, model: str) -> None:
    """Fills a folder beside the wanted one, then renames it: another process never sees half a model."""
    source = _packaged(_WEIGHTS[model])
    partial = Path(tempfile.mkdtemp(dir=model_dir, prefix=f".{model}-"))
    try:
        shutil.copy(source, partial / "inference.onnx")
        description = _recognition(source) if model == RECOGNITION else _detection()
        _write_yaml(partial / "inference.yml", description)
        _move_into_place(partial, model_dir / model)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move_into_place(partial: Path, wanted: Path) -> None:
    partial.chmod(0o755)  # mkdtemp makes folders for their owner alone; weights are no secret.
    shutil.rmtree(wanted, ignore_errors=True)
    try:
        os.rename(partial, wanted)
    except OSError:
        if not is_laid_out(wanted.parent, wanted.name):
            raise
        # Another process laid the same model out in the same moment; its folder is as good as ours.


def _packaged(file: str) -> Path:
    """The weights inside the installed package, found without importing it (that would load OpenCV)."""
    found = importlib.util.find_spec("rapidocr")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "models" / file
        if path.is_file():
            return path
    raise WeightsMissing(f"{file} is not installed: install the dependencies again (`make setup`)")


def _write_yaml(path: Path, description: dict[str, Any]) -> None:
    import yaml  # Belongs to the reader's own dependencies: processes that only ask `is_laid_out` do not have it.

    with path.open("w", encoding="utf-8") as file:
        yaml.safe_dump(description, file, allow_unicode=True, sort_keys=False)


def _characters(weights: Path) -> list[str]:
    """The 18,708 characters that the recognition model knows, kept in the model's own metadata."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    return str(session.get_modelmeta().custom_metadata_map["character"]).splitlines()


def _detection() -> dict[str, Any]:
    normalize = {
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "scale": "1./255.",
        "order": "hwc",
    }
    return {
        "Global": {"model_name": DETECTION},
        "PreProcess": {
            "transform_ops": [
                {"DetResizeForTest": None},
                {"NormalizeImage": normalize},
                {"ToCHWImage": None},
                {"KeepKeys": {"keep_keys": ["image", "shape"]}},
            ]
        },
        "PostProcess": {
            "name": "DBPostProcess",
            "thresh": 0.3,
            "box_thresh": 0.6,
            "max_candidates": 1000,
            "unclip_ratio": 1.5,
        },
    }


def _recognition(weights: Path) -> dict[str, Any]:
    return {
        "Global": {"model_name": RECOGNITION},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"RecResizeImg": {"image_shape": [3, 48, 320]}},
                {"KeepKeys": {"keep_keys": ["image"]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": _characters(weights)},
    }
