"""The report of an import is one HTML file that loads nothing, and texts of the dataset cannot become markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import UserError
from core.formats.account import AccountBuilder
from core.formats.doubt import Doubt, DoubtAnswer
from core.formats.readers.registry import open_dataset
from core.labels.class_list import ClassList
from core.session.transfer.account_page import AccountOfImport, render_account_page, write_account_page
from core.session.transfer.import_plan import plan_import
from core.session.transfer.sample_preview import SamplePreview
from tests.dataset_files import grey, photo, write_text

BAD = "<script>alert('x')</script>\x1b[2J"


def said(root: Path) -> AccountOfImport:
    photo(root / "images" / "a.jpg")
    grey(root / "masks" / "a.png", 0, 1)
    write_text(root / "classes.txt", f"soil\n{BAD}\n")
    dataset = open_dataset(root)
    account = AccountBuilder(dataset.account)
    for number in range(30):
        account.left_out(f"{number}{BAD}", BAD)
    doubt = Doubt("k", BAD, ((BAD, 0.5),), (DoubtAnswer(BAD, None, ((BAD, "void"),)),))
    plan = plan_import(ClassList(), root / "mine", dataset, {})
    return AccountOfImport((BAD,), plan, account.result(), (doubt,), {"soil": 3, "void": 1})


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_is_self_contained_and_escaped(tmp_path: Path) -> None:
    write_account_page(tmp_path / "report.html", said(tmp_path / "set"))
    page = (tmp_path / "report.html").read_text("utf-8")
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.seen and "\x1b" not in page
    assert len(tags.links) == 1 and tags.links[0].startswith("data:image/jpeg;base64,")
    assert not re.search(r"https?://", page)
    assert "… and 10 more" in page and "30 × file" in page
    assert "a.jpg with its mask" in page and "75.00 %" in page


def test_a_sample_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = SamplePreview(BAD, None, None, "It is damaged & <small>.")
    plain = SamplePreview("b.jpg", np.zeros((4, 4, 3), np.uint8), None)
    page = render_account_page(said(tmp_path / "set"), [broken, plain])
    assert "It is damaged &amp; &lt;small&gt;." in page and "b.jpg" in page


@pytest.mark.parametrize("name", ["report.txt", "nowhere/report.html"])
def test_the_place_of_the_page_is_checked(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ends with .html|no folder"):
        write_account_page(tmp_path / name, said(tmp_path / "set"))
