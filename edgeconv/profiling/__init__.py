"""Latency, memory and cost of a file."""

from edgeconv.profiling.timing import TimingJob, not_run, profile_many

__all__ = ["TimingJob", "not_run", "profile_many"]
