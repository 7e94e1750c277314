"""The bundle folder: manifest, atomic writes, reproducible bytes."""

from edgeconv.bundle.folder import (
    CALIBRATION_SAMPLES,
    COMPRESSED,
    INPUTS,
    MANIFEST,
    MODEL,
    TEST_SAMPLES,
    VOCABULARY,
    append_text,
    read_vocabulary,
    write_text,
)
from edgeconv.bundle.manifest import is_bundle, named_files, read_bundle, source_bundle, write
from edgeconv.bundle.place import (
    check_free,
    exchange_folders,
    locked,
    partial_of,
    staging,
)
from edgeconv.bundle.reference import FILE as REFERENCE
from edgeconv.bundle.reference import (
    embedding_file,
    read_outputs,
    read_reference,
    write_outputs,
    write_reference,
)

__all__ = [
    "CALIBRATION_SAMPLES",
    "COMPRESSED",
    "INPUTS",
    "MANIFEST",
    "MODEL",
    "REFERENCE",
    "TEST_SAMPLES",
    "VOCABULARY",
    "append_text",
    "check_free",
    "embedding_file",
    "exchange_folders",
    "is_bundle",
    "locked",
    "named_files",
    "partial_of",
    "read_bundle",
    "read_outputs",
    "read_reference",
    "read_vocabulary",
    "source_bundle",
    "staging",
    "write",
    "write_outputs",
    "write_reference",
    "write_text",
]
