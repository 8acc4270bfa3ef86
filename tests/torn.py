"""A program that stops a small study at each of its writes in turn, and fills its disk.

    python -m tests.torn kills FOLDER 12          # twelve of all moments, evenly spread; 0: all
    python -m tests.torn sizes FOLDER 8           # of disks, on file systems in memory

Everything is imported once; each run is a fork of that, which costs a second or so where a process
of its own costs ten. A killed run goes on in another fork. What Python writes is stopped when a
file has been opened, and when half of it is there; `torch.save` and safetensors, which write by
themselves, before and with half of the file; `rename`, `unlink` and `mkdir` before they are done.
Prints one JSON line at the end.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .studydata import make_mirror, new_model, write_study

TRAINING = {
    "steps": 5,
    "checkpoint_steps": 2,
    "examples_per_step": 4,
    "learning_rate": 1e-3,
    "max_input_tokens": 64,
    "select": {"every_steps": 2},
    "report_to": "jsonl",
}


class Moments:
    """Counts what a process does to files below a folder, and kills it at one of them."""

    def __init__(self, root: Path, kill_at: int | None) -> None:
        self.root = os.path.realpath(root)
        self.kill_at = kill_at
        self.seen: list[str] = []

    def __call__(self, what: str, path: Any, tear: Callable[[], object] | None = None) -> None:
        self.seen.append(f"{what} {os.path.basename(str(path))}")
        if len(self.seen) - 1 == self.kill_at:
            if tear is not None:
                tear()
            os.kill(os.getpid(), signal.SIGKILL)

    def is_ours(self, path: Any) -> bool:
        """Names relative to an open directory are `rmtree`'s."""
        if isinstance(path, int):
            return False
        text = os.path.join(self.root, os.fspath(path))
        # How often progress is told, and which files are old enough to be sealed, depends on the
        # machine; no result depends on either.
        timed = ".progress" in text or ".seals" in text
        return text.startswith(self.root) and not timed

    def watch(self) -> None:
        """Stands between the program and its files from here on."""
        import safetensors.torch
        import torch

        for name in ("replace", "rename", "unlink", "remove", "rmdir", "mkdir"):
            setattr(os, name, self._before(name, getattr(os, name)))
        opened = self._opening(io.open)
        io.open = builtins.open = opened  # type: ignore[assignment]
        torch.save = self._saving("torch.save", torch.save, 1)
        safetensors.torch.serialize_file = self._saving(
            "safetensors", safetensors.torch.serialize_file, 1
        )

    def _before(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Any, *rest: Any, **named: Any) -> Any:
            idle = not named.get("dir_fd") and os.path.lexists(path) == (name == "mkdir")
            if self.is_ours(path) and not idle:
                self(name, path)
            return real(path, *rest, **named)

        return watched

    def _saving(self, name: str, real: Callable[..., Any], place: int) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            path = given[place]
            self(f"before {name}", path)
            done = real(*given, **named)
            self(f"half {name}", path, lambda: halve(path))
            return done

        return watched

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            found = real(file, mode, *rest, **named)
            if not set(mode) & set("wax") or not self.is_ours(file):
                return found
            self("open", file)
            return self._closing(found, file, os.path.getsize(file))

        return watched

    def _closing(self, found: Any, path: Any, before: int) -> Any:
        close = found.close

        def watched() -> None:
            if not found.closed:
                found.flush()
                self("half", path, lambda: halve(path, before))
            close()

        found.close = watched
        return found


