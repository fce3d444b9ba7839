"""Shared by all tests: the kernel cache is chosen before any kernel is imported."""

from sentinel.runtime import jit_cache

jit_cache.prepare()
