"""Latency, memory and cost of a file."""

from edgeconv.profiling.timing import Job, not_run, profile, profile_many

__all__ = ["Job", "not_run", "profile", "profile_many"]
