"""Chinese titles break between words: each piece has room on the line of a phone."""

import re

import pytest
from root import ROOT

from tools.site.phrases import phrased, pieces

LINE = 12  # characters of a section's title beside its number, at 360 pixels
PAGES = sorted(ROOT.glob("zh/book/*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_pieces_of_a_title_fit_a_phone(path):
    titles = re.findall(
        r"^#{1,4} (.*)$", re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8")), re.MULTILINE
    )
    runs = [run for title in titles for run in re.findall(r"[\u4e00-\u9fff]+", title)]
    assert titles
    assert [piece for run in runs for piece in pieces(run) if len(piece) > LINE] == []


def test_a_word_is_whole_and_code_tags_and_entities_stay():
    assert pieces("最大池化的梯度只传给最大值") == ["最大池化的", "梯度", "只传给", "最大值"]
    assert pieces("核大小与步幅") == ["核大小与", "步幅"]
    assert phrased("乘法减少，时间能减少多少") == "乘法<wbr>减少，时间能减少<wbr>多少"
    assert phrased('<a title="卷积步幅">#</a>') == '<a title="卷积步幅">#</a>'
    assert phrased("<code>卷积步幅</code>卷积步幅 &amp;") == "<code>卷积步幅</code>卷积<wbr>步幅 &amp;"
