"""The Chinese text keeps its style and the glossary's words, and every fault against them is caught by line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from problems import none, told
from root import ROOT

from tools.rules import chinese
from tools.rules.chinese import line_problems, pages, words

GLOSSARY = """
- {key: padding, en: padding, zh: 填充, forbidden: [补边]}
- {key: receptive-field, en: receptive field, zh: 感受野, forbidden: [感知野]}
- {key: relu, en: ReLU, zh: 修正线性单元, forbidden: []}
- {key: same-padding, en: same padding, zh: same 填充, forbidden: []}
- {key: softmax-regression, en: softmax regression, zh: softmax 回归, forbidden: [softmax回归]}
- {key: stride, en: stride, zh: 步幅, also: [step], forbidden: [步长]}
"""

# -- the repository -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_chinese_page_keeps_the_style(page: Path) -> None:
    none(chinese.problems(page))


def test_the_glossary_and_the_configuration_keep_the_style() -> None:
    instead = words(ROOT / "glossary.yml")
    entries = yaml.safe_load((ROOT / "glossary.yml").read_text(encoding="utf-8"))
    texts = [entry[key] for entry in entries for key in ("zh", "meaning_zh")]
    config = yaml.safe_load((ROOT / "zh" / "_config.yml").read_text(encoding="utf-8"))
    texts += [config["title"], config["author"], *config["captions"].values()]
    texts += config["html"]["extra_footer"].replace("<p>", "").replace("</p>", "").splitlines()
    none([f"{text}: {p}" for text in texts for p in line_problems(text, title=True, instead=instead)])


# -- what is allowed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "用 $5\\times5$ 的核，共 61,706 个参数（parameter），占 97%。",
        "设 $f(x, y) = \\{a; b\\}$，其中 $x$、$y$ 是整数。",
        "$v_{a,b}$ 与 `corr2d(X, K)` 相等；`X[0], Y[1]` 则不然。",
        "也有人写 `步长` 和 `padding=2, stride=(1, 2)`。",
        "激活函数 max(0, x)，简称 ReLU；1 / (1 + exp(−x))，即 sigmoid。",
        "接收的是（batch, channels, height, width）。",
        "**原文**：这个词是“不变”，不是“等变”。",
        "真的吗？！",
        "他说：“当然。”",
        "- 一。二。三。",
        "1. **局部性**：先看附近。再看远处。",
        "* - 出处",
        "* -",
        "[^1]: 见文献。",
        "最大的（它可以更大。）也一样。",
        "等等……最后——就这样。",
        "{cite:t}`zhang2023d2l` 用公式 {eq}`eq-corr2d`，见《{doc}`pooling`》和{doc}`下一章 <channels>`。",
        "见 [MIT 许可证](LICENSE)和 [d2l](https://d2l.ai/a(b,c).html)，或 https://d2l.ai/zh。",
        "读《Dive into the Deep Learning Book》。",
        "神经网络（a network of many simple units）和乘加运算（multiply–accumulate，简称 MAC）。",
        "Yann LeCun、Yoshua Bengio 用 PyTorch、NumPy。",
        "LeNet-5",
        "`make serve`",
        "| `W`、`weight` | $n_h, n_w$ | 高和宽 |",
        "|---|---|",
        "$n_h, n_w$",
        "从 −3 到 3，共 $7$ 个。",
        "same 填充与 softmax 回归，都属于填充（padding）。",
        "LeCun et al. 的网络。",
        "2 \\* 3 也是数。",
        "<br>",
    ],
)
def test_good_chinese_has_no_problem(text: str, tmp_path: Path) -> None:
    assert line_problems(text, titles={"pooling": "池化"}, instead=glossary(tmp_path)) == []


@pytest.mark.parametrize("title", ["LeNet", "PyTorch 与 d2l", "小结", "$4\\Delta^2$", "`pip check`", "LeNet-5", ""])
def test_a_title_may_be_a_name(title: str) -> None:
    assert line_problems(title, title=True) == []


# -- the manner ---------------------------------------------------------------------------------------------------

MANNER = [
    # what a Chinese reader hears as English, and how a textbook says it
    ("没见过的数字，哪个网络更准确？", "在没见过的样本上，哪个网络更准确？"),
    ("用 200 个数字就无法训练。", "用 200 个样本就无法训练。"),
    ("1,000 个没见过的数字里有一半。", "1,000 个没见过的样本里有一半。"),
    ("数字多时没有差别。", "样本多时没有差别。"),
    ("用数字训练网络。", "用手写数字图像训练网络。"),
    ("一张数字图片。", "一张手写数字图像。"),
    ("这就是用数字说话的权重共享。", "这就是权重共享在数量上的体现。"),
    ("LeNet 认得更好。", "LeNet 的准确率更高。"),
    ("它认对 91%。", "它分类正确 91%，这一点可以确认，公认如此。"),
    ("把什么错认成什么。", "把什么误识别成什么。"),
    ("网络读对了 97%。", "网络分类正确 97%，支票读错 1%，这个逗号可以读成“且”。"),
    ("它读出 7。", "它识别为 7，再从公式读出三点。"),
    ("白到黑处，核的回答是 1。", "由白变黑处输出 1，本章针对这个网络回答三个问题。"),
    ("强的回答不该被冲淡。", "强响应不应被稀释。"),
    ("各个核对同一张图像的响应。", "同一张图像在各个核上的响应，每个核对应的图像块，这个核对称，结果已经核对。"),
    ("边缘图是用哪个核算出来的。", "边缘图是由哪个核产生的，卷积核能检测边缘，核可以很大。"),
    ("没有哪个核能算出最大值。", "没有哪个核可以算出最大值。"),
    ("答案比一个单元的权重要多。", "答案不止一个单元的权重，这些权重要先初始化。"),
    ("令所有权重为 1。", "令权重全部为 1，所有的权重都是 1。"),
    ("核就比特征图还大。", "核的大小就超过特征图，图像比核大。"),
    ("角上的像素从属于一个窗口变为属于四个。", "角上的像素由只属于一个窗口变为属于四个，从属于主系统的部分。"),
    ("先读这一章，并会计算感受野。", "先读这一章，还要知道怎样计算感受野，这个函数会计算梯度。"),
    ("只更换其中间部分。", "只更换中间部分，其中有两层。"),
    ("不是特征图像素的整数倍。", "在特征图上不是整数个像素，特征图像一张照片。"),
    ("检测器在意一个像素之差。", "检测器对一个像素之差敏感，你才会在意。"),
    ("谁在哪里并不要紧。", "求和与各项的位置无关。"),
    ("最能让各个核兴奋的小块。", "使各个核响应最大的图像块。"),
    ("像素有邻居。", "相邻的像素彼此相关，最近邻插值也用到它们。"),
    ("互相关交还的图像要小一圈。", "做一次互相关，图像就小一圈。"),
    ("后面的层就又便宜又贫乏。", "后面的层计算量小，表达能力也弱。"),
    ("把这样的层叠起来。", "把这样的层堆叠起来，窗口互相重叠。"),
    ("一摞层。", "堆叠的层。"),
    ("一叠小卷积核。", "堆叠的小卷积核，两个图像叠加。"),
    ("剪下窗口。", "把窗口裁剪下来。"),
    ("四周填零。", "四周补零。"),
    ("输入四周补 0。", "输入四周补零，精确到 0.5。"),
    ("课文里的 p。", "教材里的 p。"),
    ("墙上的钟走得更快。", "实际耗时更长。"),
    ("学生氏 t 分布。", "t 分布。"),
    ("没有人为循环写过反向传播。", "循环版本并没有另写反向传播。"),
    ("真正的收益有 95% 的把握在其中。", "真实提升的 95% 置信区间。"),
    ("用 200 个样本就说不准了。", "用 200 个样本时无法确定。"),
    ("种子太少，不足以下结论。", "种子太少，不足以得出结论，由此得到以下结论：两者相同。"),
    ("收益里有多少属于 ReLU？", "提升中有多少来自 ReLU，边际收益如何？"),
    ("找到两个角，此外什么也没有。", "恰好找到这两个角，没有误检。"),
    ("AlexNet 也是这样。", "LeNet 和 AlexNet 都如此。"),
    ("它被称为卷积。", "它称为卷积。"),
    ("第一个元素从未读取。", "第一个元素从未被读取，这个输出从未读取第一个元素。"),
    ("此后每隔 s 个的一个。", "此后每 s 个取一个，即每隔一个像素取一个。"),
    ("笔记说，最大池化更好。", "**原文**：笔记说，最大池化更好。"),
    ("领先就不只是运气。", "领先不能归于偶然，得到的既是好设置，也是好运气。"),
    ("与瞎猜一样。", "与随机猜测一样，先猜一猜。"),
    ("网络离开平台之前。", "网络离开平台期之前，学习平台导出名单。"),
    ("轮到怀疑者。", "复核实验。"),
    ("每次重做只用两个种子。", "每次复核只用两个种子，每个输出要对核的每次权重做乘加，实验可以重做。"),
    ("平台期缩短了两个倍程。", "平台期缩短到四分之一，频率高一个倍频程。"),
    ("带须线的水平条。", "带误差线的水平条，必须线性无关。"),
    ("诚实的回答是：分不出高下。", "只能如实地说：无法判断优劣。"),
    ("读像素的线性层。", "以像素为输入的线性层，读取的像素经过线性层。"),
    ("这两个看法可能是错的。", "这两个假设可能不成立，你的看法呢？"),
    ("它把训练用的长条背了下来。", "它记住了训练用的长条，隐藏测试背不下来。"),
    ("在墨迹上还有 0.512。", "对笔画来说还有 0.512，提取笔迹。"),
    ("打不开课程自带的数字。", "读取不了课程自带的手写数字图像。"),
    ("阶梯的每一级需要多少样本？", "不同的约束各需要多少样本，阶跃函数呢？"),
    ("学到的特征值多少？", "学到的特征有多大价值，矩阵的特征值是多少？"),
    ("一行有 9 个样本。", "一行有 9 个元素，一行数据就是一个样本。"),
    ("把一层拆成碎片会变慢。", "把一层拆得零碎会变慢，玻璃摔成碎片。"),
    ("更耐平移的方法。", "更能容忍平移的方法，要有耐心。"),
    ("能容忍一半的一个像素的平移。", "平移一个像素，有一半的情形输出不变。"),
    ("没有窗口读取最后一行。", "最后一行不属于任何窗口，窗口只读取前七行。"),
    ("这意味着更少的权重。", "因此权重更少。"),
    ("一次加倍，在哪里都没有出现。", "相差一次加倍，一次也没有出现。"),
    ("它在哪一次复核实验中都没有离开平台期。", "它在所有复核实验中都没有离开平台期。"),
    ("论文给出，这个网络有 1.38 亿个参数。", "论文的网络有 1.38 亿个参数，截止时间用命令给出，或写进设置。"),
    ("论文的表格给出，这个块有 159K 个权重。", "论文给出的参数量是 159K，与表格一致。"),
    ("准确率降到 84.7%，尽管像素没有变。", "像素没有变，尽管如此，准确率却降到 84.7%，尽管差距不大，但仍可测出。"),
    ("最大池化有 0.72 的输出不变。", "最大池化不变的输出占 0.72，即有 72% 的输出不变。"),
    ("梯度最多只剩 0.0039 倍。", "梯度最多只剩原来的 0.0039，参数增加到 4 倍。"),
    ("步幅取 2，计算量减少 4 倍。", "步幅取 2，计算量降到四分之一，通道数加倍。"),
    ("非空输出中有 0.452 与原来完全相同。", "非空输出中，与原来完全相同的占 0.452，其中有 0.5 和 0.25 两个值。"),
    ("我们算出的是 8.7 分之一。", "按我们的计算，前者是后者的 8.7 倍，即减少到八分之一左右。"),
    ("这段时间没法平分。", "这段时间无法平分，当时还没法律规定。"),
    ("迭代一步反比五步高。", "迭代一步反而比五步高，梯度与距离成反比，反比例函数也是如此。"),
    ("几层就把一张小图像用完。", "图像缩得比核还小，内存用完。"),
    ("从第一列读出核。", "由第一列得到核，再从文件读出核对表。"),
    ("与没有步幅时相同。", "与步幅为 1 时相同，这些库没有步幅。"),
    ("分类器把前八张分类正确。", "前八张分类正确，还要把它们分类。"),
    ("权重减少的倍数。", "两者相差的倍数，权重减少到八分之一。"),
    ("两者之间，十六个种子看不出差异。", "用十六个种子看不出差异，只凭 5 个种子无法判断优劣。"),
    ("学习率由两个种子用验证图像选出。", "学习率用两个种子在验证图像上选出，结果由五个种子得到。"),
    ("梯度很小，只要输入远离 0 就会如此。", "只要输入远离 0，梯度就很小，向来如此。"),
    ("输出由线性和等变性决定。", "输出由线性性质与等变性决定，即平移后各项的线性和等于平移后的输出。"),
    ("本章以前两章为基础。", "学习本章需要先读前面两章，所以前两章很重要，以前的版本不同。"),
]


@pytest.mark.parametrize(("english", "good"), MANNER)
def test_english_in_chinese_words_is_heard(english: str, good: str) -> None:
    assert any("write " in problem for problem in line_problems(english))
    assert line_problems(good) == []


@pytest.mark.parametrize("text", ["操作系统的内核", "重启内核", "Python 内核已停止", "清除输出（内核 → 重启）"])
def test_a_forbidden_word_may_mean_something_else(text: str) -> None:
    instead = words(ROOT / "glossary.yml")
    assert instead["内核"] == "卷积核"
    assert line_problems(text, title=True, instead=instead) == []
    assert line_problems("一个 3×3 的内核", title=True, instead=instead)


def test_what_programs_figures_and_the_site_say_keeps_the_style() -> None:
    none(chinese.said())


def test_an_english_name_stands_once_in_the_book() -> None:
    none(chinese.glosses())


def test_a_name_in_brackets_is_told_where_it_comes_again(tmp_path: Path) -> None:
    glossary(tmp_path)
    (tmp_path / "_toc.yml").write_text("root: book/index\nparts:\n- chapters: [{file: book/a}, {file: book/b}]\n")
    (tmp_path / "zh/book").mkdir(parents=True)
    for name, text in (
        ("index", "# 课\n\n步幅是什么。\n"),
        ("a", "# 甲\n\n先说步幅（stride），再说感受野（receptive field，简称 RF）。\n"),
        ("b", "# 乙\n\n再说 `k` 和填充（padding）。\n"),
    ):
        (tmp_path / f"zh/book/{name}.md").write_text(text, encoding="utf-8")
    none(chinese.glosses(tmp_path))
    (tmp_path / "zh/book/b.md").write_text("# 乙\n\n再说感受野（receptive field）。\n", encoding="utf-8")
    (tmp_path / "zh/book/index.md").write_text("# 课\n\n**步幅**（strides）是什么。\n", encoding="utf-8")
    assert told(chinese.glosses(tmp_path)) == [
        "zh/book/index.md:3: （strides） on a page that others quote; take it out",
        "zh/book/b.md:3: （receptive field） stands in zh/book/a.md:3, where the term is defined; take it out",
    ]
    (tmp_path / "zh/book/b.md").write_text("# 乙\n\n这就是**感受野**（receptive field）。\n", encoding="utf-8")
    assert "zh/book/a.md:3: （receptive field，简称 RF） stands in zh/book/b.md:3" in told(chinese.glosses(tmp_path))[1]


# What the edition once said; the sentence that a textbook has stands in its place now.
ONCE = """
凡是你可能怀疑的话 全连接层把一切与一切相连 就会认字 学完你有 而且你信得过 这个领域把计算 像素有邻居
靠的是两件事：一张图像都还没看 东西在哪里，它一直记着 谁在哪里并不要紧 这个差别什么时候要紧 用窗口的角来称呼
出路是先把所有窗口都写下来 而算这种乘积有很快的库 没有人为循环写过 往回走的时候也在算卷积 核的回答是 1
层才学得到什么 这种乘积与次序无关 哪个认对得更多 的那一个核认对得多 问题里没有提到的学习率 收益里有多少属于
这项研究的局限是：数字 互相关交还的图像 填充止住缩小 奇数大小的核有正中 所有像素用到的次数就相等了吗 往下缩的路很长
步幅并没有算出什么新东西 就应该拿什么来验证它 可以毁掉问题的答案 移位的长条也许获益最多 会把前景说得太好
可以让导数去指 对所有通道合起来只问一个问题 此外什么也没有 让两个计数器看着这一层运行 就又便宜又贫乏
检测器在意一个像素之差 池化减轻了冲击 有时人们说，最大池化是后来才发明的 不该让弱的邻居冲淡 最能让各个核兴奋
用数字说话的权重共享 它认得好不好，只看这 就多一种办法去迁就 没有因为哪一轮恰好表现好就挑出哪一轮 墙上的钟走得更快
谁相信教材胜过相信计算 百分数就泄露了方向 最会骗人的输入是一叠平面 各有各的打法 靠的不是聪明，而是测量
保留第一个，以及之后每隔 学生氏
网络才终于找到路 事后就再也定不公正了 一个参数也不增加，也不请 梯度只朝少数几个方向 没有用处的尝试
有一样东西是单独一层没有的 本研究的局限：只有手写数字 第一层取四级之一 上一节的教师本身就是卷积
一旦出错就意味着赔钱 算出其中每一层的形状和各项数目 接着可以破坏它 没有人指定要找什么 所需的数据远少于参数量给人的印象
不占用相应的内存 平台上的哪里对应什么 它停不住时钟 开课前做一次 先移还是先减半，两张图相差自身大小
每经过一个步幅都要乘以 因为它旁边就是 0 随之平移的原输出 让它们也有自己的窗口 没有这样的中性元素
其实我们已经用过它 填充的大小使得包含该样本的 是它的三倍，还是它的十倍 公式也没有涉及它们
两个各训练一次的网络相差 都会送来改正过的笔记本 中写上它们 剩余的差别才属于 能够说明的是，网络
图像的每两行对应一块 输出始终接触不到奇数编号 就能看出它对图像的结构一无所知 每个样本的邻域都相同
"""


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_was_written_again_does_not_come_back(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    none(
        f"{page.relative_to(ROOT)}: {phrase}"
        for phrase in re.split(r"[ \n](?![A-Za-z\d])", ONCE.strip())
        if phrase in text
    )


# -- planted faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # half-width punctuation
        ("这是核,不是层。", "half-width ','"),
        ("用 LeNet, 得到结果。", "half-width ','"),
        ("`a`, `b` 都行。", "half-width ','"),
        ("数 1, 2 和 3。", "half-width ','"),
        ("用 $x$; 再用 $y$。", "half-width ';'"),
        ("stride: 移动多远。", "half-width ':'"),
        ("**原文**: 如下。", "half-width ':'"),
        ("为什么?", "half-width '?'"),
        ("好!", "half-width '!'"),
        ("这是核.", "half-width '.'"),
        ("这是 LeNet.", "half-width '.'"),
        ("用了 $x$.", "half-width '.'"),
        ("用 LeNet. 然后训练。", "half-width '.'"),
        ("填充 (padding) 的行。", "half-width '(padding)'"),
        ("公式 $x$ (见下)。", "half-width '(见下)'"),
        ("行(高)。", "half-width '(高)'"),
        ("填充（padding)的行。", "one bracket of '（padding)'"),
        ("填充(padding）的行。", "one bracket of '(padding）'"),
        ('叫作"核"。', "straight '\"'"),
        ("叫作”核“。", "has no partner"),
        ("叫作“核“。", "has no partner"),
        ("等等...再说。", "'...'; the Chinese ellipsis"),
        ("等等…再说。", "'…'; the Chinese ellipsis"),
        ("最后—就这样。", "'—'; the Chinese dash"),
        ("最后 -- 就这样。", "the Chinese dash"),
        ("最后 - 就这样。", "the Chinese dash"),
        ("好。。", "two marks in a row"),
        ("好，，再来。", "two marks in a row"),
        # spacing and width
        ("用3个核。", "write '用 3 个核。'"),
        ("用PyTorch来算。", "write '用 PyTorch 来算。'"),
        ("用$x$来算。", "write '用 $x$ 来算。'"),
        ("用`x`来算。", "write '用 `x` 来算。'"),
        ("用**LeNet**来算。", "write '用 LeNet 来算。'"),
        ("用[LeNet](a.md)来算。", "write '用 LeNet 来算。'"),
        ("公式{eq}`eq-x`成立。", "write '公式 {eq}`eq-x` 成立。'"),
        ("见 {doc}`pooling`。", "a space between Chinese characters at '见 池化。'"),
        ("从Δ开始。", "no space in '从Δ'"),
        ("从−3 开始。", "no space in '从−'"),
        ("填充 （padding）的行。", "a space beside full-width punctuation at '填充 （p"),
        ("填充（ padding）的行。", "a space beside full-width"),
        ("填充（padding ）的行。", "a space beside full-width"),
        ("叫作 “核”。", "a space beside full-width"),
        ("一， 二。", "a space beside full-width"),
        ("**原文。** 如下", "a space beside full-width"),
        ("读《深度学习》 {cite:p}`x`。", "a space beside full-width"),
        ("有１２个。", "write '有 12 个。'"),
        ("占 97 %。", "a space in '7 %'"),
        # words
        ("請看。", "請 is not a simplified character"),
        ("请您看。", "'您'; the course says 你"),
        ("步长为 2。", "步长 is not the word of this course; write 步幅"),
        ("做softmax回归。", "softmax回归 is not the word"),
        ("用 padding 把行补上。", "padding is not the word of this course; write 填充"),
        ("Strides 为 2。", "stride is not the word"),
        ("步幅（stride）就是 step。", "step is not the word"),
        ("**receptive field**很大。", "receptive field is not the word"),
        # emphasis that Markdown does not see
        ("**原文。**笔记说。", "'**' stays visible"),
        ("这是**（甲）**吗。", "'**' stays visible"),
        # one sentence per line
        ("见{ref}`sec-a`一节。", "a section's name stands in quotation marks"),
        ("这是一。这是二。", "a second sentence after '这是一。'"),
        ("为什么？`x` 说明了。", "a second sentence"),
        # English
        ("This sentence was never translated.", "English is left"),
        ("It is a network", "English is left"),
        ("Run it.", "English is left ('Run it.')"),
        ("这一句 was never really translated 一半。", "English is left ('was never really translated')"),
        ("见 the `x` function of this module。", "English is left"),
        ("（This whole sentence was never translated at all.）是的。", "English is left"),
        ("“All pixels are used equally”是错的。", "English is left"),
        ("| 阅读 | open the page |", "English is left ('open the page')"),
        ("- **Locality.** Look near that place first.", "English is left"),
    ],
)
def test_a_fault_is_caught(text: str, expected: str, tmp_path: Path) -> None:
    problems = line_problems(text, titles={"pooling": "池化"}, instead=glossary(tmp_path))
    assert any(expected in problem for problem in problems), problems


@pytest.mark.parametrize("title", ["Summary", "Questions and answers", "Why 3?", "Max pooling", "Channels of $x$"])
def test_a_title_in_english_is_caught(title: str) -> None:
    (problem,) = line_problems(title, title=True)
    assert "English is left" in problem


PAGE = """# 池化

