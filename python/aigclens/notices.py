"""What a result says that somebody should hear of, as Python warnings."""

from __future__ import annotations

from aigclens.errors import CredentialsWarning, MismatchWarning

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from aigclens.models import Detection

_CREDENTIALS_WARNINGS = {
    "credentials_file_exposed": "others than you may read a file of your credentials; chmod 600 it",
    "credentials_not_refreshed": "the credentials could not be replaced yet; they are used while they last",
}


def checked(detection: Detection, sent: str | None) -> Detection:
    """The same result, once its warnings are told where the caller of `detect()` stands."""
    if not detection.warnings:
        return detection
    import warnings

    if "data_id_mismatch" in detection.warnings:
        message = f"the answer is for data id {detection.data_id!r}, sent was {sent!r}"
        warnings.warn(message, MismatchWarning, stacklevel=3)
    for word, message in _CREDENTIALS_WARNINGS.items():
        if word in detection.warnings:
            warnings.warn(message, CredentialsWarning, stacklevel=3)
    return detection
