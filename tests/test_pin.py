"""`t2t-xfer pin`: asked of a small server that speaks as the hub does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from t2t_xfer.specs import StudySpec, TaskSpec, load_yaml
from t2t_xfer.specs.catalogue import shipped_root
from t2t_xfer.specs.pins import hub_ids, with_revision
from t2t_xfer.stages.base import How
from t2t_xfer.stages.bases import read_commit

from .studydata import t2t

STUDY = """\
# kept
models:
  - {name: a, path: owner/a}   # kept, too
  - name: b
    path: "owner/b"
    dtype: float32
  - {name: c, path: owner/c, revision: main}
  - {name: d, path: micro:encoder}
intermediates: [none, [mnli, text]]
text:
  hub:
    id: owner/text
    config: "{language}"
  languages: [de]
targets: [xnli]
"""


def commit(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


class Hub(BaseHTTPRequestHandler):
    """Says a commit for every `owner/…` and knows nothing else."""

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].removeprefix("/api/")
        known = "/owner/" in f"/{name}"
        body = {"id": name, "sha": commit(name)} if known else {"error": "Repository not found"}
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_study_is_pinned_and_says_nothing_else(hub: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY)
    before = load_yaml(path, StudySpec)
    assert t2t("pin", "--check", path).code == 1
    assert path.read_text() == STUDY
    done = t2t("pin", path)
    assert done.code == 0, done.err
    after = load_yaml(path, StudySpec)
    assert [model.revision for model in after.models] == [
        commit("models/owner/a"),
        commit("models/owner/b"),
        commit("models/owner/c/revision/main"),
        None,
    ]
    assert after.text is not None
    assert after.text.hub is not None
    assert after.text.hub.revision == commit("datasets/owner/text")
    assert before.model_dump(exclude={"models", "text"}) == after.model_dump(
        exclude={"models", "text"}
    )
    assert path.read_text().count("kept") == 2
    assert t2t("pin", "--check", path).out == "everything is pinned\n"


@pytest.mark.parametrize(
    "path", sorted((shipped_root() / "tasks").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_shipped_task_could_be_pinned(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    copy = tmp_path / path.name
    copy.write_text(text, encoding="utf-8")
    for number in range(len(hub_ids(copy))):
        text = with_revision(text, hub_ids(copy)[number], commit(str(number)))
        copy.write_text(text, encoding="utf-8")
    found = load_yaml(copy, TaskSpec)
    hubs = [part.hub for part in found.data.sources if part.hub is not None]
    assert [each.revision for each in hubs] == [commit(str(n)) for n in range(len(hubs))]
    assert all(each.pinned for each in hub_ids(copy))


def test_a_record_says_which_commit_of_a_model_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--owner--a"
    (folder / "snapshots" / commit("a")).mkdir(parents=True)
    (folder / "snapshots" / commit("a") / "config.json").write_text("{}")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit("a"))
    assert read_commit(How(path="owner/a")) == {"model_revision": commit("a")}
    assert read_commit(How(path="owner/b")) == {}
    assert read_commit(How(path=str(tmp_path))) == {}


def test_an_unknown_id_leaves_the_file_as_it_is(hub: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY.replace("owner/a", "nobody/a"))
    done = t2t("pin", path)
    assert done.code == 2
    assert "nobody/a: the hub did not say its commit" in done.err
    assert 'revision: "' not in path.read_text()
