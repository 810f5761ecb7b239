"""Lays PP-OCRv6 out for PaddleOCR: weights from a folder that is named, from an installed package, or fetched by PaddleOCR."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ocr.identity import named, weights_hash

FOUND_AT = 800  # Pixels of a picture's longer side at which lines are looked for, see docs/reading.md.
FETCH_S_MAX = 900  # Of one model, by a slow line.
# The package that holds weights, and what they are called in it.
PACKAGE = "rapidocr"
# PaddleOCR's own way to its model hubs, in a process of its own: what it imports for that stays out of ours.
_FETCH = (
    "import sys; from paddlex.inference.utils.official_models import official_models; "
    "print('at:', official_models.get_model_path(sys.argv[1], model_formats=('onnx',)))"
)


class WeightsMissing(RuntimeError):
    """The weights are nowhere; the text says what to do."""


class WeightsBroken(WeightsMissing):
    """The weights are there and cannot be loaded; the text names the place and says what to do."""

    def __init__(self, place: Path, problem: Exception) -> None:
        why = (str(problem).splitlines() or [type(problem).__name__])[0]
        super().__init__(
            f"{place} cannot be loaded ({why}): weights are whole .onnx files; where `make setup` laid them out, delete that folder "
            "and run it again"
        )


@dataclass(frozen=True)
class Models:
    """The two models of one size: `tiny`, `small` or `medium`."""

    size: str

    @property
    def detection(self) -> str:
        """Return what PaddleOCR calls the model that finds lines."""
        return f"PP-OCRv6_{self.size}_det"

    @property
    def recognition(self) -> str:
        """Return what PaddleOCR calls the model that reads a line."""
        return f"PP-OCRv6_{self.size}_rec"

    @property
    def both(self) -> tuple[str, str]:
        """Return both names."""
        return self.detection, self.recognition

    def packaged_as(self, model: str) -> str:
        """Return the file's name in the package."""
        return f"PP-OCRv6_{model.rsplit('_', 1)[1]}_{self.size}.onnx"


SMALL = Models("small")
DETECTION, RECOGNITION = SMALL.both
Fetch = Callable[[str, Path], Path]


def lay_out(model_dir: Path, models: Models = SMALL, given: Path | None = None, fetch: Fetch | None = None) -> Path:
    """Make `<model>/inference.{onnx,yml}` for both models in a folder and return it; do nothing for a model that is there.

    Weights of the folder `given` go to a folder of their own below `model_dir`, named by their hash; else they are those of
    the installed package, else `fetch` (PaddleOCR's own way) gets them. A model appears whole or not at all.
    Raises WeightsMissing, WeightsBroken or OSError.
    """
    folder = folder_of(model_dir, models, given)
    folder.mkdir(parents=True, exist_ok=True)
    for model in models.both:
        if not is_laid_out(folder, model):
            source = _given(given, models, model) if given else _packaged(models.packaged_as(model))
            _lay_out_model(folder, model, source or (fetch or fetched)(model, model_dir / "fetched") / "inference.onnx")
    return folder


def folder_of(model_dir: Path, models: Models, given: Path | None) -> Path:
    """Return where `lay_out` puts the models. Raises WeightsMissing where `given` has none of them."""
    if given is None:
        return model_dir
    return model_dir / weights_hash(_given(given, models, model) for model in models.both)


def paddle_name(models: Models, folder: Path, found_at: int | None = FOUND_AT) -> str:
    """Return what a reading calls PaddleOCR with the models laid out in `folder`. Raises WeightsMissing where they are not.

    `found_at` is the longer side at which lines are looked for, None for PaddleOCR as it comes.
    """
    if not all(is_laid_out(folder, model) for model in models.both):
        raise WeightsMissing(f"the weights of PP-OCRv6 {models.size} are not laid out yet: run `make setup`")
    at = "" if found_at is None else f" at {found_at}"
    return named(f"paddleocr {version('paddleocr')} PP-OCRv6 {models.size}{at}", weights_in(folder, models))


def is_laid_out(model_dir: Path, model: str) -> bool:
    """Return whether both files of the model are there."""
    return all((model_dir / model / name).is_file() for name in ("inference.onnx", "inference.yml"))


def weights_in(folder: Path, models: Models) -> tuple[Path, Path]:
    """Return the weights of both models in a folder that `lay_out` made."""
    return folder / models.detection / "inference.onnx", folder / models.recognition / "inference.onnx"


