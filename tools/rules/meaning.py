"""What a skeleton does not show: texts that have changed places, and sentences that say the opposite.

Two headings, or the meanings of two terms, may be exchanged without a trace in the skeleton. A small lexicon finds it:
the glossary, the words below, and what is written alike in both languages (names, numbers, formulas, code).

A sentence that says the opposite holds a word of one end where its English has one of the other end only (higher and
更低, left and 右), or it denies what the English does not deny. The words that must not stand are few and strict, those
that excuse them many, so that a free translation is left alone; many an opposite passes, then, but what is told is one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tools.source.terms import read_terms

# a pattern of the English words, and one of the Chinese
_WORDS = """
image|photo|picture 图像|照片|图片|图
window 窗口
output 输出
input 输入
matri(x|ces) 矩阵
row 行
column 列
signal 信号
border|edge 边
mean|average 平均|均值
large|largest|larger|maximum 大
small|smaller 小
sum|added|add|adds|adding 和|加
product|multipl\\w* 乘
number|numbers 数
layer 层
net|nets|network|networks 网络
train|trains|training|trained 训练
learn\\w* 学
class|classes|classification 类
digit|digits 数字|手写
sample|samples 样本
score 得分
loss 损失
error|wrong 错
question|questions 问
answer|answers 答
summary 小结
reading 阅读
axis|axes 轴
shift\\w*|moves?|moved|moving 移
place|places|position|positions 位置|处
size|sizes 大小|尺寸
cost|costs 代价|开销|计算量
time 时间|时刻
gpu 显卡|GPU
library|libraries 库
function|functions 函数
theorem 定理
proof 证明
result|results 结果
rule|rules 规则
seed|seeds 种子
table 表
unit|units 单元
circle|circular 圆|循环
wave|waves 波
past|present|future 过去|现在|未来
group|groups 组
principle|principles 原则
first 第一|首
second 第二
one 一
two 两|二
three 三
four 四
five 五
twenty 二十
never|not|no|without 不|没|无
new 新
same 同
other|others 其他|别
page|pages 页
book 书
text|texts 教材
code 代码
exercise|exercises 习题|练习
grade|graded|grading 评分|评
teach|teaching 教
student|students 学生
machine|machines 机器
why 为什么
how 怎样|怎么|如何
distance|far 距离|多远|远
plane|planes 平面
pattern|patterns 图案|花纹|规律
name|names 名|叫
probability 概率
data 数据
algorithm 算法
loop|loops 循环
array|arrays 数组
step|steps 步
model|models 模型
program 程序
neighbour\\w*|near|nearby 相邻|附近|近
negative|positive 负|正
zero|zeros 零|0
"""
_ALIKE = re.compile(r"\$[^$]+\$|`[^`]+`|[A-Z][A-Za-z]*[A-Z0-9][\w-]*|\d[\d,.]*")
Terms = Sequence[dict[str, Any]]


@functools.cache
def _lexicon() -> list[tuple[str, re.Pattern[str], re.Pattern[str]]]:
    lines = [line.rsplit(" ", 1) for line in _WORDS.strip().splitlines()]
    return [(en, re.compile(rf"\b(?:{en})\b", re.IGNORECASE), re.compile(zh)) for en, zh in lines]


@functools.cache
def _named(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})s?\b", re.IGNORECASE)


def concepts(text: str, language: str, terms: Terms | None = None) -> set[str]:
    """What a text speaks of, the same in both languages.

    >>> sorted(concepts("The stride of LeNet", "en") & concepts("LeNet 的步幅", "zh"))
    ['LeNet', 'stride']
    """
    found = {match.rstrip(".,") for match in _ALIKE.findall(text)}
    for entry in read_terms() if terms is None else terms:
        if entry["zh"] in text if language == "zh" else _named((entry["en"], *entry.get("also", []))).search(text):
            found.add(entry["key"])
    return found | {word for word, en, zh in _lexicon() if (zh if language == "zh" else en).search(text)}


def crossed(pairs: Iterable[tuple[str, str]], terms: Terms | None = None) -> Iterator[tuple[int, int]]:
    """The places of two pairs, English and Chinese, where each Chinese text renders the other's English."""
    both = [(concepts(en, "en", terms), concepts(zh, "zh", terms)) for en, zh in pairs]
    for i, (en, zh) in enumerate(both):
        for j, (other, theirs) in enumerate(both[:i]):
            better = len(en & theirs) - len(en & zh), len(other & zh) - len(other & theirs)
            if min(better) >= 1:
                yield j, i


