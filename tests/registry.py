"""Marks that tie a test to the book: ``@equation("eq-output-size")`` and ``@claim("S11")``.

``test_equations.py`` and ``test_claims.py`` read them from the source of the tests, both ways.
"""

import pytest

equation = pytest.mark.equation
claim = pytest.mark.claim
