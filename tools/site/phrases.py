"""Where a Chinese title may break: between its words, as a person would say it, and never inside one.

A browser breaks Chinese after any character, and so *gra|dient* stood on two lines of a phone. The words come from the
glossary and from the list below; what neither knows is kept together with what touches it.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from sphinx.application import Sphinx

from tools import ROOT
from tools.source.settings import read_yaml
from tools.source.words import spoken

__all__ = ["phrased", "pieces"]

# Words of titles that are no terms, and terms that are longer than the glossary has them.
_WORDS = """
一个 一个方向 一侧 一层 一屏代码 一样 一维 一致 一轮 一道 三个 三百人 三种 三维 上方 下方 下标 不变
不变函数 不同 不对 不报错 丢失 两个 两侧 两条 两种 个数 中心 为什么 主观题 之后 乘法 也是 也通过
习题 五个 什么 代码 以单元 价值 任意 优化 伪影 位移 位置 位置敏感 作业 使用 使用次数 使第二层 保留
保证 信号 假设 停在 偶数平移 偶然 傅里叶 像素上 允许 元素 充分 全连接 公式 六次 共享 具有 内存 内容
内部 写成 写的是 减为四次 减半 减少 几个 函数 分类 分组 分解 初学者 利用 前一层 加载 动量 区别 原则
去掉 参数量 发出 发现 取多少 变换 只传给 只检测 可分离 可分离卷积 可视化 右移 各个平台 各个库 各层
各网络 各自 各通道 各部分 各阶段 同一个 同一层 向下取整 含义 响应 哪一侧 哪个 哪些 哪种 四个 四个数
因果 图像 图像块 在边界处 堆叠 填充数 处理 处理不了 处理长条图像 复核 多个 多出 多台机器 多大 多少
多少样本 多种 大一千倍 大卷积核 大小 如今 如何 始终 学习 学会 学到 孰先孰后 安装 完成 定理 实为 实测
实际 实验 容忍 对照 对角线 导入 小卷积核 小数据集 少数 尚未 尝试 尺寸 局部 局限 左移 差别 平台期
平均 平移 并列 库函数 开始 开课前 开销 当作 当时 形式 形状 彩色 彩色图像 循环 必要 快速 怎样 性能
总数 情况 所有 所需 手写 手写数字 手算 打乱 打开 批改 找出 把卷积层 把最大池化 把窗口 指的是 损失函数
换成 捷径 控制 掩盖 搜索 操作 收回 放在 教材 数据 数据类型 数据集 数组 数量 文件夹 方向 方式 方法
无法 时间 是不是 显式 更大 更好 更宽 更新 最后 最大 最大值 最强 最重要 有多少个 有效 有没有 未经训练
末尾 本书 本课程 机器 条件 标签 样本 棋盘 模式 次数 正交化 每一层 每一步 每个 每对 比较 比输入 水平
池化层 沙箱 没有 测试 测量 涵盖 深层 深度 混杂 混淆 照片 特征 特征向量 用到 由来 相同 相邻 矩阵
确定 种子 空洞 空洞卷积 窗口 竖直 竖直相邻 章节 第一个 第一层 第一条 第二条 等变 等变函数 算法 类别
约束 线性 组合 经典 经典网络 结构 结果 绘图 统一 统计 编号 缩小 缺少 网络 置信区间 能保留 能看多远
自己 舍弃 范围 行和列 补零 表格 要确定 规则 规律 规模 视频 计算 计算器 计算量 训练 训练得慢 训练过
设备 设计 评分 评分标准 识别 试题 误差 说是 课时 课程 越大 路线 输入 输入大小 输入窗口 输入通道 输出
输出尺寸 输出通道 边界 边缘 达到 运算 运行 运行之前 还有 连接 适用 选择 逐层 通过 通道数 邻近 部分
都使 采用 重新 重新编号 重要 错别字 错误 错误样本 长条 长条图像 问题 附录 隐含 集中 零填充 需要 页面
页面加载
"""
_BEHIND = "的了吗呢是得着过到上中里内前后时处为与和、"  # may end a piece
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_TITLE = re.compile(r"(<h([1-4])(?: [^>]*)?>)(.*?)(</h\2>)", re.DOTALL)
_CODE = re.compile(r"(<(code|math)\b.*?</\2>|<[^>]*>|&[^;]*;)", re.DOTALL)


@functools.cache
def _words() -> tuple[frozenset[str], int]:
    known = {*_WORDS.split(), *(entry["zh"] for entry in read_yaml(ROOT / "glossary.yml"))}
    return frozenset(known), max(map(len, known))


def pieces(title: str) -> list[str]:
    """The parts of Chinese characters between which a line may break.

    >>> pieces("最大池化的梯度只传给最大值")
    ['最大池化的', '梯度', '只传给', '最大值']
    """
    known, longest = _words()
    found: list[str] = []
    at, whole = 0, False  # whether the last piece ends where a word does
    while at < len(title):
        size = next((n for n in range(min(longest, len(title) - at), 1, -1) if title[at : at + n] in known), 0)
        part = title[at : at + (size or 1)]
        if found and not (whole and size):
            found[-1] += part
        else:
            found.append(part)
        whole = bool(size) or (whole and part in _BEHIND)
        at += len(part)
    return found


def phrased(title: str) -> str:
    """A title's HTML with a place to break between its words; tags, code and formulas stay as they are."""
    parts = _CODE.split(title)
    said = (part if i % 3 == 1 else _HAN.sub(lambda run: "<wbr>".join(pieces(run[0])), part or "")
            for i, part in enumerate(parts) if i % 3 != 2)  # fmt: skip
    return "".join(said)


def break_titles(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the titles of a Chinese page their places to break."""
    if doctree is not None and app.builder.name in ("html", "dirhtml") and spoken(app.config.language) == "zh":
        context["body"] = _TITLE.sub(lambda title: title[1] + phrased(title[3]) + title[4], context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", break_titles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
