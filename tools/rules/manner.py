"""How a Chinese textbook says it: patterns of English in Chinese words, each with what to write instead.

A pattern is a rule only where it has no innocent use: 内核 of a system is one, 读出 of a file is another, and both are
left alone. What only a reader can hear stands in no rule.
"""

from __future__ import annotations

import re

_N = r"[\d,．.]*\d|[一两二三四五六七八九十百千几]+"
_NET = "网络|LeNet|MLP|模型|层|核|检测器|通道|单元"
_SEEN = "训练|测试|验证|留出|留出来|没见过|没学过|见过|学过|移动了|移动过"

# a pattern, and what to write instead
_MANNER = [
    # a digit of MNIST is a sample or an image; 数字 is a number
    (rf"(?:{_SEEN})的?数字(?!图像|样本|集)", "样本, 手写数字图像: 数字 is a number"),
    (r"(?:\d{3,}|\d,\d{3})\s*(?:个|张)(?:[^，。；：、]{1,8}的)?(?<!手写)数字(?!图像)", "样本, 图像: 数字 is a number"),
    (r"(?<!手写)数字(?:很|太|较)?[多少](?:的?时候?|时|，)", "样本: 数字 is a number"),
    (r"[用拿在向对](?<!手写)数字(?:来)?(?:训练|学习|上)", "手写数字图像: 数字 is a number"),
    (r"数字的?图片", "手写数字图像"),
    (r"数字说话", "数量上的体现"),
    # 识别, 分类正确, 准确率
    (r"(?<![确默承公辨新])认(?![为真识证可定同知领])", "识别, 分类正确, 准确率"),
    (r"读[对成](?=[了得的]|\s*[\d{]|多少|没见过|手写)", "识别正确, 识别成"),
    (rf"(?:{_NET}|它)读出\s*(?:[\d{{]|了|手写)", "识别为"),
    # a layer has an output, no answer; it is sensitive, and does not care
    (rf"(?:{_NET})的(?:回答|答案)|(?:{_NET})回答\s*[−\d]|[强弱]的回答|回答[是为]\s*[−\d]", "输出, 响应"),
    (rf"(?:{_NET})(?:会|并?不|只|很)?在意", "对……敏感"),
    (r"要紧", "有影响, 重要"),
    (r"兴奋(?!性)", "响应最大"),
    (r"邻居", "相邻像素, 相邻位置"),
    (r"(?:把|将)[^，。]{1,12}交还|交还的(?:图像|图|数)", "输出"),
    (r"贫乏", "表达能力弱"),
    (r"便宜", "计算量小, 开销小"),
    # 核 and 对 side by side read as 核对, "to check"
    (r"[个些组]核对(?!应|称)", "各个核在……上的响应, 卷积核作用于……: 核对 reads as a check"),
    # 核 and 算 are 核算 to the eye, "accounting"; 核能 is nuclear energy, 所有权 is ownership
    (r"(?<!卷积)核(?:算(?!法)|能(?!源|量))", "由……核产生, 核可以……"),
    (r"权重要(?=[比更多少大小])|所有权重", "不止……个权重, 权重全部"),
    (
        r"其中间|特征图像素|比特征|从属于(?=[一两三四五六七八九十\d])|[并才]会计算",
        "中间的……, 特征图上的像素, 超过特征图, 由属于……变为, 知道怎样计算: the characters join to another word",
    ),
    # everyday words for terms
    (r"(?<![堆折重交])叠(?:起来|在一起)|[一几两三这整]叠(?!加)|摞", "堆叠"),
    (r"(?<!裁)剪下", "裁剪"),
    (r"撒开", "铺开"),
    (r"填零|[填添]上零|补 0(?![.\d])", "补零, 零填充"),
    (r"课文", "教材, 本书"),
    (r"墙上的钟", "实际耗时, 挂钟时间"),
    (r"学生氏", "t 分布"),
    (r"人为循环", "为循环版本"),
    (r"训练们", "各次训练"),
    (r"且/或|并且/或者", "或"),
    # statistics as a paper says it
    (r"\d\s*%\s*的把握", "95% 置信区间"),
    (r"说不准|定不了", "无法确定, 差异不显著"),
    (r"以下结论(?=[，。；])", "不足以得出结论: 以下结论 is the conclusion below"),
    (r"真正的收益|收益[里中]|赢得", "提升, 提高"),
    (r"(?:不只|不|只|更)是运气|不只是偶然的运气|瞎猜", "偶然, 随机猜测"),
    (r"离开(?:了)?平台(?!期)|停在平台(?!期)上", "平台期"),
    (r"怀疑者", "复核实验"),
    (r"(?:每次|各次|几次|有一次)重做|(?<!权)重做时(?!间)", "复核, 复核实验"),
    (r"(?<!频)倍程", "以 2 为底的对数, 一倍"),
    (r"(?<!必)须线", "误差线"),
    (r"诚实的(?:回答|数字)", "如实, 实测"),
    # what a layer reads is its input, what it presumes is an assumption, and what somebody learned is not recited
    (r"读[^，。；]{1,8}的线性层", "以……为输入的线性层"),
    (r"(?:[这那]?两个|层的)看法", "假设"),
    (r"把[^，。；]{1,14}背了?下来", "记住"),
    (r"墨迹", "笔画, 笔迹"),
    (r"自带的数字|打不开[^，。]{0,6}数字", "手写数字图像"),
    (r"(?:阶梯|梯子)的(?:每|各|哪)一?级", "name what differs: 不同的约束, 各种层"),
    (r"学到的特征值|(?:部分|步骤|特征)值多少", "作用, 价值"),
    # a row of a signal has elements, a sample is one of the training data; a layer is cut up, and into no shards
    (r"一行有[^，。；：]{0,6}个样本", "元素, 输入: 样本 is a sample of the data"),
    (r"拆成碎片", "拆得零碎"),
    (r"耐(?:受)?平移", "能容忍平移"),
    (r"一半的一[个张次]", "有一半的情形……"),
    # "no window reads the row": Chinese has the row as its subject
    (r"没有(?:任何)?窗口(?:会|能)?读取", "不属于任何窗口"),
    # an image shrinks and is not used up, a kernel is not read off, a stride of 1 is a stride, 以前 is also "formerly"
    (r"(?:图像|[行列]|像素)用完", "缩得比核还小"),
    (r"读出(?:这个)?(?:卷积)?核(?!对)", "得到核"),
    (r"没有步幅时", "步幅为 1 时"),
    (r"(?<![所可])以前[一二两三四几]章", "前面两章"),
    # 把 wants an object that the verb changes; people choose, seeds do not; a condition comes first
    (r"[把将][^，。；：]{1,14}(?:分类|识别)(?:正确|错误)", "对……分类正确, ……分类正确"),
    (r"由(?:\s*\d+\s*|[一两二三四五六七八九十]+)个种子[^，。；]{0,12}选", "用……个种子选出"),
    (
        r"(?<![用凭由一二三四五六七八九十\d])(?<![用凭由] )[\d一两二三四五六七八九十]+\s*个种子(?:看不|分不|无法判)",
        "用……个种子看不出",
    ),
    (r"，只要[^，。；]{1,12}(?:就会|就是|都是)如此", "只要……，就……: the condition first"),
    # 线性和 is a sum, so "linearity and ..." cannot be said with 和
    (r"线性和(?=[等不]变|平移|局部|可交换)", "线性性质与……"),
    # echoes of English
    (r"这意味着|值得注意的是|不言而喻|众所周知|毋庸置疑", "say it without the preface"),
    (r"此外什么[也都]|别的什么[也都]", "say what there is, without 此外什么也没有"),
    (r"(?:也是这样|也不例外)[。；]", "say it of both at once: ……都……"),
    (r"在哪[里一][^，。；]{0,8}都没有", "一次也没有, 所有……都没有"),
    (r"(?:论文|作者|文献|教材)(?:的表格)?给出，", "按论文的数据, 在论文的表格中: 给出 needs its noun"),
    (r"被(?:称为|称作|叫作|叫做)", "称为"),
    # 从未 needs somebody who reads; an element is read by the formula
    (r"(?:样本|元素|像素)(?:从未|从来没有|始终没有)读[取到]", "从未被读取, 始终没有用到"),
    # a concession comes first in Chinese; a share is 占, or a percentage
    (r"，尽管(?!如此)(?![^。；]*，(?:但|却|仍|也|还))[^。；]*[。；]", "尽管……，却……, or two clauses joined by 而"),
    (r"有\s*0\.\d+\s*的", "占 0.72, 72% 的"),
    # 倍 counts what grows; what shrinks is a fraction of what it was
    (rf"(?:减少|缩小|降低|下降|减小)(?:了|到|至)?\s*(?:{_N})\s*倍|只剩\s*0\.\d+\s*倍", "降到四分之一, 只剩原来的 0.25"),
    (r"(?:减少|缩小|降低|下降|减小)的倍数", "相差的倍数"),
    (r"[中里]有\s*0\.\d+\s*(?=[与不没仍])", "与……相同的占 0.45"),
    (r"\d\.\d+\s*分之", "……是它的 8.7 倍: 分之 wants a whole number"),
    (r"没法(?!律)", "无法: 没法 is spoken"),
    (r"(?<![成呈为正])反比(?!例|于|关系|函数|律)", "反而比: 反比 is an inverse proportion"),
    (rf"每隔\s*(?:{_N}|[a-z]|[\ue000-\uf8ff])\s*个的?(?:取)?一个", "每 s 个取一个: 每隔 s 个 skips s"),
    (r"(?<!：)笔记(?:里|上|中)?(?:说|写道|认为)，", "say the claim itself"),
]
_RULES = [(re.compile(pattern), instead) for pattern, instead in _MANNER]
_TITLES = re.compile("《[^《》]*》")


def manner(shown: str) -> list[str]:
    """What a Chinese reader hears as English in a text whose formulas and code are private characters.

    >>> manner("没见过的数字，LeNet 认对 97%。")
    ['‘没见过的数字’: write 样本, 手写数字图像: 数字 is a number', '‘认’: write 识别, 分类正确, 准确率']
    >>> manner("留出的样本上，LeNet 的准确率是 97%，这一点可以确认。")
    []
    """
    text = _TITLES.sub("", shown)
    return [f"‘{found[0]}’: write {instead}" for rule, instead in _RULES for found in rule.finditer(text)]
