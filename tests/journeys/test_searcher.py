"""A reader who searches, with words of any textbook: the right page is among the first three, in both editions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from walking import PAGES, reader

from tools.site import server
from tools.source.words import is_han

pytestmark = pytest.mark.slow
DENSE, CONV, PAD, FIELD = "from-dense-to-convolution", "convolutional-layer", "padding-and-stride", "receptive-field"
CIRCLE, CAUSAL, FACTOR = "circular-convolution", "causal-and-dilated", "separable-kernels"
BACK, FAST = "backward-pass", "how-it-is-computed"
AFTER, INSIDE, CALC, FEATURES = "after-lenet", "looking-inside", "receptive-field-calculator", "measured-features"
QUERIES = {
    "": {
        "3×3": FIELD, "3x3": FIELD, "3 x 3": FIELD, "1×1": "channels", "1x1 convolution": "channels", "5x5": PAD,
        "stride": PAD, "strides": PAD, "padding": PAD, "padding and stride": PAD, "same padding": PAD,
        "receptive field": FIELD, "Receptive Fields": CONV, "effective receptive field": FIELD, "dilation": FIELD,
        "dilated convolution": FIELD, "atrous convolution": FIELD, "transposed convolution": PAD, "even kernel": PAD,
        "output size formula": PAD, "translation equivariance": DENSE, "translation invariance": DENSE,
        "weight sharing": DENSE, "parameter sharing": DENSE, "fully connected layer": DENSE, "locality": DENSE,
        "max pooling": "pooling", "MaxPool2d": "pooling", "subsampling": "pooling", "average pooling": "pooling",
        "gradient of max pooling": "pooling", "ceil_mode": "pooling", "edge detection": "pooling",
        "cross-correlation": CONV, "learning a kernel": CONV, "feature map": CONV, "corr2d": CONV,
        "bottleneck": "channels", "how many parameters does a convolution have": "channels", "MACs": "channels",
        "confusion matrix": "lenet", "LeNet": "lenet", "MLP": "lenet", "softmax regression": "lenet",
        "fully-connected": DENSE, "grading": "teaching", "homework": "teaching", "bibliography": "references",
        "errata": "where-texts-slip", "mistakes in textbooks": "where-texts-slip", "downsampling": "pooling",
        "random seed": "honest-numbers", "RGB image": "channels", "epochs": "lenet", "filter": CONV,
        "moodle": "teaching", "speed": "benchmarks", "circulant matrix": CIRCLE, "circular padding": CIRCLE,
        "Fourier transform": CIRCLE, "causal convolution": CAUSAL, "WaveNet": CAUSAL, "separable kernel": FACTOR,
        "depthwise separable convolution": FACTOR, "MobileNet": FACTOR, "grouped convolution": FACTOR,
        "backpropagation": BACK, "deconvolution": BACK, "checkerboard": BACK, "im2col": FAST,
        "Winograd": FAST, "FFT": FAST, "步长": PAD, "汇聚": "pooling", "感受野": FIELD, "交叉相关": CONV,
        "batch normalization": AFTER, "ResNet": AFTER, "residual connection": AFTER,
        "skip connection": AFTER, "VGG": AFTER, "occlusion": INSIDE, "saliency": INSIDE,
        "transfer learning": FEATURES, "fine-tuning": FEATURES, "own photos": "your-own",
        "dilated causal": CAUSAL, "convolution theorem": CIRCLE, "overfitting": "lenet",
        "learning rate": "honest-numbers", "why odd kernel": PAD, "commutative": CONV,
        "loss function": "lenet", "Muon": "same-net-better", "number of parameters": "channels",
        "depthwise": FACTOR, "low rank": FACTOR, "cudnn": FAST, "data augmentation": "lenet",
        "flip the kernel": CONV, "zero padding": PAD, "receptive field calculator": CALC,
        "FLOPs": "channels",
    },
    "zh/": {
        "3×3": FIELD, "3x3": FIELD, "３×３": FIELD, "1x1卷积": "channels", "1×1卷积": "channels",
        "逐点卷积": "channels", "步长": PAD, "步幅": PAD, "stride": PAD, "填充和步幅": PAD, "填充与步长": PAD,
        "感受野": FIELD,
        "receptive field": FIELD, "膨胀卷积": FIELD, "空洞卷积": FIELD, "反卷积": PAD, "转置卷积": PAD, "输出大小": PAD,
        "汇聚": "pooling", "汇聚层": "pooling", "最大汇聚": "pooling", "池化": "pooling", "最大池化": "pooling",
        "平均池化": "pooling", "池化层的梯度": "pooling", "ceil_mode": "pooling", "边缘检测": "pooling",
        "交叉相关": CONV, "互相关": CONV, "特征映射": CONV, "特征图": CONV, "卷积层": CONV,
        "卷积和全连接的区别": DENSE, "稠密层": DENSE, "全连接层": DENSE, "权重共享": DENSE, "参数共享": DENSE,
        "平移不变性": DENSE, "平移等变性": DENSE, "局部性": DENSE, "瓶颈结构": "channels", "多个输入通道": "channels",
        "参考文献": "references", "术语表": "glossary", "教学": "teaching", "作业": "teaching", "自动评分": "teaching",
        "显卡": FAST, "循环矩阵": CIRCLE, "傅里叶变换": CIRCLE, "因果卷积": CAUSAL,
        "深度可分离卷积": FACTOR, "分组卷积": FACTOR, "反向传播": BACK, "棋盘效应": BACK, "快速傅里叶变换": FAST,
        "勘误": "where-texts-slip", "记号": "notation", "动手学深度学习": "the-same-in-d2l",
        "卷积核": CONV, "滤波器": CONV, "学习卷积核": CONV, "下采样": "pooling", "补零": PAD, "输出尺寸": PAD,
        "手写数字识别": "lenet", "核": CONV, "池": "pooling", "步": PAD, "轮数": "lenet",
        "混淆矩阵": "lenet", "手写数字": "lenet", "多层感知机": "lenet", "迭代周期": "lenet", "LeNet": "lenet",
        "参数量": "channels", "im2col": FAST, "填充": PAD,
        "多输入通道": "channels", "深度可分离": FACTOR, "批量归一化": AFTER,
        "批归一化": AFTER, "残差": AFTER, "残差连接": AFTER, "等变性": DENSE, "平移不变": DENSE, "循环卷积": CIRCLE,
        "傅里叶": CIRCLE, "遮挡": INSIDE, "损失函数": "lenet", "泛化": "lenet", "交换律": CONV, "过拟合": "lenet",
        "学习率": "honest-numbers", "迁移学习": FEATURES, "微调": FEATURES, "softmax回归": "lenet",
        "随机种子": "honest-numbers", "ResNet": AFTER, "VGG": AFTER, "互相关和卷积的区别": CONV, "卷积核大小": PAD,
        "输出尺寸公式": PAD, "输出通道": "channels", "为什么卷积核是奇数": PAD, "1×1卷积有什么用": "channels",
        "池化层还有必要吗": "pooling", "偶数卷积核": PAD, "计算量": "channels", "FLOPs": "channels",
        "有效感受野": FIELD, "数据增强": "lenet", "李沐": "the-same-in-d2l", "可视化": INSIDE,
        "卷积定理": CIRCLE, "快速算法": FAST, "翻转": CONV,
        "感受野计算器": CALC, "参数量计算器": CALC,
        "卷积输出尺寸怎么算": PAD, "卷积核有多少个参数": "channels", "为什么用3×3卷积核": CONV,
        "卷积层为什么参数少": DENSE, "padding怎么设置": PAD, "same卷积": PAD, "valid卷积": PAD,
        "感受野怎么计算": FIELD, "感受野公式": FIELD, "空洞卷积的网格效应": CAUSAL, "深度卷积": FACTOR,
        "全局平均池化": "pooling", "最大池化和平均池化的区别": "pooling", "池化层有参数吗": "pooling",
        "BN层": AFTER, "残差块": AFTER, "跳跃连接": AFTER, "梯度消失": AFTER, "sigmoid梯度消失": "lenet",
        "Xavier初始化": AFTER, "交叉熵": "lenet", "数据集划分": "how-we-measure", "超参数调优": "measured-design",
        "网格搜索": "measured-design", "卷积的数学定义": CONV, "二维卷积代码实现": CONV, "手写卷积": CONV,
        "卷积反向传播推导": BACK, "上采样": BACK, "平移不变性和平移等变性": DENSE, "抗锯齿": "measured-symmetry",
        "1维卷积": CONV, "三维卷积": CONV, "因果性": CAUSAL, "奇异值分解": FACTOR, "优化器": "same-net-better",
        "消融实验": "same-net-better", "Grad-CAM": INSIDE, "MNIST": "lenet", "卷积动画": CONV, "暂退法": AFTER,
        "丢弃法": AFTER, "模型压缩": FACTOR, "轻量级网络": FACTOR, "归纳偏置": "measured-symmetry",
        "GPU加速": "benchmarks", "显存占用": "benchmarks", "作弊检测": "teaching", "国内镜像": "index",
        "自定义数据集": "your-own", "图像分类入门": "lenet", "卷积神经网络面试题": "ways-in", "零填充为什么": PAD,
        "卷积核翻转180度": CONV, "权值共享": DENSE, "局部连接": DENSE, "下采样和池化": "pooling", "步长卷积": PAD,
        "特征提取": CONV, "多通道卷积": "channels",
    },
}  # fmt: skip
CASES = [(edition, query, page) for edition, queries in QUERIES.items() for query, page in queries.items()]
RESULTS = """list => list.map((item) => ({
  links: [...item.querySelectorAll("a")].map((a) => a.getAttribute("href")),
  shown: [...item.querySelectorAll(".context")].map((p) => [p.textContent, Boolean(p.querySelector("code"))]),
}))"""


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    with server.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def searcher(chromium, site):
    with reader(chromium, viewport={"width": 1280, "height": 900}) as page:
        yield page


# The open search page is given the address to which its form leads, and runs its index again.
ASK = """async (query) => {
  const form = document.querySelector(".bd-search-container form"), field = form.querySelector("input[name=q]");
  field.value = query;
  if (form.method !== "get") throw new Error(`the form is sent by ${form.method}`);
  const address = new URL(form.action);
  address.search = new URLSearchParams(new FormData(form));
  history.replaceState(null, "", address);
  document.getElementById("search-results").replaceChildren();
  const index = document.createElement("script");
  index.src = document.querySelector("script[src*='searchindex.js']").src;
  await new Promise((done, failed) => { index.onload = done; index.onerror = failed; document.head.append(index); });
  index.remove();
  if (field.value !== query) throw new Error(`the page has read ${field.value}`);
}"""


def results(page, address: str, query: str) -> list[dict]:
    """What a search from the field of the search page finds."""
    page.goto(f"{address}search.html")
    field = page.locator(".bd-search-container input[name=q]")
    field.fill(query)
    field.press("Enter")
    return found_on(page)


def asked(page, address: str, query: str) -> list[dict]:
    """The same, without loading the page anew if it is open."""
    if not page.url.startswith(f"{address}search.html"):
        return results(page, address, query)
    page.evaluate(ASK, query)
    return found_on(page)


def found_on(page) -> list[dict]:
    page.locator("#search-results [role=status]").wait_for()
    return page.locator("#search-results > ul.search > li").evaluate_all(RESULTS)


def test_there_are_enough_queries():
    assert all(len(queries) >= 100 for queries in QUERIES.values())
    in_chinese = [query for query in QUERIES["zh/"] if is_han(query)]
    assert len(in_chinese) >= 90


@pytest.mark.parametrize(("edition", "query", "expected"), CASES)
def test_the_right_page_is_among_the_first_three(searcher, site, built, edition, query, expected):
    found = asked(searcher, site + edition, query)
    pages = [Path(urlsplit(item["links"][0]).path).stem for item in found]
    assert expected in pages[:3], pages
    assert len(set(pages)) == len(pages)
    for item in found[:3]:
        for link in item["links"]:
            parts = urlsplit(link)
            text = (built / edition / parts.path).read_text(encoding="utf-8")
            assert not parts.fragment or f'id="{unquote(parts.fragment)}"' in text, link
        for shown, code in item["shown"]:
            assert len(shown) < 700
            assert code or re.search(r"[\w\u4e00-\u9fff].*[\w\u4e00-\u9fff]", shown), shown
            assert not re.search(r"\\[a-z]+|[\ue000-\uf8ff]|\n", shown), f"a formula twice: {shown}"
            assert code or not shown.startswith(("import ", "from ", "Contents", "目录")), shown


@pytest.mark.parametrize("edition", ["", "zh/"])
def test_a_result_leads_to_the_section_that_holds_the_sentence(searcher, site, edition):
    """The first ten queries: each sentence shown stands below the title that its link leads to."""
    told_of = []
    for query in list(QUERIES[edition])[:10]:
        found = asked(searcher, site + edition, query)[0]
        shown = zip(found["links"], found["shown"], strict=True)
        told_of += [(link, query, sentence) for link, (sentence, code) in shown if not code]
    assert len(told_of) >= 10
    for link, query, shown in sorted(told_of):  # the places of one page in a row: it is loaded once
        searcher.goto(f"{site}{edition}{link}", wait_until="load")
        told = searcher.evaluate(
            """() => { const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
                 const within = place?.closest("section") ?? document.querySelector("article section");
                 const part = within.cloneNode(true);
                 part.querySelectorAll("annotation").forEach((a) => a.remove());
                 return part.textContent.replace(/[\\s\\u2061-\\u2064]+/g, ""); }"""
        )
        assert re.sub(r"\s+", "", shown) in told, (query, link, shown)


@pytest.mark.parametrize(("edition", "query"), [("", "xylophone"), ("zh/", "葡萄酿醋")])
def test_what_is_not_there_is_told_with_a_way_on(searcher, site, edition, query):
    assert results(searcher, site + edition, query) == []
    told = searcher.locator("#search-results [role=status]")
    assert query in told.inner_text()
    told.get_by_role("link").click()
    searcher.wait_for_url("**/book/glossary.html")


@pytest.mark.parametrize("edition", ["", "zh/"])
@pytest.mark.parametrize("query", ["<img src=x onerror=alert(1)>", "(((", "\\", "🙂", "a" * 3000, "？"])
def test_any_text_may_be_searched_for(searcher, site, edition, query):
    results(searcher, site + edition, query)
    assert searcher.locator("#search-results img").count() == 0


@pytest.mark.parametrize("name", ["book/pooling.html", "zh/book/pooling.html"])
def test_the_dialog_of_any_page_leads_to_the_results(chromium, site, name):
    with reader(chromium, viewport={"width": 360, "height": 800}) as page:
        page.goto(site + name)
        page.keyboard.press("Control+k")
        page.keyboard.type("3x3")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=3x3")
        first = page.locator("#search-results li a").first
        place = first.get_attribute("href")
        assert re.search(r"book/[\w-]+\.html#sec-", place)
        first.click()
        page.wait_for_url(lambda url: url.endswith(place.removeprefix("./")))


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("edition", ["", "zh/"])
def test_the_icon_stands_beside_what_is_typed(chromium, site, edition, width):
    with reader(chromium, viewport={"width": width, "height": 800}) as page:
        for name, form in (
            ("search.html", ".bd-search-container form"),
            ("book/lenet.html", "#pst-search-dialog form"),
        ):
            page.goto(site + edition + name)
            if "dialog" in form:
                page.keyboard.press("Control+k")
            gap = page.locator(form).evaluate(
                """f => { const field = f.querySelector("input"), icon = f.querySelector(".fa-magnifying-glass");
                     const typed = field.getBoundingClientRect().left + parseFloat(getComputedStyle(field).paddingLeft);
                     return typed - icon.getBoundingClientRect().right; }"""
            )
            assert gap >= 2


@pytest.mark.parametrize("edition", ["", "zh/"])
def test_the_search_works_from_a_disk(chromium, built, edition):
    context = chromium.new_context(offline=True)
    page, said = context.new_page(), []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{(built / edition / 'search.html').as_uri()}?q=stride")
    assert page.locator("#search-results .context").count() >= 5
    assert said == []
    context.close()


@pytest.mark.parametrize("edition", ["", "zh/"])
def test_the_index_holds_every_page_and_no_formula_twice(built, edition):
    text = (built / edition / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("courseSearch(").removesuffix(");\n"))
    assert [f"{edition}{page['page']}" for page in index["pages"]] == [
        name for name in PAGES if name.startswith("zh/") == bool(edition)
    ]
    told = [line for page in index["pages"] for part in page["sections"] for line in (part["title"], *part["text"])]
    assert [line for line in told if re.search(r"\\(times|frac|mathbf|lfloor|to)\b", line)] == []
