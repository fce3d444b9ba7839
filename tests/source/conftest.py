"""Property tests here run compiled kernels: the first example compiles, so no deadlines."""

from hypothesis import settings

settings.register_profile("sentinel", deadline=None)
settings.load_profile("sentinel")
