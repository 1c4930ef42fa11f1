"""Assigning and grading the exercises: what an instructor installs with the extra ``grade``.

The folders are in the order of the commands: ``masters`` (release), ``intake`` (ingest), ``cage`` (run), ``records``
(mark, the gradebook) and ``handback`` (feedback, export).
"""
