"""Texts that have changed places: which English text a Chinese one renders, told by the words that both hold.

Two headings, or the meanings of two terms, may be exchanged without a trace in the skeleton. A small lexicon finds it:
the glossary, the words below, and what is written alike in both languages (names, numbers, formulas, code).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tools.source.terms import read_terms

__all__ = ["concepts", "crossed"]

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