def fetched(model: str, into: Path) -> Path:
    """Have PaddleOCR download the model and return its folder. Raises WeightsMissing where no hub answers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PADDLE_PDX_DISABLE")}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _FETCH, model],
            env={**environment, "PADDLE_PDX_CACHE_HOME": str(into)},
            capture_output=True, text=True, timeout=FETCH_S_MAX, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise WeightsMissing(_what_to_do(model)) from None
    found = [line.removeprefix("at: ") for line in done.stdout.splitlines() if line.startswith("at: ")]
    if done.returncode or not found or not (Path(found[-1]) / "inference.onnx").is_file():
        raise WeightsMissing(_what_to_do(model))
    return Path(found[-1])


@contextmanager
def whole(place: Path) -> Iterator[None]:
    """Raise WeightsBroken instead of what onnxruntime and YAML say of weights at `place` that they cannot load."""
    import yaml
    from onnxruntime.capi import onnxruntime_pybind11_state as said

    try:
        yield
    except (
        said.Fail, said.InvalidArgument, said.InvalidGraph, said.InvalidProtobuf, said.NoSuchFile, said.NotImplemented,
        said.RuntimeException, yaml.YAMLError,
    ) as problem:  # fmt: skip
        raise WeightsBroken(place, problem) from None


def _what_to_do(model: str) -> str:
    return (
        f"the weights {model} are in no installed package, and no model hub could be reached: put {model}/inference.onnx "
        "(or the .onnx file of the rapidocr package) into a folder and name it in CARDLOOP_READER_WEIGHTS, or set "
        "CARDLOOP_READER_ENGINE=pp-ocrv6-small, whose weights `make setup` installs"
    )


def _given(folder: Path, models: Models, model: str) -> Path:
    """The weights in a folder that a person named: laid out as PaddleOCR does, or files called as in the package."""
    places = (folder / model / "inference.onnx", folder / models.packaged_as(model), folder / f"{model}.onnx")
    found = next((one for one in places if one.is_file()), None)
    if found is None:
        names = ", ".join(str(one.relative_to(folder)) for one in places)
        raise WeightsMissing(f"CARDLOOP_READER_WEIGHTS names {folder}, which has none of {names}")
    return found


def _lay_out_model(folder: Path, model: str, source: Path) -> None:
    """Fills a folder beside the wanted one, then renames it: another process never sees half a model."""
    partial = Path(tempfile.mkdtemp(dir=folder, prefix=f".{model}-"))
    try:
        shutil.copy(source, partial / "inference.onnx")
        described = source.with_name("inference.yml")
        if source.name == "inference.onnx" and described.is_file():
            shutil.copy(described, partial / "inference.yml")
        else:
            _write_yaml(partial / "inference.yml", _description(model, source))
        _move_into_place(partial, folder / model)
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


def _packaged(file: str) -> Path | None:
    """The weights inside the installed package, found without importing it (that would load OpenCV)."""
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "models" / file
        if path.is_file():
            return path
    return None


def _write_yaml(path: Path, description: dict[str, Any]) -> None:
    import yaml  # Belongs to the reader's own dependencies: processes that only ask `is_laid_out` do not have it.

    with path.open("w", encoding="utf-8") as file:
        yaml.safe_dump(description, file, allow_unicode=True, sort_keys=False)


def _description(model: str, source: Path) -> dict[str, Any]:
    return _recognition(model, source) if model.endswith("_rec") else _detection(model)


def _characters(weights: Path) -> list[str]:
    """The 18,708 characters that the recognition model knows, kept in the model's own metadata."""
    import onnxruntime

    with whole(weights):
        session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    known = session.get_modelmeta().custom_metadata_map
    if "character" not in known:
        raise WeightsMissing(f"{weights} does not name its characters: put its inference.yml beside it")
    return str(known["character"]).splitlines()


def _detection(model: str) -> dict[str, Any]:
    normalize = {
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "scale": "1./255.",
        "order": "hwc",
    }
    return {
        "Global": {"model_name": model},
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


def _recognition(model: str, weights: Path) -> dict[str, Any]:
    return {
        "Global": {"model_name": model},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"RecResizeImg": {"image_shape": [3, 48, 320]}},
                {"KeepKeys": {"keep_keys": ["image"]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": _characters(weights)},
    }
