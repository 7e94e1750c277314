"""A reference runtime for Core ML programs (MIL): NumPy, any system, no converter involved.

`program` turns the protobuf into plain operations, `weights` decodes constants, `plan` walks the
operations once, `engine` executes the plan, and `ops` holds the operations themselves, one module
for each family, behind one literal table.
"""