# English words of two ends; then, for each end, the Chinese that says it, and the Chinese that excuses its absence
_MORE = "多|大|高|增|升|提|加(?!法)|长(?!条)|宽|深(?!度学习)|快|优|胜|倍|超|强"
_LESS = "少|小(?!时|节)|低|减|降|短|窄|慢|分之|缩|丢失|弱|落后|半|省"
_ENDS = [
    ("equivarian\\w*", "等变", "等变", "invarian\\w*", "不变性|是\\**不变", "不变"),
    ("left", "左", "左", "right", "右", "右"),
    ("horizontal\\w*", "水平", "水平|横|左|右|列", "vertical\\w*", "竖直", "竖|纵|上|下|行"),
    ("input\\w*", "输入", "输入", "outputs?", "输出", "输出"),
    ("positive", "正", "正", "negative", "负", "负"),
    ("above", "上[方侧边面]", "上", "below", "下[方侧边面]", "下"),
    ("max\\w*|largest", "最大", "最大", "min\\w*|smallest|average|mean", "最小|平均", "最小|平均|均值|少"),
    ("train\\w*", "训练", "训练|学", "tests?|tested|held-out", "测试|留出", "测试|留出|检验|试"),
    ("better|best", "更好|更优", "好|优|高|强|胜|低|佳", "worse|worst", "更差|变差", "差|坏|低|劣"),
    ("always", "总是|始终", "总|始终|一直|必|都|一律", "never", "从未|从不|永远不", "从|永|绝|不|没|无"),
    (
        "more|larger|higher|greater|grow\\w*|rise\\w*|rose|increas\\w*|gain\\w*|longer|wider|deeper|faster|doubl\\w*|improv\\w*",
        "更多|增多|增加|更大|变大|增大|更高|提高|更快|更深|更宽|更长",
        _MORE,
        "less|fewer|smaller|lower|shrink\\w*|fall\\w*|fell|decreas\\w*|shorter|narrower|slower|reduc\\w*|sav(?:e|es|ed|ing)|halv\\w*",
        "更少|减少|更小|变小|减小|更低|降低|(?<!梯度)下降|更慢|更窄|更短|变窄",
        _LESS,
    ),
]
_NOT = r"\b(?:not|no|never|neither|nor|none|nothing|nobody|cannot|without)\b|n't\b"
_DENIES = (
    r"(?<![有能会是要可该])"
    r"(?:不(?![同仅但过断妨久少等大止只足到如管论够满动及必外高小相太规])|没有|无法|未能|从未)"
)
_CALM = (
    "不|没|无|未|非|否|别|毫|零|失|差|难|少|几乎|免|缺|只|仅|除|去掉|原样|唯一|默认|忽略|交换|大于|死循环|还原|从头|多"
)
_SOFT = (
    r"\b(?:hardly|nowhere|un\w+|in\w+|im\w+|ir\w+|dis\w+|fail\w*|less|few\w*|instead|rather|only|than|but|differ\w*"
    r"|others?|lack\w*|miss\w*|leaves?|left|leaving|out|free|refus\w*|refut\w*|wrong\w*|rare\w*|seldom|little|keep\w*|kept"
    r"|whatever|however|stop\w*|lost|los[et]\w*|any\w*|same|still|stay\w*|remain\w*|until|beyond|too|cut\w*|away|drop\w*"
    r"|alone|apart|bad\w*|vanish\w*|plain|break\w*|rest|modest|lie|level|or|nonlinear|exclude\w*|place|most|public|beside)\b"
)
_SILENT = re.compile(r"`[^`]*`|\$[^$]*\$|\{[^}]*\}|\]\([^)]*\)|《[^》]*》")


@functools.cache
def _ends() -> list[tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]]:
    """For each end: its English, that of the other end, the Chinese of the other end, and what excuses it."""
    found = []
    for en, zh, near, other, theirs, far in _ENDS:
        for mine, not_mine, wrong, excuse in ((en, other, theirs, near), (other, en, zh, far)):
            here, there = (re.compile(rf"\b(?:{one})\b", re.IGNORECASE) for one in (mine, not_mine))
            found.append((here, there, re.compile(wrong), re.compile(excuse)))
    return found


def opposite(english: str, chinese: str) -> tuple[str, str] | None:
    """The words by which a Chinese sentence says the opposite of its English, or None.

    >>> opposite("The deeper net has a lower error.", "层数多的网络错误率更高。")
    >>> opposite("The net has fewer weights.", "网络的权重增加。")
    ('fewer', '增加')
    >>> opposite("Padding changes the size.", "填充不改变大小。")
    ('no denial', '不')
    >>> opposite("It does not pay.", "这样做划算。")
    ('not', 'no denial')
    """
    said, shown = _SILENT.sub(" ", english), _SILENT.sub(" ", chinese)
    for mine, other, wrong, excuse in _ends():
        word, there = mine.search(said), wrong.search(shown)
        if word and there and not other.search(said) and not excuse.search(shown):
            return word[0], there[0]
    denied, denies = re.search(_NOT, said, re.IGNORECASE), re.search(_DENIES, shown)
    if denied and not re.search(_CALM, shown):
        return denied[0], "no denial"
    if denies and not denied and not re.search(_SOFT, said, re.IGNORECASE):
        return "no denial", denies[0]
    return None