def halve(path: Any, before: int = 0) -> None:
    """The file as it is when half of what is new in it was written."""
    os.truncate(path, (before + os.path.getsize(path)) // 2)


def fork(log: Path, do: Callable[[], object]) -> int:
    """Does something in a fork whose output goes to `log`; its exit code, or minus its signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        do()
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Study:
    """The study that is stopped, with what it comes to when it is not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.hub = make_mirror(folder)
        self.file = write_study(
            folder,
            models=[new_model("encoder")],
            intermediates=["none"],
            targets=["udpos"],
            languages=["en", "de"],
            training=TRAINING,
            limit={"train": 16, "validation": 4, "test": 4},
        )
        self.seen = self.straight()
        self.cells = self.result(folder / "straight")

    def run(self, out: Path) -> None:
        """Runs it in this process, which ends."""
        from t2t_xfer.cli import main

        main(["study", "run", str(self.file), "--data", f"mirror:{self.hub}", "--output", str(out)])

    def straight(self) -> list[str]:
        """Runs it undisturbed; the moments at which it could be stopped."""
        out, told = self.folder / "straight", self.folder / "moments.json"

        def do() -> None:
            moments = Moments(out, None)
            moments.watch()
            try:
                self.run(out)
            finally:
                told.write_text(json.dumps(moments.seen))

        code = fork(self.folder / "straight.log", do)
        assert code == 0, (self.folder / "straight.log").read_text()
        found: list[str] = json.loads(told.read_text())
        return found

    def result(self, out: Path) -> dict[str, bytes]:
        """What must be the same: the cells, all weights and logs of stages."""
        kept = [out / "small" / "cells.csv"]
        for pattern in ("*/*/checkpoint/model.safetensors", "*/*/*.jsonl"):
            kept += (out / "store").glob(pattern)
        return {str(path.relative_to(out)): path.read_bytes() for path in kept}

    def wrong_after(self, out: Path, log: Path) -> str | None:
        """Goes on undisturbed; what is not as it should be."""
        code = fork(log, lambda: self.run(out))
        if code != 0:
            return f"exit {code}: {log.read_text()[-1500:]}"
        if self.result(out) != self.cells:
            return "other results"
        left = [*out.rglob("*.tmp"), *out.glob("store/.work/*")]
        return f"left behind: {left}" if left else None


def evenly(number: int, of: int) -> list[int]:
    """So many of 0, 1, … `of` - 1; all if `number` is 0."""
    if number == 0 or number >= of:
        return list(range(of))
    return sorted({round(i * (of - 1) / (number - 1)) for i in range(number)})


def kills(study: Study, number: int) -> dict[str, Any]:
    """Stops at these moments, and goes on."""
    wrong = {}
    chosen = evenly(number, len(study.seen))
    for at in chosen:
        out, log = study.folder / f"killed-{at}", study.folder / f"killed-{at}.log"

        def do(out: Path = out, at: int = at) -> None:
            Moments(out, at).watch()
            study.run(out)

        code = fork(log, do)
        problem = f"it ended with {code}" if code != -signal.SIGKILL else None
        problem = problem or study.wrong_after(out, log)
        if problem:
            wrong[f"{at} {study.seen[at]}"] = problem
        else:
            subprocess.run(["rm", "-rf", out], check=True)
    return {"moments": len(study.seen), "stopped": len(chosen), "wrong": wrong}


def sizes(study: Study, number: int) -> dict[str, Any]:
    """Fills disks of these sizes, and goes on with more room."""
    need = sum(p.stat().st_size for p in (study.folder / "straight").rglob("*") if p.is_file())
    wrong, full = {}, 0
    place = study.folder / "disk"
    place.mkdir()
    number = number or 60
    for step in range(number):
        size = max(4096, int(need * 4 * (step + 0.5) / number) // 4096 * 4096)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        subprocess.run(mount, check=True)
        try:
            log = study.folder / f"disk-{size}.log"
            code = fork(log, lambda: study.run(place / "out"))
            told = log.read_text()
            full += code == 2
            if code not in (0, 2) or "Traceback" in told or (code and "full" not in told):
                wrong[str(size)] = f"exit {code}: {told[-1500:]}"
            remount = ["mount", "-o", "remount,size=100m", str(place)]
            subprocess.run(remount, check=True)
            problem = study.wrong_after(place / "out", log)
            if problem:
                wrong[f"{size}, with more room"] = problem
        finally:
            subprocess.run(["umount", str(place)], check=True)
    return {"sizes": number, "full": full, "bytes": need, "wrong": wrong}


def warm() -> None:
    """Imports what a study needs, and computes nothing: a fork must not inherit threads."""
    import torch
    import transformers.models.xlm_roberta.modeling_xlm_roberta  # noqa: F401

    import t2t_xfer.cli
    import t2t_xfer.engines.transformers
    import t2t_xfer.report.written
    import t2t_xfer.training.loop  # noqa: F401

    torch.set_num_threads(1)


def main() -> None:
    what, folder, number = sys.argv[1], Path(sys.argv[2]).resolve(), int(sys.argv[3])
    start = time.monotonic()
    warm()
    study = Study(folder)
    found = {"kills": kills, "sizes": sizes}[what](study, number)
    print(json.dumps({**found, "seconds": round(time.monotonic() - start, 1)}))


if __name__ == "__main__":
    main()
