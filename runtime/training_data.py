# SPDX-License-Identifier: LGPL-3.0-or-later
"""The smallest distance in a model's training data: from the model, the user, or the data.

A training script is opaque: only its data paths are read, wherever a release of DeePMD-kit
keeps them, so scripts that newer releases refuse work, too.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from .errors import InputError
from .neighbor_stat import min_distance
from .progress import Progress
from .session import first_line, import_extra
from .systems import System, find_systems

log = logging.getLogger("dponnx")
YAML = (".yaml", ".yml")
# Names DeePMD-kit and its users give to training scripts: these first.
USUAL = ("input.json", "out.json", "input_v2_compat.json")


@dataclass(frozen=True)
class DistanceSources:
    """Where the smallest distance may come from when the model does not carry it.

    given: angstrom, wins over everything; script: a training script; folder: of checkpoints,
    searched for a training script.
    """

    given: float | None = None
    script: str | Path | None = None
    folder: str | Path | None = None

    def find(self, model: str | Path, own: float | None, progress: Progress | None = None) -> float:
        """The distance, angstrom: given, else the model's own, else of the script's data.

        own: train_attr/min_nbor_dist of `model`, or None. Logs which one is used.
        Raises InputError that lists the ways if there is none.
        """
        if self.given is not None:
            return self._given(own)
        if own is not None and _usable(own):
            if self.script is not None:
                log.info("the model carries its smallest distance; %s is not read", self.script)
            return own
        if own is not None:
            log.warning("%s: its train_attr/min_nbor_dist is %g; not used", model, own)
        if self.script is not None:
            return _of_script(Path(self.script), progress)
        if self.folder is not None:
            script = find_script(self.folder)
            log.info("%s: training script found in the checkpoint folder", script)
            return _of_script(script, progress)
        raise InputError(
            f"{model}: it does not carry the smallest distance of its training data "
            "(train_attr/min_nbor_dist); give --min-nbor-dist R in angstrom, or -t SCRIPT, the "
            "training input whose data are then measured, or -c FOLDER that holds that script"
        )

    def _given(self, own: float | None) -> float:
        if not _usable(self.given):
            raise InputError(
                f"min_nbor_dist is {self.given}; expected a distance above 0, angstrom"
            )
        if own is not None and own != self.given:
            log.info("smallest distance: %g angstrom as given, not the model's %g", self.given, own)
        if self.script is not None:
            log.info("the smallest distance is given; %s is not read", self.script)
        return float(self.given)


def find_script(folder: str | Path) -> Path:
    """The training script in a folder: a usual name first, else any that names data."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"-c/--checkpoint-folder: {folder}: no such folder")
    others = sorted(p for p in folder.iterdir() if p.suffix in (".json", *YAML))
    for script in [*(folder / name for name in USUAL), *others]:
        try:
            if any(data_of(read_script(script))):
                return script
        except InputError:
            continue
    seen = " ".join(p.name for p in others[:8]) or "no .json file"
    raise InputError(
        f"-c/--checkpoint-folder: {folder}: no training script in it ({seen}); expected "
        "input.json with training/training_data/systems. Give it with -t, or the smallest "
        "distance with --min-nbor-dist"
    )


def read_script(script: str | Path) -> dict[str, Any]:
    """A training script: JSON, or YAML if its name ends in .yaml or .yml."""
    script = Path(script)
    if not script.is_file():
        raise InputError(f"{script}: no such file; expected the training input (.json, .yaml)")
    try:
        text = script.read_text(encoding="utf-8")
        if script.suffix in YAML:
            yaml = import_extra("yaml", "data", f"{script}: reading YAML")
            found = _load_yaml(yaml, text)
        else:
            found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{script}: {first_line(error)}; expected DeePMD-kit's training input"
        ) from None
    if not isinstance(found, dict):
        raise InputError(f"{script}: not a training input; expected an object with training/...")
    return found


def data_of(
    script: dict[str, Any], section: str = "training_data"
) -> Iterator[tuple[list[str], list[str] | None]]:
    """(paths, glob patterns or None) of every training set a script names.

    training/training_data (2.0 on), training/data_dict/*/training_data (multi-task),
    training (1.x) and the top level (0.x). Anything that looks otherwise is passed over.
    section: "validation_data" for those of validation, which only 2.0 on has.
    """
    training = script.get("training")
    training = training if isinstance(training, dict) else {}
    several = training.get("data_dict")
    branches = list(several.values()) if isinstance(several, dict) else []
    for place in [training, *branches, script]:
        if not isinstance(place, dict):
            continue
        data = place.get(section, place if section == "training_data" else None)
        systems = data.get("systems") if isinstance(data, dict) else None
        systems = [systems] if isinstance(systems, str) else systems
        if isinstance(systems, list) and systems and all(isinstance(s, str) for s in systems):
            patterns = data.get("rglob_patterns")
            patterns = [str(p) for p in patterns] if isinstance(patterns, list) else None
            yield systems, patterns


def systems_of(script: str | Path, section: str = "training_data") -> list[System]:
    """The systems of a training script, each once; section: as data_of's.

    Relative paths count from the script's folder, else from the working directory. As in
    DeePMD-kit a path may be a folder to search; one with *, ? or [ that does not exist is a glob.
    """
    script = Path(script)
    found: dict[str, System] = {}
    for names, patterns in data_of(read_script(script), section):
        for system in find_systems([p for n in names for p in _places(script, n)], patterns):
            found.setdefault(str(system.path), system)
    if not found:
        raise InputError(
            f"{script}: no training/{section}/systems in it; expected DeePMD-kit's training "
            "input with the paths of its data there"
        )
    return list(found.values())


def _of_script(script: Path, progress: Progress | None) -> float:
    systems = systems_of(script)
    try:
        distance = min_distance(systems, progress)
    except InputError as error:
        raise InputError(f"{script}: {error}") from None
    log.info(
        "smallest distance in the data of %s: %.6f angstrom (%d system%s)",
        script,
        distance,
        len(systems),
        "" if len(systems) == 1 else "s",
    )
    return distance


def _places(script: Path, name: str) -> list[str]:
    """What a path in the script means here; one that is nowhere stays, to be named in an error."""
    tried = [str(script.parent / name), name]
    for path in tried:
        if Path(path.partition("#")[0]).exists() or Path(path).exists():
            return [path]
    for path in tried:
        if has_magic(path) and (matches := sorted(glob(path, recursive=True))):
            return matches
    return tried[:1]


def _load_yaml(yaml: Any, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(first_line(error)) from None


def _usable(distance: float) -> bool:
    return math.isfinite(distance) and distance > 0
