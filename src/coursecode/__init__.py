"""The tested helpers of the course *From Dense to Convolution*, one module per chapter.

Nothing is imported here: ``import coursecode`` costs no more than Python itself, and a chapter
names the module it uses (``from coursecode.correlation import corr2d``).
"""

__version__ = "0.1.0"