窗口在输入上滑动，
步幅是 2。

```{figure} a.svg
:alt: 一个窗口。
:name: fig-window
窗口的图。
```

```{code-cell} ipython3
---
mystnb:
  image:
    alt: 网格上的一个窗口。
---
show("a window, on a grid")  # this comment is code, not prose
```

```{admonition} 先猜一猜
:class: tip
有几个窗口？
```

```{list-table} 尺寸
* - 高
  - 宽
```

| 甲 | 乙 |
|---|---|
| 1 | 2 |
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("# 池化", "# Pooling", 1, "English is left ('Pooling')"),
        ("步幅是 2。", "步长是 2。", 4, "步长 is not the word of this course; write 步幅"),
        ("步幅是 2。", "步幅是2。", 4, "write '步幅是 2。'"),
        ("一个窗口。\n:name", "A window.\n:name", 6, "English is left ('A window.')"),
        ("窗口的图。", "窗口的图.", 9, "half-width '.'"),
        ("网格上的一个窗口。", "A window on a grid.", 12, "English is left"),
        ("网格上的一个窗口。", "网格上的一个窗口, 步长为 2。", 12, "half-width ','"),
        ("先猜一猜", "Predict first", 21, "English is left ('Predict first')"),
        ("有几个窗口？", "How many?", 23, "English is left"),
        ("尺寸", "Sizes", 26, "English is left ('Sizes')"),
        ("  - 宽", "  - the width", 28, "English is left"),
        ("| 甲 |", "| the first |", 31, "English is left"),
    ],
)
def test_a_fault_on_a_page_is_caught(tmp_path: Path, old: str, new: str, line: int, expected: str) -> None:
    glossary(tmp_path)
    page = tmp_path / "zh" / "book" / "pooling.md"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE, encoding="utf-8")
    assert chinese.problems(page, tmp_path) == []
    assert PAGE.count(old) == 1
    page.write_text(PAGE.replace(old, new), encoding="utf-8")
    problems = told(chinese.problems(page, tmp_path))
    assert problems
    assert all(problem.startswith(f"zh/book/pooling.md:{line}: ") for problem in problems)
    assert any(expected in problem for problem in problems)


def test_a_link_to_a_page_is_read_by_its_title(tmp_path: Path) -> None:
    (tmp_path / "lenet.md").write_text("# LeNet 实战\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text("# 页\n\n见 {doc}`lenet`的末尾。\n\n见{doc}`lenet`。\n", encoding="utf-8")
    (problem,) = told(chinese.problems(page, tmp_path))
    assert problem == "page.md:5: spacing or width: write '见 LeNet 实战。'"


def glossary(folder: Path) -> dict[str, str]:
    file = folder / "glossary.yml"
    file.write_text(GLOSSARY, encoding="utf-8")
    return words(file)
