"""Command line tools that build and check the book."""

import errno


def unwritable(who: str, error: OSError) -> str:
    """What to do about a file that cannot be written; any other error of the system is raised again."""
    if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC):
        raise error
    if error.errno == errno.ENOSPC:
        return f"{who}: the disk is full at {error.filename}. Make room and run the same command again."
    return (
        f"{who}: {error.filename} cannot be written ({error.strerror}). What is built goes into this folder: copy the "
        "repository to a folder of yours and run the same command there."
    )
