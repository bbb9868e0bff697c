# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every error a user can meet, by who has to act.

A message says where, what was found, what was expected and what to do, in one line.
"""


class DponnxError(Exception):
    """Base of all errors dponnx raises on purpose; the command line prints it as one line."""


class InputError(DponnxError, ValueError):
    """The caller passed a file, path, option or array that cannot be used."""


class UnsupportedModelError(DponnxError):
    """The model has a feature that dponnx does not convert."""


class ConversionError(DponnxError):
    """An invariant of ours broke while converting; the message names the node."""


class ValidationError(DponnxError):
    """Original and converted model disagree beyond the tolerance."""


class ModelFormatError(DponnxError):
    """The runtime refuses a file: it is not one of ours, or it is damaged."""


class TableOverflowError(DponnxError):
    """Atoms came closer, or stood denser, than the model's tables and sel allow."""


class OutputTooLargeError(DponnxError):
    """The frozen TF file would exceed 2 GB; the ONNX file was written. report: what was done."""

    def __init__(self, message: str, report: object):
        super().__init__(message)
        self.report = report
