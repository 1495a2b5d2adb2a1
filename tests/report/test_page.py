"""The HTML page: whatever a name or a service says, it is text and nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from aigclens import ConfigError
from aigclens.precautions import shown
from aigclens.report import Writer, page, write
from aigclens.scanning.rows import ScanRow
from scan_rows import answered, failed

HOSTILE = [
    "<img src=x onerror=alert(1)>.jpg",
    '"><script>alert(1)</script>',
    "'><svg onload=alert(1)>",
    "</td></table><iframe src=//evil>",
    "javascript:alert(1)",
    "JaVaScRiPt://x/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\x1b]0;x\x07\u202egnp",
    "&lt;script&gt;",
    "<!--",
    "a\udcff",
]
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "p", "table", "thead", "tbody", "tr", "th", "td", "a",
}  # fmt: skip


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        pytest.fail(data)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path, *rows: ScanRow) -> Reader:
    write(rows, path, force=True)
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    return reader


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(tmp_path: Path, text: str) -> None:
    """N01, N02: names, sources, labels, errors and codes: the page has our elements, and the text is shown."""
    rows = [
        answered(text, source=text, label=text, risk_level=text, evidence=(text,), detected_at=text),
        failed(text, source=text, error=text, error_code=text),
    ]
    reader = read(tmp_path / "out.html", *rows)
    assert {tag for tag, _ in reader.tags} <= ALLOWED
    assert not [tag for tag, facts in reader.tags if any(name.startswith("on") for name in facts)]
    assert not [facts for tag, facts in reader.tags if tag == "a"]
    assert reader.text.count(shown(text)) >= 8
    plain = read(tmp_path / "plain.html", answered("a", source="a"), failed("b", source="b"))
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in plain.tags]


def test_links_lead_to_the_web_alone(tmp_path: Path) -> None:
    """N01: http and https, without a referrer, and with what would end the attribute escaped."""
    urls = ["https://x.example/a.png?b=1&c='\"><b>", "http://x.example/", "HTTPS://x.example/"]
    others = ["file:///etc/passwd", "ftp://x", "//x.example/a", "oss://bucket/key", "https://x\n", "http://[x"]
    reader = read(tmp_path / "out.html", *(answered("a", source=source) for source in [*urls, *others]))
    links = [facts for tag, facts in reader.tags if tag == "a"]
    assert [facts["href"] for facts in links] == urls
    assert {facts["rel"] for facts in links} == {"noreferrer noopener"}
    assert all(set(facts) == {"href", "rel"} for facts in links)


def test_nothing_runs_and_nothing_is_loaded(tmp_path: Path) -> None:
    """N01: the policy stands before anything else of the page that could be loaded."""
    reader = read(tmp_path / "out.html")
    metas = [facts for tag, facts in reader.tags if tag == "meta"]
    policies = [facts.get("content") for facts in metas if facts.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    names = [tag for tag, _ in reader.tags]
    assert names.index("style") > names.index("meta")
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & set(names)


def test_it_counts_all_and_shows_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_MOST", 3)
    rows = [answered(f"{number}.png") for number in range(5)] + [failed("x.png")]
    reader = read(tmp_path / "out.html", *rows)
    assert "3.png" not in reader.text and "2.png" in reader.text
    assert "The first 3 rows; the counts are of all." in reader.text
    assert "images6\nanswered5\nfailed1\n" in reader.text


def test_a_page_of_ours_is_written_anew_and_no_other(tmp_path: Path) -> None:
    """N05."""
    path = tmp_path / "out.html"
    for count in (2, 1):
        writer = Writer(path, resume=True)
        for number in range(count):
            writer.write(answered(f"{number}.png"))
        writer.close()
    assert "1.png" not in path.read_text()
    path.write_text("<!doctype html>\n")
    with pytest.raises(ConfigError, match="force"):
        Writer(path, resume=True)


def test_rows_that_disagree_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they come after the last row that a page has room for."""
    monkeypatch.setattr(page, "_MOST", 3)
    rows = [answered(f"{number}.png") for number in range(5)]
    rows.append(answered("disputed.png", is_aigc=False, evidence=("iptc:generated:trainedAlgorithmicMedia",)))
    path = tmp_path / "out.html"
    reader = read(path, *rows)
    text = path.read_text("utf-8")
    assert text.index("disputed.png") < text.index("0.png") < text.index("1.png")
    assert "2.png" not in text and text.count('<tr class="disputed">') == 1
    assert "declaration and verdict disagree1\n" in reader.text
    assert "Rows whose declaration and verdict disagree come first." in reader.text
    assert "come first" not in read(tmp_path / "other.html", answered("a.png")).text


def test_who_answered_is_told(tmp_path: Path) -> None:
    """A declaration that saved the call must not be taken for a verdict of the service."""
    read(tmp_path / "a.html", answered("a.png", engine="provenance", billing="not_billed"))
    text = (tmp_path / "a.html").read_text("utf-8")
    assert "<th>engine</th><th>billing</th>" in text
    assert "<td>provenance</td><td>not_billed</td>" in text
